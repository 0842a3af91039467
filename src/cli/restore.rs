//! `eyrie restore`: takes a backup back.

use std::path::PathBuf;

use clap::Args;

use super::backup::{POSTGRES, failed, in_words, watched};
use super::settings::Settings;
use crate::{app, operate, store};
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie restore eyrie.backup
  eyrie restore eyrie.backup --data-dir /var/lib/eyrie --force
  eyrie restore eyrie.backup --check

Puts the database of `eyrie backup` into the data directory. Stop the server first. The backup is written beside the database that is \
there, looked over (checksum, integrity, schema), and takes its name only then; with --force the one before is kept as \
eyrie.db.replaced. Saved search indexes are removed: the next start builds them. A backup of an older version is brought up to date by \
the next start; one of a newer version is refused.

Exit codes: 0 done, 1 failed (the database is as it was), 2 wrong usage or configuration, 3 a server or another command uses the \
database.";

/// Take back a backup of the SQLite database
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Restore {
    /// The file that `eyrie backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the database that is there; it is kept as eyrie.db.replaced
    #[arg(long)]
    force: bool,
    /// Only look whether the backup is whole; nothing is written
    #[arg(long, conflicts_with = "force")]
    check: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Restore {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let (watch, progress) = watched();
        let runtime = app::runtime()?;
        if self.check {
            let whole = runtime.block_on(store::check_backup(&self.file, watch));
            progress.end();
            let whole = whole.map_err(failed)?;
            return output::results(|out| writeln!(out, "{} is whole: {}", self.file.display(), in_words(&whole)));
        }
        if loaded.config.storage.is_postgres() {
            return Err(CliError::Usage(POSTGRES.to_owned()));
        }
        let restored = runtime.block_on(operate::restore(&loaded.config, &self.file, self.force, watch));
        progress.end();
        let restored = restored.map_err(failed)?;
        output::results(|out| {
            let folder = loaded.config.storage.data_dir.display();
            writeln!(out, "{folder} has the database of the backup: {}", in_words(&restored.manifest))?;
            match restored.kept {
                Some(kept) => writeln!(out, "the one before is {}", kept.display()),
                None => Ok(()),
            }
        })
    }
}

//! `eyrie backup`: a copy of the SQLite database.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::settings::Settings;
use crate::app;
use crate::store::{self, BackupError, BackupStep, BackupWatch, Manifest};
use eyrie_terminal::output::{self, grouped, note};
use eyrie_terminal::{CliError, Progress};

const EXAMPLES: &str = "\
Examples:
  eyrie backup /backups/eyrie-$(date +%F).backup
  eyrie backup --data-dir /var/lib/eyrie eyrie.backup --force
  tail -n 1 eyrie.backup                                    what it holds: its last line is JSON
  eyrie restore eyrie.backup --check                        is it whole?
  eyrie restore eyrie.backup --data-dir /var/lib/eyrie

Copies the SQLite database as it is at one moment, beside a running server, which goes on. The file has its name only when all of it \
is on the disk; only its owner may read it. What was acknowledged before the start is in it. The saved search index is not: the first \
start after a restore builds it. The file is a SQLite database with one line of JSON behind it.

For Postgres use pg_dump: docs/OPERATIONS.md has the commands.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 could not start.";

/// What to do with Postgres.
pub(super) const POSTGRES: &str = "the database is a Postgres, which has its own tools: \
    pg_dump --format=custom --file=eyrie.dump \"$EYRIE_DATABASE_URL\", and pg_restore --clean --if-exists --no-owner \
    --dbname=\"$EYRIE_DATABASE_URL\" eyrie.dump while no server runs";

/// Copy the SQLite database to a file, beside a running server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Backup {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file where it is there already
    #[arg(long)]
    force: bool,
    /// Print what the backup holds as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Backup {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let storage = &loaded.config.storage;
        if storage.is_postgres() {
            return Err(CliError::Usage(POSTGRES.to_owned()));
        }
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let made_at = now.format(&Rfc3339).map_err(|e| CliError::Failed(e.to_string()))?;
        let (watch, progress) = watched();
        let made = app::runtime()?.block_on(store::backup(&storage.data_dir, &self.file, self.force, made_at, watch));
        progress.end();
        let made = made.map_err(failed)?;
        if self.json {
            return output::json(&made);
        }
        output::results(|out| writeln!(out, "{}: {}", self.file.display(), in_words(&made)))
    }
}

/// What a backup holds.
pub(super) fn in_words(made: &Manifest) -> String {
    format!(
        "images: {}, collections: {}, schema {}, {} MiB, made at {}",
        grouped(made.images),
        grouped(made.collections),
        made.schema,
        grouped(made.bytes.div_ceil(MIB)),
        made.made_at
    )
}

const MIB: u64 = 1 << 20;

/// A bar that shows the step that is under way, in MiB.
pub(super) fn watched() -> (BackupWatch, Arc<Progress>) {
    let progress = Arc::new(Progress::start("MiB", 0));
    let shown = Arc::clone(&progress);
    let watch = move |step: BackupStep, done: u64, total: u64| {
        shown.set_total(usize::try_from(total.div_ceil(MIB)).unwrap_or(usize::MAX));
        shown.show(match step {
            BackupStep::Copy => "copying",
            BackupStep::Digest => "checksum",
            BackupStep::Check => "looking for damage",
        });
        shown.set(usize::try_from(done / MIB).unwrap_or(usize::MAX));
    };
    (Arc::new(watch), progress)
}

/// As which exit code a failure counts: what another process holds could be had after it ended.
pub(super) fn failed(error: BackupError) -> CliError {
    match error {
        BackupError::InUse(_) => CliError::Start { message: error.to_string(), hint: None },
        BackupError::NoDatabase(_)
        | BackupError::Exists(_)
        | BackupError::Itself(_)
        | BackupError::Twice(_)
        | BackupError::NotABackup { .. }
        | BackupError::Newer { .. }
        | BackupError::Damaged { .. }
        | BackupError::Occupied(_)
        | BackupError::File { .. }
        | BackupError::Store(_) => {
            note_hint(&error);
            CliError::Failed(error.to_string())
        }
    }
}

fn note_hint(error: &BackupError) {
    if matches!(error, BackupError::NoDatabase(_)) {
        note("hint: --data-dir or EYRIE_DATA_DIR says where the database is");
    }
}

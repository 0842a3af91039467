//! `eyrie doctor`: do the saved indexes hold what the database holds?

use clap::Args;
use serde_json::json;

use super::settings::Settings;
use crate::app::{self, Diagnosis, SavedIndex};
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, note};

const EXAMPLES: &str = "\
Examples:
  eyrie doctor
  eyrie doctor --repair
  eyrie doctor --database-url postgres://eyrie@localhost/eyrie --json

Reads every descriptor of the database and compares it with the index that `eyrie serve` saved in the folder `index` of the data \
directory. Stop the server first: it keeps that folder to itself. `--repair` removes a saved index that is wrong, and the next start \
builds it from the database. The database itself is never changed.

Exit codes: 0 all is well or was repaired, 1 something is wrong, 2 wrong usage or configuration, 3 could not start.";

/// Compare the saved search index with the database, and repair it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// Remove saved indexes that are wrong; the next start builds them
    #[arg(long)]
    repair: bool,
    /// Print JSON: a list with an object for each collection
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let found = app::runtime()?.block_on(app::diagnose(&loaded.config, self.repair))?;
        if self.json {
            output::json(&found.iter().map(as_json).collect::<Vec<_>>())?;
        } else {
            let mut table = output::table(["COLLECTION", "IMAGES", "STALE", "SAVED INDEX"]);
            for one in &found {
                table.add_row([
                    one.collection.clone(),
                    one.images.to_string(),
                    one.stale.to_string(),
                    in_words(&one.index),
                ]);
            }
            output::results(|out| writeln!(out, "{table}"))?;
        }
        let ill = found.iter().filter(|one| one.index.is_ill()).count();
        if ill == 0 {
            return Ok(());
        }
        if self.repair {
            note("what was wrong is removed; the next `eyrie serve` builds it from the database");
            return Ok(());
        }
        Err(CliError::Failed(format!(
            "saved indexes that are wrong: {ill}; `eyrie doctor --repair` has them built anew"
        )))
    }
}

fn in_words(index: &SavedIndex) -> String {
    match index {
        SavedIndex::Missing => "none; it is built at the next start".to_owned(),
        SavedIndex::Sound { behind: 0 } => "ok".to_owned(),
        SavedIndex::Sound { behind } => format!("ok; {behind} changed since, which the next start reads"),
        SavedIndex::Unusable(reason) => format!("not usable: {reason}"),
        SavedIndex::Wrong { missing, surplus, different, structure } => {
            let inside = structure.as_ref().map_or(String::new(), |reason| format!("; {reason}"));
            format!("wrong: lacks {missing}, has {surplus} that are gone, {different} differ{inside}")
        }
    }
}

fn as_json(one: &Diagnosis) -> serde_json::Value {
    let Diagnosis { collection, images, stale, index } = one;
    json!({"collection": collection, "images": images, "stale": stale, "sound": !index.is_ill(), "index": in_words(index)})
}

//! `eyrie upgrade`: what this version changes on a database.

use clap::Args;
use serde_json::{Value, json};

use super::settings::Settings;
use crate::app;
use crate::operate::{self, CollectionAtStart, IndexAtStart, Upgrade};
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped, note};

const EXAMPLES: &str = "\
Examples:
  eyrie upgrade --check
  eyrie upgrade --check --json --database-url postgres://eyrie@localhost/eyrie
  eyrie upgrade

--check says what this version of the program would change or leave out of date: migrations of the schema, pictures that another \
model described (they are not found until they are described anew), local features of another version, saved indexes that are built \
anew. It changes nothing, and may run beside the server of the version before. Without --check the schema is brought up to \
date, as the next `eyrie serve` would do; make a backup first (`eyrie backup`, pg_dump).

Exit codes: 0 everything is up to date (or was brought up to date), 1 failed, 2 wrong usage or configuration, 3 could not start (also: \
the database was written by a newer version), 4 there is something to do.";

/// Say what this version changes on the database, or bring its schema up to date
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UpgradeCommand {
    /// Change nothing; exit code 4 where there is something to do
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl UpgradeCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let config = &loaded.config;
        let found = app::runtime()?.block_on(async {
            let found = operate::examine(config).await?;
            if self.check || (found.there && found.pending.is_empty()) {
                return Ok(found);
            }
            operate::upgrade(config).await?;
            for name in &found.pending {
                note(&format!("applied the migration {name}"));
            }
            operate::examine(config).await
        })?;
        match self.json {
            true => output::json(&as_json(&found))?,
            false => as_text(&found)?,
        }
        if self.check && !found.is_up_to_date() { Err(CliError::ToDo) } else { Ok(()) }
    }
}

fn as_json(found: &Upgrade) -> Value {
    let collection = |one: &CollectionAtStart| {
        json!({
            "collection": one.summary.collection.name,
            "images": one.summary.images,
            "stale": one.summary.stale,
            "index": index(&one.index),
        })
    };
    json!({
        "program": env!("CARGO_PKG_VERSION"),
        "up_to_date": found.is_up_to_date(),
        "schema": found.schema,
        "pending": found.pending,
        "collections": found.collections.iter().map(collection).collect::<Vec<_>>(),
        "outdated_features": found.outdated_features,
    })
}

fn index(at_start: &IndexAtStart) -> String {
    match at_start {
        IndexAtStart::Read => "read".to_owned(),
        IndexAtStart::Built => "built, since none is saved".to_owned(),
        IndexAtStart::Rebuilt(reason) => format!("built anew: {reason}"),
        IndexAtStart::InUse => "in use by a server".to_owned(),
    }
}

fn as_text(found: &Upgrade) -> Result<(), CliError> {
    output::results(|out| {
        if !found.there {
            return writeln!(out, "there is no database yet: the first start makes one");
        }
        match found.pending.as_slice() {
            [] => writeln!(out, "schema {}: up to date", found.schema)?,
            pending => writeln!(
                out,
                "schema {}: the next start applies {}. Make a backup first",
                found.schema,
                pending.join(", ")
            )?,
        }
        let mut table = output::table(["COLLECTION", "IMAGES", "STALE", "INDEX AT THE NEXT START"]);
        for one in &found.collections {
            table.add_row([
                one.summary.collection.name.to_string(),
                grouped(one.summary.images),
                grouped(one.summary.stale),
                index(&one.index),
            ]);
        }
        if !found.collections.is_empty() {
            writeln!(out, "{table}")?;
        }
        if found.collections.iter().any(|one| one.summary.stale > 0) {
            writeln!(
                out,
                "Stale images were described by another model and are not found: import their pictures again (`eyrie import`)."
            )?;
        }
        if found.outdated_features > 0 {
            writeln!(
                out,
                "{} images have no local features of this version and are not verified: import their pictures again.",
                grouped(found.outdated_features)
            )?;
        }
        if found.is_up_to_date() { writeln!(out, "nothing to do") } else { Ok(()) }
    })
}

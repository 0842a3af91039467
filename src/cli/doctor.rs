//! `eyrie doctor`: do the saved indexes hold what the database holds, are the originals where the
//! database says, and is counted what is there?

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::settings::Settings;
use crate::app::{self, Diagnosis, Findings, OriginalsDiagnosis, SavedIndex};
use crate::store::Miscount;
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped, note};

const EXAMPLES: &str = "\
Examples:
  eyrie doctor
  eyrie doctor --repair
  eyrie doctor --database-url postgres://eyrie@localhost/eyrie --json

Reads every descriptor of the database and compares it with the index that `eyrie serve` saved in the folder `index` of the data \
directory. Stop the server first: it keeps that folder to itself. `--repair` removes a saved index that is wrong, and the next start \
builds it from the database.

Where originals are kept (`storage.originals`), it looks for each of them too: an image may name one that is not there, and an object \
may be there that no image names, which a crash in the middle of an upload leaves. `--repair` removes such orphans once they are older \
than `--grace`, and lets images whose originals are not there name none.

What quotas go by is counted in the database with every write; it is compared with the images, and `--repair` counts anew. Nothing else of \
the database is changed.

Exit codes: 0 all is well or was repaired, 1 something is wrong, 2 wrong usage or configuration, 3 could not start.";

/// Images and objects that are listed one by one; JSON has all.
const SHOWN: usize = 20;

/// Compare the saved search index, the originals and the counts with the database, and repair them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// Remove saved indexes that are wrong (the next start builds them) and originals that no image
    /// has; forget originals that are not there; count anew
    #[arg(long)]
    repair: bool,
    /// How old an object without an image has to be, in seconds: a younger one may belong to an
    /// upload under way in another process
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    grace: u64,
    /// Print JSON: `collections`, an object for each, `originals` and `miscounts`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let grace = Duration::from_secs(self.grace);
        let found = app::runtime()?.block_on(app::diagnose(&loaded.config, self.repair, grace))?;
        let Findings { indexes: found, originals, miscounts } = found;
        if self.json {
            let collections: Vec<_> = found.iter().map(as_json).collect();
            output::json(&json!({
                "collections": collections,
                "originals": originals_as_json(&originals),
                "miscounts": miscounts.iter().map(miscount_as_json).collect::<Vec<_>>(),
            }))?;
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
            let lines = [originals_in_words(&originals), miscounts_in_words(&miscounts)].concat();
            output::results(|out| {
                writeln!(out, "{table}")?;
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
        }
        let ill = found.iter().filter(|one| one.index.is_ill()).count();
        if ill == 0 && !originals.is_ill() && miscounts.is_empty() {
            return Ok(());
        }
        if self.repair {
            if ill > 0 {
                note("what was wrong is removed; the next `eyrie serve` builds it from the database");
            }
            if originals.is_ill() {
                note("orphans are removed; images whose originals are not there name none any more");
            }
            if !miscounts.is_empty() {
                note("everything is counted anew");
            }
            return Ok(());
        }
        let mut wrong = Vec::new();
        if ill > 0 {
            wrong.push(format!("saved indexes that are wrong: {ill}; `eyrie doctor --repair` has them built anew"));
        }
        if originals.is_ill() {
            let (missing, orphans) = (originals.missing.len(), originals.orphans.len());
            wrong.push(format!(
                "originals that are missing: {missing}, and objects that no image has: {orphans}; `eyrie doctor --repair` forgets \
                 the former and removes the latter"
            ));
        }
        if !miscounts.is_empty() {
            let wrong_ones = miscounts.len();
            wrong.push(format!("counts that are wrong: {wrong_ones}; `eyrie doctor --repair` counts anew"));
        }
        Err(CliError::Failed(wrong.join("; ")))
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

/// Nothing where no original is, or was, kept.
fn originals_in_words(found: &OriginalsDiagnosis) -> Vec<String> {
    let mut lines = Vec::new();
    if found.kept > 0 {
        lines.push(format!("originals: {}, {} bytes", grouped(found.kept), grouped(found.bytes)));
    }
    if found.out_of_reach > 0 {
        let text = "are objects, and storage.originals names no place for objects: nobody looked at them";
        lines.push(format!("  {} {text}", grouped(found.out_of_reach)));
    }
    if found.discarded > 0 {
        lines.push(format!("  {} of images that are gone will be removed", grouped(found.discarded)));
    }
    if found.young > 0 {
        lines.push(format!("  {} objects may belong to uploads under way", grouped(found.young)));
    }
    for missing in found.missing.iter().take(SHOWN) {
        lines.push(format!("  missing: {} ({})", missing.image, missing.name));
    }
    for orphan in found.orphans.iter().take(SHOWN) {
        lines.push(format!("  orphan: {} ({} bytes)", orphan.name, grouped(orphan.size)));
    }
    let rest = found.missing.len().saturating_sub(SHOWN) + found.orphans.len().saturating_sub(SHOWN);
    if rest > 0 {
        lines.push(format!("  and {rest} more; --json lists all"));
    }
    lines
}

fn miscounts_in_words(found: &[Miscount]) -> Vec<String> {
    let line = |one: &Miscount| {
        let of = one.key.as_ref().map_or(String::new(), |key| format!(" by the key {key}"));
        format!(
            "  counted wrong: {}{of}: {} images of {} bytes, and there are {} of {}",
            one.collection, one.counted_images, one.counted_bytes, one.stored.images, one.stored.bytes
        )
    };
    found.iter().map(line).collect()
}

fn miscount_as_json(one: &Miscount) -> serde_json::Value {
    json!({
        "collection": one.collection,
        "key": one.key,
        "counted": {"images": one.counted_images, "bytes": one.counted_bytes},
        "stored": {"images": one.stored.images, "bytes": one.stored.bytes},
    })
}

fn originals_as_json(found: &OriginalsDiagnosis) -> serde_json::Value {
    let missing = found.missing.iter().map(|one| json!({"image": one.image, "name": one.name.as_str()}));
    let orphans = found.orphans.iter().map(|one| json!({"name": one.name.as_str(), "bytes": one.size}));
    json!({
        "kept": found.kept,
        "bytes": found.bytes,
        "missing": missing.collect::<Vec<_>>(),
        "orphans": orphans.collect::<Vec<_>>(),
        "young": found.young,
        "discarded": found.discarded,
        "out_of_reach": found.out_of_reach,
        "sound": !found.is_ill(),
    })
}

//! `eyrie import`: folders and archives into a collection.

mod archives;
mod ids;
mod records;
mod run;
mod summary;
mod target;

use std::path::PathBuf;

use clap::Args;

use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, Profile};
use crate::service::OnSimilar;

use super::remote::ServerFlags;
use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::files;
use eyrie_terminal::output;
use ids::IdFrom;
use target::Target;

const EXAMPLES: &str = "\
Examples:
  eyrie import ~/photos
  eyrie import ~/photos --collection holidays --profile fast
  eyrie import catalogue/ --id-from stem                 catalogue/0815.jpg gets the id 0815
  eyrie import photos.zip scans.tar.gz                   what is in an archive, without unpacking it
  eyrie import ~/photos --json > report.json
  eyrie import ~/photos --print-ids > ids.tsv
  eyrie import --records backup.ndjson                   what `eyrie export` wrote, without describing anything
  eyrie import ~/photos --on-similar reject              what the collection shows already is left out
  eyrie import ~/photos --server https://pictures.example --api-key-file key.txt

Folders are searched recursively, in the order of names. What is an image is decided by content and not by name. \
Each image is stored with the metadata {\"filename\": ..., \"path\": ...}, the path relative to the folder that was named, or \
that in the archive. Archives (zip, tar, tar with gzip) that are named are imported as if they were folders; those in folders, and archives \
in archives, are no images.

The command can be stopped (Ctrl-C finishes the images under way) and repeated: an image whose bytes are in the \
collection already is not described again, unless it was described by another model. It is safe beside a running \
server, which finds the new images within index.follow_interval_ms. With --server the pictures are sent to the server, some at once, and \
sent again as late as it asks for where it is busy.

Exit codes: 0 everything is stored, 1 some files failed or the import was stopped, 2 wrong usage or configuration, \
3 could not start.";

/// Pictures that are sent to a server at the same time.
const SENT_AT_ONCE: usize = 4;

/// The largest file that is read to be sent, in bytes; the server may take less.
const MOST_SENT_BYTES: u64 = 256 << 20;

/// Add all images of some folders or archives to a collection
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    /// Folders, archives (zip, tar, tar.gz) or single files to import
    #[arg(value_name = "PATH", required_unless_present = "records")]
    paths: Vec<PathBuf>,
    /// The collection; it is created where it is missing [default: default, or with --records the
    /// one that was exported]
    #[arg(long, value_name = "NAME")]
    collection: Option<CollectionName>,
    /// Import what `eyrie export` wrote to this file (lines, or a tar), or lines from the standard
    /// input (-); an image that is there just so is left as it is
    #[arg(
        long, value_name = "FILE",
        conflicts_with_all = ["paths", "profile", "id_from", "on_similar", "limit", "print_ids"]
    )]
    records: Option<PathBuf>,
    /// With --records: an image takes the place of another one of its id, which fails without this
    #[arg(long, requires = "records")]
    replace: bool,
    /// How the images of a new collection are described: fast (one pass), nip (four) or rnip (10
    /// for a 4:3 image, up to 14 for longer ones; finds the most) [default: rnip]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// Where the ids come from
    #[arg(long, value_name = "WHAT", default_value = "random")]
    id_from: IdFrom,
    /// What to do with a file that shows what another image of the collection shows, in other
    /// bytes: ignore, report (store it and name the image) or reject (leave it out where the
    /// verdict is same or near_duplicate; the reason is in the summary)
    #[arg(long, value_name = "WHAT", default_value = "ignore", value_parser = on_similar)]
    on_similar: OnSimilar,
    /// Only the first N files in the order of names, those of archives last
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print one line `ID<TAB>PATH` for each image as soon as it is stored
    #[arg(long, conflicts_with = "json")]
    print_ids: bool,
    /// Print the summary, with every failure, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    settings: Settings,
}

impl Import {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let server = self.server.connect(&self.settings)?;
        if let Some(path) = &self.records {
            let records =
                records::Records { path, collection: self.collection, replace: self.replace, json: self.json };
            let runtime = app::runtime()?;
            let done = runtime.block_on(async {
                if let Some(server) = &server {
                    return records.import(&Target::Server(server)).await;
                }
                let backend = Backend::open(&loaded.config, Purpose::Import).await?;
                let done = records.import(&Target::Database(&backend.service)).await;
                backend.close().await;
                done
            });
            // A thread may still wait for a line of the standard input.
            runtime.shutdown_background();
            return done;
        }
        let (archives, folders) = archives::apart(self.paths)?;
        let files = files::find(&folders, self.limit)?;
        let sources = run::Sources { files, archives, limit: self.limit };
        let runtime = app::runtime()?;
        let options = run::ImportOptions {
            collection: self.collection.unwrap_or_else(CollectionName::default_collection),
            profile: self.profile,
            id_from: self.id_from.into(),
            on_similar: self.on_similar,
            print_ids: self.print_ids,
            max_bytes: loaded.config.server.http.max_upload_bytes as u64,
            limit: "server.max_upload_bytes",
            at_once: 2 * loaded.config.extractor.pool.workers + 2,
        };
        let summary = runtime.block_on(async {
            if let Some(server) = &server {
                let (max_bytes, limit) = (MOST_SENT_BYTES, "what is sent in one piece");
                let options = run::ImportOptions { max_bytes, limit, at_once: SENT_AT_ONCE, ..options };
                return run::import(&Target::Server(server), &options, sources).await;
            }
            // What is similar is found through the index, which has to be there then.
            let searches = options.on_similar != OnSimilar::Ignore;
            let purpose = if searches { Purpose::Serve } else { Purpose::Import };
            let backend = Backend::open(&loaded.config, purpose).await?;
            if searches {
                backend.service.index_built().await.map_err(|e| CliError::Failed(e.to_string()))?;
            }
            let summary = run::import(&Target::Database(&backend.service), &options, sources).await;
            // Told to stop twice, the program does not wait for the images under way.
            if !summary.as_ref().is_ok_and(|summary| summary.aborted) {
                backend.close().await;
            }
            summary
        });
        runtime.shutdown_background();
        let summary = summary?;
        if self.json {
            output::json(&summary)?;
        }
        summary.tell();
        if summary.complete() { Ok(()) } else { Err(CliError::Reported) }
    }
}

fn on_similar(text: &str) -> Result<OnSimilar, String> {
    let found = OnSimilar::ALL.iter().find(|(name, _)| *name == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| "it is ignore, report or reject".to_owned())
}

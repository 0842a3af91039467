//! `eyrie export`: a collection as lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::remote::{self, ServerFlags};
use super::settings::Settings;
use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, ImageId};
use crate::service::{ExportPart, RetrievalService, ServiceError};
use eyrie_terminal::output::note;
use eyrie_terminal::{CliError, Progress};

const EXAMPLES: &str = "\
Examples:
  eyrie export --output backup.ndjson
  eyrie export --collection covers | gzip > covers.ndjson.gz
  eyrie export --after alien-1979                             what an export that was cut lacks
  eyrie import --records backup.ndjson --database-url postgres://eyrie@localhost/eyrie
  eyrie export --server https://pictures.example --output backup.ndjson

Writes one JSON object a line: a header, a line for each image with its metadata, descriptor, local features and thumbnail (about 60 KB), \
and an end with their number. The pictures themselves are not kept, and so not in it. An import needs the same model; it describes \
nothing, and searches find the same afterwards. It is safe beside a running server.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 could not start.";

/// Write everything that is stored of a collection, for `eyrie import --records`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// The collection
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: CollectionName,
    /// The file to write, which is complete once it has this name; - for the standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Begin behind this image in order of id
    #[arg(long, value_name = "ID")]
    after: Option<ImageId>,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    settings: Settings,
}

/// The lines as they come.
type Parts = BoxStream<'static, Result<ExportPart, CliError>>;

impl Export {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let server = self.server.connect(&self.settings)?;
        let images = app::runtime()?.block_on(async {
            if let Some(server) = &server {
                let (total, parts) = remote::export(server, &self.collection, self.after.as_ref()).await?;
                return self.write(total, parts).await;
            }
            let backend = Backend::open(&loaded.config, Purpose::Import).await?;
            let written = match self.stored(&backend.service).await {
                Ok((total, parts)) => self.write(total, parts).await,
                Err(error) => Err(error),
            };
            backend.close().await;
            written
        })?;
        note(&format!("{images} images of the collection {} are exported", self.collection));
        Ok(())
    }

    /// The lines from the database, and how many images there are.
    async fn stored(&self, service: &RetrievalService) -> Result<(u64, Parts), CliError> {
        let failed = |error: ServiceError| CliError::Failed(error.to_string());
        let (total, parts) = service.export(&self.collection, self.after.clone()).await.map_err(failed)?;
        Ok((total, parts.map_err(failed).boxed()))
    }

    async fn write(&self, total: u64, parts: Parts) -> Result<u64, CliError> {
        if self.output.as_os_str() == "-" {
            return write_to(io::stdout().lock(), total, parts).await;
        }
        // The file has its name only when all of it is on the disk.
        let partial = partial(&self.output);
        let failed = |e: io::Error| CliError::Failed(format!("cannot write {}: {e}", partial.display()));
        let file = File::create(&partial).map_err(failed)?;
        let images = write_to(&file, total, parts).await.inspect_err(|_| {
            // What is left of it is of no use, and no harm either.
            let _removed = std::fs::remove_file(&partial);
        })?;
        file.sync_all().and_then(|()| std::fs::rename(&partial, &self.output)).map_err(failed)?;
        Ok(images)
    }
}

async fn write_to(out: impl Write, total: u64, mut parts: Parts) -> Result<u64, CliError> {
    let progress = Progress::start("exporting", total as usize);
    let mut out = BufWriter::new(out);
    let mut images = 0;
    while let Some(part) = parts.next().await {
        let part = part?;
        out.write_all(&part.lines).map_err(CliError::Output)?;
        images += part.images;
        progress.set(images as usize);
    }
    out.flush().map_err(CliError::Output)?;
    progress.end();
    Ok(images)
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

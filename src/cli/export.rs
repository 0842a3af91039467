//! `eyrie export`: a collection as lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;

use super::remote::{self, ServerFlags};
use super::settings::Settings;
use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, ImageId};
use crate::service::{ExportFormat, ExportHeader, ExportPart, RetrievalService, ServiceError};
use eyrie_terminal::output::note;
use eyrie_terminal::{CliError, Progress};

const EXAMPLES: &str = "\
Examples:
  eyrie export --output backup.ndjson
  eyrie export --collection covers | gzip > covers.ndjson.gz
  eyrie export --output backup.ndjson --resume                go on with an export that was cut
  eyrie export --format tar --output backup.tar               with the thumbnails as pictures
  eyrie export --after alien-1979                             only what comes behind this image
  eyrie import --records backup.ndjson --database-url postgres://eyrie@localhost/eyrie
  eyrie export --server https://pictures.example --output backup.ndjson

Writes one JSON object a line: a header, a line for each image with its metadata, descriptor, local features and thumbnail (about 60 KB), \
and an end with their number. The pictures themselves are not kept, and so not in it. An import needs the same model; it describes \
nothing, and searches find the same afterwards. It is safe beside a running server.

A file is written as FILE.partial and gets its name when it is complete. What was written before a failure or a kill stays there, and --resume \
goes on behind its last whole line, from the database of this machine.

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
    /// Lines (ndjson), or a tar with the same lines in several files and the thumbnails as pictures
    #[arg(long, value_name = "FORMAT", default_value = "ndjson", value_parser = format)]
    format: ExportFormat,
    /// Begin behind this image in order of id
    #[arg(long, value_name = "ID")]
    after: Option<ImageId>,
    /// Go on with what an export to this file left in FILE.partial; begin where there is none
    #[arg(long, requires = "output", conflicts_with = "after")]
    resume: bool,
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
        let of_lines = self.format == ExportFormat::Ndjson;
        if self.resume && (self.output.as_os_str() == "-" || !of_lines || server.is_some()) {
            let text = "--resume needs --output FILE, lines, and the database of this machine";
            return Err(CliError::Usage(text.to_owned()));
        }
        if server.is_some() && !of_lines {
            return Err(CliError::Usage("a server is asked for lines: --format tar needs its database".to_owned()));
        }
        let images = app::runtime()?.block_on(async {
            if let Some(server) = &server {
                let (total, parts) = remote::export(server, &self.collection, self.after.as_ref()).await?;
                return self.write(total, parts, None, false).await;
            }
            let backend = Backend::open(&loaded.config, Purpose::Import).await?;
            let written = async {
                let there = self.there(&backend.service)?;
                let (total, parts) = self.stored(&backend.service, there.as_ref()).await?;
                self.write(total, parts, there, of_lines).await
            };
            let written = written.await;
            backend.close().await;
            written
        })?;
        note(&format!("{images} images of the collection {} are exported", self.collection));
        Ok(())
    }

    /// What is left of an export that was cut, where this one goes on with it.
    fn there(&self, service: &RetrievalService) -> Result<Option<Written>, CliError> {
        let partial = partial(&self.output);
        if !self.resume || !partial.exists() {
            return Ok(None);
        }
        let written = opened(&partial).map_err(|e| unwritable(&partial, &e))?;
        if let Some(Written { header, images, .. }) = &written {
            if header.collection != self.collection || header.version != service.version(header.version.profile()) {
                let what = format!("{} has an export of the collection {}", partial.display(), header.collection);
                return Err(CliError::Usage(format!("{what}, version {}: remove it to begin anew", header.version)));
            }
            note(&format!("{images} images are in {} already", partial.display()));
        }
        Ok(written)
    }

    /// The lines from the database, behind those that are there, and how many images there are.
    async fn stored(&self, service: &RetrievalService, there: Option<&Written>) -> Result<(u64, Parts), CliError> {
        let failed = |error: ServiceError| CliError::Failed(error.to_string());
        let export = match there {
            Some(Written { last, images, .. }) => service.export_on(&self.collection, last.clone(), *images).await,
            None => service.export(&self.collection, self.format, self.after.clone()).await,
        };
        let (total, parts) = export.map_err(failed)?;
        Ok((total, parts.map_err(failed).boxed()))
    }

    /// Writes the parts; what was written before a failure stays where `resumable`.
    async fn write(&self, total: u64, parts: Parts, there: Option<Written>, resumable: bool) -> Result<u64, CliError> {
        if self.output.as_os_str() == "-" {
            return write_to(io::stdout().lock(), total, parts, 0).await;
        }
        // The file has its name only when all of it is on the disk.
        let partial = partial(&self.output);
        let (file, images) = match there {
            Some(Written { file, images, .. }) => (file, images),
            None => (File::create(&partial).map_err(|e| unwritable(&partial, &e))?, 0),
        };
        let images = write_to(&file, total, parts, images).await.inspect_err(|_| {
            if resumable {
                note(&format!("{} has what was exported; --resume goes on from there", partial.display()));
            } else if let Err(error) = std::fs::remove_file(&partial) {
                note(&format!("{} cannot be removed: {error}", partial.display()));
            }
        })?;
        let named = file.sync_all().and_then(|()| std::fs::rename(&partial, &self.output));
        named.map_err(|e| unwritable(&partial, &e))?;
        Ok(images)
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot write {}: {error}", path.display()))
}

/// Writes parts behind those of so many images; how many images there are then.
async fn write_to(out: impl Write, total: u64, mut parts: Parts, mut images: u64) -> Result<u64, CliError> {
    let progress = Progress::start("exporting", total as usize);
    let mut out = BufWriter::new(out);
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

/// What a file has of an export.
struct Written {
    /// Open behind its last whole line of an image.
    file: File,
    header: ExportHeader,
    /// The last image.
    last: ImageId,
    /// How many images.
    images: u64,
}

/// What a file has of an export; `None` where it has no image.
fn opened(path: &Path) -> io::Result<Option<Written>> {
    /// What tells lines apart.
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "type")]
        kind: String,
        id: Option<ImageId>,
    }
    let mut file = File::options().read(true).write(true).open(path)?;
    let mut reader = BufReader::new(&file);
    let mut line = Vec::new();
    let mut offset = reader.read_until(b'\n', &mut line)? as u64;
    let header = ExportHeader::read(&line).ok();
    let (mut end, mut found) = (0, None);
    loop {
        line.clear();
        offset += reader.read_until(b'\n', &mut line)? as u64;
        match serde_json::from_slice::<Line>(&line) {
            Ok(Line { kind, id: Some(id) }) if header.is_some() && kind == "image" && line.ends_with(b"\n") => {
                found = Some((id, found.map_or(0, |(_, images)| images) + 1));
                end = offset;
            }
            // The end, which comes once more, or a line that was cut.
            Ok(_) | Err(_) => break,
        }
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    Ok(header.zip(found).map(|(header, (last, images))| Written { file, header, last, images }))
}

fn format(text: &str) -> Result<ExportFormat, String> {
    let found = ExportFormat::ALL.iter().find(|(name, _)| *name == text);
    found.map(|(_, format)| *format).ok_or_else(|| "it is ndjson or tar".to_owned())
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

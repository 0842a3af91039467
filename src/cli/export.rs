//! `eyrie export`: a collection as lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use futures::StreamExt;
use serde::Deserialize;

use super::settings::Settings;
use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, ImageId};
use crate::service::{ExportFormat, ExportHeader, RetrievalService, ServiceError};
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

Writes one JSON object a line: a header, a line for each image with its metadata, descriptor, local features and thumbnail (about 60 KB), \
and an end with their number. The pictures themselves are not kept, and so not in it. An import needs the same model; it describes \
nothing, and searches find the same afterwards. It is safe beside a running server.

A file is written as FILE.partial and gets its name when it is complete. What was written before a failure or a kill stays there, and --resume \
goes on behind its last whole line.

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
    settings: Settings,
}

impl Export {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        app::runtime()?.block_on(async {
            let backend = Backend::open(&loaded.config, Purpose::Import).await?;
            let written = self.write(&backend.service).await;
            backend.close().await;
            let images = written?;
            note(&format!("{images} images of the collection {} are exported", self.collection));
            Ok(())
        })
    }

    async fn write(&self, service: &RetrievalService) -> Result<u64, CliError> {
        if self.resume && (self.output.as_os_str() == "-" || self.format != ExportFormat::Ndjson) {
            return Err(CliError::Usage("--resume needs --output FILE and lines: a tar begins anew".to_owned()));
        }
        if self.output.as_os_str() == "-" {
            return self.write_to(service, io::stdout().lock(), None).await;
        }
        // The file has its name only when all of it is on the disk.
        let partial = partial(&self.output);
        let failed = |e: io::Error| CliError::Failed(format!("cannot write {}: {e}", partial.display()));
        let (file, written) = match self.resume && partial.exists() {
            true => opened(&partial).map_err(failed)?,
            false => (File::create(&partial).map_err(failed)?, None),
        };
        if let Some(Written { header, images, .. }) = &written {
            if header.collection != self.collection || header.version != service.version(header.version.profile()) {
                let what = format!("{} has an export of the collection {}", partial.display(), header.collection);
                return Err(CliError::Usage(format!("{what}, version {}: remove it to begin anew", header.version)));
            }
            note(&format!("{images} images are in {} already", partial.display()));
        }
        let images = self.write_to(service, &file, written).await.inspect_err(|_| {
            if self.format == ExportFormat::Ndjson {
                note(&format!("{} has what was exported; --resume goes on from there", partial.display()));
            }
        })?;
        file.sync_all().and_then(|()| std::fs::rename(&partial, &self.output)).map_err(failed)?;
        Ok(images)
    }

    async fn write_to(
        &self,
        service: &RetrievalService,
        out: impl Write,
        written: Option<Written>,
    ) -> Result<u64, CliError> {
        let failed = |error: ServiceError| CliError::Failed(error.to_string());
        let mut images = written.as_ref().map_or(0, |written| written.images);
        let (total, mut parts) = match written {
            Some(Written { last, images, .. }) => service.export_on(&self.collection, last, images).await,
            None => service.export(&self.collection, self.format, self.after.clone()).await,
        }
        .map_err(failed)?;
        let progress = Progress::start("exporting", total as usize);
        let mut out = BufWriter::new(out);
        while let Some(part) = parts.next().await {
            let part = part.map_err(failed)?;
            out.write_all(&part.lines).map_err(CliError::Output)?;
            images += part.images;
            progress.set(images as usize);
        }
        out.flush().map_err(CliError::Output)?;
        progress.end();
        Ok(images)
    }
}

/// What a file has of an export.
struct Written {
    header: ExportHeader,
    /// The last image.
    last: ImageId,
    /// How many images.
    images: u64,
}

/// A file with a part of an export, open behind its last whole line of an image, and what it has;
/// nothing where there is none.
fn opened(path: &Path) -> io::Result<(File, Option<Written>)> {
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
    let written = header.zip(found).map(|(header, (last, images))| Written { header, last, images });
    Ok((file, written))
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

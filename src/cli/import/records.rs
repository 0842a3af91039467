//! `eyrie import --records`: the lines of an export into a collection.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Value, json};

use super::target::Target;
use crate::cli::answers::ImportAnswer;
use crate::cli::remote::{self, Client};
use crate::cli::signals::StopRequests;
use crate::domain::CollectionName;
use crate::service::{Archive, ArchiveKind, ExportHeader, MAX_LINE_BYTES, RetrievalService, ServiceError};
use eyrie_terminal::output::{self, note};
use eyrie_terminal::{CliError, Progress};

/// Bytes of the file that are read ahead.
const AHEAD: usize = 256 << 10;

/// What is imported where.
pub(super) struct Records<'a> {
    /// The file; the standard input where it is `-`.
    pub path: &'a Path,
    /// The collection; the one that was exported where `None`.
    pub collection: Option<CollectionName>,
    /// Whether an image takes the place of another one of its id.
    pub replace: bool,
    /// Whether the counts are printed as JSON.
    pub json: bool,
}

/// The lines behind the header.
type Lines = Box<dyn BufRead + Send>;

fn failed(error: &ServiceError) -> CliError {
    CliError::Failed(error.to_string())
}

impl Records<'_> {
    /// Imports the lines into the collection, which is created where it is missing. Prints the
    /// counts.
    ///
    /// # Errors
    /// [`CliError::Failed`] where nothing can be imported; [`CliError::Reported`] where lines are
    /// wrong or missing.
    pub(super) async fn import(&self, target: &Target<'_>) -> Result<(), CliError> {
        let mut reader: Lines = match self.path.as_os_str() == "-" {
            true => Box::new(BufReader::with_capacity(AHEAD, io::stdin())),
            false => opened(self.path).map_err(|e| self.unreadable(&e))?,
        };
        let first = line(&mut reader).map_err(|e| self.unreadable(&e))?.unwrap_or_default();
        let header = ExportHeader::read(&first).map_err(|e| failed(&e))?;
        let collection = self.collection.as_ref().unwrap_or(&header.collection);
        target.collection(collection, Some(header.version.profile()), &header.description).await?;
        let progress = Progress::start("importing", header.images as usize);
        let report = match target {
            Target::Database(service) => self.store(service, collection, &first, reader, &progress).await,
            Target::Server(server) => self.send(server, collection, first, reader, &progress).await,
        };
        progress.end();
        let report = report?;
        if self.json {
            output::json(&as_value(collection, &report))?;
        }
        tell(&report);
        if report.complete && report.failed == 0 { Ok(()) } else { Err(CliError::Reported) }
    }

    async fn store(
        &self,
        service: &RetrievalService,
        collection: &CollectionName,
        first: &[u8],
        mut reader: Lines,
        progress: &Progress,
    ) -> Result<ImportAnswer, CliError> {
        let mut import = service.import(collection, first, self.replace, None).await.map_err(|e| failed(&e))?;
        while let Some(line) = line(&mut reader).map_err(|e| self.unreadable(&e))? {
            import.line(line.into()).await.map_err(|e| failed(&e))?;
            progress.step();
        }
        import.finish().await.map(ImportAnswer::from).map_err(|e| failed(&e))
    }

    async fn send(
        &self,
        server: &Client,
        collection: &CollectionName,
        first: Vec<u8>,
        reader: Lines,
        progress: &Progress,
    ) -> Result<ImportAnswer, CliError> {
        let mut requests = StopRequests::receive()?;
        let (count, mut sent) = tokio::sync::watch::channel(0);
        let work = remote::import(server, collection, first, reader, self.replace, move |lines| {
            count.send_replace(lines);
        });
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => {
                    return done.map_err(|error| {
                        let CliError::Failed(reason) = error else { return error };
                        CliError::Failed(format!("cannot read {}: {reason}", self.path.display()))
                    });
                }
                Ok(()) = sent.changed() => progress.set(*sent.borrow_and_update() as usize),
                () = requests.next() => {
                    let lines = *sent.borrow();
                    let text = "what the server has taken is stored; the same command goes on from here";
                    return Err(CliError::Failed(format!("stopped after {lines} lines were sent: {text}")));
                }
            }
        }
    }

    fn unreadable(&self, error: &io::Error) -> CliError {
        CliError::Failed(format!("cannot read {}: {error}", self.path.display()))
    }
}

/// A file of lines, or a tar that is an export.
fn opened(path: &Path) -> io::Result<Lines> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(512).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if ArchiveKind::of(&head).is_none() {
        return Ok(Box::new(BufReader::with_capacity(AHEAD, file)));
    }
    Ok(Archive::open(file, MAX_LINE_BYTES as u64).map_err(io::Error::other)?.lines())
}

/// The next line without its end; `None` behind the last one.
fn line(reader: &mut Lines) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && line.len() > MAX_LINE_BYTES {
        return Err(io::Error::other(format!("a line has more than {MAX_LINE_BYTES} bytes")));
    }
    Ok(Some(line))
}

fn as_value(collection: &CollectionName, report: &ImportAnswer) -> Value {
    let failures = report.failures.iter().map(|f| json!({"line": f.line, "reason": f.reason}));
    json!({
        "collection": collection,
        "stored": report.stored,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "failed": report.failed,
        "failures": failures.collect::<Vec<_>>(),
        "complete": report.complete,
    })
}

fn tell(report: &ImportAnswer) {
    let ImportAnswer { stored, replaced, unchanged, failed, failures, complete } = report;
    note(&format!("{stored} stored, {replaced} replaced, {unchanged} already there, {failed} failed"));
    for failure in failures {
        note(&format!("  line {}: {}", failure.line, failure.reason));
    }
    if !complete {
        note("the end of the export, or a line before it, is missing; what was there is stored");
    }
}

//! `eyrie import --records`: the lines of an export into a collection.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};

use crate::domain::CollectionName;
use crate::service::{
    Archive, ArchiveKind, Entry, EntryContent, ExportHeader, ImportReport, MAX_LINE_BYTES, RetrievalService,
    ServiceError,
};
use eyrie_terminal::output::{self, note};
use eyrie_terminal::{CliError, Progress};

/// Imports the lines of a file, or of the standard input where it is `-`, into `collection`, or
/// into the one that they come from; it is created where it is missing. Prints the counts.
///
/// # Errors
/// [`CliError::Failed`] where nothing can be imported; [`CliError::Reported`] where lines are wrong
/// or missing.
pub(super) async fn import(
    service: &RetrievalService,
    path: &Path,
    collection: Option<CollectionName>,
    replace: bool,
    as_json: bool,
) -> Result<(), CliError> {
    let unreadable = |e: io::Error| CliError::Failed(format!("cannot read {}: {e}", path.display()));
    let mut lines = Lines::open(path).map_err(unreadable)?;
    let failed = |error: ServiceError| CliError::Failed(error.to_string());
    let first = lines.next().await.map_err(unreadable)?.unwrap_or_default();
    let header = ExportHeader::read(&first).map_err(failed)?;
    let collection = collection.unwrap_or_else(|| header.collection.clone());
    if matches!(service.collection(&collection).await, Err(ServiceError::UnknownCollection(_))) {
        let (profile, description) = (header.version.profile(), header.description.clone());
        service.create_collection(collection.clone(), Some(profile), description).await.map_err(failed)?;
        note(&format!("created the collection {collection} (profile {profile})"));
    }
    let mut import = service.import(&collection, &first, replace).await.map_err(failed)?;
    let progress = Progress::start("importing", header.images as usize);
    while let Some(line) = lines.next().await.map_err(unreadable)? {
        import.line(line).await.map_err(failed)?;
        progress.step();
    }
    let report = import.finish().await.map_err(failed)?;
    progress.end();
    if as_json {
        output::json(&as_value(&collection, &report))?;
    }
    tell(&report);
    if report.complete && report.failed == 0 { Ok(()) } else { Err(CliError::Reported) }
}

/// Where lines come from.
enum Lines {
    /// A file of lines.
    File(Box<dyn BufRead>),
    /// A tar that is an export.
    Tar {
        entries: BoxStream<'static, Result<Entry, ServiceError>>,
        /// What is left of the last entry.
        rest: Bytes,
    },
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::File(Box::new(io::stdin().lock())));
        }
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        (&mut file).take(512).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        if ArchiveKind::of(&head).is_none() {
            return Ok(Self::File(Box::new(BufReader::new(file))));
        }
        let entries = Archive::open(file, MAX_LINE_BYTES as u64).map_err(io::Error::other)?.entries(0);
        Ok(Self::Tar { entries, rest: Bytes::new() })
    }

    /// The next line without its end; `None` behind the last one.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let (entries, rest) = match self {
            Self::File(reader) => return Ok(line(reader)?.map(Bytes::from)),
            Self::Tar { entries, rest } => (entries, rest),
        };
        while rest.is_empty() {
            match entries.next().await.transpose().map_err(io::Error::other)?.map(|entry| entry.content) {
                Some(EntryContent::Records(lines)) => *rest = lines,
                Some(_) => return Err(io::Error::other("it is an archive and no export")),
                None => return Ok(None),
            }
        }
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = rest.split_to(end);
        rest.advance(usize::from(!rest.is_empty()));
        Ok(Some(line))
    }
}

/// The next line without its end; `None` behind the last one.
fn line(reader: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
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

fn as_value(collection: &CollectionName, report: &ImportReport) -> Value {
    let failures = report.failures.iter().map(|f| json!({"line": f.line, "reason": f.error.to_string()}));
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

fn tell(report: &ImportReport) {
    let ImportReport { stored, replaced, unchanged, failed, failures, complete, .. } = report;
    note(&format!("{stored} stored, {replaced} replaced, {unchanged} already there, {failed} failed"));
    for failure in failures {
        note(&format!("  line {}: {}", failure.line, failure.error));
    }
    if !complete {
        note("the end of the export, or a line before it, is missing; what was there is stored");
    }
}

//! Imports in the background. What is imported is kept in the database until the job has ended: so
//! every process can do the job, and go on with it where another one was stopped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt};

use super::work::{Stop, Work, held, in_public, to_json};
use crate::domain::{Job, JobId, KeyId};
use crate::service::core::Core;
use crate::service::transfer::{
    Archive, ArchiveRequest, Import, ImportReport, MAX_LINE_BYTES, Pictures, Place, SkipReason, not_kept,
    temporary_file,
};
use crate::service::{ExportHeader, LineFailure, ServiceError, Skipped};
use crate::store::DataPart;

/// Bytes that are one part in the database.
const PART_BYTES: u64 = 1 << 20;

/// Entries of an archive after which it is noted how far the job is.
const NOTE_EVERY: u64 = 8;

/// What is imported, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum ImportRequest {
    /// The lines of an export.
    Lines {
        /// Whether an image takes the place of another one of its id.
        replace: bool,
    },
    /// An archive of pictures.
    Archive(ArchiveRequest),
}

/// The parameters of a job: the same file twice at a time is one job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Params {
    #[serde(flatten)]
    pub(super) request: ImportRequest,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// The key that stores what is imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<KeyId>,
}

/// Where a job stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Of an archive.
    place: Place,
    /// Lines that are done.
    lines: u64,
    /// Those of images among them.
    images: u64,
    /// Where the next line begins.
    offset: u64,
    outcome: Outcome,
}

/// What a job came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Outcome {
    stored: u64,
    replaced: u64,
    unchanged: u64,
    skipped: u64,
    failed: u64,
    /// Whether there was an end.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    skips: Vec<Skip>,
    failures: Vec<Failure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Skip {
    line: u64,
    path: String,
    reason: SkipReason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Failure {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    detail: String,
}

impl Outcome {
    /// Together with what came after it.
    fn plus(&self, report: &ImportReport) -> Self {
        let skip = |s: &Skipped| Skip { line: s.line, path: s.path.clone(), reason: s.reason };
        let failure = |f: &LineFailure| Failure { line: f.line, path: f.path.clone(), detail: in_public(&f.error) };
        let most = ImportReport::MOST_NAMED;
        Self {
            stored: self.stored + report.stored,
            replaced: self.replaced + report.replaced,
            unchanged: self.unchanged + report.unchanged,
            skipped: self.skipped + report.skipped,
            failed: self.failed + report.failed,
            complete: report.complete,
            reason: report.cut.clone(),
            skips: self.skips.iter().cloned().chain(report.skips.iter().map(skip)).take(most).collect(),
            failures: self.failures.iter().cloned().chain(report.failures.iter().map(failure)).take(most).collect(),
        }
    }
}

/// The first line of a file.
///
/// # Errors
/// Of the file.
pub(super) fn first_line(mut file: &File) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    BufReader::new(file.take(MAX_LINE_BYTES as u64)).read_until(b'\n', &mut line)?;
    Ok(line)
}

impl Core {
    /// Puts the parts of a file into the database; how many bytes it has, and their hash.
    ///
    /// # Errors
    /// [`ServiceError::Store`], [`ServiceError::Internal`].
    pub(super) async fn put_in(&self, id: &JobId, mut file: File) -> Result<(u64, String), ServiceError> {
        let failed = |e: io::Error| ServiceError::Internal(format!("a kept body cannot be read: {e}"));
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (mut hash, mut start) = (Sha256::new(), 0);
        loop {
            // Off the async threads: reading and hashing a part takes some milliseconds.
            let read = move || {
                let mut bytes = Vec::new();
                (&mut file).take(PART_BYTES).read_to_end(&mut bytes)?;
                hash.update(&bytes);
                Ok((file, hash, bytes))
            };
            let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|e| Err(io::Error::other(e)));
            let bytes;
            (file, hash, bytes) = read.map_err(failed)?;
            if bytes.is_empty() {
                let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
                return Ok((start, digits));
            }
            let part = DataPart { start, bytes };
            start += part.bytes.len() as u64;
            self.store.add_data(id, &part).await?;
        }
    }

    /// What a job takes in, in a file of this process.
    async fn taken_out(&self, job: &JobId, bytes: u64) -> Result<File, ServiceError> {
        let mut file = temporary_file(&self.options.spool_dir).await?;
        let mut at = 0;
        while let Some(part) = self.store.data(job, at).await? {
            at = part.start + part.bytes.len() as u64;
            let write = move || {
                file.write_all(&part.bytes)?;
                Ok(file)
            };
            let written = tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(io::Error::other(e)));
            file = written.map_err(not_kept)?;
        }
        if at != bytes {
            return Err(ServiceError::Internal(format!("of {bytes} bytes to import {at} are in the database")));
        }
        file.seek(SeekFrom::Start(0)).map_err(not_kept)?;
        Ok(file)
    }
}

/// Does the job and returns its result.
///
/// # Errors
/// [`Stop`].
pub(super) async fn import(core: &Arc<Core>, job: &Job, mut work: Work<'_>) -> Result<Value, Stop> {
    let Params { request, bytes, key, .. } = serde_json::from_value(job.params.clone())
        .map_err(|e| ServiceError::Internal(format!("the parameters of a job: {e}")))?;
    let at = work.checkpoint::<Checkpoint>().unwrap_or_default();
    let file = core.taken_out(&job.id, bytes).await?;
    let outcome = match request {
        ImportRequest::Archive(request) => archive(core, job, &mut work, at, file, (request, key)).await?,
        ImportRequest::Lines { replace } => lines(core, job, &mut work, at, file, (replace, key)).await?,
    };
    Ok(to_json(&outcome)?)
}

async fn archive(
    core: &Arc<Core>,
    job: &Job,
    work: &mut Work<'_>,
    mut at: Checkpoint,
    file: File,
    (request, stored_by): (ArchiveRequest, Option<KeyId>),
) -> Result<Outcome, Stop> {
    let max_bytes = core.options.max_upload_bytes;
    let open = move || Archive::open(file, max_bytes).and_then(|archive| Ok((archive.count()?, archive)));
    let opened = tokio::task::spawn_blocking(open).await;
    let (total, archive) =
        opened.map_err(|e| ServiceError::Internal(format!("an archive could not be opened: {e}")))??;
    let before = at.outcome.clone();
    let mut pictures = Pictures::begin(core, &job.collection, archive, request, stored_by, at.place);
    work.progress(at.place.entries, total);
    while let Some(place) = pictures.next().await? {
        if place.entries >= at.place.entries + NOTE_EVERY {
            at = Checkpoint { place, outcome: before.plus(pictures.report()), ..Checkpoint::default() };
            let progress = work.progress(place.entries, total);
            held(core.store.note_progress(&work.claim, progress, Some(&to_json(&at)?)).await)?;
        }
    }
    let (done, report) = pictures.finish().await?;
    match &report.cut {
        Some(reason) if done == 0 => return Err(ServiceError::InvalidArchive(reason.clone()).into()),
        Some(_) | None => {}
    }
    let progress = work.progress(done, total);
    held(core.store.note_progress(&work.claim, progress, None).await)?;
    Ok(before.plus(&report))
}

async fn lines(
    core: &Arc<Core>,
    job: &Job,
    work: &mut Work<'_>,
    mut at: Checkpoint,
    file: File,
    (replace, stored_by): (bool, Option<KeyId>),
) -> Result<Outcome, Stop> {
    let mut lines = Lines { reader: tokio::io::BufReader::new(tokio::fs::File::from_std(file)), offset: 0 };
    let first = lines.next().await?.unwrap_or_default();
    let total = ExportHeader::read(&first)?.images;
    let mut import = Import::begin(core, &job.collection, &first, replace, stored_by).await?;
    if at.offset > 0 {
        lines.skip_to(at.offset).await?;
        import.go_on(at.lines, at.images);
    }
    let before = at.outcome.clone();
    work.progress(at.images, total);
    while let Some(line) = lines.next().await? {
        import.line(line.into()).await?;
        if let Some((done, images)) = import.settled().filter(|(_, images)| *images > at.images) {
            let outcome = before.plus(import.report());
            at = Checkpoint { lines: done, images, offset: lines.offset, outcome, ..Checkpoint::default() };
            let progress = work.progress(images, total);
            held(core.store.note_progress(&work.claim, progress, Some(&to_json(&at)?)).await)?;
        }
    }
    let (images, report) = import.finish_counted().await?;
    let progress = work.progress(images, total);
    held(core.store.note_progress(&work.claim, progress, None).await)?;
    Ok(before.plus(&report))
}

/// The lines of a file.
struct Lines {
    reader: tokio::io::BufReader<tokio::fs::File>,
    /// Where the next one begins.
    offset: u64,
}

impl Lines {
    /// The next line without its end; `None` behind the last one.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ServiceError> {
        let mut line = Vec::new();
        let most = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut line).await;
        let read = read.map_err(not_kept)?;
        self.offset += read as u64;
        if read == 0 {
            return Ok(None);
        }
        if line.pop_if(|last| *last == b'\n').is_none() && line.len() > MAX_LINE_BYTES {
            return Err(ServiceError::InvalidRecord(format!("a line has more than {MAX_LINE_BYTES} bytes")));
        }
        Ok(Some(line))
    }

    async fn skip_to(&mut self, offset: u64) -> Result<(), ServiceError> {
        self.reader.seek(SeekFrom::Start(offset)).await.map_err(not_kept)?;
        self.offset = offset;
        Ok(())
    }
}

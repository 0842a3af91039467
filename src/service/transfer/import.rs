//! Lines of an export into a collection.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::archive::SkipReason;
use super::format::{self, Expected, ExportHeader, Line};
use crate::domain::{CollectionName, ImageId, KeyId, Seq};
use crate::service::core::{Core, Outcome, unknown_collection};
use crate::service::quotas::refused;
use crate::service::running::Running;
use crate::service::{RetrievalService, ServiceError};
use crate::store::{RestoreOutcome, RestoredImage};

/// Lines that are checked and stored together, in one transaction.
const BATCH_LINES: usize = 64;

/// Bytes of lines that are held at the same time, the last line not counted.
const BATCH_BYTES: usize = 4 << 20;

/// A line, or an entry of an archive, that was not taken.
#[derive(Debug)]
pub struct LineFailure {
    /// Its number, from 1.
    pub line: u64,
    /// The path of an entry of an archive.
    pub path: Option<String>,
    /// Why.
    pub error: ServiceError,
}

/// An entry of an archive that is no picture.
#[derive(Debug)]
pub struct Skipped {
    /// Its number, from 1.
    pub line: u64,
    /// Its path.
    pub path: String,
    /// What it is.
    pub reason: SkipReason,
}

/// What an import came to.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// Entries of an archive that were looked at.
    pub entries: u64,
    /// Images that are new.
    pub stored: u64,
    /// Images in whose place others are.
    pub replaced: u64,
    /// Images that were there just so.
    pub unchanged: u64,
    /// Entries of an archive that are no pictures.
    pub skipped: u64,
    /// The first of them.
    pub skips: Vec<Skipped>,
    /// Lines or entries that were not taken.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<LineFailure>,
    /// Whether the export, or the archive, came to its end. Where it, or a line before it, is
    /// missing, what was there is stored all the same.
    pub complete: bool,
    /// Why an archive could not be read to its end.
    pub cut: Option<String>,
}

impl ImportReport {
    /// Failures, and skipped entries, that are told one by one.
    pub(in crate::service) const MOST_NAMED: usize = 20;

    pub(super) fn fail(&mut self, line: u64, path: Option<String>, error: ServiceError) {
        self.failed += 1;
        if self.failures.len() < Self::MOST_NAMED {
            self.failures.push(LineFailure { line, path, error });
        }
    }

    pub(super) fn skip(&mut self, line: u64, path: String, reason: SkipReason) {
        self.skipped += 1;
        if self.skips.len() < Self::MOST_NAMED {
            self.skips.push(Skipped { line, path, reason });
        }
    }
}

/// What became of some images.
struct Restored {
    outcomes: Option<Vec<RestoreOutcome>>,
}

impl Outcome for Restored {
    fn change(&self) -> Option<Seq> {
        let seq = |outcome: &RestoreOutcome| match outcome {
            RestoreOutcome::Created(seq) | RestoreOutcome::Replaced(seq) => Some(*seq),
            RestoreOutcome::Unchanged | RestoreOutcome::IdTaken | RestoreOutcome::OverQuota(_) => None,
        };
        self.outcomes.iter().flatten().filter_map(seq).max()
    }
}

/// An import under way. What was stored stays when it is dropped half-way; the same lines again
/// change nothing.
pub struct Import {
    core: Arc<Core>,
    running: Running,
    collection: CollectionName,
    expected: Arc<Expected>,
    replace: bool,
    waiting: Vec<(u64, Bytes)>,
    waiting_bytes: usize,
    line: u64,
    images: u64,
    end: Option<u64>,
    report: ImportReport,
}

impl RetrievalService {
    /// Begins to take the lines of an export into a collection that is there; `header` is the first
    /// one. An image whose id is there with other content is put in its place with `replace`, and
    /// is a failure of its line without. `stored_by` is the key that stores them.
    ///
    /// # Errors
    /// [`ServiceError::UnsupportedExport`], [`ServiceError::VersionMismatch`] where another model
    /// or profile described the images, [`ServiceError::UnknownCollection`],
    /// [`ServiceError::Store`].
    pub async fn import(
        &self,
        collection: &CollectionName,
        header: &[u8],
        replace: bool,
        stored_by: Option<KeyId>,
    ) -> Result<Import, ServiceError> {
        Import::begin(&self.core, collection, header, replace, stored_by).await
    }
}

impl Import {
    /// [`RetrievalService::import`].
    ///
    /// # Errors
    /// As that.
    pub(in crate::service) async fn begin(
        core: &Arc<Core>,
        collection: &CollectionName,
        header: &[u8],
        replace: bool,
        stored_by: Option<KeyId>,
    ) -> Result<Self, ServiceError> {
        let core = Arc::clone(core);
        let running = core.gate.enter()?;
        let found = core.collection(collection).await?;
        let facts = core.catalogue.profile(found.profile);
        let header = ExportHeader::read(header)?;
        if header.version != facts.version {
            return Err(ServiceError::VersionMismatch { actual: header.version, expected: facts.version.clone() });
        }
        let expected = Arc::new(Expected {
            version: facts.version.clone(),
            dimension: facts.dimension,
            metadata: core.options.limits.metadata(),
            stored_by,
        });
        Ok(Self {
            core,
            running,
            collection: found.name,
            expected,
            replace,
            waiting: Vec::new(),
            waiting_bytes: 0,
            line: 1,
            images: 0,
            end: None,
            report: ImportReport::default(),
        })
    }

    /// Takes the next line, without its end. A line that is wrong is part of the report.
    ///
    /// # Errors
    /// [`ServiceError::IndexFull`], [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn line(&mut self, line: Bytes) -> Result<(), ServiceError> {
        self.line += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        self.waiting_bytes += line.len();
        self.waiting.push((self.line, line));
        if self.waiting.len() >= BATCH_LINES || self.waiting_bytes >= BATCH_BYTES {
            self.store().await?;
        }
        Ok(())
    }

    /// Lines that were read, the header included.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.line
    }

    /// Goes on where another import of the same lines was settled.
    pub(in crate::service) fn go_on(&mut self, line: u64, images: u64) {
        (self.line, self.images) = (line, images);
    }

    /// Stores the lines that wait.
    ///
    /// # Errors
    /// As [`Import::line`].
    pub(in crate::service) async fn settle(&mut self) -> Result<(), ServiceError> {
        self.store().await
    }

    /// The lines, and among them those of images, where all of them are stored; `None` while some
    /// wait, and behind the end.
    pub(in crate::service) fn settled(&self) -> Option<(u64, u64)> {
        (self.waiting.is_empty() && self.end.is_none()).then_some((self.line, self.images))
    }

    /// What it came to by now.
    pub(in crate::service) fn report(&self) -> &ImportReport {
        &self.report
    }

    /// Ends the import behind its last line.
    ///
    /// # Errors
    /// As [`Import::line`].
    pub async fn finish(self) -> Result<ImportReport, ServiceError> {
        Ok(self.finish_counted().await?.1)
    }

    /// The same, with the number of lines of images.
    ///
    /// # Errors
    /// As [`Import::line`].
    pub(in crate::service) async fn finish_counted(mut self) -> Result<(u64, ImportReport), ServiceError> {
        self.store().await?;
        self.report.complete = self.end == Some(self.images);
        Ok((self.images, self.report))
    }

    /// Checks and stores the lines that wait.
    async fn store(&mut self) -> Result<(), ServiceError> {
        let lines = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let expected = Arc::clone(&self.expected);
        // Off the async threads: reading a line takes a fraction of a millisecond.
        let read = move || -> Vec<_> {
            lines.into_iter().map(|(number, line)| (number, format::read(&line, &expected))).collect()
        };
        let lines = tokio::task::spawn_blocking(read).await;
        let lines = lines.map_err(|e| ServiceError::Internal(format!("an import could not be read: {e}")))?;
        let mut images: Vec<(u64, RestoredImage)> = Vec::with_capacity(lines.len());
        let mut ids: HashSet<ImageId> = HashSet::new();
        for (number, line) in lines {
            if self.end.is_some() {
                let late = "a line behind the end of the export".to_owned();
                self.report.fail(number, None, ServiceError::InvalidRecord(late));
                continue;
            }
            match line {
                Ok(Line::Image(image)) => {
                    self.images += 1;
                    // An id that comes twice is decided by what the first one left.
                    if !ids.insert(image.image.id.clone()) {
                        self.restore(std::mem::take(&mut images)).await?;
                        ids = HashSet::from([image.image.id.clone()]);
                    }
                    images.push((number, *image));
                }
                Ok(Line::End(images)) => self.end = Some(images),
                Err(error) => {
                    // It was to be an image, whatever is wrong with it.
                    self.images += 1;
                    self.report.fail(number, None, error);
                }
            }
        }
        self.restore(images).await
    }

    async fn restore(&mut self, images: Vec<(u64, RestoredImage)>) -> Result<(), ServiceError> {
        if images.is_empty() {
            return Ok(());
        }
        if !self.core.search.has_room() {
            return Err(ServiceError::IndexFull);
        }
        let (numbers, images): (Vec<u64>, Vec<RestoredImage>) = images.into_iter().unzip();
        let ids: Vec<ImageId> = images.iter().map(|image| image.image.id.clone()).collect();
        let (store, name, replace) = (Arc::clone(&self.core.store), self.collection.clone(), self.replace);
        let write = async move { Ok(Restored { outcomes: store.restore(&name, &images, replace).await? }) };
        let Some(outcomes) = self.core.write_and_follow(&self.running, write).await?.outcomes else {
            return Err(unknown_collection(&self.collection));
        };
        for ((number, id), outcome) in numbers.into_iter().zip(ids).zip(outcomes) {
            match outcome {
                RestoreOutcome::Created(_) => self.report.stored += 1,
                RestoreOutcome::Replaced(_) => self.report.replaced += 1,
                RestoreOutcome::Unchanged => self.report.unchanged += 1,
                RestoreOutcome::OverQuota(refusal) => self.report.fail(number, None, refused(refusal)),
                RestoreOutcome::IdTaken => self.report.fail(number, None, ServiceError::IdTaken(id.to_string())),
            }
        }
        Ok(())
    }
}

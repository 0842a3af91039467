//! The pictures of an archive into a collection.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::archive::{Archive, Entry, EntryContent, SkipReason};
use super::ids::IdFrom;
use super::import::ImportReport;
use crate::domain::CollectionName;
use crate::service::core::Core;
use crate::service::pool::WhenFull;
use crate::service::{AddImage, AddOutcome, OnDuplicate, OnSimilar, RetrievalService, ServiceError};

/// How the pictures of an archive are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArchiveRequest {
    /// Where their ids come from.
    pub id_from: IdFrom,
    /// What to do with a picture whose bytes are there.
    pub on_duplicate: OnDuplicate,
}

/// What became of an entry.
enum Done {
    Stored,
    There,
    Skipped(SkipReason),
    Failed(ServiceError),
}

/// An archive on its way into a collection. What was stored stays when it is dropped half-way; the
/// same archive again stores nothing twice, unless the request allows that.
pub(in crate::service) struct Pictures {
    outcomes: BoxStream<'static, Result<(u64, String, Done), ServiceError>>,
    report: ImportReport,
}

impl RetrievalService {
    /// Adds every picture of an archive to a collection that is there, some at a time and whenever
    /// the queue has room. An entry that is no picture, or cannot be stored, is part of the report;
    /// so is the end of an archive that is damaged behind its first entry.
    ///
    /// # Errors
    /// [`ServiceError::InvalidArchive`] where nothing of it can be read,
    /// [`ServiceError::UnknownCollection`], [`ServiceError::IndexFull`], [`ServiceError::Store`],
    /// [`ServiceError::ShuttingDown`].
    pub async fn import_archive(
        &self,
        collection: &CollectionName,
        archive: Archive,
        request: ArchiveRequest,
    ) -> Result<ImportReport, ServiceError> {
        let _running = self.core.gate.enter()?;
        self.core.collection(collection).await?;
        let mut pictures = Pictures::begin(&self.core, collection, archive, request, 0);
        while pictures.next().await?.is_some() {}
        pictures.finish()
    }
}

impl Pictures {
    /// Begins behind the first `skip` entries.
    pub(in crate::service) fn begin(
        core: &Arc<Core>,
        collection: &CollectionName,
        archive: Archive,
        request: ArchiveRequest,
        skip: u64,
    ) -> Self {
        let (owned, collection) = (Arc::clone(core), collection.clone());
        let add = move |entry: Result<Entry, ServiceError>| -> BoxFuture<'static, _> {
            let (core, collection) = (Arc::clone(&owned), collection.clone());
            async move {
                let Entry { number, path, content } = entry?;
                let done = core.add_entry(&collection, &path, content, request).await?;
                Ok((number, path, done))
            }
            .boxed()
        };
        let outcomes = archive.entries(skip).map(add).buffered(core.pool.share_of_one_call()).boxed();
        Self { outcomes, report: ImportReport { complete: true, ..ImportReport::default() } }
    }

    /// Waits for the next entry and counts it; its number, or `None` at the end.
    ///
    /// # Errors
    /// As [`RetrievalService::import_archive`].
    pub(in crate::service) async fn next(&mut self) -> Result<Option<u64>, ServiceError> {
        let report = &mut self.report;
        match self.outcomes.next().await {
            None => return Ok(None),
            Some(Ok((number, path, done))) => {
                report.entries += 1;
                match done {
                    Done::Stored => report.stored += 1,
                    Done::There => report.unchanged += 1,
                    Done::Skipped(reason) => report.skip(number, path, reason),
                    Done::Failed(error) => report.fail(number, Some(path), error),
                }
                return Ok(Some(number));
            }
            Some(Err(ServiceError::InvalidArchive(reason))) => {
                report.complete = false;
                report.cut = Some(reason);
            }
            Some(Err(error)) => return Err(error),
        }
        Ok(None)
    }

    /// What it came to by now.
    pub(in crate::service) fn report(&self) -> &ImportReport {
        &self.report
    }

    /// Ends the import behind the last entry.
    ///
    /// # Errors
    /// [`ServiceError::InvalidArchive`] where nothing could be read.
    pub(in crate::service) fn finish(mut self) -> Result<ImportReport, ServiceError> {
        match self.report.cut.take() {
            Some(reason) if self.report.entries == 0 => Err(ServiceError::InvalidArchive(reason)),
            cut => Ok(ImportReport { cut, ..self.report }),
        }
    }
}

impl Core {
    /// Stores an entry where it is a picture. Only what would fail for every other one too is an
    /// error.
    async fn add_entry(
        &self,
        collection: &CollectionName,
        path: &str,
        content: EntryContent,
        request: ArchiveRequest,
    ) -> Result<Done, ServiceError> {
        let bytes = match content {
            EntryContent::Picture(bytes) => bytes,
            EntryContent::Skipped(reason) => return Ok(Done::Skipped(reason)),
            EntryContent::Failed(error) => return Ok(Done::Failed(error)),
        };
        let id = match request.id_from.id_of(path, &bytes) {
            Ok(id) => id,
            Err(reason) => return Ok(Done::Failed(ServiceError::InvalidEntry(reason))),
        };
        // As `eyrie import` stores the files of a folder.
        let filename = path.rsplit('/').next().unwrap_or(path);
        let metadata = json!({"filename": filename, "path": path});
        let ArchiveRequest { on_duplicate, .. } = request;
        let image = AddImage { id, bytes, metadata, on_duplicate, on_similar: OnSimilar::Ignore };
        match self.add(collection, image, WhenFull::Wait).await {
            Ok(stored) => Ok(match stored.outcome {
                AddOutcome::Created(_) => Done::Stored,
                AddOutcome::Existing(_) => Done::There,
            }),
            Err(
                error @ (ServiceError::Store(_)
                | ServiceError::ShuttingDown
                | ServiceError::IndexFull
                | ServiceError::UnknownCollection(_)
                | ServiceError::Internal(_)),
            ) => Err(error),
            Err(error) => Ok(Done::Failed(error)),
        }
    }
}

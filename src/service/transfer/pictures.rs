//! The pictures of an archive into a collection.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::archive::{Archive, Entry, EntryContent, SkipReason};
use super::format::MAX_LINE_BYTES;
use super::ids::IdFrom;
use super::import::{Import, ImportReport};
use crate::domain::{CollectionName, KeyId};
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
    /// Where the archive is an export: whether an image takes the place of another one of its id.
    pub replace: bool,
}

/// Where the import of an archive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::service) struct Place {
    /// Entries that are done.
    pub(in crate::service) entries: u64,
    /// Lines of an export that are done.
    lines: u64,
    /// Those of images among them.
    images: u64,
}

/// What became of an entry.
enum Done {
    Stored,
    There,
    Skipped(SkipReason),
    Records(Bytes),
    Failed(ServiceError),
}

/// An archive on its way into a collection. What was stored stays when it is dropped half-way; the
/// same archive again stores nothing twice, unless the request allows that.
pub(in crate::service) struct Pictures {
    core: Arc<Core>,
    collection: CollectionName,
    replace: bool,
    stored_by: Option<KeyId>,
    outcomes: BoxStream<'static, Result<(u64, String, Done), ServiceError>>,
    /// Where it began.
    begun: Place,
    /// Takes the lines of an export.
    lines: Option<Box<Import>>,
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
        stored_by: Option<KeyId>,
    ) -> Result<ImportReport, ServiceError> {
        let _running = self.core.gate.enter()?;
        self.core.collection(collection).await?;
        let mut pictures = Pictures::begin(&self.core, collection, archive, request, stored_by, Place::default());
        while pictures.next().await?.is_some() {}
        match pictures.finish().await?.1 {
            ImportReport { entries: 0, cut: Some(reason), .. } => Err(ServiceError::InvalidArchive(reason)),
            report => Ok(report),
        }
    }
}

impl Pictures {
    /// Begins where another import of the same archive stood.
    pub(in crate::service) fn begin(
        core: &Arc<Core>,
        collection: &CollectionName,
        archive: Archive,
        request: ArchiveRequest,
        stored_by: Option<KeyId>,
        begun: Place,
    ) -> Self {
        let (owned, name, key) = (Arc::clone(core), collection.clone(), stored_by.clone());
        let add = move |entry: Result<Entry, ServiceError>| -> BoxFuture<'static, _> {
            let (core, collection, key) = (Arc::clone(&owned), name.clone(), key.clone());
            async move {
                let Entry { number, path, content } = entry?;
                let done = core.add_entry(&collection, &path, content, request, key).await?;
                Ok((number, path, done))
            }
            .boxed()
        };
        let outcomes = archive.entries(begun.entries).map(add).buffered(core.pool.share_of_one_call()).boxed();
        Self {
            core: Arc::clone(core),
            collection: collection.clone(),
            replace: request.replace,
            stored_by,
            outcomes,
            begun,
            lines: None,
            report: ImportReport { complete: true, ..ImportReport::default() },
        }
    }

    /// Waits for the next entry and counts it; where the import stands then, `None` at the end.
    ///
    /// # Errors
    /// As [`RetrievalService::import_archive`].
    pub(in crate::service) async fn next(&mut self) -> Result<Option<Place>, ServiceError> {
        let (number, path, done) = match self.outcomes.next().await {
            None => return Ok(None),
            Some(Ok(entry)) => entry,
            Some(Err(ServiceError::InvalidArchive(reason))) => {
                self.report.complete = false;
                self.report.cut = Some(reason);
                return Ok(None);
            }
            Some(Err(error)) => return Err(error),
        };
        if number > self.begun.entries {
            self.report.entries += 1;
        }
        let mut place = Place { entries: number, ..Place::default() };
        match done {
            Done::Stored => self.report.stored += 1,
            Done::There => self.report.unchanged += 1,
            Done::Skipped(reason) => self.report.skip(number, path, reason),
            Done::Failed(error) => self.report.fail(number, Some(path), error),
            Done::Records(lines) => match self.take(&lines).await? {
                Some((lines, images)) => (place.lines, place.images) = (lines, images),
                // Its end has to be seen by whoever goes on.
                None => place = self.begun,
            },
        }
        Ok(Some(place))
    }

    /// Takes lines of an export; where that stands.
    async fn take(&mut self, bytes: &Bytes) -> Result<Option<(u64, u64)>, ServiceError> {
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| bytes.slice_ref(line));
        let import = match &mut self.lines {
            Some(import) => import,
            none => {
                let header = lines.next().unwrap_or_default();
                let key = self.stored_by.clone();
                let mut import = Import::begin(&self.core, &self.collection, &header, self.replace, key).await?;
                if self.begun.lines > 0 {
                    import.go_on(self.begun.lines, self.begun.images);
                }
                none.insert(Box::new(import))
            }
        };
        // Behind the last end of a line there is none.
        for line in lines.filter(|line| !line.is_empty()) {
            if line.len() > MAX_LINE_BYTES {
                return Err(ServiceError::InvalidRecord(format!("a line has more than {MAX_LINE_BYTES} bytes")));
            }
            import.line(line).await?;
        }
        import.settle().await?;
        Ok(import.settled())
    }

    /// What it came to by now.
    pub(in crate::service) fn report(&self) -> &ImportReport {
        self.lines.as_ref().map_or(&self.report, |import| import.report())
    }

    /// Ends the import behind the last entry: how many entries are done, and what it came to.
    ///
    /// # Errors
    /// As [`Import::finish`].
    pub(in crate::service) async fn finish(self) -> Result<(u64, ImportReport), ServiceError> {
        let Self { lines, report, begun, .. } = self;
        let done = begun.entries + report.entries;
        let Some(import) = lines else { return Ok((done, report)) };
        let found = import.finish().await?;
        let complete = found.complete && report.complete;
        Ok((done, ImportReport { entries: report.entries, cut: report.cut, complete, ..found }))
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
        stored_by: Option<KeyId>,
    ) -> Result<Done, ServiceError> {
        let bytes = match content {
            EntryContent::Picture(bytes) => bytes,
            EntryContent::Skipped(reason) => return Ok(Done::Skipped(reason)),
            EntryContent::Records(lines) => return Ok(Done::Records(lines)),
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
        let image =
            AddImage { id, bytes, metadata, on_duplicate, on_similar: OnSimilar::Ignore, stored_by, named: None };
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

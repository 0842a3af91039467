//! Many things in one call: images to add, images to delete, searches.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::core::{Core, Outcome};
use super::pool::WhenFull;
use super::running::Running;
use super::{AddImage, AddOutcome, RetrievalService, SearchRequest, SearchResponse, ServiceError, Stored};
use crate::domain::{CollectionName, Filter, ImageId, ImageKey, Precondition, Seq};
use crate::store::{DeleteOutcome, Store, StoreError};

/// Images that are deleted before the search follows and the time is looked at.
const DELETED_AT_ONCE: usize = 64;

/// What became of each thing, in order.
type Each<T> = Vec<Result<T, ServiceError>>;

/// Which images to delete.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Those with these ids.
    Ids(Vec<ImageId>),
    /// Those whose metadata match.
    Matching(Filter),
}

/// What became of a deletion of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deletion {
    /// Images that were selected and there.
    pub matched: usize,
    /// Images that were deleted.
    pub deleted: usize,
    /// Ids under which nothing was stored.
    pub missing: usize,
    /// Images for which there was no time.
    pub remaining: usize,
}

/// What became of some deletions.
#[derive(Debug, Default)]
struct Deleted {
    last: Option<Seq>,
    count: usize,
}

impl Outcome for Deleted {
    fn change(&self) -> Option<Seq> {
        self.last
    }
}

impl RetrievalService {
    /// The most things in one call.
    #[must_use]
    pub fn max_batch(&self) -> usize {
        self.core.options.limits.max_batch
    }

    /// Adds images as [`RetrievalService::import_image`] does, some at a time: never so many that
    /// the queue has no room for others. What is not done by `until` ends in
    /// [`ServiceError::TooLate`].
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`],
    /// [`ServiceError::ShuttingDown`]; for each image those of [`RetrievalService::add_image`].
    pub async fn add_images(
        &self,
        collection: &CollectionName,
        images: Vec<AddImage>,
        until: Instant,
    ) -> Result<Each<Stored<AddOutcome>>, ServiceError> {
        let _running = self.core.gate.enter()?;
        self.core.collection(collection).await?;
        let mut work: Vec<BoxFuture<'_, _>> = Vec::with_capacity(images.len());
        for image in images {
            work.push(Box::pin(self.core.add(collection, image, WhenFull::Wait)));
        }
        Ok(self.core.side_by_side(work, until).await)
    }

    /// Searches a collection for several things, some at a time. What is not done by `until` ends
    /// in [`ServiceError::TooLate`].
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`],
    /// [`ServiceError::ShuttingDown`]; for each search those of [`RetrievalService::search`].
    pub async fn search_each(
        &self,
        collection: &CollectionName,
        searches: Vec<SearchRequest>,
        until: Instant,
    ) -> Result<Each<SearchResponse>, ServiceError> {
        let _running = self.core.gate.enter()?;
        self.core.collection(collection).await?;
        let mut work: Vec<BoxFuture<'_, _>> = Vec::with_capacity(searches.len());
        for request in searches {
            work.push(Box::pin(self.search(collection, request)));
        }
        Ok(self.core.side_by_side(work, until).await)
    }

    /// Deletes images, each in a transaction of its own; with `dry_run` only counts them. An image
    /// that changes meanwhile so that it matches no more stays. What is not done by `until` is
    /// counted as remaining.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`],
    /// [`ServiceError::ShuttingDown`].
    pub async fn delete_images(
        &self,
        collection: &CollectionName,
        selection: Selection,
        dry_run: bool,
        until: Instant,
    ) -> Result<Deletion, ServiceError> {
        let core = &self.core;
        let running = core.gate.enter()?;
        core.collection(collection).await?;
        let (ids, missing, filter) = match selection {
            Selection::Ids(ids) => {
                let (there, missing) = core.present(collection, ids).await?;
                (there, missing, None)
            }
            Selection::Matching(filter) => {
                let keys = core.store.matching_keys(collection, &filter).await?;
                (core.ids_of(&keys).await?, 0, Some(Arc::new(filter)))
            }
        };
        let mut done = Deletion { matched: ids.len(), missing, ..Deletion::default() };
        if dry_run {
            return Ok(done);
        }
        let mut begun = 0;
        for some in ids.chunks(DELETED_AT_ONCE) {
            if Instant::now() >= until {
                break;
            }
            begun += some.len();
            done.deleted += core.delete_some(&running, collection, some.to_vec(), filter.clone()).await?;
        }
        done.remaining = ids.len() - begun;
        Ok(done)
    }
}

impl Core {
    /// Runs work, some of it at a time, until the time is over; the results in the order of the
    /// work.
    async fn side_by_side<T: Send>(
        &self,
        work: Vec<BoxFuture<'_, Result<T, ServiceError>>>,
        until: Instant,
    ) -> Each<T> {
        let mut timed: Vec<BoxFuture<'_, _>> = Vec::with_capacity(work.len());
        for one in work {
            let in_time = tokio::time::timeout_at(until, one);
            timed.push(Box::pin(async move { in_time.await.unwrap_or(Err(ServiceError::TooLate)) }));
        }
        stream::iter(timed).buffered(self.pool.share_of_one_call()).collect().await
    }

    /// Those of the ids that are there, each once, and how many are not.
    async fn present(
        &self,
        collection: &CollectionName,
        ids: Vec<ImageId>,
    ) -> Result<(Vec<ImageId>, usize), ServiceError> {
        let (mut there, mut missing) = (Vec::new(), 0);
        for id in ids.into_iter().collect::<BTreeSet<_>>() {
            match self.store.get(collection, &id).await? {
                Some(_) => there.push(id),
                None => missing += 1,
            }
        }
        Ok((there, missing))
    }

    async fn ids_of(&self, keys: &[ImageKey]) -> Result<Vec<ImageId>, ServiceError> {
        const AT_ONCE: usize = 1000;
        let mut ids = Vec::with_capacity(keys.len());
        for some in keys.chunks(AT_ONCE) {
            ids.extend(self.store.ids(some).await?.into_iter().map(|(_, id)| id));
        }
        Ok(ids)
    }

    /// Deletes some images, those that match the filter still, and returns when the search follows.
    async fn delete_some(
        &self,
        running: &Running,
        collection: &CollectionName,
        ids: Vec<ImageId>,
        filter: Option<Arc<Filter>>,
    ) -> Result<usize, ServiceError> {
        let (store, name) = (Arc::clone(&self.store), collection.clone());
        let deletions = async move {
            let mut deleted = Deleted::default();
            for id in ids {
                if let Some(seq) = delete_one(&*store, &name, &id, filter.as_deref()).await? {
                    deleted.last = Some(seq);
                    deleted.count += 1;
                }
            }
            Ok(deleted)
        };
        Ok(self.write_and_follow(running, deletions).await?.count)
    }
}

/// Deletes an image, if it matches the filter when it is deleted.
async fn delete_one(
    store: &dyn Store,
    collection: &CollectionName,
    id: &ImageId,
    filter: Option<&Filter>,
) -> Result<Option<Seq>, StoreError> {
    loop {
        let precondition = match filter {
            None => Precondition::None,
            Some(filter) => match store.get(collection, id).await? {
                Some(record) if filter.matches(&record.metadata) => Precondition::Revision(record.revision),
                Some(_) | None => return Ok(None),
            },
        };
        match store.delete(collection, id, precondition).await? {
            DeleteOutcome::Deleted(seq) => return Ok(Some(seq)),
            // Changed between the look at it and now.
            DeleteOutcome::PreconditionFailed => {}
            DeleteOutcome::UnknownImage | DeleteOutcome::UnknownCollection => return Ok(None),
        }
    }
}

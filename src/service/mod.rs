//! What Eyrie does, without HTTP: add, change and remove images, search, describe.
//!
//! [`RetrievalService`] is the one door. Behind it: `workers` (the threads that describe images), `follow` (the index, which
//! follows the change log of the store), `ingest`, `search`, `verification`, `collections` (the use cases) and `readiness`.

mod collections;
mod error;
mod follow;
mod indexes;
mod ingest;
mod readiness;
mod requests;
mod running;
mod search;
#[cfg(test)]
mod tests;
mod verification;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::domain::{Catalogue, ChipReport, CollectionName, DescriptorVersion, ImageId, Profile};
use crate::store::DescriptorStore;
use eyrie_vision::cost::CostModel;
use eyrie_vision::describe::Extractor;
use follow::{FollowError, Follower, IndexState};
use readiness::StoreCheck;
use running::{Gate, Running};
use search::SearchSlots;
use workers::InferencePool;

// The layer above names these types through this module alone.
pub use crate::store::{CollectionSummary, StoreError};
pub use error::ServiceError;
pub use eyrie_vision::local::{MatchedRegion, Quad, Verification};
pub use eyrie_vision::picture::PictureError;
pub use indexes::NewIndex;
pub use requests::{
    AddImage, AddOutcome, OnDuplicate, PutOutcome, Query, Readiness, SearchHit, SearchRequest, SearchResponse,
    ServiceOptions, Stored, VerificationEffort,
};

/// What the service is made of.
pub struct ServiceParts {
    /// Where images live.
    pub store: Arc<dyn DescriptorStore>,
    /// One for each worker thread; at least one, all of the model of the catalogue.
    pub extractors: Vec<Box<dyn Extractor>>,
    /// What the model of the extractors yields.
    pub catalogue: Arc<Catalogue>,
    /// How many images may wait for a worker, beside those that are being described.
    pub queue_length: usize,
    /// Makes an empty index.
    pub new_index: NewIndex,
    /// The chip whose cost is reported, with the model of the extractors on it.
    pub costs: Arc<CostModel>,
}

/// The use cases. One lives in a process, behind an `Arc`.
pub struct RetrievalService {
    store: Arc<dyn DescriptorStore>,
    pool: Arc<InferencePool>,
    follower: Arc<Follower>,
    gate: Gate,
    slots: SearchSlots,
    /// Held by one retry at a time, so that changes of one image without a precondition do not starve each other.
    turn: tokio::sync::Mutex<()>,
    store_check: StoreCheck,
    costs: Arc<CostModel>,
    options: ServiceOptions,
}

impl RetrievalService {
    /// Starts the workers and the task that builds the index and keeps it at the state of the store. Returns at once;
    /// [`RetrievalService::readiness`] says when searches can be answered.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] when there is no extractor, or when the system refuses a thread.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(parts: ServiceParts, options: ServiceOptions) -> Result<Arc<Self>, ServiceError> {
        let service = Self::assemble(parts, options)?;
        service.follower.announce();
        let interval = Duration::from_millis(service.options.follow_interval_ms.max(1));
        tokio::spawn(Arc::clone(&service.follower).run(interval, service.gate.closing()));
        Ok(service)
    }

    /// Like [`RetrievalService::start`] for a process that only adds images: no index is built, and every search
    /// is answered by [`ServiceError::NotReady`].
    ///
    /// # Errors
    /// As [`RetrievalService::start`].
    pub fn start_without_index(parts: ServiceParts, options: ServiceOptions) -> Result<Arc<Self>, ServiceError> {
        Self::assemble(parts, options)
    }

    fn assemble(parts: ServiceParts, options: ServiceOptions) -> Result<Arc<Self>, ServiceError> {
        let pool = Arc::new(InferencePool::start(parts.extractors, parts.catalogue, parts.queue_length)?);
        let follower = Follower::new(Arc::clone(&parts.store), Arc::clone(&pool), parts.new_index);
        Ok(Arc::new(Self {
            store: parts.store,
            pool,
            follower: Arc::new(follower),
            gate: Gate::new(),
            slots: SearchSlots::new(),
            turn: tokio::sync::Mutex::new(()),
            store_check: StoreCheck::default(),
            costs: parts.costs,
            options,
        }))
    }

    /// Waits until the index is built. A database that cannot be reached lets it wait on: the build is tried again
    /// until it succeeds. Never resolves for [`RetrievalService::start_without_index`] before the shutdown.
    ///
    /// # Errors
    /// [`ServiceError::ShuttingDown`].
    pub async fn index_built(&self) -> Result<(), ServiceError> {
        let mut states = self.follower.states();
        let mut closing = self.gate.closing();
        tokio::select! {
            // Neither sender can go away before `self` does.
            _ = closing.wait_for(|closed| *closed) => Err(ServiceError::ShuttingDown),
            _ = states.wait_for(|state| *state == IndexState::Ready) => Ok(()),
        }
    }

    /// Brings the index to the state of the store now instead of at the next interval; builds it where that has not
    /// happened yet.
    ///
    /// # Errors
    /// [`ServiceError::Store`], [`ServiceError::NotReady`] where no index is kept.
    pub async fn follow_now(&self) -> Result<(), ServiceError> {
        if self.follower.state() == IndexState::Off {
            return Err(ServiceError::NotReady);
        }
        self.follower.follow().await.map_err(|error| match error {
            FollowError::Store(error) => ServiceError::Store(error),
            FollowError::Index(reason) => ServiceError::Internal(reason),
        })
    }

    /// Refuses new work from now on and returns when the work under way has ended and the workers have stopped.
    /// The store stays open.
    pub async fn shutdown(&self) {
        self.gate.close();
        self.gate.drained().await;
        let pool = Arc::clone(&self.pool);
        if let Err(error) = tokio::task::spawn_blocking(move || pool.join()).await {
            tracing::error!(%error, "the workers could not be joined");
        }
    }

    /// The version of the descriptors that `profile` yields with the running model.
    #[must_use]
    pub fn version(&self, profile: Profile) -> DescriptorVersion {
        self.pool.version(profile).clone()
    }

    /// The number of values of the descriptors that `profile` yields.
    #[must_use]
    pub fn dimension(&self, profile: Profile) -> usize {
        self.pool.dimension(profile)
    }

    /// The chip whose cost is reported, and what an image of `width` x `height` pixels (at least one each) costs on it.
    #[must_use]
    pub fn chip(&self, width: u32, height: u32) -> ChipReport {
        self.costs.report(width, height)
    }

    /// Runs a write and lets the index follow it, to the end even when the client goes away in between.
    ///
    /// `write` yields its outcome and the sequence number that the index has to reach before the outcome is reported.
    async fn commit<T: Send + 'static>(
        &self,
        running: &Running,
        write: impl Future<Output = Result<(T, Option<i64>), StoreError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let follower = Arc::clone(&self.follower);
        let running = Arc::clone(running);
        let task = async move {
            let (outcome, seq) = write.await?;
            if let Some(seq) = seq {
                follower.catch_up(seq).await;
            }
            drop(running);
            Ok::<_, StoreError>(outcome)
        };
        let joined = tokio::spawn(task.in_current_span()).await;
        Ok(joined.map_err(|e| ServiceError::Internal(format!("a write ended early: {e}")))??)
    }

    /// Lets the index reach a record that another request wrote and that this one answers with.
    async fn settle(&self, running: &Running, revision: i64) -> Result<(), ServiceError> {
        self.commit(running, async move { Ok(((), Some(revision))) }).await
    }

    /// Tells an image that is not there from a collection that is not there.
    async fn missing(&self, collection: &CollectionName, id: &ImageId) -> ServiceError {
        match self.store.get_collection(collection).await {
            Ok(Some(_)) => ServiceError::UnknownImage(id.to_string()),
            Ok(None) => ServiceError::UnknownCollection(collection.to_string()),
            Err(error) => ServiceError::Store(error),
        }
    }
}

impl Drop for RetrievalService {
    fn drop(&mut self) {
        // Ends the task that follows the store; the pool ends its threads itself.
        self.gate.close();
    }
}

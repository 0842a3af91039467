//! What all use cases share: the parts of the service, and how a write becomes findable.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tracing::Instrument;

use super::jobs::Board;
use super::keys::KeyRing;
use super::originals::Originals;
pub(super) use super::outcome::Outcome;
use super::owed::Owed;
use super::pool::InferencePool;
use super::running::{Gate, Running};
use super::{ServiceError, ServiceOptions};
use crate::domain::{Catalogue, Clock, Collection, CollectionName, ImageId, Seq};
use crate::search::{SearchBackend, SearchSlots};
use crate::store::{Store, StoreError};
use crate::telemetry::Trace;

/// How often a write starts over because another one changed the same thing in between.
const TRIES: usize = 8;

/// Bodies that are kept in files at a time.
pub(super) const MOST_SPOOLS: usize = 4;

/// The parts of the service.
pub(super) struct Core {
    pub(super) store: Arc<dyn Store>,
    pub(super) search: Arc<dyn SearchBackend>,
    pub(super) slots: Arc<SearchSlots>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) pool: Arc<InferencePool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gate: Gate,
    pub(super) options: ServiceOptions,
    /// Held by one write at a time that starts over, so that they do not starve each other.
    pub(super) turn: Mutex<()>,
    /// Held by one upload at a time from its look for what is similar until it is stored.
    pub(super) similar_turn: Mutex<()>,
    /// Bounds the bodies that are kept in files.
    pub(super) spools: Arc<Semaphore>,
    /// What the jobs of this process share.
    pub(super) jobs: Board,
    /// The uploads themselves.
    pub(super) originals: Arc<Originals>,
    /// Who is known by which key.
    pub(super) keys: KeyRing,
    /// How requests ended that named themselves, where the database does not know.
    pub(super) owed: Owed,
}

impl Core {
    /// Runs a write and lets the search follow it, to the end even when the client goes away in
    /// between.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn write_and_follow<T: Outcome>(
        &self,
        running: &Running,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        self.work_and_follow(running, async move { Ok(write.await?) }).await
    }

    /// The same of a write that may fail in other ways.
    ///
    /// # Errors
    /// Those of the write.
    pub(super) async fn work_and_follow<T: Outcome>(
        &self,
        running: &Running,
        write: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (search, originals) = (Arc::clone(&self.search), Arc::clone(&self.originals));
        let running = Arc::clone(running);
        let task = async move {
            let outcome = write.await?;
            if outcome.discards() {
                originals.wake();
            }
            if let Some(seq) = outcome.change() {
                search.caught_up(seq).await;
            }
            drop(running);
            Ok::<_, ServiceError>(outcome)
        };
        let joined = tokio::spawn(Trace::current().scope(task).in_current_span()).await;
        joined.map_err(|e| ServiceError::Internal(format!("a write ended early: {e}")))?
    }

    /// Returns when a record that another request wrote, and that this one answers with, is found.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub(super) async fn wait_until_found(&self, running: &Running, revision: Seq) -> Result<(), ServiceError> {
        self.write_and_follow(running, async move { Ok(Some(revision)) }).await.map(|_| ())
    }

    /// A collection.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub(super) async fn collection(&self, name: &CollectionName) -> Result<Collection, ServiceError> {
        let found = self.store.get_collection(name).await?;
        found.ok_or_else(|| unknown_collection(name))
    }

    /// Tells an image that is not there from a collection that is not there.
    pub(super) async fn missing(&self, collection: &CollectionName, id: &ImageId) -> ServiceError {
        match self.collection(collection).await {
            Ok(_) => ServiceError::UnknownImage(id.to_string()),
            Err(error) => error,
        }
    }

    /// The attempts of a write that starts over when another one was faster.
    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts { core: self, begun: 0, turn: None }
    }
}

/// There is no such collection.
pub(super) fn unknown_collection(name: &CollectionName) -> ServiceError {
    ServiceError::UnknownCollection(name.to_string())
}

/// A few attempts. From the second one on they wait for the turn of their write.
pub(super) struct Attempts<'a> {
    core: &'a Core,
    begun: usize,
    turn: Option<MutexGuard<'a, ()>>,
}

impl Attempts<'_> {
    /// Begins the next one.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] after the last one: as with a full queue, the client does best
    /// to wait a little.
    pub(super) async fn next(&mut self) -> Result<(), ServiceError> {
        if self.begun == TRIES {
            return Err(ServiceError::Overloaded { retry_after_seconds: 1 });
        }
        if self.begun == 1 {
            self.turn = Some(self.core.turn.lock().await);
        }
        self.begun += 1;
        Ok(())
    }
}

//! How the index follows the store.
//!
//! The store's change log is the only way into the index. Every write commits, then waits until the
//! log is applied up to its own entry: so a client finds what it wrote, concurrent writers share
//! one reading of the log, and the order is always that of the commits. A background task reads the
//! log at an interval as well; it finds what other processes wrote to the same database and what
//! was committed while the connection broke. A crash loses nothing: the index is built from the
//! store at the next start.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use tokio::sync::{Mutex, watch};
use tokio::time::MissedTickBehavior;

use super::indexes::{self, CollectionIndex, Indexes, NewIndex};
use crate::domain::{Catalogue, Collection, CollectionName, Seq};
use crate::search::{SearchError, SearchState};
use crate::store::{Store, StoreError};
use crate::telemetry::metric;

/// Descriptors read at once while an index is built.
const PAGE: u32 = 5_000;

/// Entries of the change log read at once.
const CHANGES: u32 = 1_000;

/// The pause after the first failed attempt to build; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Why the index could not be brought to the state of the store.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index panicked, or the process is ending.
    #[error("the index failed: {0}")]
    Index(String),
}

impl From<FollowError> for SearchError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(error) => Self::Store(error),
            FollowError::Index(reason) => Self::Internal(reason),
        }
    }
}

/// Owns the indexes and the position in the change log.
pub(super) struct Follower {
    store: Arc<dyn Store>,
    catalogue: Arc<Catalogue>,
    new_index: NewIndex,
    indexes: Indexes,
    /// The last change that the indexes hold; `None` until they are built. Whoever holds the lock
    /// is the only one that applies changes.
    watermark: Mutex<Option<Seq>>,
    /// The last value of the watermark, for those who must not wait for the lock.
    applied: AtomicI64,
    /// Held while the indexes are built, so that only one task does it.
    building: Mutex<()>,
    state: watch::Sender<SearchState>,
    /// Whether the last attempt to follow failed: a failure is logged once, not at every attempt.
    behind: AtomicBool,
}

impl Follower {
    pub(super) fn new(store: Arc<dyn Store>, catalogue: Arc<Catalogue>, new_index: NewIndex) -> Self {
        Self {
            store,
            catalogue,
            new_index,
            indexes: Indexes::default(),
            watermark: Mutex::new(None),
            applied: AtomicI64::new(Seq::ZERO.0),
            building: Mutex::new(()),
            state: watch::Sender::new(SearchState::Building { done: 0, total: 0 }),
            behind: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> SearchState {
        self.state.borrow().clone()
    }

    pub(super) fn states(&self) -> watch::Receiver<SearchState> {
        self.state.subscribe()
    }

    /// The index of a collection; `None` while it has no searchable image.
    pub(super) fn index(&self, name: &CollectionName) -> Option<Arc<CollectionIndex>> {
        self.indexes.get(name)
    }

    /// A change that the indexes hold, with everything before it.
    pub(super) fn applied(&self) -> Seq {
        Seq(self.applied.load(Ordering::Acquire))
    }

    /// The last change that the indexes hold, once nobody is applying any.
    #[cfg(test)]
    pub(super) async fn watermark(&self) -> Option<Seq> {
        *self.watermark.lock().await
    }

    /// Says that the index is being built.
    fn announce(&self) {
        self.state.send_replace(SearchState::Building { done: 0, total: 0 });
    }

    /// Builds the indexes and keeps them at the state of the store until `closing` turns true.
    pub(super) async fn run(self: Arc<Self>, interval: Duration, mut closing: watch::Receiver<bool>) {
        // The build ends at the newest change, so the first look at the log is due an interval
        // later.
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pause = FIRST_PAUSE;
        let mut measured = None;
        while !*closing.borrow() {
            // A build may be cut off anywhere: nobody reads what it makes before it is complete.
            let built = tokio::select! {
                _ = closing.changed() => return,
                built = self.build() => self.note(built),
            };
            if !built {
                tokio::select! {
                    _ = closing.changed() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(MAX_PAUSE);
                continue;
            }
            pause = FIRST_PAUSE;
            let watermark = *self.watermark.lock().await;
            if watermark != measured {
                measured = watermark;
                self.measure().await;
            }
            tokio::select! {
                _ = closing.changed() => return,
                _ = ticks.tick() => {}
            }
            // This one runs to its end: see `follow`.
            let result = self.follow_here().await;
            self.note(result);
        }
    }

    /// Brings the indexes to the state of the store; builds them where that has not happened.
    ///
    /// Runs in a task of its own, because a caller that goes away must not release the lock while
    /// the changes that it read are still being applied on another thread.
    pub(super) async fn follow(self: &Arc<Self>) -> Result<(), FollowError> {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            this.build().await?;
            this.follow_here().await?;
            // Only where following found that everything has to be built anew.
            this.build().await
        })
        .await
        .map_err(|e| FollowError::Index(e.to_string()))?
    }

    async fn follow_here(&self) -> Result<(), FollowError> {
        let mut watermark = self.watermark.lock().await;
        let Some(at) = watermark.as_mut() else { return Ok(()) };
        // Read under the lock, so that it cannot be older than the watermark unless the store
        // itself went back.
        let newest = self.store.last_seq().await?;
        if newest < *at {
            tracing::warn!(%newest, watermark = %at, "the database is older than the index: it is built anew");
            *watermark = None;
            self.announce();
            return Ok(());
        }
        let result = self.advance(at, newest).await;
        self.rebuild_after(&result, &mut watermark);
        result
    }

    /// Applies the log up to `target`, the sequence number of a change that is committed. Returns
    /// at once while the indexes are being built: the build ends by applying what was committed
    /// meanwhile.
    ///
    /// Must run in a task that is not dropped half-way; see [`Follower::follow`].
    pub(super) async fn catch_up(&self, target: Seq) {
        let mut watermark = self.watermark.lock().await;
        let Some(at) = watermark.as_mut() else { return };
        let result = self.advance(at, target).await;
        self.rebuild_after(&result, &mut watermark);
        drop(watermark);
        // The write is durable all the same and is acknowledged; the background task tries again.
        self.note(result);
    }

    async fn advance(&self, watermark: &mut Seq, target: Seq) -> Result<(), FollowError> {
        while *watermark < target {
            let changes = self.store.changes(*watermark, CHANGES).await?;
            let Some(last) = changes.last().map(|change| change.seq) else { break };
            for (name, outcome) in indexes::fold(changes) {
                self.apply(name, outcome).await?;
            }
            *watermark = last;
            self.publish(last);
        }
        Ok(())
    }

    #[allow(clippy::cast_precision_loss)]
    fn publish(&self, applied: Seq) {
        self.applied.store(applied.0, Ordering::Release);
        gauge!(metric::INDEX_WATERMARK).set(applied.0 as f64);
    }

    async fn apply(&self, name: CollectionName, outcome: indexes::Outcome) -> Result<(), FollowError> {
        if outcome.deleted
            && let Some(old) = self.indexes.remove(&name)
        {
            blocking(move || drop(old)).await?;
        }
        if outcome.images.is_empty() {
            return Ok(());
        }
        let index = match self.indexes.get(&name) {
            Some(index) => index,
            None => {
                if outcome.images.values().all(Option::is_none) {
                    return Ok(());
                }
                // Gone again by now: a later entry of the log says so.
                let Some(collection) = self.store.get_collection(&name).await? else { return Ok(()) };
                let index = Arc::new(self.empty_index(&collection));
                self.indexes.insert(name, Arc::clone(&index));
                index
            }
        };
        blocking(move || indexes::apply(&index, outcome.images)).await
    }

    fn empty_index(&self, collection: &Collection) -> CollectionIndex {
        CollectionIndex::empty(self.catalogue.profile(collection.profile), &self.new_index)
    }

    /// Builds all indexes unless they are built.
    async fn build(&self) -> Result<(), FollowError> {
        let _one = self.building.lock().await;
        if self.watermark.lock().await.is_some() {
            return Ok(());
        }
        let start = Instant::now();
        let result = self.build_all().await;
        match &result {
            Ok(descriptors) => {
                histogram!(metric::INDEX_BUILD_SECONDS).record(start.elapsed().as_secs_f64());
                tracing::info!(descriptors, seconds = start.elapsed().as_secs_f64(), "the index is built");
            }
            Err(_) => {
                self.state.send_replace(SearchState::Waiting);
            }
        }
        result.map(|_| ())
    }

    async fn build_all(&self) -> Result<u64, FollowError> {
        let old = self.indexes.replace_all(HashMap::new());
        blocking(move || drop(old)).await?;
        // First the position, then the content: what is written in between is applied once more
        // from the log.
        let mut position = self.store.last_seq().await?;
        let summaries = self.store.list_collections(self.catalogue.model()).await?;
        let total = summaries.iter().map(|s| s.images.saturating_sub(s.stale)).sum();
        let mut done = 0;
        self.state.send_replace(SearchState::Building { done, total });
        let mut built = HashMap::new();
        for summary in summaries {
            let index = Arc::new(self.empty_index(&summary.collection));
            let name = summary.collection.name;
            let mut after = None;
            loop {
                let page = self.store.descriptors(&name, &index.version, after, PAGE).await?;
                let Some(&(last, _)) = page.last() else { break };
                after = Some(last);
                let count = page.len() as u64;
                let into = Arc::clone(&index);
                blocking(move || indexes::upsert(&into, page)).await?;
                done += count;
                self.state.send_replace(SearchState::Building { done, total: total.max(done) });
                if count < u64::from(PAGE) {
                    break;
                }
            }
            if !index.points.is_empty() {
                built.insert(name, index);
            }
        }
        let mut watermark = self.watermark.lock().await;
        // Before the indexes are seen: what a filter leaves is remembered in them under a change
        // that they hold.
        self.publish(position);
        drop(self.indexes.replace_all(built));
        // A write that was committed before this reading of the position did not wait for the
        // index, so it has to be in it before the first search; one that commits later waits for
        // the lock.
        let newest = self.store.last_seq().await?;
        self.advance(&mut position, newest).await?;
        *watermark = Some(position);
        self.state.send_replace(SearchState::Ready);
        Ok(done)
    }

    /// An index that panicked may hold anything: it is thrown away and built anew.
    fn rebuild_after(&self, result: &Result<(), FollowError>, watermark: &mut Option<Seq>) {
        match result {
            Err(FollowError::Index(_)) => {
                *watermark = None;
                self.announce();
            }
            Ok(()) | Err(FollowError::Store(_)) => {}
        }
    }

    /// Logs the first failure of a row and its end; `true` for a success.
    fn note(&self, result: Result<(), FollowError>) -> bool {
        match result {
            Ok(()) => {
                if self.behind.swap(false, Ordering::Relaxed) {
                    tracing::info!("the index follows the database again");
                }
                true
            }
            Err(error) => {
                counter!(metric::FOLLOW_FAILURES).increment(1);
                if !self.behind.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the index cannot follow the database; it tries again");
                }
                false
            }
        }
    }

    /// Counts what the indexes hold, which takes a look at every point.
    #[allow(clippy::cast_precision_loss)]
    async fn measure(&self) {
        let indexes = self.indexes.all();
        let count =
            move || indexes.iter().fold((0, 0), |(n, bytes), i| (n + i.points.len(), bytes + i.points.memory_bytes()));
        let Ok((points, bytes)) = blocking(count).await else { return };
        gauge!(metric::INDEX_POINTS).set(points as f64);
        gauge!(metric::INDEX_BYTES).set(bytes as f64);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, FollowError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| FollowError::Index(e.to_string()))
}

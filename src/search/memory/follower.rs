//! How the index follows the store.
//!
//! The store's change log is the only way into the index. Every write commits, then waits until the
//! log is applied up to its own entry: so a client finds what it wrote, concurrent writers share
//! one reading of the log, and the order is always that of the commits. A background task reads the
//! log at an interval as well; it finds what other processes wrote to the same database and what
//! was committed while the connection broke. A crash loses nothing: at the next start the index is
//! what was saved, or is built from the store, and follows from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::indexes::{self, CollectionIndex, Indexes};
use crate::domain::{Catalogue, CollectionName, Seq};
use crate::search::{IndexMaker, SearchError, SearchState, memory_parts};
use crate::store::{Changes, Store, StoreError};
use crate::telemetry::metric;

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
    /// Changes that the indexes do not hold are no longer in the log.
    #[error("the changes that the index lacks are no longer in the change log")]
    Pruned,
    /// The index panicked, or the process is ending.
    #[error("the index failed: {0}")]
    Index(String),
}

impl From<FollowError> for SearchError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(error) => Self::Store(error),
            // It is being built anew.
            FollowError::Pruned => Self::NotReady,
            FollowError::Index(reason) => Self::Internal(reason),
        }
    }
}

/// Owns the indexes and the position in the change log.
pub(super) struct Follower {
    pub(super) store: Arc<dyn Store>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) maker: Arc<dyn IndexMaker>,
    pub(super) indexes: Indexes,
    /// The last change that the indexes hold; `None` until they are built. Whoever holds the lock
    /// is the only one that applies changes.
    pub(super) watermark: Mutex<Option<Seq>>,
    /// The last value of the watermark, for those who must not wait for the lock.
    applied: AtomicI64,
    /// Held while the indexes are built, so that only one task does it.
    pub(super) building: Mutex<()>,
    pub(super) state: watch::Sender<SearchState>,
    /// Whether the last attempt to follow failed: a failure is logged once, not at every attempt.
    behind: AtomicBool,
    memory: AtomicU64,
    /// Whether indexes are searched while they are being built.
    pub(super) serves_parts: bool,
    /// The change up to which everything is saved. Held while indexes are saved.
    saved: Mutex<Seq>,
}

impl Follower {
    pub(super) fn new(
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        maker: Arc<dyn IndexMaker>,
        serves_parts: bool,
    ) -> Self {
        Self {
            store,
            catalogue,
            maker,
            indexes: Indexes::default(),
            watermark: Mutex::new(None),
            applied: AtomicI64::new(Seq::ZERO.0),
            building: Mutex::new(()),
            state: watch::Sender::new(SearchState::Building { done: 0, total: 0, serving: serves_parts }),
            behind: AtomicBool::new(false),
            memory: AtomicU64::new(0),
            serves_parts,
            saved: Mutex::new(Seq::ZERO),
        }
    }

    /// Bytes that all indexes keep in memory, as last measured.
    pub(super) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
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
    pub(super) fn announce(&self, done: u64, total: u64) {
        self.state.send_replace(SearchState::Building { done, total, serving: self.serves_parts });
    }

    /// Builds the indexes and keeps them at the state of the store until `closing` turns true.
    ///
    /// Every `save_interval` it has the indexes saved beside that, and once more at the end.
    pub(super) async fn run(
        self: Arc<Self>,
        interval: Duration,
        save_interval: Duration,
        mut closing: watch::Receiver<bool>,
    ) {
        // The build ends at the newest change, so the first look at the log is due an interval
        // later.
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pause = FIRST_PAUSE;
        let mut saving: Option<JoinHandle<()>> = None;
        let mut last_save: Option<Instant> = None;
        while !*closing.borrow() {
            // A build may be cut off anywhere: the next one begins anew.
            let built = tokio::select! {
                _ = closing.changed() => break,
                built = self.build() => self.note(built),
            };
            if !built {
                tokio::select! {
                    _ = closing.changed() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(MAX_PAUSE);
                continue;
            }
            pause = FIRST_PAUSE;
            self.measure().await;
            // After a build at once: so long a time is not to be spent again.
            let is_due = last_save.is_none_or(|at| at.elapsed() >= save_interval);
            if is_due && saving.as_ref().is_none_or(JoinHandle::is_finished) {
                last_save = Some(Instant::now());
                let this = Arc::clone(&self);
                saving = Some(tokio::spawn(async move { this.save().await }));
            }
            tokio::select! {
                _ = closing.changed() => break,
                _ = ticks.tick() => {}
            }
            // This one runs to its end: see `follow`.
            let result = self.follow_here().await;
            self.note(result);
        }
        if let Some(saving) = saving {
            // It logs its own failures.
            let _ = saving.await;
        }
        self.save().await;
    }

    /// Saves the indexes that have changed, and lets the database forget the changes that all hold.
    async fn save(&self) {
        let Some(follower) = self.maker.follower() else { return };
        if self.watermark.lock().await.is_none() {
            return;
        }
        let saved = self.save_changed().await;
        if let Err(error) = self.prune(follower, saved).await {
            tracing::debug!(%error, "the change log is not pruned");
        }
    }

    /// Notes what is saved, and removes the changes that nobody needs any more.
    async fn prune(&self, follower: Uuid, saved: Seq) -> Result<(), StoreError> {
        self.store.followed(follower, saved).await?;
        let mut removed = 0;
        loop {
            match self.store.prune().await? {
                0 => break,
                changes => removed += changes,
            }
        }
        if removed > 0 {
            tracing::debug!(removed, "changes that every index holds are removed from the log");
        }
        Ok(())
    }

    /// Saves the indexes that have changed, and notes what all of them hold; the change up to which
    /// everything is saved.
    async fn save_changed(&self) -> Seq {
        let mut saved = self.saved.lock().await;
        let seq = self.applied();
        let indexes = self.indexes.all();
        if *saved == seq && indexes.iter().all(|index| !index.has_changed()) {
            return seq;
        }
        let start = Instant::now();
        let maker = Arc::clone(&self.maker);
        let work = move || {
            let mut kept = Vec::with_capacity(indexes.len());
            for index in indexes {
                match index.save(seq) {
                    Ok(()) => kept.push((index.of.clone(), seq)),
                    Err(error) => tracing::warn!(collection = %index.of.name, %error,
                        "the index cannot be saved: after a restart it is built anew, or follows from the last save"),
                }
            }
            maker.note(&kept).map(|()| kept.len())
        };
        match blocking(work).await {
            Ok(Ok(indexes)) => {
                *saved = seq;
                let elapsed = start.elapsed();
                histogram!(metric::INDEX_SAVE_SECONDS).record(elapsed.as_secs_f64());
                tracing::debug!(indexes, %seq, seconds = elapsed.as_secs_f64(), "the indexes are saved");
            }
            Ok(Err(error)) => tracing::warn!(%error, "the indexes cannot be saved"),
            Err(error) => tracing::error!(%error, "saving the indexes failed"),
        }
        *saved
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
            self.announce(0, 0);
            return Ok(());
        }
        lag(newest, *at);
        let result = self.advance(at, newest).await;
        lag(newest, *at);
        self.rebuild_after(result, &mut watermark)
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
        let result = self.rebuild_after(result, &mut watermark);
        drop(watermark);
        // The write is durable all the same and is acknowledged; the background task tries again.
        self.note(result);
    }

    pub(super) async fn advance(&self, watermark: &mut Seq, target: Seq) -> Result<(), FollowError> {
        while *watermark < target {
            let Changes::Since(changes) = self.store.changes(*watermark, CHANGES).await? else {
                return Err(FollowError::Pruned);
            };
            let Some(last) = changes.last().map(|change| change.seq) else { break };
            let news = changes.into_iter().filter(|change| self.indexes.lacks(change)).collect();
            for (name, outcome) in indexes::fold(news) {
                self.apply(name, outcome).await?;
            }
            *watermark = last;
            self.publish(last);
        }
        Ok(())
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn publish(&self, applied: Seq) {
        self.applied.store(applied.0, Ordering::Release);
        gauge!(metric::INDEX_WATERMARK).set(applied.0 as f64);
    }

    async fn apply(&self, name: CollectionName, outcome: indexes::Outcome) -> Result<(), FollowError> {
        if outcome.deleted
            && let Some(old) = self.indexes.remove(&name)
        {
            let (maker, gone) = (Arc::clone(&self.maker), name.clone());
            blocking(move || {
                drop(old);
                maker.discard(&gone);
            })
            .await?;
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
                let index = Arc::new(self.empty_index(self.indexed(&collection), Seq::ZERO).await?);
                self.indexes.insert(name, Arc::clone(&index));
                index
            }
        };
        blocking(move || indexes::apply(&index, outcome.images)).await
    }

    /// An index that panicked may hold anything, and one behind the beginning of the log cannot
    /// follow: it is thrown away and built anew.
    fn rebuild_after(&self, result: Result<(), FollowError>, watermark: &mut Option<Seq>) -> Result<(), FollowError> {
        if matches!(result, Err(FollowError::Index(_) | FollowError::Pruned)) {
            *watermark = None;
            self.announce(0, 0);
        }
        match result {
            Err(FollowError::Pruned) => {
                tracing::warn!("{}: it is built anew", FollowError::Pruned);
                Ok(())
            }
            Ok(()) | Err(FollowError::Index(_) | FollowError::Store(_)) => result,
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

    /// Counts what the indexes hold, and says it in the metrics.
    #[allow(clippy::cast_precision_loss)]
    pub(super) async fn measure(&self) {
        let indexes = self.indexes.all();
        let count = move || -> Vec<_> { indexes.iter().map(|i| (i.points.len(), i.points.memory())).collect() };
        let Ok(counts) = blocking(count).await else { return };
        self.memory.store(counts.iter().map(|(_, memory)| memory.total() as u64).sum(), Ordering::Relaxed);
        gauge!(metric::INDEX_POINTS).set(counts.iter().map(|(points, _)| *points).sum::<usize>() as f64);
        for (part, bytes) in memory_parts(counts.into_iter().map(|(_, memory)| memory)) {
            gauge!(metric::INDEX_MEMORY_BYTES, "part" => part).set(bytes as f64);
        }
    }
}

/// How many changes the indexes are behind the database.
#[allow(clippy::cast_precision_loss)]
fn lag(newest: Seq, applied: Seq) {
    gauge!(metric::INDEX_LAG).set((newest.0 - applied.0).max(0) as f64);
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, FollowError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| FollowError::Index(e.to_string()))
}

//! The search in memory: one [`VectorIndex`] for each collection, filled from the database and kept
//! at its state.

mod filters;
mod follower;
mod indexes;
#[cfg(test)]
mod tests;
mod ties;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use metrics::histogram;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::follower::Follower;
use self::indexes::CollectionIndex;
use self::ties::ordered_by_id;
use super::{Effort, Nearest, Ranked, SearchBackend, SearchError, SearchParams, SearchSlots, SearchState, VectorIndex};
use crate::domain::{Catalogue, CollectionName, ImageKey, Neighbor, Seq};
use crate::store::Store;
use crate::telemetry::metric;

pub use self::indexes::NewIndex;

/// Images whose neighbours are looked for in one piece of work; others get their turn between two.
const NEIGHBOURS_AT_ONCE: usize = 64;

/// Searches indexes in memory, which follow the change log of a database.
pub struct MemorySearch {
    store: Arc<dyn Store>,
    follower: Arc<Follower>,
    slots: Arc<SearchSlots>,
    closed: watch::Sender<bool>,
    following: Mutex<Option<JoinHandle<()>>>,
}

impl MemorySearch {
    /// Starts the task that builds the indexes and keeps them at the state of the store; it reads
    /// the change log every `interval`, beside what writers of this process tell. Returns at once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        new_index: NewIndex,
        slots: Arc<SearchSlots>,
        interval: Duration,
    ) -> Self {
        let follower = Arc::new(Follower::new(Arc::clone(&store), catalogue, new_index));
        let closed = watch::Sender::new(false);
        let following = tokio::spawn(Arc::clone(&follower).run(interval, closed.subscribe()));
        Self { store, follower, slots, closed, following: Mutex::new(Some(following)) }
    }

    /// The last change that the indexes hold, once nobody is applying any.
    #[cfg(test)]
    pub(crate) async fn watermark(&self) -> Option<Seq> {
        self.follower.watermark().await
    }

    fn is_ready(&self) -> Result<(), SearchError> {
        if self.follower.state() == SearchState::Ready { Ok(()) } else { Err(SearchError::NotReady) }
    }
}

#[async_trait]
impl SearchBackend for MemorySearch {
    async fn nearest(&self, query: Nearest) -> Result<Ranked, SearchError> {
        self.is_ready()?;
        let Nearest { collection, version, descriptor, filter, limit, min_score, effort } = query;
        let index = match self.follower.index(&collection) {
            // Of another version: the collection was just made anew with another profile, so it has
            // nothing to find yet.
            Some(index) if index.version == version => index,
            Some(_) | None => return Ok(Ranked::default()),
        };
        // Read before the store is asked: what the store answers is at least as new.
        let applied = self.follower.applied();
        let admission = self.slots.admit()?;
        let allowed = match &filter {
            Some(filter) => Some(index.filters.keys(&*self.store, &collection, filter, applied).await?),
            None => None,
        };
        // One more than the limit tells whether there are more.
        let params = params(limit.saturating_add(1), effort);
        let start = Instant::now();
        let found = admission.run(move || index.points.search(&descriptor, params, allowed.as_deref())).await?;
        histogram!(metric::INDEX_SEARCH_SECONDS).record(start.elapsed().as_secs_f64());
        let mut ranking = found.map_err(|e| SearchError::Internal(e.to_string()))?;
        leave_out_below(&mut ranking, min_score);
        let more = ranking.len() > limit;
        let neighbors = ordered_by_id(&*self.store, vec![ranking], limit).await?.pop().unwrap_or_default();
        Ok(Ranked { neighbors, more })
    }

    async fn neighbours_of(
        &self,
        collection: &CollectionName,
        keys: &[ImageKey],
        k: usize,
        min_score: Option<f32>,
    ) -> Result<Vec<(ImageKey, Vec<Neighbor>)>, SearchError> {
        self.is_ready()?;
        let Some(index) = self.follower.index(collection) else { return Ok(Vec::new()) };
        let admission = self.slots.admit()?;
        let mut named = Vec::new();
        let mut rankings = Vec::new();
        for part in keys.chunks(NEIGHBOURS_AT_ONCE) {
            let (index, part) = (Arc::clone(&index), part.to_vec());
            for (key, ranking) in admission.run(move || others_near(&index, &part, k, min_score)).await?? {
                named.push(key);
                rankings.push(ranking);
            }
        }
        let rankings = ordered_by_id(&*self.store, rankings, k).await?;
        Ok(named.into_iter().zip(rankings).collect())
    }

    async fn caught_up(&self, seq: Seq) {
        self.follower.catch_up(seq).await;
    }

    async fn refresh(&self) -> Result<(), SearchError> {
        Ok(self.follower.follow().await?)
    }

    async fn ready(&self) -> Result<(), SearchError> {
        let mut states = self.follower.states();
        let mut closing = self.closed.subscribe();
        tokio::select! {
            biased;
            // Neither sender can go away before `self` does.
            _ = closing.wait_for(|closed| *closed) => Err(SearchError::ShuttingDown),
            _ = states.wait_for(|state| *state == SearchState::Ready) => Ok(()),
        }
    }

    fn state(&self) -> SearchState {
        self.follower.state()
    }

    async fn shutdown(&self) {
        self.closed.send_replace(true);
        let following = self.following.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(following) = following
            && let Err(error) = following.await
        {
            tracing::error!(%error, "the task that follows the database ended early");
        }
    }
}

fn params(k: usize, effort: Effort) -> SearchParams {
    let (ef, exact) = match effort {
        Effort::Usual => (None, false),
        Effort::Breadth(ef) => (Some(ef), false),
        Effort::Exact => (None, true),
    };
    SearchParams { k, ef, exact }
}

/// Cuts a ranking where it falls below a score.
fn leave_out_below(ranking: &mut Vec<Neighbor>, min_score: Option<f32>) {
    if let Some(min) = min_score {
        ranking.truncate(ranking.partition_point(|neighbor| neighbor.score >= min));
    }
}

/// The `k` nearest others of each of these images, and what ties with the last of them. Blocks.
fn others_near(
    index: &CollectionIndex,
    keys: &[ImageKey],
    k: usize,
    min_score: Option<f32>,
) -> Result<Vec<(ImageKey, Vec<Neighbor>)>, SearchError> {
    let points: &dyn VectorIndex = &*index.points;
    let mut found = Vec::with_capacity(keys.len());
    for &key in keys {
        let Some(descriptor) = points.descriptor(key) else { continue };
        let nearest = points.search(&descriptor, params(k.saturating_add(1), Effort::Usual), None);
        let mut ranking = nearest.map_err(|e| SearchError::Internal(e.to_string()))?;
        ranking.retain(|neighbor| neighbor.key != key);
        leave_out_below(&mut ranking, min_score);
        found.push((key, ranking));
    }
    Ok(found)
}

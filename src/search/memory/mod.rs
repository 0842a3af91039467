//! The search in memory: one [`VectorIndex`] for each collection, filled from the database and kept
//! at its state.

mod build;
mod filters;
mod follower;
mod indexes;
mod progress;
mod repair;
#[cfg(test)]
mod tests;
mod ties;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use metrics::histogram;
use roaring::RoaringTreemap;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::follower::Follower;
use self::indexes::CollectionIndex;
use self::ties::ordered_by_id;
use super::{
    Effort, Found, IndexError, IndexMaker, Nearest, Ranked, SearchBackend, SearchError, SearchParams, SearchSlots,
    SearchState, VectorIndex,
};
use crate::domain::{Catalogue, CollectionName, Descriptor, ImageKey, Neighbor, Seq};
use crate::store::Store;
use crate::telemetry::{Trace, metric};

/// Images whose neighbours are looked for in one piece of work; others get their turn between two.
const NEIGHBOURS_AT_ONCE: usize = 64;

/// How [`MemorySearch`] follows, saves and grows.
#[derive(Debug, Clone, Copy)]
pub struct MemoryOptions {
    /// How often the change log is read, beside what writers of this process tell.
    pub follow_interval: Duration,
    /// How often indexes that have changed are saved.
    pub save_interval: Duration,
    /// Bytes of all indexes from which on there is no room for more; 0 for no limit.
    pub max_memory: u64,
    /// Whether searches are answered from a part while the rest is being read.
    pub serve_while_building: bool,
}

/// Searches indexes in memory, which follow the change log of a database.
pub struct MemorySearch {
    store: Arc<dyn Store>,
    follower: Arc<Follower>,
    slots: Arc<SearchSlots>,
    options: MemoryOptions,
    closed: watch::Sender<bool>,
    following: Mutex<Option<JoinHandle<()>>>,
}

impl MemorySearch {
    /// Starts the task that builds the indexes, keeps them at the state of the store and saves
    /// them. Returns at once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        maker: Arc<dyn IndexMaker>,
        slots: Arc<SearchSlots>,
        options: MemoryOptions,
    ) -> Self {
        let follower = Follower::new(Arc::clone(&store), catalogue, maker, options.serve_while_building);
        let follower = Arc::new(follower);
        let closed = watch::Sender::new(false);
        let following = Arc::clone(&follower).run(options.follow_interval, options.save_interval, closed.subscribe());
        let following = tokio::spawn(following);
        Self { store, follower, slots, options, closed, following: Mutex::new(Some(following)) }
    }

    /// The last change that the indexes hold, once nobody is applying any.
    #[cfg(test)]
    pub(crate) async fn watermark(&self) -> Option<Seq> {
        self.follower.watermark().await
    }

    /// Returns when the memory of the indexes was measured.
    #[cfg(test)]
    pub(crate) async fn measured(&self) {
        self.follower.measure().await;
    }

    /// Whether everything is searched.
    ///
    /// # Errors
    /// [`SearchError::NotReady`] where searches are not answered.
    fn is_whole(&self) -> Result<bool, SearchError> {
        let state = self.follower.state();
        if state.answers() { Ok(state == SearchState::Ready) } else { Err(SearchError::NotReady) }
    }
}

#[async_trait]
impl SearchBackend for MemorySearch {
    async fn nearest(&self, query: Nearest) -> Result<Ranked, SearchError> {
        let Nearest { collection, version, looks, filter, limit, min_score, effort } = query;
        let index = self.follower.index(&collection);
        // Asked behind that: a build says so before it takes the indexes away.
        let partial = !self.is_whole()?;
        let index = match index {
            // Of another version: the collection was just made anew with another profile, so it has
            // nothing to find yet.
            Some(index) if index.of.version == version => index,
            Some(_) | None => return Ok(Ranked { partial, ..Ranked::default() }),
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
        let search = {
            let index = Arc::clone(&index);
            move || nearest_to_any(&*index.points, &looks, params, allowed.as_deref())
        };
        let mut found = admission.run(search.clone()).await?.map_err(internal)?;
        if !found.unreadable.is_empty() {
            self.repair(&index, std::mem::take(&mut found.unreadable)).await?;
            found = admission.run(search).await?.map_err(internal)?;
        }
        histogram!(metric::INDEX_SEARCH_SECONDS).record(start.elapsed().as_secs_f64());
        Trace::current().stage("index", &[], start, Instant::now());
        let Found { neighbors: mut ranking, .. } = found;
        leave_out_below(&mut ranking, min_score);
        let more = ranking.len() > limit;
        let neighbors = ordered_by_id(&*self.store, vec![ranking], limit).await?.pop().unwrap_or_default();
        Ok(Ranked { neighbors, more, partial })
    }

    async fn neighbours_of(
        &self,
        collection: &CollectionName,
        keys: &[ImageKey],
        k: usize,
        min_score: Option<f32>,
    ) -> Result<Vec<(ImageKey, Vec<Neighbor>)>, SearchError> {
        if !self.is_whole()? {
            return Err(SearchError::NotReady);
        }
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

    fn has_room(&self) -> bool {
        self.options.max_memory == 0 || self.follower.memory() < self.options.max_memory
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

fn internal(error: IndexError) -> SearchError {
    SearchError::Internal(error.to_string())
}

fn params(k: usize, effort: Effort) -> SearchParams {
    let (ef, exact) = match effort {
        Effort::Usual => (None, false),
        Effort::Breadth(ef) => (Some(ef), false),
        Effort::Exact => (None, true),
    };
    SearchParams { k, ef, exact }
}

/// What is nearest to any of these looks, each image with its largest score. What is among the `k`
/// nearest to any is among the `k` nearest to that one, or ties with its `k`-th.
fn nearest_to_any(
    points: &dyn VectorIndex,
    looks: &[Descriptor],
    params: SearchParams,
    allowed: Option<&RoaringTreemap>,
) -> Result<Found, IndexError> {
    let mut all = Found::default();
    for look in looks {
        let Found { neighbors, unreadable } = points.search(look, params, allowed)?;
        all.neighbors.extend(neighbors);
        all.unreadable.extend(unreadable);
    }
    if looks.len() > 1 {
        // The best of each first, so that it is what stays.
        all.neighbors.sort_unstable_by(|a, b| a.key.cmp(&b.key).then(b.score.total_cmp(&a.score)));
        all.neighbors.dedup_by_key(|neighbor| neighbor.key);
        all.neighbors.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.unreadable.sort_unstable();
        all.unreadable.dedup();
    }
    Ok(all)
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
        let mut ranking = nearest.map_err(internal)?.neighbors;
        ranking.retain(|neighbor| neighbor.key != key);
        leave_out_below(&mut ranking, min_score);
        found.push((key, ranking));
    }
    Ok(found)
}

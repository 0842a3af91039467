//! How the indexes come to be at the start: taken from where they were saved, or made from the
//! store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use metrics::histogram;

use super::follower::{FollowError, Follower, blocking};
use super::indexes::{self, CollectionIndex};
use super::progress::Progress;
use crate::domain::{Collection, Seq};
use crate::search::{Indexed, SearchState};
use crate::store::Changes;
use crate::telemetry::metric;

/// Descriptors read at once while an index is built.
const PAGE: u32 = 5_000;

impl Follower {
    /// Builds all indexes unless they are built.
    pub(super) async fn build(&self) -> Result<(), FollowError> {
        let _one = self.building.lock().await;
        if self.watermark.lock().await.is_some() {
            return Ok(());
        }
        let start = Instant::now();
        let result = self.build_all().await;
        match &result {
            Ok(progress) => {
                let (descriptors, seconds) = (progress.done(), start.elapsed().as_secs_f64());
                histogram!(metric::INDEX_BUILD_SECONDS).record(seconds);
                tracing::info!(descriptors, saved = progress.saved(), seconds, "the index is built");
            }
            Err(_) => {
                self.state.send_replace(SearchState::Waiting);
            }
        }
        result.map(|_| ())
    }

    /// Takes the indexes that were saved, makes the others from the store, and applies what was
    /// committed since.
    async fn build_all(&self) -> Result<Progress, FollowError> {
        let old = self.indexes.replace_all(HashMap::new());
        blocking(move || drop(old)).await?;
        // What a filter leaves of a part must not be remembered as what it leaves of the whole.
        self.publish(Seq::ZERO);
        // First the position, then the content: what is written in between is applied once more
        // from the log.
        let newest = self.store.last_seq().await?;
        let mut position = newest;
        let summaries = self.store.list_collections(self.catalogue.model()).await?;
        let total = summaries.iter().map(|s| s.images.saturating_sub(s.stale)).sum();
        let mut progress = Progress::start(total);
        self.announce(progress.done(), progress.total());
        let mut built = HashMap::new();
        let mut saved = Vec::new();
        for summary in summaries {
            let of = self.indexed(&summary.collection);
            let saved_index = match self.saved_index(&of).await? {
                // A database that was put back to an older state goes on with other changes of the
                // same numbers.
                Some(index) if index.since > newest => {
                    tracing::warn!(collection = %of.name, saved = %index.since, database = %newest,
                        "the saved index is newer than the database: it is built anew");
                    // It keeps its folder from the one that takes its place.
                    blocking(move || drop(index)).await?;
                    None
                }
                Some(index) if self.store.changes(index.since, 1).await? == Changes::Pruned => {
                    tracing::warn!(collection = %of.name, saved = %index.since,
                        "what changed since the index was saved is no longer in the change log: it is built anew");
                    blocking(move || drop(index)).await?;
                    None
                }
                usable => usable,
            };
            let index = match saved_index {
                Some(index) => {
                    saved.push(of);
                    progress.add_saved(index.points.len() as u64);
                    self.announce(progress.done(), progress.total());
                    self.serve_part(index)
                }
                None => self.read_index(of, newest, &mut progress).await?,
            };
            position = position.min(index.since);
            if !index.points.is_empty() {
                built.insert(index.of.name.clone(), index);
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
        for of in self.unlike_the_store(saved, position).await? {
            let old = self.indexes.remove(&of.name);
            // First, since it has the folder to itself.
            blocking(move || drop(old)).await?;
            let index = self.read_index(of.clone(), position, &mut progress).await?;
            self.indexes.insert(of.name, index);
        }
        *watermark = Some(position);
        self.state.send_replace(SearchState::Ready);
        Ok(progress)
    }

    /// Makes an index of what the store holds.
    async fn read_index(
        &self,
        of: Indexed,
        since: Seq,
        progress: &mut Progress,
    ) -> Result<Arc<CollectionIndex>, FollowError> {
        let index = self.serve_part(self.empty_index(of, since).await?);
        let mut after = None;
        loop {
            let page = self.store.descriptors(&index.of.name, &index.of.version, after, PAGE).await?;
            let Some(&(last, _)) = page.last() else { break };
            after = Some(last);
            let count = page.len() as u64;
            let into = Arc::clone(&index);
            blocking(move || indexes::upsert(&into, page)).await?;
            progress.add(count);
            self.announce(progress.done(), progress.total());
            progress.log(&index.of.name);
            if count < u64::from(PAGE) {
                break;
            }
        }
        Ok(index)
    }

    /// Lets searches see an index that does not hold everything yet, where they may.
    fn serve_part(&self, index: CollectionIndex) -> Arc<CollectionIndex> {
        let index = Arc::new(index);
        if self.serves_parts {
            self.indexes.insert(index.of.name.clone(), Arc::clone(&index));
        }
        index
    }

    /// Those of the saved indexes that, with all changes up to `position` applied, do not hold as
    /// many images as are stored: a database that was put back and written to again can have as
    /// many changes as before and other images. None where another process writes meanwhile.
    async fn unlike_the_store(&self, saved: Vec<Indexed>, position: Seq) -> Result<Vec<Indexed>, FollowError> {
        if saved.is_empty() {
            return Ok(saved);
        }
        let summaries = self.store.list_collections(self.catalogue.model()).await?;
        if self.store.last_seq().await? != position {
            return Ok(Vec::new());
        }
        let differs = |of: &Indexed| {
            let found = self.indexes.get(&of.name).map_or(0, |index| index.points.len() as u64);
            let summary = summaries.iter().find(|summary| summary.collection.name == of.name);
            let stored = summary.map_or(0, |summary| summary.images.saturating_sub(summary.stale));
            if found != stored {
                tracing::warn!(collection = %of.name, saved = found, stored,
                    "the saved index does not hold the images that are stored: it is built anew");
            }
            found != stored
        };
        Ok(saved.into_iter().filter(differs).collect())
    }

    pub(super) fn indexed(&self, collection: &Collection) -> Indexed {
        let profile = self.catalogue.profile(collection.profile);
        Indexed::new(collection, profile.version.clone(), profile.dimension)
    }

    pub(super) async fn empty_index(&self, of: Indexed, since: Seq) -> Result<CollectionIndex, FollowError> {
        let maker = Arc::clone(&self.maker);
        blocking(move || CollectionIndex::empty(of, since, &*maker)).await
    }

    async fn saved_index(&self, of: &Indexed) -> Result<Option<CollectionIndex>, FollowError> {
        let (maker, of) = (Arc::clone(&self.maker), of.clone());
        blocking(move || CollectionIndex::saved(&of, &*maker)).await
    }
}

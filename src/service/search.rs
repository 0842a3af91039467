//! Searching a collection.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::follow::IndexState;
use super::indexes::CollectionIndex;
use super::verification::Matches;
use super::workers::WhenFull;
use super::{Query, RetrievalService, SearchHit, SearchRequest, SearchResponse, ServiceError, VerificationEffort};
use crate::domain::{
    Collection, CollectionName, Descriptor, DescriptorVersion, ExtractionCost, Filter, ImageId, ImageRecord, Levels,
    Neighbor, QueryRegion, Verify,
};
use crate::index::SearchParams;
use crate::telemetry::metric;
use eyrie_vision::describe::Request;
use eyrie_vision::local::{LocalFeatures, QUERY_FEATURES, Verification, verdict};

/// The largest breadth of a graph search; beyond it an exact search is faster.
const MAX_EF: usize = 4_096;

/// Neighbours read beyond those asked for, to fill the places of images that are deleted during the search.
const SPARE: usize = 8;

/// Searches that may wait for a free processor; one more is refused.
const MAX_WAITING: usize = 256;

/// Bounds the searches that run at once (each takes a processor) and those that wait.
pub(super) struct SearchSlots {
    admitted: Semaphore,
    running: Arc<Semaphore>,
    processors: usize,
}

impl SearchSlots {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            admitted: Semaphore::new(processors + MAX_WAITING),
            running: Arc::new(Semaphore::new(processors)),
            processors,
        }
    }

    /// How much of the work can run at once.
    pub(super) fn processors(&self) -> usize {
        self.processors
    }

    /// A place among the searches that run or wait.
    fn admit(&self) -> Result<SemaphorePermit<'_>, ServiceError> {
        self.admitted.try_acquire().map_err(|_| ServiceError::Overloaded { retry_after_seconds: 1 })
    }

    /// Runs work of an admitted search off the async threads, when a processor is free.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let slot = Arc::clone(&self.running).acquire_owned().await.map_err(|_| ServiceError::ShuttingDown)?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when the client has gone by then.
            let _slot = slot;
            work()
        })
        .await
        .map_err(|e| ServiceError::Internal(format!("the search failed: {e}")))
    }
}

/// A query, resolved to the descriptor that is looked for.
struct Wanted {
    descriptor: Descriptor,
    /// What the first results are compared with; `None` where they are not.
    features: Option<Arc<LocalFeatures>>,
    /// Time to look for these.
    features_time: Duration,
    /// The part of the query image that this is; `None` for all of it.
    region: Option<QueryRegion>,
    /// The image that must not be among its own results.
    itself: Option<ImageId>,
    cost: Option<ExtractionCost>,
}

impl RetrievalService {
    /// Searches a collection. The first results of the whole ranking, whichever page is asked for, are compared with the
    /// query by local features where there are any; offset and k cut the order that comes of it.
    ///
    /// # Errors
    /// [`ServiceError`]: a number out of range, unknown collection or image, a query that is no image or no descriptor of this
    /// collection or cannot be verified though it must, [`ServiceError::NotReady`], overload, the database.
    pub async fn search(
        &self,
        collection: &CollectionName,
        request: SearchRequest,
    ) -> Result<SearchResponse, ServiceError> {
        let _running = self.gate.enter()?;
        self.check(&request)?;
        let found = self.known_collection(collection).await?;
        if self.follower.state() != IndexState::Ready {
            return Err(ServiceError::NotReady);
        }
        let version = self.version(found.profile);
        let verify = request.verify.unwrap_or(self.options.verify);
        let window = self.window(verify)?;
        let kind = match &request.query {
            Query::Image(..) => "image",
            Query::Id(_) => "id",
            Query::Descriptor(..) => "descriptor",
        };
        let wanted = self.resolve(&found, &version, request.query, verify, window).await?;
        let page = Page {
            k: request.k,
            offset: request.offset,
            min_score: request.min_score,
            filter: request.filter,
            ef: request.ef,
            exact: request.exact,
            window: if wanted.features.is_some() { window } else { 0 },
        };
        let mut index_milliseconds = 0.0;
        let mut matches = Matches { time: wanted.features_time, ..Matches::default() };
        let mut answer = self.page(collection, &version, &wanted, &page, &mut index_milliseconds, &mut matches).await?;
        if answer.incomplete {
            // More images went away than the spare ones could replace, probably by another process: read what it did
            // and look once more.
            self.follow_now().await?;
            answer = self.page(collection, &version, &wanted, &page, &mut index_milliseconds, &mut matches).await?;
        }
        counter!(metric::SEARCHES, "query" => kind).increment(1);
        let verification = (page.window > 0).then(|| {
            matches.record();
            VerificationEffort { compared: matches.of.len(), milliseconds: matches.time.as_secs_f64() * 1e3 }
        });
        Ok(SearchResponse { hits: answer.hits, version, cost: wanted.cost, index_milliseconds, verification })
    }

    fn check(&self, request: &SearchRequest) -> Result<(), ServiceError> {
        let max = self.options.max_results;
        if !(1..=max).contains(&request.k) {
            return Err(ServiceError::OutOfRange { name: "k", allowed: format!("between 1 and {max}") });
        }
        if request.offset > max - request.k {
            let allowed = format!("at most {} with this k (offset and k together at most {max})", max - request.k);
            return Err(ServiceError::OutOfRange { name: "offset", allowed });
        }
        if request.min_score.is_some_and(|score| !(-1.0..=1.0).contains(&score)) {
            return Err(ServiceError::OutOfRange { name: "min_score", allowed: "between -1 and 1".to_owned() });
        }
        if request.ef.is_some_and(|ef| !(1..=MAX_EF).contains(&ef)) {
            return Err(ServiceError::OutOfRange { name: "ef", allowed: format!("between 1 and {MAX_EF}") });
        }
        Ok(())
    }

    async fn resolve(
        &self,
        collection: &Collection,
        version: &DescriptorVersion,
        query: Query,
        verify: Verify,
        window: usize,
    ) -> Result<Wanted, ServiceError> {
        let must_be = |actual: DescriptorVersion| {
            if actual == *version {
                return Ok(());
            }
            Err(ServiceError::VersionMismatch { actual, expected: version.clone() })
        };
        match query {
            Query::Image(bytes, region) => {
                let features = if window == 0 { 0 } else { QUERY_FEATURES };
                let request = Request { region, features, ..Request::descriptor(collection.profile) };
                let described = self.pool.describe(bytes, request, WhenFull::Refuse).await?;
                Ok(Wanted {
                    descriptor: described.descriptor,
                    features: described.features.map(Arc::new),
                    features_time: described.features_time,
                    region: described.region,
                    itself: None,
                    cost: Some(described.cost),
                })
            }
            Query::Id(id) => {
                let Some(stored) = self.store.get_descriptor(&collection.name, &id).await? else {
                    return Err(self.missing(&collection.name, &id).await);
                };
                must_be(stored.version)?;
                let start = Instant::now();
                let features = if window == 0 { None } else { self.stored_features(&collection.name, &id).await? };
                if features.is_none() && verify == Verify::Always {
                    return Err(ServiceError::NotVerifiable(
                        "the image was stored without local features; store it again, or search by its bytes",
                    ));
                }
                Ok(Wanted {
                    descriptor: stored.descriptor,
                    features: features.map(Arc::new),
                    features_time: start.elapsed(),
                    region: None,
                    itself: Some(id),
                    cost: None,
                })
            }
            Query::Descriptor(values, made_by) => {
                if verify == Verify::Always {
                    return Err(ServiceError::NotVerifiable(
                        "a descriptor does not say where in the image anything is; search by an image or an id",
                    ));
                }
                made_by.map_or(Ok(()), must_be)?;
                let descriptor = Descriptor::new(values, self.dimension(collection.profile))?;
                Ok(Wanted {
                    descriptor,
                    features: None,
                    features_time: Duration::ZERO,
                    region: None,
                    itself: None,
                    cost: None,
                })
            }
        }
    }

    async fn page(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        wanted: &Wanted,
        page: &Page,
        index_milliseconds: &mut f64,
        matches: &mut Matches,
    ) -> Result<Answer, ServiceError> {
        let allowed = match &page.filter {
            Some(filter) => Some(HashSet::from_iter(self.store.matching_ids(collection, filter).await?)),
            None => None,
        };
        let index = match self.follower.index(collection) {
            // Of another version: the collection was just made anew with another profile, so it has nothing to find yet.
            Some(index) if index.version == *version => index,
            Some(_) | None => return Ok(Answer::default()),
        };
        let asked = (page.offset + page.k).max(page.window) + SPARE + usize::from(wanted.itself.is_some());
        let params = SearchParams { k: asked, ef: page.ef, exact: page.exact };
        let admitted = self.slots.admit()?;
        let start = Instant::now();
        let mut neighbors = self.nearest(index, wanted.descriptor.clone(), params, allowed).await?;
        let elapsed = start.elapsed().as_secs_f64();
        histogram!(metric::INDEX_SEARCH_SECONDS).record(elapsed);
        *index_milliseconds += elapsed * 1e3;

        let exhausted = neighbors.len() < asked;
        neighbors.retain(|n| Some(&n.id) != wanted.itself.as_ref());
        let cut = neighbors.iter().position(|n| page.min_score.is_some_and(|min| n.score < min));
        neighbors.truncate(cut.unwrap_or(neighbors.len()));
        if neighbors.len() <= page.offset {
            return Ok(Answer::default());
        }
        // A page behind the window is in the order of the index.
        if let Some(query) = wanted.features.as_ref().filter(|_| page.offset < page.window) {
            let start = Instant::now();
            let window = page.window.min(neighbors.len());
            matches.of = self.verify(collection, query, &mut neighbors[..window]).await?;
            matches.time += start.elapsed();
        }
        drop(admitted);
        neighbors.drain(..page.offset);
        let more = neighbors.len() > page.k + SPARE;
        neighbors.truncate(page.k + SPARE);
        let ids: Vec<ImageId> = neighbors.iter().map(|n| n.id.clone()).collect();
        let records = self.store.get_many(collection, &ids).await?;
        let mut hits = hits(neighbors, records, page, &matches.of, self.pool.levels(version.profile()));
        if let Some(region) = wanted.region {
            for hit in &mut hits {
                hit.verification = hit.verification.map(|found| found.in_whole_query(region));
            }
        }
        let more = more || (!exhausted && cut.is_none());
        let incomplete = hits.len() < page.k && hits.len() < ids.len() && more;
        Ok(Answer { hits, incomplete })
    }

    async fn nearest(
        &self,
        index: Arc<CollectionIndex>,
        query: Descriptor,
        params: SearchParams,
        allowed: Option<HashSet<ImageId>>,
    ) -> Result<Vec<Neighbor>, ServiceError> {
        let found = self.slots.run(move || index.points.search(&query, params, allowed.as_ref())).await?;
        found.map_err(|e| ServiceError::Internal(e.to_string()))
    }
}

/// Which part of the results is wanted, and how.
struct Page {
    k: usize,
    offset: usize,
    min_score: Option<f32>,
    filter: Option<Filter>,
    ef: Option<usize>,
    exact: bool,
    /// How many of the best are verified, whichever of them the page holds.
    window: usize,
}

#[derive(Default)]
struct Answer {
    hits: Vec<SearchHit>,
    /// There may be more hits than these, since many of those that the index named are gone.
    incomplete: bool,
}

/// Joins the neighbours, which are in order, with their records; leaves out those that are gone or, changed meanwhile,
/// no longer match the filter.
fn hits(
    neighbors: Vec<Neighbor>,
    records: Vec<ImageRecord>,
    page: &Page,
    matches: &HashMap<ImageId, Verification>,
    levels: &Levels,
) -> Vec<SearchHit> {
    let mut records: HashMap<ImageId, ImageRecord> = records.into_iter().map(|r| (r.id.clone(), r)).collect();
    neighbors
        .into_iter()
        .filter_map(|n| records.remove(&n.id).map(|record| (n.score, record)))
        .filter(|(_, record)| page.filter.as_ref().is_none_or(|filter| filter.matches(&record.metadata)))
        .take(page.k)
        .enumerate()
        .map(|(i, (score, record))| {
            let verification = matches.get(&record.id).copied();
            let verdict = verdict(score, verification.as_ref(), levels);
            SearchHit { rank: page.offset + i + 1, score, record, verdict, verification }
        })
        .collect()
}

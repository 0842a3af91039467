//! Searching a collection: the query becomes a descriptor, the backend finds candidates, the first
//! of them are compared with the query by local features, and the page is cut from the order that
//! comes of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::counter;

use super::core::Core;
use super::cut::{Cut, SPARE};
use super::lanes::Lane;
use super::pool::WhenFull;
use super::rerank::{self, Reranked};
use super::subject::{Subject, View};
use super::{RetrievalService, SearchHit, SearchQuery, SearchRequest, SearchResponse, ServiceError};
use crate::domain::{
    Collection, CollectionName, Descriptor, DescriptorVersion, ExtractionCost, FieldPath, Filter, ImageKey,
    ImageRecord, Neighbor, Verify,
};
use crate::search::{Effort, Nearest, Ranked};
use crate::telemetry::metric;
use eyrie_vision::describe::{Request, looks};
use eyrie_vision::local::{QUERY_FEATURES, verdict};

/// The largest breadth of a graph search; beyond it an exact search is faster.
const MAX_EF: usize = 4_096;

/// The most pictures of one query: each is described and compared.
pub const MAX_QUERY_IMAGES: usize = 4;

/// Neighbours looked at for each group that a search is for, at first; twice as many each time that
/// they are in too few groups.
const GROUP_BREADTH: usize = 4;

/// Neighbours looked at, at most, for the groups of one search.
const MOST_GROUPED: usize = 16_384;

/// What the backend found.
struct Candidates {
    neighbors: Vec<Neighbor>,
    /// Whether there may be more.
    more: bool,
    /// Whether images may be missing among them.
    partial: bool,
    time: Duration,
}

/// One look for results.
pub(super) struct Page {
    pub(super) hits: Vec<SearchHit>,
    /// How many neighbours the backend found.
    neighbors: usize,
    /// There may be more hits than these, since many of the images that were found are gone.
    incomplete: bool,
    /// Images may be missing, since the index is being built.
    partial: bool,
    /// There may be more groups than these, since the images that were found are in few.
    too_few_groups: bool,
    search_time: Duration,
    rerank_time: Duration,
}

impl Page {
    /// The same with the time of an earlier look.
    fn after(mut self, earlier: &Self) -> Self {
        self.search_time += earlier.search_time;
        self.rerank_time += earlier.rerank_time;
        self
    }
}

impl RetrievalService {
    /// Searches a collection. The first results of the whole ranking, whichever page is looked at,
    /// are compared with the query by local features where there are any; offset and k cut the
    /// order that comes of it.
    ///
    /// # Errors
    /// [`ServiceError`]: a number out of range, unknown collection or image, a query that is no image or no descriptor of this
    /// collection or cannot be verified though it must, [`ServiceError::NotReady`], overload, the
    /// database.
    pub async fn search(
        &self,
        collection: &CollectionName,
        request: SearchRequest,
    ) -> Result<SearchResponse, ServiceError> {
        let start = Instant::now();
        let core = &self.core;
        let _running = core.gate.enter()?;
        check(&request, core.options.limits.max_results)?;
        let collection = core.collection(collection).await?;
        if !core.search.state().answers() {
            return Err(ServiceError::NotReady);
        }
        let verify = request.verify.unwrap_or(core.options.search.verify);
        let window = core.window(verify)?;
        let kind = kind(&request.query);
        let mut subject = core.resolve(&collection, request.query, verify, window, request.thumbnail).await?;
        let window = if subject.has_features() { window } else { 0 };
        let reach = if window > 0 { core.options.search.verify_reach.max(window) } else { 0 };
        let expand = request.expand.unwrap_or(core.options.search.expand);
        let mut cut = Cut { k: request.k, offset: request.offset, window, reach, expand };
        let version = core.catalogue.profile(collection.profile).version.clone();
        let wanted = cut.offset + cut.k;
        let breadth = if request.group_by.is_some() { wanted * GROUP_BREADTH } else { wanted };
        let group_by = request.group_by;
        let mut query = Nearest {
            collection: collection.name,
            version: version.clone(),
            looks: subject.looks.clone(),
            filter: request.filter,
            limit: breadth.max(window) + SPARE + usize::from(subject.itself.is_some()),
            min_score: request.min_score,
            effort: match (request.exact, request.ef) {
                (true, _) => Effort::Exact,
                (false, Some(ef)) => Effort::Breadth(ef),
                (false, None) => Effort::Usual,
            },
        };
        let mut page = core.page(&query, &mut subject, cut, group_by.as_ref()).await?;
        let was_compared = group_by.is_some() || cut.offset < reach;
        if was_compared && cut.window < page.neighbors.min(reach) && subject.is_unverified() {
            // The object may fill so small a part of its picture that the descriptor hardly sees it.
            query.limit = query.limit.max(reach + SPARE + usize::from(subject.itself.is_some()));
            cut.window = reach;
            page = core.page(&query, &mut subject, cut, group_by.as_ref()).await?.after(&page);
        }
        while page.too_few_groups && query.limit < MOST_GROUPED {
            query.limit = (query.limit * 2).min(MOST_GROUPED);
            page = core.page(&query, &mut subject, cut, group_by.as_ref()).await?.after(&page);
        }
        if page.incomplete && !page.partial {
            // More images went away than the spare ones could replace, probably by another process:
            // follow what it did and look once more.
            core.search.refresh().await?;
            page = core.page(&query, &mut subject, cut, group_by.as_ref()).await?.after(&page);
        }
        counter!(metric::SEARCHES, "query" => kind).increment(1);
        let seen = subject.views.into_iter().next().and_then(|view| view.thumbnail);
        let thumbnail = seen.filter(|_| request.thumbnail && subject.itself.is_none());
        Ok(SearchResponse {
            hits: page.hits,
            partial: page.partial,
            version,
            cost: subject.cost,
            thumbnail,
            milliseconds: start.elapsed().as_secs_f64() * 1e3,
            index_milliseconds: page.search_time.as_secs_f64() * 1e3,
            verification: (window > 0)
                .then(|| rerank::effort(&subject.matches, subject.features_time + page.rerank_time)),
        })
    }
}

/// Of the images with the same value in a field the first one; all that have none.
fn leaders(records: Vec<(f32, ImageRecord)>, field: &FieldPath) -> Vec<(f32, ImageRecord)> {
    let mut seen = HashSet::new();
    let mut is_first = |record: &ImageRecord| match field.value(&record.metadata) {
        // Numbers are the same however they are written.
        Some(value) => seen.insert(value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string())),
        None => true,
    };
    records.into_iter().filter(|(_, record)| is_first(record)).collect()
}

fn kind(query: &SearchQuery) -> &'static str {
    match query {
        SearchQuery::Image(..) => "image",
        SearchQuery::Images(_) => "images",
        SearchQuery::Id(_) => "id",
        SearchQuery::Descriptor(..) => "descriptor",
    }
}

fn check(request: &SearchRequest, max: usize) -> Result<(), ServiceError> {
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

fn must_be(expected: &DescriptorVersion, actual: DescriptorVersion) -> Result<(), ServiceError> {
    if actual == *expected {
        return Ok(());
    }
    Err(ServiceError::VersionMismatch { actual, expected: expected.clone() })
}

impl Core {
    /// First step: what the query is, as something to compare images with.
    async fn resolve(
        &self,
        collection: &Collection,
        query: SearchQuery,
        verify: Verify,
        window: usize,
        thumbnail: bool,
    ) -> Result<Subject, ServiceError> {
        let facts = self.catalogue.profile(collection.profile);
        let of_picture = Request {
            features: if window == 0 { 0 } else { QUERY_FEATURES },
            thumbnail: thumbnail || window > 0,
            parts: true,
            ..Request::descriptor(collection.profile)
        };
        match query {
            SearchQuery::Image(bytes, region) => {
                let request = Request { region, ..of_picture };
                let described = self.pool.describe(bytes, request, Lane::Search, WhenFull::Refuse).await?;
                Ok(Subject {
                    views: vec![View {
                        features: described.features.map(Arc::new),
                        thumbnail: described.thumbnail,
                        pixels: None,
                        region: described.region,
                    }],
                    features_time: described.features_time,
                    cost: Some(described.cost),
                    ..Subject::new(looks(&described.descriptor, &described.parts))
                })
            }
            SearchQuery::Images(pictures) => {
                if !(1..=MAX_QUERY_IMAGES).contains(&pictures.len()) {
                    let allowed = format!("between 1 and {MAX_QUERY_IMAGES} of them");
                    return Err(ServiceError::OutOfRange { name: "images", allowed });
                }
                let (mut descriptors, mut parts, mut views) = (Vec::new(), Vec::new(), Vec::new());
                let (mut features_time, mut cost): (_, Option<ExtractionCost>) = (Duration::ZERO, None);
                // One after the other: a search has no more of the queue than others have.
                for (number, bytes) in (1..).zip(pictures) {
                    let described = self.pool.describe(bytes, of_picture, Lane::Search, WhenFull::Refuse).await;
                    let described = described.map_err(|error| error.of_query_image(number))?;
                    descriptors.push(described.descriptor);
                    parts.extend(described.parts);
                    let features = described.features.map(Arc::new);
                    views.push(View { features, thumbnail: described.thumbnail, pixels: None, region: None });
                    features_time += described.features_time;
                    cost = Some(cost.map_or(described.cost.clone(), |cost| cost + described.cost));
                }
                let whole = Descriptor::mean(&descriptors)?;
                Ok(Subject { views, features_time, cost, ..Subject::new(looks(&whole, &parts)) })
            }
            SearchQuery::Id(id) => {
                let Some((key, stored)) = self.store.get_descriptor(&collection.name, &id).await? else {
                    return Err(self.missing(&collection.name, &id).await);
                };
                must_be(&facts.version, stored.version)?;
                let start = Instant::now();
                let features = if window == 0 { None } else { self.stored_features(&collection.name, key).await? };
                let thumbnail = match features {
                    Some(_) => self.store.get_thumbnail(&collection.name, &id).await?,
                    None => None,
                };
                if features.is_none() && verify == Verify::Always {
                    return Err(ServiceError::NotVerifiable(
                        "the image was stored without local features; store it again, or search by its bytes",
                    ));
                }
                Ok(Subject {
                    views: vec![View { features: features.map(Arc::new), thumbnail, pixels: None, region: None }],
                    features_time: start.elapsed(),
                    itself: Some(key),
                    ..Subject::new(vec![stored.descriptor])
                })
            }
            SearchQuery::Descriptor(values, made_by) => {
                if verify == Verify::Always {
                    return Err(ServiceError::NotVerifiable(
                        "a descriptor does not say where in the image anything is; search by an image or an id",
                    ));
                }
                made_by.map_or(Ok(()), |version| must_be(&facts.version, version))?;
                Ok(Subject::new(vec![Descriptor::new(values, facts.dimension)?]))
            }
        }
    }

    /// The other steps: candidates, their final order, the page of it.
    pub(super) async fn page(
        &self,
        query: &Nearest,
        subject: &mut Subject,
        cut: Cut,
        group_by: Option<&FieldPath>,
    ) -> Result<Page, ServiceError> {
        let levels = &self.catalogue.profile(query.version.profile()).levels;
        let found = self.candidates(query, subject.itself).await?;
        let neighbors = found.neighbors.len();
        // A page behind what may be verified is in the order of the backend.
        let reranked = if group_by.is_some() || found.neighbors.len().min(cut.reach) > cut.offset {
            self.rerank(query, subject, found.neighbors, cut).await?
        } else {
            Reranked::as_found(found.neighbors)
        };
        let filter = query.filter.as_ref();
        let (records, incomplete, too_few_groups) = match group_by {
            Some(field) => {
                let leaders = leaders(self.records(&reranked.neighbors, filter).await?, field);
                let too_few = leaders.len() < cut.offset + cut.k && found.more;
                (leaders.into_iter().skip(cut.offset).take(cut.k).collect(), false, too_few)
            }
            None => {
                let mut first: Vec<Neighbor> = reranked.neighbors.into_iter().skip(cut.offset).collect();
                let more = found.more || first.len() > cut.k + SPARE;
                first.truncate(cut.k + SPARE);
                let mut records = self.records(&first, filter).await?;
                records.truncate(cut.k);
                let incomplete = records.len() < cut.k && records.len() < first.len() && more;
                (records, incomplete, false)
            }
        };
        let hits: Vec<SearchHit> = (cut.offset + 1..)
            .zip(records)
            .map(|(rank, (score, record))| {
                let compared = subject.matches.get(&record.key);
                let verdict = verdict(score, compared.map(|compared| &compared.found), levels);
                let verification = compared.map(|compared| match subject.views[compared.view].region {
                    Some(region) => compared.found.in_whole_query(region),
                    None => compared.found,
                });
                let several = subject.views.len() > 1;
                let query_image = compared.filter(|_| several).map(|compared| compared.view + 1);
                SearchHit { rank, score, record, verdict, verification, query_image }
            })
            .collect();
        Ok(Page {
            incomplete,
            too_few_groups,
            partial: found.partial,
            neighbors,
            hits,
            search_time: found.time,
            rerank_time: reranked.time,
        })
    }

    async fn candidates(&self, query: &Nearest, itself: Option<ImageKey>) -> Result<Candidates, ServiceError> {
        let start = Instant::now();
        let mut ranked = self.search.nearest(query.clone()).await?;
        ranked.neighbors.retain(|neighbor| Some(neighbor.key) != itself);
        let Ranked { neighbors, more, partial } = ranked;
        Ok(Candidates { neighbors, more, partial, time: start.elapsed() })
    }

    /// The scores and records of neighbours, in their order; without those that are gone or,
    /// changed meanwhile, no longer match the filter.
    async fn records(
        &self,
        neighbors: &[Neighbor],
        filter: Option<&Filter>,
    ) -> Result<Vec<(f32, ImageRecord)>, ServiceError> {
        if neighbors.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<ImageKey> = neighbors.iter().map(|neighbor| neighbor.key).collect();
        let records = self.store.records(&keys).await?;
        let mut records: HashMap<ImageKey, ImageRecord> = records.into_iter().map(|r| (r.key, r)).collect();
        records.retain(|_, record| filter.is_none_or(|filter| filter.matches(&record.metadata)));
        Ok(neighbors.iter().filter_map(|n| records.remove(&n.key).map(|record| (n.score, record))).collect())
    }
}

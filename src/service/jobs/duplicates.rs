//! Looking for near-duplicates in a collection: the neighbours of each image that is new since the
//! last time are compared with it; what is near enough is a pair, and pairs make groups.
//!
//! Pairs stay in the database from one job to the next. Each batch of images is one transaction
//! with the note of where the next one begins, so a job that is killed goes on from there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::groups::{Groups, Link};
use super::work::{Stop, Work, held, to_json};
use crate::domain::{
    CollectionName, DescriptorVersion, ImageId, ImageKey, ImageRecord, Job, Levels, Neighbor, Seq, SimilarPair, Verdict,
};
use crate::search::SearchError;
use crate::service::ServiceError;
use crate::service::core::Core;
use crate::store::{DuplicateScan, GroupMember};
use eyrie_vision::local::{LocalFeatures, Verification, match_mirrored, verdict};

/// Neighbours of each image that may be compared with it.
pub const MOST_CANDIDATES: u32 = 100;

/// Neighbours that are, unless the request says otherwise.
const CANDIDATES: u32 = 20;

/// Images that are looked up in one piece of work: searches and uploads get their turn between two.
const BATCH: u32 = 16;

/// Pairs and members that are read or written at once.
const PAGE: u32 = 5_000;

/// Records that are read at once.
const RECORDS: usize = 500;

/// Ways to look for duplicates that a collection keeps its pairs of.
const KEPT_SCANS: u32 = 4;

/// The pause where too many searches wait.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// Which images of a collection are duplicates of each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DuplicatesRequest {
    /// The verdict on a pair is this one or a closer one. Without it, and with a lowest score, the
    /// score alone decides.
    pub verdict: Option<Verdict>,
    /// The lowest cosine of a pair; for a verdict that of the level `similar` where it is left out.
    pub min_score: Option<f32>,
    /// How many neighbours of each image are looked at.
    pub candidates: u32,
}

impl DuplicatesRequest {
    /// With what holds where something is left out.
    #[must_use]
    pub fn new(verdict: Option<Verdict>, min_score: Option<f32>, candidates: Option<u32>) -> Self {
        let verdict = if verdict.is_none() && min_score.is_none() { Some(Verdict::NearDuplicate) } else { verdict };
        Self { verdict, min_score, candidates: candidates.unwrap_or(CANDIDATES) }
    }

    /// The score below which no candidate is looked at.
    fn floor(&self, levels: &Levels) -> Option<f32> {
        // A model of which nothing was learned has infinite levels.
        self.min_score.or(Some(levels.similar).filter(|level| level.is_finite()))
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Checkpoint {
    scan: i64,
    run: i64,
    version: String,
    /// Images that changed up to here were looked up by an earlier job.
    since: Seq,
    /// Those up to here will have been when this job is done.
    target: Seq,
    /// The last image that was looked up.
    after: Option<u64>,
    looked_up: u64,
    total: u64,
}

impl Checkpoint {
    fn scan(&self) -> DuplicateScan {
        DuplicateScan { id: self.scan, seq: self.since, run: self.run }
    }
}

/// What a job came to.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Groups of two images or more.
    groups: u64,
    /// Images in them.
    images: u64,
    /// Images beside the best of each group.
    duplicates: u64,
    /// Images of the largest group.
    largest: u64,
    /// Pairs that the groups are made of.
    pairs: u64,
    /// Images that were looked up: those that changed since the last job of this kind.
    looked_up: u64,
    /// Images that changed up to this revision were looked up.
    revision: Seq,
}

/// What is looked for and where.
struct Search<'a> {
    core: &'a Core,
    collection: &'a CollectionName,
    version: &'a DescriptorVersion,
    levels: &'a Levels,
    request: DuplicatesRequest,
}

/// Does the job and returns its result.
///
/// # Errors
/// [`Stop`].
pub(super) async fn find(core: &Core, job: &Job, mut work: Work<'_>) -> Result<Value, Stop> {
    let request: DuplicatesRequest = serde_json::from_value(job.params.clone())
        .map_err(|e| ServiceError::Internal(format!("the parameters of a job: {e}")))?;
    let collection = core.collection(&job.collection).await?;
    let facts = core.catalogue.profile(collection.profile);
    let search = Search { core, collection: &job.collection, version: &facts.version, levels: &facts.levels, request };
    let mut at = match work.checkpoint::<Checkpoint>().filter(|at| at.version == facts.version.to_string()) {
        Some(at) => at,
        None => search.begin(job).await?,
    };
    // What will count as looked up must be among what is found.
    core.search.refresh().await.map_err(ServiceError::from)?;
    search.look_up(&mut work, &mut at).await?;
    let outcome = search.group(&mut work, &at).await?;
    held(core.store.end_scan(&work.claim, &at.scan(), at.target).await)?;
    Ok(to_json(&outcome)?)
}

impl Search<'_> {
    async fn begin(&self, job: &Job) -> Result<Checkpoint, Stop> {
        let store = &self.core.store;
        let version = self.version.to_string();
        // Pairs of another model's descriptors are of no use.
        let settings = format!("{version} {}", job.params);
        let target = store.last_seq().await?;
        let Some(scan) = store.begin_scan(self.collection, &settings, KEPT_SCANS).await? else {
            return Err(ServiceError::UnknownCollection(self.collection.to_string()).into());
        };
        let total = store.count_changed(self.collection, self.version, scan.seq).await?;
        Ok(Checkpoint {
            scan: scan.id,
            run: scan.run,
            version,
            since: scan.seq,
            target,
            after: None,
            looked_up: 0,
            total,
        })
    }

    /// Finds the pairs of every image that changed since the last job.
    async fn look_up(&self, work: &mut Work<'_>, at: &mut Checkpoint) -> Result<(), Stop> {
        let store = &self.core.store;
        work.progress(at.looked_up, at.total);
        loop {
            let start = Instant::now();
            let after = at.after.map(ImageKey);
            let keys = store.changed_images(self.collection, self.version, at.since, after, BATCH).await?;
            let Some(&last) = keys.last() else { return Ok(()) };
            let pairs = self.pairs_of(&keys).await?;
            at.after = Some(last.0);
            at.looked_up += keys.len() as u64;
            let progress = work.progress(at.looked_up, at.total);
            let noted = store.note_pairs(&work.claim, &at.scan(), &keys, &pairs, progress, &to_json(&at)?).await;
            held(noted)?;
            if self.core.pool.is_busy() {
                // Half of the time is for whoever waits for an answer.
                tokio::time::sleep(start.elapsed()).await;
            }
        }
    }

    /// The pairs that these images are in, none twice.
    async fn pairs_of(&self, keys: &[ImageKey]) -> Result<Vec<SimilarPair>, Stop> {
        let (k, floor) = (self.request.candidates as usize, self.request.floor(self.levels));
        let found = patiently(|| self.core.search.neighbours_of(self.collection, keys, k, floor)).await?;
        let Some(wanted) = self.request.verdict else {
            let pair = |key, near: &Neighbor| pair(key, near, verdict(near.score, None, self.levels));
            return Ok(once(found.iter().flat_map(|(key, near)| near.iter().map(|near| pair(*key, near)))));
        };
        let mut pairs = Vec::new();
        for (key, near) in found.into_iter().filter(|(_, near)| !near.is_empty()) {
            let keys: Vec<ImageKey> = std::iter::once(key).chain(near.iter().map(|near| near.key)).collect();
            let stored: HashMap<ImageKey, Vec<u8>> = self.core.store.local_features(&keys).await?.into_iter().collect();
            let admission = patiently(async || self.core.slots.admit()).await?;
            let keys: HashSet<ImageKey> = near.iter().map(|near| near.key).collect();
            let compared = admission.run(move || compared(key, keys, &stored)).await;
            let mut matches = compared.map_err(ServiceError::from)?;
            if let Some((_, thumbnail)) = self.core.store.thumbnails(&[key]).await?.first() {
                self.core.look(&admission, thumbnail, &mut matches).await?;
            }
            let others = near.iter().filter(|near| near.key != key);
            let compared = others.map(|near| {
                let found = matches.get(&near.key);
                pair(key, near, verdict(near.score, found, self.levels))
            });
            pairs.extend(compared.filter(|pair| pair.verdict <= wanted));
        }
        Ok(once(pairs))
    }

    /// Makes groups of all pairs and writes them.
    async fn group(&self, work: &mut Work<'_>, at: &Checkpoint) -> Result<Outcome, Stop> {
        let store = &self.core.store;
        let mut groups = Groups::default();
        let mut outcome = Outcome { looked_up: at.looked_up, revision: at.target, ..Outcome::default() };
        let mut after = None;
        loop {
            let page = store.pairs(&at.scan(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.a, last.b));
            outcome.pairs += page.len() as u64;
            page.iter().for_each(|pair| groups.add(pair));
        }
        let mut members = Vec::new();
        let mut first = true;
        let mut waiting = groups.into_groups().into_iter();
        loop {
            let mut some = Vec::new();
            let mut images = 0;
            while images < RECORDS
                && let Some(group) = waiting.next()
            {
                images += group.len();
                some.push(group);
            }
            if some.is_empty() {
                break;
            }
            for group in self.ordered(some).await? {
                outcome.groups += 1;
                members.extend(outcome.count(&group));
            }
            while members.len() >= PAGE as usize {
                let rest = members.split_off(PAGE as usize);
                held(store.add_members(&work.claim, &members, first).await)?;
                (members, first) = (rest, false);
            }
        }
        held(store.add_members(&work.claim, &members, first).await)?;
        outcome.duplicates = outcome.images - outcome.groups;
        Ok(outcome)
    }

    /// The members of groups that are there, the best of each first: most pixels, then the oldest.
    /// A group of which fewer than two are left is left out.
    async fn ordered(&self, groups: Vec<Vec<(ImageKey, Link)>>) -> Result<Vec<Vec<Member>>, Stop> {
        let keys: Vec<ImageKey> = groups.iter().flatten().map(|(key, _)| *key).collect();
        let mut there = HashMap::with_capacity(keys.len());
        for part in keys.chunks(RECORDS) {
            let records = self.core.store.records(part).await?;
            there.extend(records.into_iter().map(|record| (record.key, Place::of(record))));
        }
        let members = |group: Vec<(ImageKey, Link)>| {
            let mut members: Vec<Member> =
                group.into_iter().filter_map(|(key, link)| there.remove(&key).map(|place| (place, link))).collect();
            members.sort_unstable_by_key(|(place, _)| (Reverse(place.pixels), place.created_at, place.key));
            members
        };
        Ok(groups.into_iter().map(members).filter(|members| members.len() > 1).collect())
    }
}

/// What decides which image of a group is the best.
struct Place {
    key: ImageKey,
    id: ImageId,
    pixels: u64,
    created_at: OffsetDateTime,
}

impl Place {
    fn of(record: ImageRecord) -> Self {
        let pixels = u64::from(record.width) * u64::from(record.height);
        Self { key: record.key, id: record.id, pixels, created_at: record.created_at }
    }
}

type Member = (Place, Link);

impl Outcome {
    /// Counts a group that is not empty, the last one so far, and writes it down.
    fn count(&mut self, group: &[Member]) -> Vec<GroupMember> {
        let Some((oldest, _)) = group.iter().min_by_key(|(place, _)| place.key) else { return Vec::new() };
        let size = group.len() as u64;
        self.images += size;
        self.largest = self.largest.max(size);
        let row = |((place, link), member): (&Member, u64)| GroupMember {
            place: self.groups,
            member,
            size,
            name: oldest.id.clone(),
            key: place.key,
            score: link.score,
            verdict: link.verdict,
        };
        group.iter().zip(0..).map(row).collect()
    }
}

fn pair(key: ImageKey, near: &Neighbor, verdict: Verdict) -> SimilarPair {
    SimilarPair { a: key.min(near.key), b: key.max(near.key), score: near.score, verdict }
}

/// Each pair once: where both ends found it, with the closer verdict.
fn once(pairs: impl IntoIterator<Item = SimilarPair>) -> Vec<SimilarPair> {
    let mut by_keys: BTreeMap<(ImageKey, ImageKey), SimilarPair> = BTreeMap::new();
    for pair in pairs {
        let known = by_keys.entry((pair.a, pair.b)).or_insert(pair);
        if pair.verdict < known.verdict {
            *known = pair;
        }
    }
    by_keys.into_values().collect()
}

/// Compares an image with its neighbours, mirrored too, by local features, where both have some.
/// Blocks.
fn compared(
    key: ImageKey,
    others: HashSet<ImageKey>,
    stored: &HashMap<ImageKey, Vec<u8>>,
) -> HashMap<ImageKey, Verification> {
    // Cells would put in order what is not verified, which is of no use here.
    let decoded = |bytes: &Vec<u8>| Some(LocalFeatures::decode(bytes).ok()?.with_cells(None));
    let features = |key: &ImageKey| stored.get(key).and_then(decoded);
    let Some(own) = features(&key) else { return HashMap::new() };
    let others = others.into_iter().filter(|other| *other != key);
    others.filter_map(|other| Some((other, match_mirrored(&own, &features(&other)?)))).collect()
}

/// Tries again where too many searches wait: they go first.
async fn patiently<T, F>(mut work: impl FnMut() -> F) -> Result<T, Stop>
where
    F: Future<Output = Result<T, SearchError>>,
{
    loop {
        match work().await {
            Ok(value) => return Ok(value),
            Err(SearchError::Overloaded) => tokio::time::sleep(BUSY_PAUSE).await,
            Err(error) => return Err(ServiceError::from(error).into()),
        }
    }
}

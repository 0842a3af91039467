//! Verifying the first results of a search: comparing each with the query by local features.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use metrics::{counter, histogram};

use super::core::Core;
use super::cut::Cut;
use super::subject::{Match, Subject};
use super::{ServiceError, VerificationEffort};
use crate::domain::{CollectionName, Descriptor, DescriptorVersion, ImageKey, Neighbor, Verify};
use crate::search::{Admission, Nearest};
use crate::telemetry::{Trace, metric};
use eyrie_vision::describe::{Known, expand};
use eyrie_vision::local::{
    Contrasted, DecodeError, LocalFeatures, MOST_CONTRASTED, Verification, contrasts, match_mirrored, match_pair,
};

/// Candidates that are compared on one processor at least, before a second one is taken.
const LEAST_PART: usize = 8;

/// Stored features: those of an image each, encoded.
type Candidates = std::vec::IntoIter<(ImageKey, Vec<u8>)>;

/// What a candidate's features gave, where they could be read.
type Compared = Vec<(ImageKey, Result<Match, DecodeError>)>;

/// Neighbours in their final order.
#[derive(Debug)]
pub(super) struct Reranked {
    /// What shows the same thing first, then the others as they were.
    pub(super) neighbors: Vec<Neighbor>,
    /// Time it took.
    pub(super) time: Duration,
}

impl Reranked {
    /// Neighbours that nothing is compared with.
    pub(super) fn as_found(neighbors: Vec<Neighbor>) -> Self {
        Self { neighbors, time: Duration::ZERO }
    }
}

/// Counts a verified search as an answered one and says what it took.
pub(super) fn effort(matches: &HashMap<ImageKey, Match>, time: Duration) -> VerificationEffort {
    histogram!(metric::VERIFICATION_SECONDS).record(time.as_secs_f64());
    let outcome = if matches.values().any(|compared| compared.found.verified()) { "verified" } else { "nothing" };
    counter!(metric::VERIFICATIONS, "outcome" => outcome).increment(1);
    VerificationEffort { compared: matches.len(), milliseconds: time.as_secs_f64() * 1e3 }
}

impl Core {
    /// How many of the first results are verified where the query has features; 0 for none.
    ///
    /// # Errors
    /// [`ServiceError::NotVerifiable`] when they must be and the configuration says that none are.
    pub(super) fn window(&self, verify: Verify) -> Result<usize, ServiceError> {
        let candidates = self.options.search.verify_candidates;
        match verify {
            Verify::Never => Ok(0),
            Verify::Always if candidates == 0 => {
                Err(ServiceError::NotVerifiable("the configuration switches it off (search.verify_candidates is 0)"))
            }
            Verify::Auto | Verify::Always => Ok(candidates),
        }
    }

    /// The stored features of an image that is searched by; `None` where it has none that this
    /// program reads.
    pub(super) async fn stored_features(
        &self,
        collection: &CollectionName,
        key: ImageKey,
    ) -> Result<Option<LocalFeatures>, ServiceError> {
        let stored = self.store.local_features(&[key]).await?;
        let Some((_, bytes)) = stored.first() else { return Ok(None) };
        let features = LocalFeatures::decode(bytes);
        if let Err(error) = &features {
            warn_unreadable(collection, 1, *error);
        }
        Ok(features.ok())
    }

    /// Compares the first neighbours, as many as `cut` says, with the query, but for those that it
    /// was compared with before, and puts those that show the same thing first. The others of
    /// the window follow, by their likeness to these too where it says so, and by their scores
    /// and cells where not.
    pub(super) async fn rerank(
        &self,
        nearest: &Nearest,
        subject: &mut Subject,
        mut neighbors: Vec<Neighbor>,
        cut: Cut,
    ) -> Result<Reranked, ServiceError> {
        let start = Instant::now();
        let query = Arc::new(subject.features());
        if query.is_empty() {
            return Ok(Reranked::as_found(neighbors));
        }
        let Nearest { collection, version, .. } = nearest;
        let levels = &self.catalogue.profile(version.profile()).levels;
        let window = cut.window.min(neighbors.len());
        let compared = &neighbors[..window];
        // Mirrored copies look alike to the descriptor.
        let alike = compared.iter().filter(|neighbor| neighbor.score >= levels.similar);
        let alike: Arc<HashSet<ImageKey>> = Arc::new(alike.map(|neighbor| neighbor.key).collect());
        let keys = compared.iter().map(|neighbor| neighbor.key);
        let keys: Vec<ImageKey> = keys.filter(|key| !subject.matches.contains_key(key)).collect();
        let admission = self.slots.admit()?;
        let candidates = self.store.local_features(&keys).await?;
        // Some take twice as long as others: whoever is free takes the next.
        let workers = candidates.len().div_ceil(LEAST_PART).min(self.slots.processors());
        let queue = Arc::new(Mutex::new(candidates.into_iter()));
        let compared = try_join_all((0..workers).map(|_| {
            let (query, alike, queue) = (Arc::clone(&query), Arc::clone(&alike), Arc::clone(&queue));
            admission.run(move || compare(&query, &queue, &alike))
        }));
        let mut matches = HashMap::new();
        let mut unreadable = Vec::new();
        for (key, result) in compared.await?.into_iter().flatten() {
            match result {
                Ok(found) => {
                    matches.insert(key, found);
                }
                Err(error) => unreadable.push(error),
            }
        }
        if let Some(&error) = unreadable.first() {
            warn_unreadable(collection, unreadable.len(), error);
        }
        for (number, view) in subject.views.iter_mut().enumerate() {
            let Some(thumbnail) = &view.thumbnail else { continue };
            let of_view = matches.iter().filter(|(_, compared)| compared.view == number);
            let mut of_view = of_view.map(|(key, compared)| (*key, compared.found)).collect();
            if let Some(looked) = self.look(&admission, &thumbnail.bytes, &mut of_view).await? {
                view.pixels = Some(looked.query);
                subject.pixels.extend(looked.candidates);
            }
            matches.extend(of_view.into_iter().map(|(key, found)| (key, Match { found, view: number })));
        }
        subject.matches.extend(matches);
        self.put_in_order(&admission, subject, &mut neighbors[..window]).await?;
        if cut.expand {
            let behind = neighbors.split_off(window);
            neighbors = self.expand(&admission, subject, neighbors, version).await?;
            neighbors.extend(behind);
        }
        Trace::current().stage("verification", &[], start, Instant::now());
        Ok(Reranked { neighbors, time: start.elapsed() })
    }

    /// Puts what was compared in order by what that gave. The first of those that are verified, as
    /// far as one view of the subject tells of them, are weighed against each other.
    async fn put_in_order(
        &self,
        admission: &Admission,
        subject: &mut Subject,
        compared: &mut [Neighbor],
    ) -> Result<(), ServiceError> {
        // Of an earlier look, among others.
        subject.matches.values_mut().for_each(|compared| compared.found.contrast = 0.0);
        subject.sort(compared);
        let seen = |neighbor: &Neighbor| {
            let (compared, pixels) = (subject.matches.get(&neighbor.key)?, subject.pixels.get(&neighbor.key)?);
            Some((neighbor.key, *compared, Arc::clone(pixels)))
        };
        let mut seen = compared.iter().filter_map(seen).peekable();
        let Some(view) = seen.peek().map(|(_, first, _)| first.view) else { return Ok(()) };
        let Some(query) = subject.views[view].pixels.clone() else { return Ok(()) };
        let first: Vec<_> = seen.filter(|(_, compared, _)| compared.view == view).take(MOST_CONTRASTED).collect();
        if first.len() < 2 {
            return Ok(());
        }
        let keys: Vec<ImageKey> = first.iter().map(|(key, ..)| *key).collect();
        let weigh = move || {
            let candidates: Vec<Contrasted<'_>> =
                first.iter().map(|(_, compared, pixels)| (compared.found, pixels.as_ref())).collect();
            contrasts(&query, &candidates)
        };
        // Pixels that were just decoded are as many as their sides say.
        let contrasts = admission.run(weigh).await?.map_err(|error| ServiceError::Internal(error.to_string()))?;
        for (key, contrast) in keys.into_iter().zip(contrasts) {
            if let Some(compared) = subject.matches.get_mut(&key) {
                compared.found.contrast = contrast;
            }
        }
        subject.sort(compared);
        Ok(())
    }

    /// Puts what was compared in vain in order by what was found.
    async fn expand(
        &self,
        admission: &Admission,
        subject: &Subject,
        compared: Vec<Neighbor>,
        version: &DescriptorVersion,
    ) -> Result<Vec<Neighbor>, ServiceError> {
        let found: HashMap<ImageKey, Verification> =
            subject.matches.iter().map(|(key, compared)| (*key, compared.found)).collect();
        let is_verified = |neighbor: &Neighbor| found.get(&neighbor.key).is_some_and(Verification::verified);
        if !found.values().any(Verification::is_alike) || compared.iter().all(is_verified) {
            return Ok(compared);
        }
        let keys: Vec<ImageKey> = compared.iter().map(|neighbor| neighbor.key).collect();
        let descriptors: HashMap<ImageKey, Descriptor> =
            self.store.descriptors_of(&keys, version).await?.into_iter().collect();
        let query = subject.looks[0].clone();
        let known = move |neighbor: &Neighbor| Known {
            found: found.get(&neighbor.key).copied().unwrap_or(Verification::NOTHING),
            descriptor: descriptors.get(&neighbor.key).cloned(),
        };
        Ok(admission.run(move || expand(&query, compared, known)).await?)
    }
}

/// One line for a search, not one for each image: after a change of the features' version it may be
/// all of them.
fn warn_unreadable(collection: &CollectionName, images: usize, error: DecodeError) {
    counter!(metric::FEATURES_UNREADABLE).increment(images as u64);
    tracing::warn!(%collection, images, %error, "stored local features cannot be read; import these images again");
}

/// Compares the views of the query, with their numbers, with the candidates that are left; with
/// those that are much alike, mirrored too. Of several views the one that says most tells.
fn compare(query: &[(usize, Arc<LocalFeatures>)], queue: &Mutex<Candidates>, alike: &HashSet<ImageKey>) -> Compared {
    let found = |key: &ImageKey, bytes: &[u8]| {
        let compare = if alike.contains(key) { match_mirrored } else { match_pair };
        let candidate = LocalFeatures::decode(bytes)?;
        let matches = query.iter().map(|(view, features)| Match { found: compare(features, &candidate), view: *view });
        let best = matches.reduce(|best, other| if other.found.is_more_than(&best.found) { other } else { best });
        Ok(best.unwrap_or(Match { found: Verification::NOTHING, view: 0 }))
    };
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::iter::from_fn(next).map(|(key, bytes)| (key, found(&key, &bytes))).collect()
}

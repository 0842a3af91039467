//! Looking at the pixels of pictures that features say are the same: their thumbnails are compared.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;

use super::ServiceError;
use super::core::Core;
use crate::domain::ImageKey;
use crate::search::Admission;
use eyrie_vision::local::Verification;
use eyrie_vision::picture::{Decoded, thumbnail_pixels};

/// The pixels of so many pictures are compared with those of one, those with the most inliers: a
/// thumbnail takes a few milliseconds, and in a collection full of copies everything is verified.
const MOST_LOOKED_AT: usize = 24;

/// Pixels that were looked at.
pub(super) struct Looked {
    /// Those of the query.
    pub(super) query: Arc<Decoded>,
    /// Those of what is verified, where they could be read.
    pub(super) candidates: HashMap<ImageKey, Arc<Decoded>>,
}

/// A match with a look at the pixels, and those of the candidate, where its thumbnail can be read.
fn looked_at(found: Verification, query: &Decoded, candidate: &[u8]) -> (Verification, Option<Arc<Decoded>>) {
    match thumbnail_pixels(candidate) {
        Ok(candidate) => (found.looked_at(query, &candidate).unwrap_or(found), Some(Arc::new(candidate))),
        Err(_) => (found, None),
    }
}

impl Core {
    /// What comparing gave, with a look at the pixels of what is verified; those of the query are
    /// in `thumbnail`. Thumbnails that cannot be read are not looked at. Gives the pixels; `None`
    /// where there was nothing to look at.
    ///
    /// # Errors
    /// The database, [`ServiceError::Overloaded`] and the like.
    pub(super) async fn look(
        &self,
        admission: &Admission,
        thumbnail: &[u8],
        matches: &mut HashMap<ImageKey, Verification>,
    ) -> Result<Option<Looked>, ServiceError> {
        let mut verified: Vec<(ImageKey, Verification)> =
            matches.iter().filter(|(_, found)| found.verified()).map(|(key, found)| (*key, *found)).collect();
        verified.sort_by_key(|(key, found)| (std::cmp::Reverse(found.inliers), *key));
        verified.truncate(MOST_LOOKED_AT);
        if verified.is_empty() {
            return Ok(None);
        }
        let keys: Vec<ImageKey> = verified.iter().map(|(key, _)| *key).collect();
        let mut stored: HashMap<ImageKey, Vec<u8>> = self.store.thumbnails(&keys).await?.into_iter().collect();
        let pairs: Vec<(ImageKey, Verification, Vec<u8>)> =
            verified.into_iter().filter_map(|(key, found)| Some((key, found, stored.remove(&key)?))).collect();
        let size = pairs.len().div_ceil(self.slots.processors()).max(1);
        let parts: Vec<_> = pairs.chunks(size).map(<[_]>::to_vec).collect();
        let thumbnail = thumbnail.to_vec();
        let Ok(query) = admission.run(move || thumbnail_pixels(&thumbnail)).await? else { return Ok(None) };
        let query = Arc::new(query);
        let looked = try_join_all(parts.into_iter().map(|part| {
            let query = Arc::clone(&query);
            admission.run(move || {
                let look =
                    |(key, found, own): &(ImageKey, Verification, Vec<u8>)| (*key, looked_at(*found, &query, own));
                part.iter().map(look).collect::<Vec<_>>()
            })
        }));
        let mut candidates = HashMap::new();
        for (key, (found, pixels)) in looked.await?.into_iter().flatten() {
            matches.insert(key, found);
            candidates.extend(pixels.map(|pixels| (key, pixels)));
        }
        Ok(Some(Looked { query, candidates }))
    }
}

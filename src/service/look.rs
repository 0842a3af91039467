//! Looking at the pixels of pictures that features say are the same: their thumbnails are compared.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;

use super::ServiceError;
use super::core::Core;
use crate::domain::ImageKey;
use crate::search::Admission;
use eyrie_vision::local::{Contrasted, MOST_CONTRASTED, Verification, contrasts};
use eyrie_vision::picture::{Decoded, thumbnail_pixels};

/// The pixels of so many pictures are compared with those of one, those with the most inliers: a
/// thumbnail takes a few milliseconds, and in a collection full of copies everything is verified.
const MOST_LOOKED_AT: usize = 24;

/// Compares the pixels of a match, where the candidate's thumbnail can be read.
fn looked_at(found: Verification, query: &Decoded, candidate: &[u8]) -> Verification {
    thumbnail_pixels(candidate).and_then(|candidate| found.looked_at(query, &candidate)).unwrap_or(found)
}

impl Core {
    /// What comparing gave, with a look at the pixels of what is verified; those of the query are
    /// in `thumbnail`. Thumbnails that cannot be read are not looked at.
    ///
    /// # Errors
    /// The database, [`ServiceError::Overloaded`] and the like.
    pub(super) async fn look(
        &self,
        admission: &Admission,
        thumbnail: &[u8],
        matches: &mut HashMap<ImageKey, Verification>,
    ) -> Result<(), ServiceError> {
        let mut verified: Vec<(ImageKey, Verification)> =
            matches.iter().filter(|(_, found)| found.verified()).map(|(key, found)| (*key, *found)).collect();
        verified.sort_by_key(|(key, found)| (std::cmp::Reverse(found.inliers), *key));
        verified.truncate(MOST_LOOKED_AT);
        if verified.is_empty() {
            return Ok(());
        }
        let keys: Vec<ImageKey> = verified.iter().map(|(key, _)| *key).collect();
        let mut stored: HashMap<ImageKey, Vec<u8>> = self.store.thumbnails(&keys).await?.into_iter().collect();
        let pairs: Vec<(ImageKey, Verification, Vec<u8>)> =
            verified.into_iter().filter_map(|(key, found)| Some((key, found, stored.remove(&key)?))).collect();
        let size = pairs.len().div_ceil(self.slots.processors()).max(1);
        let parts: Vec<_> = pairs.chunks(size).map(<[_]>::to_vec).collect();
        let thumbnail = thumbnail.to_vec();
        let Ok(query) = admission.run(move || thumbnail_pixels(&thumbnail)).await? else { return Ok(()) };
        let query = Arc::new(query);
        let looked = try_join_all(parts.into_iter().map(|part| {
            let query = Arc::clone(&query);
            admission.run(move || {
                let look =
                    |(key, found, own): &(ImageKey, Verification, Vec<u8>)| (*key, looked_at(*found, &query, own));
                part.iter().map(look).collect::<Vec<_>>()
            })
        }));
        matches.extend(looked.await?.into_iter().flatten());
        Ok(())
    }

    /// Weighs the first of what is verified, best first, against each other by the query's pixels,
    /// which are in `thumbnail`: what each gains in an order. Nothing where one of them cannot be
    /// read.
    ///
    /// # Errors
    /// Those of [`Core::look`].
    pub(super) async fn contrast(
        &self,
        admission: &Admission,
        thumbnail: &[u8],
        mut verified: Vec<(ImageKey, Verification)>,
    ) -> Result<Vec<(ImageKey, f64)>, ServiceError> {
        verified.truncate(MOST_CONTRASTED);
        if verified.len() < 2 {
            return Ok(Vec::new());
        }
        let keys: Vec<ImageKey> = verified.iter().map(|(key, _)| *key).collect();
        let stored: HashMap<ImageKey, Vec<u8>> = self.store.thumbnails(&keys).await?.into_iter().collect();
        let thumbnail = thumbnail.to_vec();
        let weigh = move || {
            let query = thumbnail_pixels(&thumbnail).ok()?;
            let pixels = verified.iter().map(|(key, _)| thumbnail_pixels(stored.get(key)?).ok());
            let pixels = pixels.collect::<Option<Vec<Decoded>>>()?;
            let candidates: Vec<Contrasted<'_>> = verified.iter().map(|(_, found)| *found).zip(&pixels).collect();
            contrasts(&query, &candidates).ok()
        };
        let contrasts = admission.run(weigh).await?.unwrap_or_default();
        Ok(keys.into_iter().zip(contrasts).collect())
    }
}

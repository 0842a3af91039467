//! What filters leave of a collection, remembered as long as nothing changes.

use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringTreemap;

use crate::domain::{CollectionName, Filter, Seq};
use crate::store::{Images, StoreError};

/// Filters remembered for each collection; the one that was not used for longest is forgotten
/// first.
const REMEMBERED: usize = 16;

struct Entry {
    filter: Filter,
    /// The keys are at least as new as this change.
    seq: Seq,
    keys: Arc<RoaringTreemap>,
}

/// The keys that filters left of one collection, the latest used last.
#[derive(Default)]
pub(super) struct FilterCache(Mutex<Vec<Entry>>);

impl FilterCache {
    /// The keys of the images that match the filter, as they were after the change `applied` or
    /// later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn keys(
        &self,
        images: &dyn Images,
        collection: &CollectionName,
        filter: &Filter,
        applied: Seq,
    ) -> Result<Arc<RoaringTreemap>, StoreError> {
        if let Some(keys) = self.get(filter, applied) {
            return Ok(keys);
        }
        let keys = images.matching_keys(collection, filter).await?;
        let keys: Arc<RoaringTreemap> = Arc::new(keys.into_iter().map(|key| key.0).collect());
        self.put(Entry { filter: filter.clone(), seq: applied, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    fn get(&self, filter: &Filter, applied: Seq) -> Option<Arc<RoaringTreemap>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|entry| entry.filter == *filter && entry.seq >= applied)?;
        let entry = entries.remove(at);
        let keys = Arc::clone(&entry.keys);
        entries.push(entry);
        Some(keys)
    }

    fn put(&self, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|other| other.filter != entry.filter);
        if entries.len() == REMEMBERED {
            entries.remove(0);
        }
        entries.push(entry);
    }
}

//! Descriptors that the index cannot read from its file are read from the store.

use std::sync::Arc;

use metrics::counter;

use super::MemorySearch;
use super::indexes::{self, CollectionIndex};
use crate::domain::ImageKey;
use crate::search::SearchError;
use crate::telemetry::metric;

impl MemorySearch {
    /// Brings the descriptors of these images into the index again. An image that is gone from the
    /// store meanwhile is left to the change log.
    ///
    /// # Errors
    /// [`SearchError::Store`].
    pub(super) async fn repair(&self, index: &Arc<CollectionIndex>, keys: Vec<ImageKey>) -> Result<(), SearchError> {
        tracing::warn!(collection = %index.of.name, descriptors = keys.len(),
            "descriptors in the index's file are damaged; they are read from the database");
        counter!(metric::INDEX_REPAIRS).increment(keys.len() as u64);
        let mut points = Vec::with_capacity(keys.len());
        for key in keys {
            let before = ImageKey(key.0.wrapping_sub(1));
            let page = self.store.descriptors(&index.of.name, &index.of.version, Some(before), 1).await?;
            points.extend(page.into_iter().filter(|(found, _)| *found == key));
        }
        let index = Arc::clone(index);
        tokio::task::spawn_blocking(move || indexes::upsert(&index, points))
            .await
            .map_err(|e| SearchError::Internal(e.to_string()))
    }
}

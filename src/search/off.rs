//! The search of a process that only writes.

use async_trait::async_trait;

use super::{Nearest, Ranked, SearchBackend, SearchError, SearchState};
use crate::domain::{CollectionName, ImageKey, Neighbor, Seq};

/// Searches nothing and follows nothing: for a process that only adds images.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSearch;

#[async_trait]
impl SearchBackend for NoSearch {
    async fn nearest(&self, _: Nearest) -> Result<Ranked, SearchError> {
        Err(SearchError::NotReady)
    }

    async fn neighbours_of(
        &self,
        _: &CollectionName,
        _: &[ImageKey],
        _: usize,
        _: Option<f32>,
    ) -> Result<Vec<(ImageKey, Vec<Neighbor>)>, SearchError> {
        Err(SearchError::NotReady)
    }

    async fn caught_up(&self, _: Seq) {}

    async fn refresh(&self) -> Result<(), SearchError> {
        Err(SearchError::NotReady)
    }

    async fn ready(&self) -> Result<(), SearchError> {
        Err(SearchError::NotReady)
    }

    fn has_room(&self) -> bool {
        true
    }

    fn state(&self) -> SearchState {
        SearchState::Off
    }

    async fn shutdown(&self) {}
}

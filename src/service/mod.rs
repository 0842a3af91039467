//! What Eyrie does, without HTTP: add, change and remove images, search, describe.

mod error;
mod requests;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::{Collection, CollectionName, DescriptorVersion, Filter, ImageId, ImageRecord, Profile, Thumbnail};
use crate::extract::Extractor;
use crate::index::VectorIndex;
use crate::store::DescriptorStore;

// The layer above names these types through this module alone.
pub use crate::extract::{ExtractError, Extraction};
pub use crate::store::{CollectionSummary, StoreError};
pub use error::ServiceError;
pub use requests::{
    AddImage, AddOutcome, OnDuplicate, PutOutcome, Query, Readiness, SearchHit, SearchRequest, SearchResponse,
    ServiceOptions,
};

/// The use cases. One lives in a process, behind an `Arc`.
pub struct RetrievalService {
    store: Arc<dyn DescriptorStore>,
}

/// Makes an empty index for descriptors of so many values.
pub type NewIndex = Box<dyn Fn(usize) -> Arc<dyn VectorIndex> + Send + Sync>;

/// What the service is made of.
pub struct ServiceParts {
    /// Where images live.
    pub store: Arc<dyn DescriptorStore>,
    /// One for each worker thread; at least one, all of the same model.
    pub extractors: Vec<Box<dyn Extractor>>,
    /// How many images may wait for a worker.
    pub queue_length: usize,
    /// Makes an empty index.
    pub new_index: NewIndex,
}

#[allow(clippy::todo, unused_variables, clippy::missing_errors_doc)]
impl RetrievalService {
    /// Starts the workers and the task that builds the index and keeps it at the state of the store. Returns at once;
    /// [`RetrievalService::readiness`] says when searches can be answered. Must be called inside a tokio runtime.
    pub fn start(parts: ServiceParts, options: ServiceOptions) -> Result<Arc<Self>, ServiceError> {
        todo!()
    }
    /// Like [`RetrievalService::start`] for a process that only adds images: no index is built, and every search
    /// is answered by [`ServiceError::NotReady`].
    pub fn start_without_index(parts: ServiceParts, options: ServiceOptions) -> Result<Arc<Self>, ServiceError> {
        todo!()
    }
    /// Waits until the index is built.
    pub async fn index_built(&self) -> Result<(), ServiceError> {
        todo!()
    }
    /// Brings the index to the state of the store now instead of at the next interval.
    pub async fn follow_now(&self) -> Result<(), ServiceError> {
        todo!()
    }
    /// Refuses new work from now on and returns when the work under way has ended and the workers have stopped.
    /// The store stays open.
    pub async fn shutdown(&self) {
        todo!()
    }
    /// The version of the descriptors that `profile` yields with the running model.
    pub fn version(&self, profile: Profile) -> DescriptorVersion {
        todo!()
    }
    /// The number of values of the descriptors that `profile` yields.
    pub fn dimension(&self, profile: Profile) -> usize {
        todo!()
    }
    /// Like [`RetrievalService::add_image`], but waits for room in the queue instead of failing when it is full.
    pub async fn import_image(&self, collection: &CollectionName, image: AddImage) -> Result<AddOutcome, ServiceError> {
        todo!()
    }
    /// Every collection by name.
    pub async fn list_collections(&self) -> Result<Vec<CollectionSummary>, ServiceError> {
        todo!()
    }
    /// One collection with its counts.
    pub async fn collection(&self, name: &CollectionName) -> Result<CollectionSummary, ServiceError> {
        todo!()
    }
    /// Creates a collection; `false` when the same one was there.
    pub async fn create_collection(
        &self,
        name: CollectionName,
        profile: Option<Profile>,
        description: String,
    ) -> Result<(Collection, bool), ServiceError> {
        todo!()
    }
    /// Changes the description.
    pub async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Collection, ServiceError> {
        todo!()
    }
    /// Deletes a collection and all its images.
    pub async fn delete_collection(&self, name: &CollectionName) -> Result<(), ServiceError> {
        todo!()
    }
    /// Adds an image.
    pub async fn add_image(&self, collection: &CollectionName, image: AddImage) -> Result<AddOutcome, ServiceError> {
        todo!()
    }
    /// Stores an image under an id, over an older one where there is one.
    pub async fn put_image(
        &self,
        collection: &CollectionName,
        id: ImageId,
        bytes: bytes::Bytes,
        metadata: Value,
        expected_revision: Option<i64>,
    ) -> Result<PutOutcome, ServiceError> {
        todo!()
    }
    /// One record.
    pub async fn image(&self, collection: &CollectionName, id: &ImageId) -> Result<ImageRecord, ServiceError> {
        todo!()
    }
    /// Records after `after` by id, at most `limit`.
    pub async fn list_images(
        &self,
        collection: &CollectionName,
        after: Option<ImageId>,
        limit: u32,
        filter: Option<Filter>,
    ) -> Result<Vec<ImageRecord>, ServiceError> {
        todo!()
    }
    /// Applies a merge patch (RFC 7396) to the metadata.
    pub async fn patch_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        patch: Map<String, Value>,
        expected_revision: Option<i64>,
    ) -> Result<ImageRecord, ServiceError> {
        todo!()
    }
    /// Deletes an image.
    pub async fn delete_image(&self, collection: &CollectionName, id: &ImageId) -> Result<(), ServiceError> {
        todo!()
    }
    /// The thumbnail and the revision of its image.
    pub async fn thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<(Thumbnail, i64), ServiceError> {
        todo!()
    }
    /// Searches a collection.
    pub async fn search(
        &self,
        collection: &CollectionName,
        request: SearchRequest,
    ) -> Result<SearchResponse, ServiceError> {
        todo!()
    }
    /// Describes an image without storing it.
    pub async fn describe(&self, bytes: bytes::Bytes, profile: Profile) -> Result<Extraction, ServiceError> {
        todo!()
    }
    /// Whether the service can answer now.
    pub async fn readiness(&self) -> Readiness {
        todo!()
    }
}

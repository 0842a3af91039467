//! What Eyrie does, without HTTP: add, change and remove images, search, describe.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::{
    Collection, CollectionName, DescriptorVersion, Filter, ImageId, ImageRecord, InvalidDescriptor, InvalidMetadata,
    Metadata, Profile, Thumbnail,
};
use crate::store::DescriptorStore;

// The layer above names these types through this module alone.
pub use crate::extract::{ExtractError, Extraction};
pub use crate::store::{CollectionSummary, StoreError};

/// Why a request fails. The HTTP layer gives each variant its status and its stable code.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such collection.
    #[error("there is no collection {0:?}")]
    UnknownCollection(String),
    /// There is no such image.
    #[error("there is no image {0:?} in this collection")]
    UnknownImage(String),
    /// An image with this id is there.
    #[error("there is already an image {0:?} in this collection")]
    IdTaken(String),
    /// The same bytes are stored already and the request said `reject`.
    #[error("the same image is already stored as {0:?}")]
    DuplicateContent(String),
    /// A collection of this name is there with other settings.
    #[error("there is already a collection {0:?} with profile {1}")]
    CollectionExists(String, Profile),
    /// The default collection cannot be deleted.
    #[error("the collection \"default\" cannot be deleted")]
    DefaultCollection,
    /// If-Match names another revision.
    #[error("the image was changed since: its revision is not the one that If-Match names")]
    PreconditionFailed,
    /// The upload has no descriptor.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The metadata break a limit.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    /// The query descriptor is none.
    #[error(transparent)]
    Descriptor(#[from] InvalidDescriptor),
    /// The query descriptor, or the stored descriptor of the query image, was made by another model or profile.
    #[error("the descriptor has version {actual}, the collection has {expected}")]
    VersionMismatch {
        /// The version given.
        actual: DescriptorVersion,
        /// The version of the collection.
        expected: DescriptorVersion,
    },
    /// A number outside its range.
    #[error("{name} must be {allowed}")]
    OutOfRange {
        /// The parameter's name.
        name: &'static str,
        /// The range in words.
        allowed: String,
    },
    /// Every worker is busy and the queue is full.
    #[error("too many images are being described at the moment; try again in {retry_after_seconds} s")]
    Overloaded {
        /// When to try again.
        retry_after_seconds: u64,
    },
    /// The process is shutting down.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// The database cannot be reached or has no space; trying later may help.
    #[error("the database is not available")]
    Store(#[from] StoreError),
    /// A defect of the program.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What to do when the same bytes are already in the collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// Answer with the image that is there.
    #[default]
    Return,
    /// Refuse ([`ServiceError::DuplicateContent`]).
    Reject,
    /// Store it once more.
    Allow,
}

/// An image to add.
#[derive(Debug, Clone)]
pub struct AddImage {
    /// The id it shall have; a fresh one where `None`.
    pub id: Option<ImageId>,
    /// The encoded image.
    pub bytes: bytes::Bytes,
    /// The client's data: a JSON object, `Value::Null` for none.
    pub metadata: Value,
    /// What to do when the same bytes are there.
    pub on_duplicate: OnDuplicate,
}

/// What became of an addition.
#[derive(Debug, Clone, PartialEq)]
pub enum AddOutcome {
    /// Stored and searchable.
    Created(ImageRecord),
    /// The same bytes were there; this is their record.
    Existing(ImageRecord),
}

/// What became of a put.
#[derive(Debug, Clone, PartialEq)]
pub enum PutOutcome {
    /// Stored as a new image.
    Created(ImageRecord),
    /// Stored over an older one (or equal to it already).
    Updated(ImageRecord),
}

/// What is searched for.
#[derive(Debug, Clone)]
pub enum Query {
    /// An encoded image.
    Image(bytes::Bytes),
    /// An image of the collection; it is not among the results itself.
    Id(ImageId),
    /// The values of a descriptor, with the version that made it where the client knows it.
    Descriptor(Vec<f32>, Option<DescriptorVersion>),
}

/// A search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// What is searched for.
    pub query: Query,
    /// How many results, 1 to the configured maximum.
    pub k: usize,
    /// How many of the best to leave out first, for paging.
    pub offset: usize,
    /// Leave out results below this cosine, -1 to 1.
    pub min_score: Option<f32>,
    /// Only images whose metadata match.
    pub filter: Option<Filter>,
    /// Scan everything instead of searching the graph.
    pub exact: bool,
    /// Breadth of the graph search.
    pub ef: Option<usize>,
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// 1 for the best.
    pub rank: usize,
    /// Cosine, -1 to 1; 1 is identical.
    pub score: f32,
    /// The image.
    pub record: ImageRecord,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResponse {
    /// Best first.
    pub hits: Vec<SearchHit>,
    /// The version that was compared.
    pub version: DescriptorVersion,
    /// What describing the query image cost; `None` when nothing had to be described.
    pub cost: Option<crate::domain::ExtractionCost>,
    /// Time in the index, in milliseconds.
    pub index_milliseconds: f64,
}

/// Whether the service can answer, and what it waits for.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Readiness {
    /// Whether requests can be answered now.
    pub ready: bool,
    /// `ok`, or what is wrong with the database.
    pub store: String,
    /// `ok`, or what the index is doing (for example `building, 3000 of 10000`).
    pub index: String,
    /// `ok`, or `shutting down`.
    pub workers: String,
}

/// Numbers that bound requests.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// Bounds on metadata.
    pub metadata_limits: crate::domain::MetadataLimits,
    /// The most results of one search, offset included.
    pub max_results: usize,
    /// Parameters of the graph.
    pub hnsw: crate::index::HnswParams,
    /// How often the change log is read for changes that others made, in milliseconds.
    pub follow_interval_ms: u64,
}

/// The use cases. One lives in a process, behind an `Arc`.
pub struct RetrievalService {
    store: Arc<dyn DescriptorStore>,
}

#[allow(clippy::todo, unused_variables, clippy::missing_errors_doc)]
impl RetrievalService {
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

//! The truth: image records, descriptors, thumbnails, local features and a log of changes, in SQLite or Postgres.

mod codec;
mod failure;
mod lease;
mod migrate;
mod options;
mod postgres;
mod prefilter;
mod sqlite;

use async_trait::async_trait;

use crate::domain::{
    Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, ImageFormat, ImageId, ImageRecord,
    Metadata, Thumbnail,
};

pub use options::StorageOptions;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// Why the store could not answer. "Not found" is no error: it is a `None` or an outcome.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, did not answer in time, or has no connection free. Trying later may help.
    /// A write that ended so may or may not have been committed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk or the quota is full.
    #[error("the database has no space left: {0}")]
    Full(String),
    /// The database answered something that cannot be: a defect, a damaged file or a foreign schema.
    #[error("the database failed: {0}")]
    Internal(String),
}

/// An image to be stored, with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewImage {
    /// Its id.
    pub id: ImageId,
    /// SHA-256 of the uploaded bytes.
    pub content_hash: ContentHash,
    /// The format that was decoded.
    pub format: ImageFormat,
    /// Width in pixels after EXIF orientation.
    pub width: u32,
    /// Height in pixels after EXIF orientation.
    pub height: u32,
    /// Size of the upload in bytes.
    pub byte_size: u64,
    /// The client's own data.
    pub metadata: Metadata,
    /// Model and profile of the descriptor.
    pub version: DescriptorVersion,
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The thumbnail.
    pub thumbnail: Thumbnail,
    /// The local features, encoded.
    pub local_features: Vec<u8>,
}

/// What an insert does when the collection holds an image with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameContent {
    /// Store nothing and return the image that is there ([`InsertOutcome::SameContent`]).
    Refuse,
    /// Store it beside the other.
    Allow,
}

/// What became of an insert.
#[derive(Debug, Clone, PartialEq)]
pub enum InsertOutcome {
    /// Stored.
    Inserted(ImageRecord),
    /// An image with the same bytes is there; nothing was stored.
    SameContent(ImageRecord),
    /// An image with the same id is there; nothing was stored.
    IdTaken(ImageRecord),
    /// There is no such collection.
    UnknownCollection,
}

/// What became of a conditional write. Preconditions are the revision that the client last saw.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOutcome {
    /// Stored as a new image.
    Created(ImageRecord),
    /// Stored over an older version.
    Updated(ImageRecord),
    /// The image's revision is another one than the precondition names (or it is not there); nothing was stored.
    PreconditionFailed,
    /// There is no such image (only for writes that do not create).
    UnknownImage,
    /// There is no such collection.
    UnknownCollection,
}

/// One entry of the change log, in the order of commits.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its sequence number; grows, may skip. A later commit never has a smaller one.
    pub seq: i64,
    /// The collection.
    pub collection: CollectionName,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to a collection's images.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// The image was stored or its descriptor replaced. Carries the descriptor as it is *now*; `None` when the image
    /// is gone by now (a later entry says so).
    ImageWritten(ImageId, Option<StoredDescriptor>),
    /// The image was deleted.
    ImageDeleted(ImageId),
    /// The whole collection was deleted.
    CollectionDeleted,
}

/// A descriptor as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDescriptor {
    /// The model and profile that made it.
    pub version: DescriptorVersion,
    /// The descriptor.
    pub descriptor: Descriptor,
}

/// A collection with its counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionSummary {
    /// The collection.
    pub collection: Collection,
    /// Images in it.
    pub images: u64,
    /// Of these, images whose descriptor has another version than the one asked about.
    pub stale: u64,
}

/// Where images live. Each write is one transaction: record, descriptor, thumbnail, local features and change-log row, or
/// nothing.
#[async_trait]
pub trait DescriptorStore: Send + Sync {
    /// `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// Asks the database for a trivial answer, within two seconds.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Every collection by name; `model` is the running model's fingerprint, for the count of stale images
    /// (an image is current when its version is that model with the collection's profile).
    async fn list_collections(&self, model: &str) -> Result<Vec<CollectionSummary>, StoreError>;

    /// One collection with its counts.
    async fn collection_summary(
        &self,
        name: &CollectionName,
        model: &str,
    ) -> Result<Option<CollectionSummary>, StoreError>;

    /// One collection, without counting.
    async fn get_collection(&self, name: &CollectionName) -> Result<Option<Collection>, StoreError>;

    /// Creates a collection; `false` when there is one of that name (which is left as it is).
    async fn create_collection(&self, collection: &Collection) -> Result<bool, StoreError>;

    /// Changes the description; `None` when there is no such collection.
    async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Option<Collection>, StoreError>;

    /// Deletes a collection with its images; the sequence number of the change, `None` when there is none of that name.
    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<i64>, StoreError>;

    /// Stores an image under a new id.
    async fn insert(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, StoreError>;

    /// Stores an image, replacing one of the same id. With `expected_revision` the image must be there with that revision.
    /// A replaced image keeps its `created_at`.
    async fn put(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError>;

    /// Replaces an image's metadata and nothing else. It is a change like any other: it raises the revision and writes a
    /// change-log row (an index that reads it finds the descriptor unchanged).
    async fn replace_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        metadata: &Metadata,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError>;

    /// Deletes an image; the sequence number of the change, `None` when it is not there.
    async fn delete(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<i64>, StoreError>;

    /// One record.
    async fn get(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<ImageRecord>, StoreError>;

    /// The records of these ids that are there, in any order, in one statement.
    async fn get_many(&self, collection: &CollectionName, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError>;

    /// The image with these bytes (the oldest where several were allowed).
    async fn find_by_hash(
        &self,
        collection: &CollectionName,
        hash: &ContentHash,
    ) -> Result<Option<ImageRecord>, StoreError>;

    /// The descriptor of an image.
    async fn get_descriptor(
        &self,
        collection: &CollectionName,
        id: &ImageId,
    ) -> Result<Option<StoredDescriptor>, StoreError>;

    /// The thumbnail of an image.
    async fn get_thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<Thumbnail>, StoreError>;

    /// The encoded local features of these images, in any order, in one statement. Images that are not there, or were stored
    /// before features were, are left out.
    async fn local_features(
        &self,
        collection: &CollectionName,
        ids: &[ImageId],
    ) -> Result<Vec<(ImageId, Vec<u8>)>, StoreError>;

    /// Records after `after` in order of id (by code point), at most `limit`, of those that match `filter`.
    async fn list(
        &self,
        collection: &CollectionName,
        after: Option<&ImageId>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError>;

    /// The ids whose metadata match the filter.
    async fn matching_ids(&self, collection: &CollectionName, filter: &Filter) -> Result<Vec<ImageId>, StoreError>;

    /// Descriptors of one version after `after` in order of id, at most `limit`; for building an index.
    async fn descriptors(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        after: Option<&ImageId>,
        limit: u32,
    ) -> Result<Vec<(ImageId, Descriptor)>, StoreError>;

    /// The sequence number of the newest change, 0 before the first.
    async fn last_seq(&self) -> Result<i64, StoreError>;

    /// Changes after `after` in order, at most `limit`.
    async fn changes(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError>;

    /// Closes the connections after the statements under way.
    async fn close(&self);
}

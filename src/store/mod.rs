//! The truth: image records, descriptors, thumbnails, local features and a log of changes, in
//! SQLite or Postgres.
//!
//! [`Store`] is what a database does, in parts: [`Collections`], [`Images`], [`ChangeLog`],
//! [`Answers`]. Ids are text at the edge only: what the index and the change log speak of are
//! [`ImageKey`]s.

mod codec;
mod failure;
mod lease;
mod listing;
mod migrate;
mod options;
mod postgres;
mod prefilter;
mod sqlite;
mod statements;

use async_trait::async_trait;
use futures::stream::BoxStream;
use time::OffsetDateTime;

use crate::domain::{
    Begun, Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, IdempotencyKey, ImageFormat,
    ImageId, ImageKey, ImageRecord, KeptAnswer, Metadata, Order, Position, Precondition, Seq, Thumbnail,
};

pub use options::StorageOptions;
pub use postgres::{PostgresOptions, PostgresStore};
pub use sqlite::SqliteStore;

/// Why the store could not answer. "Not found" is no error: it is a `None` or an outcome.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, did not answer in time, or has no connection free. Trying
    /// later may help. A write that ended so may or may not have been committed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk or the quota is full.
    #[error("the database has no space left: {0}")]
    Full(String),
    /// The database takes no writes: a file without write permission, a standby.
    #[error("the database can only be read: {0}")]
    ReadOnly(String),
    /// The database cannot be used as it is set up; found when it is opened.
    #[error("{reason}")]
    Setup {
        /// What is wrong, in a sentence for the person who starts the program.
        reason: String,
        /// What helps.
        hint: &'static str,
    },
    /// The database answered something that cannot be: a defect, a damaged file or a foreign
    /// schema.
    #[error("the database failed: {0}")]
    Internal(String),
}

impl StoreError {
    /// The same with what it is about in front of the text: a file, a host.
    fn about(self, subject: &str) -> Self {
        let named = |text: String| format!("{subject}: {text}");
        match self {
            Self::Unavailable(text) => Self::Unavailable(named(text)),
            Self::Full(text) => Self::Full(named(text)),
            Self::ReadOnly(text) => Self::ReadOnly(named(text)),
            Self::Setup { reason, hint } => Self::Setup { reason: named(reason), hint },
            Self::Internal(text) => Self::Internal(named(text)),
        }
    }
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

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOutcome {
    /// Stored as a new image.
    Created(ImageRecord),
    /// Stored over an older version.
    Updated(ImageRecord),
    /// The precondition does not hold; nothing was stored.
    PreconditionFailed,
    /// There is no such image (only for writes that do not create).
    UnknownImage,
    /// There is no such collection.
    UnknownCollection,
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// Deleted by this change.
    Deleted(Seq),
    /// The precondition does not hold; the image is as it was.
    PreconditionFailed,
    /// There is no such image, and the precondition did not ask for one.
    UnknownImage,
    /// There is no such collection.
    UnknownCollection,
}

/// One entry of the change log, in the order of commits.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its sequence number. A later commit never has a smaller one.
    pub seq: Seq,
    /// The collection.
    pub collection: CollectionName,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to a collection's images.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// The image was stored or its descriptor replaced. Carries the descriptor as it is *now*;
    /// `None` when the image is gone by now (a later entry says so).
    ImageWritten(ImageKey, Option<StoredDescriptor>),
    /// The image was deleted.
    ImageDeleted(ImageKey),
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

/// Collections in a database.
#[async_trait]
pub trait Collections: Send + Sync {
    /// Every collection by name; `model` is the running model's fingerprint, for the count of stale
    /// images (an image is current when its version is that model with the collection's profile).
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

    /// Deletes a collection with its images; the change, `None` when there is none of that name.
    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<Seq>, StoreError>;
}

/// Images in a database. Each write is one transaction: record, descriptor, thumbnail, local
/// features and change-log row, or nothing; its precondition is decided in that transaction.
#[async_trait]
pub trait Images: Send + Sync {
    /// Stores an image under a new id.
    async fn insert(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, StoreError>;

    /// Stores an image, replacing one of the same id. A replaced image keeps its key and its
    /// `created_at`.
    async fn put(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        precondition: Precondition,
    ) -> Result<WriteOutcome, StoreError>;

    /// Replaces an image's metadata and nothing else. It is a change like any other: it raises the
    /// revision and writes a change-log row (an index that reads it finds the descriptor
    /// unchanged).
    async fn replace_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        metadata: &Metadata,
        precondition: Precondition,
    ) -> Result<WriteOutcome, StoreError>;

    /// Deletes an image.
    async fn delete(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        precondition: Precondition,
    ) -> Result<DeleteOutcome, StoreError>;

    /// One record.
    async fn get(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<ImageRecord>, StoreError>;

    /// The records of these images that are there, in any order, in one statement.
    async fn records(&self, keys: &[ImageKey]) -> Result<Vec<ImageRecord>, StoreError>;

    /// The ids of these images that are there, in any order, in one statement.
    async fn ids(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, ImageId)>, StoreError>;

    /// The image with these bytes (the oldest where several were allowed).
    async fn find_by_hash(
        &self,
        collection: &CollectionName,
        hash: &ContentHash,
    ) -> Result<Option<ImageRecord>, StoreError>;

    /// The key and the descriptor of an image.
    async fn get_descriptor(
        &self,
        collection: &CollectionName,
        id: &ImageId,
    ) -> Result<Option<(ImageKey, StoredDescriptor)>, StoreError>;

    /// The thumbnail of an image.
    async fn get_thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<Thumbnail>, StoreError>;

    /// The encoded local features of these images, in any order, in one statement. Images that are
    /// not there, or were stored before features were, are left out.
    async fn local_features(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, Vec<u8>)>, StoreError>;

    /// Records after `after` in order of id (by code point), at most `limit`, of those that match
    /// `filter`.
    async fn list(
        &self,
        collection: &CollectionName,
        after: Option<&ImageId>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let after = after.map(|id| Position { time: None, id: id.clone() });
        self.list_in(collection, Order::default(), after.as_ref(), limit, filter).await
    }

    /// Records behind `after`, a place of this order, at most `limit`, of those that match
    /// `filter`.
    async fn list_in(
        &self,
        collection: &CollectionName,
        order: Order,
        after: Option<&Position>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError>;

    /// Every record that matches `filter` in order of id, read page by page: no more than a page is
    /// in memory.
    fn scan<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: Option<&'a Filter>,
    ) -> BoxStream<'a, Result<ImageRecord, StoreError>>;

    /// The keys of the images whose metadata match the filter.
    async fn matching_keys(&self, collection: &CollectionName, filter: &Filter) -> Result<Vec<ImageKey>, StoreError>;

    /// Descriptors of one version after `after` in order of key, at most `limit`; for building an
    /// index.
    async fn descriptors(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<(ImageKey, Descriptor)>, StoreError>;
}

/// The log of changes, which an index follows.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// The newest change, [`Seq::ZERO`] before the first.
    async fn last_seq(&self) -> Result<Seq, StoreError>;

    /// Changes after `after` in order, at most `limit`.
    async fn changes(&self, after: Seq, limit: u32) -> Result<Vec<Change>, StoreError>;
}

/// Requests that named themselves, and their answers.
#[async_trait]
pub trait Answers: Send + Sync {
    /// Begins a request, where none of this name was begun in the collection since `expired`, or
    /// was and gave no answer since `abandoned`; older ones are forgotten. `request` is a checksum
    /// of what is asked. `None` when there is no such collection.
    async fn begin(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        request: &ContentHash,
        times: AnswerTimes,
    ) -> Result<Option<Begun>, StoreError>;

    /// Keeps the answer to a request that was begun.
    async fn keep(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError>;

    /// Forgets a request that was begun and has no answer to keep.
    async fn forget(&self, collection: &CollectionName, key: &IdempotencyKey) -> Result<(), StoreError>;
}

/// The times that decide about requests that named themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTimes {
    /// Now.
    pub now: OffsetDateTime,
    /// What was begun before is forgotten.
    pub expired: OffsetDateTime,
    /// What was begun before and has no answer never gets one: its process is gone.
    pub abandoned: OffsetDateTime,
}

/// A database.
#[async_trait]
pub trait Store: Collections + Images + ChangeLog + Answers {
    /// `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// Asks the database whether it answers and takes writes, within two seconds.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Closes the connections after the statements under way.
    async fn close(&self);
}

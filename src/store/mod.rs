//! The truth: image records, descriptors, thumbnails, local features and a log of changes, in
//! SQLite or Postgres.
//!
//! [`Store`] is what a database does, in parts: [`Collections`], [`Images`], [`ChangeLog`],
//! [`Answers`], [`Jobs`], [`JobData`], [`Duplicates`], [`Originals`], [`ApiKeys`], [`Quotas`]. Ids
//! are text at the edge only: what the index and the change log speak of are [`ImageKey`]s.

mod answers;
mod api_keys;
mod codec;
mod error;
mod examine;
mod failure;
mod job_data;
mod jobs;
mod lease;
mod listing;
mod migrate;
mod options;
mod originals;
mod postgres;
mod prefilter;
mod quotas;
mod sqlite;
mod statements;

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    Collection, CollectionChange, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, ImageFormat,
    ImageId, ImageKey, ImageRecord, KeyId, Metadata, Order, Position, Precondition, QuotaExceeded, Seq, Thumbnail,
};

pub use answers::{AnswerTimes, Answers};
pub use api_keys::{ApiKeys, KeyCreation, StoredKey};
pub use error::StoreError;
pub use examine::Examination;
pub use job_data::{DataPart, JobData};
pub use jobs::{
    Cancellation, Claim, ClaimedJob, DuplicateScan, Duplicates, GroupMember, JobCreation, JobEnd, Jobs, NewJob,
};
pub use options::{KeepIn, OriginalsOptions, StorageOptions};
pub use originals::{KeptOriginal, NewOriginal, Originals, PART_BYTES};
pub use postgres::{PostgresOptions, PostgresStore};
pub use quotas::{Incoming, Miscount, Quotas};
pub use sqlite::{
    BackupError, BackupStep, BackupWatch, Manifest, Restored, SqliteStore, backup, check_backup, manifest, restore,
};

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
    /// The local features, encoded; empty where there are none.
    pub local_features: Vec<u8>,
    /// The upload itself, where it is to be kept. Without it, an image that has the same bytes
    /// already keeps its own.
    pub original: Option<NewOriginal>,
    /// The key that stores it. Bytes that an image has already stay with the key that stored them.
    pub stored_by: Option<KeyId>,
}

/// An image with all that belongs to it, as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeImage {
    /// Its record.
    pub record: ImageRecord,
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The thumbnail.
    pub thumbnail: Thumbnail,
    /// The local features, encoded; empty where there are none.
    pub local_features: Vec<u8>,
}

/// An image that was in another database.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredImage {
    /// What is stored of it.
    pub image: NewImage,
    /// When it was first stored there.
    pub created_at: OffsetDateTime,
    /// When it was last written there.
    pub updated_at: OffsetDateTime,
}

impl RestoredImage {
    /// Whether a record says the same of it.
    fn is(&self, record: &ImageRecord) -> bool {
        let image = &self.image;
        record.content_hash == image.content_hash
            && record.version == image.version
            && record.metadata == image.metadata
            && (record.format, record.width, record.height, record.byte_size)
                == (image.format, image.width, image.height, image.byte_size)
    }
}

/// What became of an image that was in another database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// Stored by this change.
    Created(Seq),
    /// Stored by this change over another one of its id.
    Replaced(Seq),
    /// It was there just so; nothing was stored.
    Unchanged,
    /// Another image of its id is there; nothing was stored.
    IdTaken,
    /// It does not fit into a quota; nothing was stored.
    OverQuota(QuotaExceeded),
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
    /// It does not fit into a quota; nothing was stored.
    OverQuota(QuotaExceeded),
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
    /// It does not fit into a quota; nothing was stored.
    OverQuota(QuotaExceeded),
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

/// A stretch of the change log.
#[derive(Debug, Clone, PartialEq)]
pub enum Changes {
    /// The changes, in order; none at the end of the log.
    Since(Vec<Change>),
    /// Changes among these are removed: who asks has to read what is stored instead.
    Pruned,
}

/// Which images of a collection are not, or may not be, as the running model describes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// Those whose descriptors have another version than the one asked about.
    Only,
    /// Those, and all that did not change behind this place of the change log.
    OrUnchangedSince(Seq),
}

impl Outdated {
    /// Images up to this revision are meant whatever their version is.
    fn revision(self) -> Seq {
        match self {
            Self::Only => Seq::ZERO,
            Self::OrUnchangedSince(seq) => seq,
        }
    }
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
    /// The bytes of their uploads, as quotas count them.
    pub bytes: u64,
    /// Images whose descriptor has another version than the one asked about.
    pub stale: u64,
    /// Images whose originals are kept.
    pub originals: u64,
    /// The bytes of these originals.
    pub original_bytes: u64,
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

    /// Changes a collection; `None` when there is none of that name. A limit below what is there is
    /// one for what comes: nothing is deleted.
    async fn change_collection(
        &self,
        name: &CollectionName,
        change: &CollectionChange,
    ) -> Result<Option<Collection>, StoreError>;

    /// Deletes a collection with its images; the change, `None` when there is none of that name.
    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<Seq>, StoreError>;
}

/// Images in a database. Each write is one transaction: record, descriptor, thumbnail, local
/// features, original (or its name) and change-log row, or nothing; its precondition, and whether
/// it fits into the quotas, are decided in that transaction.
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

    /// Stores images of another database, with the times that they had there, all in one
    /// transaction; an image of the same id that is another one is replaced with `replace`, and
    /// keeps its key and its `created_at`. No two of `images` have the same id, and one key stores
    /// all of them. What became of each; `None` where there is no such collection.
    async fn restore(
        &self,
        collection: &CollectionName,
        images: &[RestoredImage],
        replace: bool,
    ) -> Result<Option<Vec<RestoreOutcome>>, StoreError>;

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

    /// These images that are there with all that belongs to them, in any order, in one statement.
    async fn whole(&self, keys: &[ImageKey]) -> Result<Vec<WholeImage>, StoreError>;

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

    /// The encoded thumbnails of these images that are there, in any order, in one statement.
    async fn thumbnails(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, Vec<u8>)>, StoreError>;

    /// The encoded local features of these images, in any order, in one statement. Images that are
    /// not there, or were stored before features were, are left out.
    async fn local_features(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, Vec<u8>)>, StoreError>;

    /// The descriptors of those of these images that are there and have this version, in any order,
    /// in one statement.
    async fn descriptors_of(
        &self,
        keys: &[ImageKey],
        version: &DescriptorVersion,
    ) -> Result<Vec<(ImageKey, Descriptor)>, StoreError>;

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

    /// The same of images whose descriptors have another version than this one.
    async fn list_stale(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        order: Order,
        after: Option<&Position>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError>;

    /// Images that `which` means, behind `after` in the order of their keys, at most `limit`.
    async fn outdated(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        which: Outdated,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<ImageRecord>, StoreError>;

    /// How many there are.
    async fn count_outdated(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        which: Outdated,
    ) -> Result<u64, StoreError>;

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
    async fn changes(&self, after: Seq, limit: u32) -> Result<Changes, StoreError>;

    /// Notes that a follower needs no change up to `position` any more.
    async fn followed(&self, follower: Uuid, position: Seq) -> Result<(), StoreError>;

    /// Removes changes, the oldest first and not all at once, and returns how many: those that
    /// every follower heard of in the last [`FORGOTTEN_AFTER`] has taken, and that are older
    /// than [`CHANGES_KEPT`] (for those who follow without a note). Nothing where nobody
    /// follows.
    async fn prune(&self) -> Result<u64, StoreError>;
}

/// A follower that has not been heard of for so long has to read everything when it returns.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Younger changes are not removed.
pub const CHANGES_KEPT: Duration = Duration::from_secs(3600);

/// Changes removed in one transaction.
const PRUNED_AT_ONCE: i64 = 10_000;

/// A database.
#[async_trait]
pub trait Store:
    Collections + Images + ChangeLog + Answers + Jobs + JobData + Duplicates + Originals + ApiKeys + Quotas
{
    /// `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// Asks the database whether it answers and takes writes, within two seconds.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Closes the connections after the statements under way.
    async fn close(&self);
}

//! The truth: image records, descriptors, thumbnails, local features and a log of changes, in
//! SQLite or Postgres.
//!
//! [`Store`] is what a database does, in parts: [`Collections`], [`Images`], [`ChangeLog`],
//! [`Answers`], [`Jobs`], [`Duplicates`]. Ids are text at the edge only: what the index and the
//! change log speak of are [`ImageKey`]s.

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

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    Begun, Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, IdempotencyKey, ImageFormat,
    ImageId, ImageKey, ImageRecord, Job, JobId, JobKind, JobProgress, KeptAnswer, Metadata, Order, Position,
    Precondition, Seq, SimilarPair, Thumbnail, Verdict,
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
    /// The local features, encoded; empty where there are none.
    pub local_features: Vec<u8>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// Stored by this change.
    Created(Seq),
    /// Stored by this change over another one of its id.
    Replaced(Seq),
    /// It was there just so; nothing was stored.
    Unchanged,
    /// Another image of its id is there; nothing was stored.
    IdTaken,
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

/// A stretch of the change log.
#[derive(Debug, Clone, PartialEq)]
pub enum Changes {
    /// The changes, in order; none at the end of the log.
    Since(Vec<Change>),
    /// Changes among these are removed: who asks has to read what is stored instead.
    Pruned,
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

    /// Stores images of another database, with the times that they had there, all in one
    /// transaction; an image of the same id that is another one is replaced with `replace`, and
    /// keeps its key and its `created_at`. No two of `images` have the same id. What became of
    /// each; `None` where there is no such collection.
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

    /// Records behind `after`, a place of this order, at most `limit`, of those that match `filter`.
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

/// A job to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// In which collection.
    pub collection: CollectionName,
    /// How: a JSON object.
    pub params: Value,
}

/// What became of a job that was to be created.
#[derive(Debug, Clone, PartialEq)]
pub enum JobCreation {
    /// It is there now.
    Created(Job),
    /// The same work waits or is done already.
    Active(Job),
    /// Too many jobs wait.
    TooMany,
}

/// The right to work on a job: it ends with the job, and when the lease is over and another process
/// takes the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Who works on it; no two processes have the same name.
    pub owner: String,
    /// How long the claim holds after each sign of life.
    pub lease: Duration,
}

/// A job that this process works on from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// The job.
    pub job: Job,
    /// Where the work stood when another process left it; `None` at its beginning.
    pub checkpoint: Option<Value>,
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEnd {
    /// With this result: a JSON object.
    Done(Value),
    /// With this error.
    Failed(String),
}

/// What became of the wish to end a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancellation {
    /// It was waiting or running and is cancelled now.
    Cancelled(Job),
    /// It had ended before.
    Ended(Job),
    /// There is no such job.
    UnknownJob,
}

/// Work in the background, for all processes that share the database. What a process writes about a
/// job under a [`Claim`] that no longer holds is not written, and it is told so by `false`.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Creates a job that waits, unless the same work (kind, collection, parameters) waits or is
    /// done already, or `most_active` jobs wait or run.
    async fn create_job(&self, job: &NewJob, most_active: u32) -> Result<JobCreation, StoreError>;

    /// One job.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// Jobs older than `before`, the newest first, at most `limit`.
    async fn jobs(&self, before: Option<&JobId>, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Claims the oldest job that waits, or whose lease is over.
    async fn claim_job(&self, owner: &str, lease: Duration) -> Result<Option<ClaimedJob>, StoreError>;

    /// Notes how far a job is, and where to go on where that is given; renews the lease.
    async fn note_progress(
        &self,
        claim: &Claim,
        progress: JobProgress,
        checkpoint: Option<&Value>,
    ) -> Result<bool, StoreError>;

    /// Renews the lease.
    async fn renew_claim(&self, claim: &Claim) -> Result<bool, StoreError>;

    /// Lets a job wait again, for any process.
    async fn release_job(&self, claim: &Claim) -> Result<bool, StoreError>;

    /// Ends a job.
    async fn end_job(&self, claim: &Claim, end: &JobEnd) -> Result<bool, StoreError>;

    /// Ends a job that waits or runs.
    async fn cancel_job(&self, id: &JobId) -> Result<Cancellation, StoreError>;

    /// Removes a job that has ended, with what it found; `false` where there is no such one.
    async fn remove_job(&self, id: &JobId) -> Result<bool, StoreError>;
}

/// What is known of the near-duplicates in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateScan {
    /// Its number.
    pub id: i64,
    /// Images that changed up to this change were looked up.
    pub seq: Seq,
    /// How often it was begun, this time included.
    pub run: i64,
}

/// A member of a group of near-duplicates.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMember {
    /// The place of its group, from 1.
    pub place: u64,
    /// Its place in the group; 0 for the best.
    pub member: u64,
    /// How many members the group has.
    pub size: u64,
    /// The name of the group: the id of its oldest image.
    pub name: ImageId,
    /// The image.
    pub key: ImageKey,
    /// Its nearest other member: the cosine of their descriptors.
    pub score: f32,
    /// What the two come to.
    pub verdict: Verdict,
}

/// Near-duplicates in collections: pairs, which are kept from one job to the next, and the groups
/// that a job made of them.
#[async_trait]
pub trait Duplicates: Send + Sync {
    /// Begins to look for the pairs of a collection in some way, which `settings` names; goes on
    /// from what is known of it. Of the ways of one collection this one and the newest `most` are
    /// kept. `None` where there is no such collection.
    async fn begin_scan(
        &self,
        collection: &CollectionName,
        settings: &str,
        most: u32,
    ) -> Result<Option<DuplicateScan>, StoreError>;

    /// How many images of a version changed after `since`.
    async fn count_changed(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        since: Seq,
    ) -> Result<u64, StoreError>;

    /// The images of a version that changed after `since`, behind `after` in the order of their
    /// keys, at most `limit`.
    async fn changed_images(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        since: Seq,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<ImageKey>, StoreError>;

    /// Puts these pairs, of which none is there twice, in the place of those that earlier runs
    /// found of the images in `looked_up`, and notes how far the job is, in one transaction.
    async fn note_pairs(
        &self,
        claim: &Claim,
        scan: &DuplicateScan,
        looked_up: &[ImageKey],
        pairs: &[SimilarPair],
        progress: JobProgress,
        checkpoint: &Value,
    ) -> Result<bool, StoreError>;

    /// Pairs behind `after` in the order of both keys, at most `limit`; only those of two images
    /// that are there.
    async fn pairs(
        &self,
        scan: &DuplicateScan,
        after: Option<(ImageKey, ImageKey)>,
        limit: u32,
    ) -> Result<Vec<SimilarPair>, StoreError>;

    /// Notes that every image that changed up to `seq` was looked up.
    async fn end_scan(&self, claim: &Claim, scan: &DuplicateScan, seq: Seq) -> Result<bool, StoreError>;

    /// Adds members to the groups that a job found; `first` are the first ones, and what an earlier
    /// attempt wrote goes.
    async fn add_members(&self, claim: &Claim, members: &[GroupMember], first: bool) -> Result<bool, StoreError>;

    /// The members of the groups of a job behind `after` in order, at most `limit`.
    async fn members(&self, job: &JobId, after: Option<(u64, u64)>, limit: u32)
    -> Result<Vec<GroupMember>, StoreError>;
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

    /// Removes changes, the oldest first and not all at once, and returns how many: those that every
    /// follower heard of in the last [`FORGOTTEN_AFTER`] has taken, and that are older than
    /// [`CHANGES_KEPT`] (for those who follow without a note). Nothing where nobody follows.
    async fn prune(&self) -> Result<u64, StoreError>;
}

/// A follower that has not been heard of for so long has to read everything when it returns.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Younger changes are not removed.
pub const CHANGES_KEPT: Duration = Duration::from_secs(3600);

/// Changes removed in one transaction.
const PRUNED_AT_ONCE: i64 = 10_000;

/// Requests that named themselves, and their answers.
#[async_trait]
pub trait Answers: Send + Sync {
    /// Begins a request, where none of this name was begun in the collection since `expired`, or was and
    /// gave no answer since `abandoned`; older ones are forgotten. `request` is a checksum of what is
    /// asked. `None` when there is no such collection.
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
pub trait Store: Collections + Images + ChangeLog + Answers + Jobs + Duplicates {
    /// `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// Asks the database whether it answers and takes writes, within two seconds.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Closes the connections after the statements under way.
    async fn close(&self);
}

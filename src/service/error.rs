//! Why a request fails.

use crate::domain::{DescriptorVersion, InvalidDescriptor, InvalidMetadata, JobState, Profile, QuotaExceeded, Verdict};
use crate::originals::OriginalsError;
use crate::search::SearchError;
use crate::store::StoreError;
use eyrie_vision::picture::PictureError;

/// Why a request fails. The HTTP layer gives each variant its status and its stable code.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such collection.
    #[error("there is no collection {0:?}")]
    UnknownCollection(String),
    /// There is no such image.
    #[error("there is no image {0:?} in this collection")]
    UnknownImage(String),
    /// The upload itself is not kept of this image.
    #[error("the original of the image {0:?} is not kept")]
    NoOriginal(String),
    /// An image with this id is there.
    #[error("there is already an image {0:?} in this collection")]
    IdTaken(String),
    /// The same bytes are stored already and the request said `reject`.
    #[error("the same image is already stored as {0:?}")]
    DuplicateContent(String),
    /// An image that shows the same thing is there and the request said `reject`.
    #[error("the image {id:?} of this collection shows the same: verdict {verdict}, score {score:.4}")]
    SimilarExists {
        /// The id of the most similar one.
        id: String,
        /// The verdict on the two.
        verdict: Verdict,
        /// The cosine of their descriptors.
        score: f32,
    },
    /// A collection of this name is there with other settings.
    #[error("there is already a collection {0:?} with profile {1}")]
    CollectionExists(String, Profile),
    /// The default collection cannot be deleted.
    #[error("the collection \"default\" cannot be deleted")]
    DefaultCollection,
    /// What the request requires of the image does not hold.
    #[error("the image is not as If-Match or If-None-Match require it; it was changed, stored or deleted since")]
    PreconditionFailed,
    /// There is no such API key.
    #[error("there is no key {0:?}")]
    UnknownKey(String),
    /// An API key cannot be like this.
    #[error("{0}")]
    InvalidKey(&'static str),
    /// So many API keys are there that no further one is made.
    #[error("there are {0} keys already; revoke some that are not used")]
    TooManyKeys(u32),
    /// There is no such job.
    #[error("there is no job {0:?}")]
    UnknownJob(String),
    /// So many jobs wait that no further one is taken.
    #[error("too many jobs wait already; try again when some are done, or cancel them")]
    TooManyJobs,
    /// The job found no groups: it is of another kind, or has not ended well.
    #[error("the job has no groups: only one that looks for duplicates has, once it is done; this one is {0}")]
    NoGroups(JobState),
    /// What is to be imported is no export that this program reads.
    #[error("{0}")]
    UnsupportedExport(String),
    /// A line of an export is not what it has to be.
    #[error("{0}")]
    InvalidRecord(String),
    /// What is to be imported is no archive, or a damaged one.
    #[error("the archive: {0}")]
    InvalidArchive(String),
    /// An entry of an archive cannot be read.
    #[error("{0}")]
    InvalidEntry(String),
    /// The job gave out nothing: it is of another kind, or has not ended well.
    #[error("the job has no result to read: only an export has, once it is done; this one is {0}")]
    NoResult(JobState),
    /// An export in the background is larger than it may be.
    #[error("the export has more than {0} bytes (limits.max_transfer_bytes); one that is streamed may be of any size")]
    ExportTooLarge(u64),
    /// The data directory has no space left.
    #[error("the data directory has no space left for this")]
    SpoolFull,
    /// The upload has no descriptor.
    #[error(transparent)]
    Extract(#[from] PictureError),
    /// One of several images of a query has no descriptor.
    #[error("image {number}: {error}")]
    QueryImage {
        /// Which, 1 for the first.
        number: usize,
        /// Why.
        error: PictureError,
    },
    /// The metadata break a limit.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    /// The query descriptor is none.
    #[error(transparent)]
    Descriptor(#[from] InvalidDescriptor),
    /// The query descriptor, or the stored descriptor of the query image, was made by another model
    /// or profile.
    #[error("the descriptor has version {actual}, the collection has {expected}")]
    VersionMismatch {
        /// The version given.
        actual: DescriptorVersion,
        /// The version of the collection.
        expected: DescriptorVersion,
    },
    /// A stored image's descriptor is of another version than the one that it is compared with.
    #[error(
        "the image {image:?} has a descriptor of version {stored}, and to be compared it needs one of version {needed}"
    )]
    NotComparable {
        /// The image's id.
        image: String,
        /// The version that it has.
        stored: DescriptorVersion,
        /// The version of the other picture, or that the request names.
        needed: DescriptorVersion,
    },
    /// The first results must be verified, and the query has nothing to verify them by.
    #[error("the results cannot be verified: {0}")]
    NotVerifiable(&'static str),
    /// A number outside its range.
    #[error("{name} must be {allowed}")]
    OutOfRange {
        /// The parameter's name.
        name: &'static str,
        /// The range in words.
        allowed: String,
    },
    /// Every worker is busy and the queue is full, or too many searches are waiting.
    #[error("too many requests at the moment; try again in {retry_after_seconds} s")]
    Overloaded {
        /// When to try again.
        retry_after_seconds: u64,
    },
    /// The request is under way already.
    #[error("the request with this Idempotency-Key is under way; try again in a moment")]
    KeyRunning,
    /// Another request has the same key.
    #[error("another request was sent with this Idempotency-Key; a new request needs a new key")]
    KeyReused,
    /// A batch ran out of time before this part of it was done.
    #[error(
        "the call ran out of time before this was done: send it again in a smaller call (if it was to change something, \
         that may or may not have happened)"
    )]
    TooLate,
    /// The index is still being built after the start; searches have to wait for it.
    #[error("the index is not ready yet; try again in a few seconds")]
    NotReady,
    /// The indexes take as much memory as they may.
    #[error("the index takes all the memory that it may (index.max_memory_mib); no picture can be added")]
    IndexFull,
    /// The image does not fit into the quota of its collection, or into that of the key that stores
    /// it.
    #[error(transparent)]
    QuotaExceeded(QuotaExceeded),
    /// The process is shutting down.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// The database cannot be reached or has no space; trying later may help.
    #[error("the database is not available")]
    Store(#[from] StoreError),
    /// The uploads themselves cannot be stored or read where they are kept.
    #[error("originals cannot be stored or read")]
    Originals(#[from] OriginalsError),
    /// A defect of the program.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ServiceError {
    /// The same of one of several images of a query, 1 for the first.
    pub(super) fn of_query_image(self, number: usize) -> Self {
        if let Self::Extract(error) = self { Self::QueryImage { number, error } } else { self }
    }
}

impl From<SearchError> for ServiceError {
    fn from(error: SearchError) -> Self {
        let reason = error.to_string();
        match error {
            SearchError::NotReady => Self::NotReady,
            SearchError::Overloaded => Self::Overloaded { retry_after_seconds: 1 },
            SearchError::ShuttingDown => Self::ShuttingDown,
            SearchError::Store(error) => Self::Store(error),
            SearchError::Internal(_) => Self::Internal(reason),
        }
    }
}

//! What Eyrie does, without HTTP: add, change and remove images, search.
//!
//! [`RetrievalService`] is the one door. Behind it: `core` (what the use cases share), `images`
//! with `upload`, `collections`, `search` with `rerank` and `similar`, `compare`, `describe`,
//! `batch`, `originals` and `once` (the use cases), `keys` (who may use them), `jobs` (work in the
//! background), `transfer` (export and import), `pool` (the threads that describe images) with
//! `lanes` (who is next), `caller` and `readiness`.

mod batch;
mod caller;
mod collections;
mod compare;
mod core;
mod cut;
mod describe;
mod error;
mod hash;
mod images;
mod jobs;
mod keys;
mod lanes;
mod look;
mod once;
mod options;
mod originals;
mod outcome;
mod owed;
mod pool;
mod quotas;
mod readiness;
mod requests;
mod rerank;
mod retrieval;
mod running;
mod search;
mod similar;
mod subject;
#[cfg(test)]
mod tests;
mod transfer;
mod upload;

// The layer above names these types through this module alone.
pub use crate::originals::OriginalsError;
pub use crate::store::{CollectionSummary, StoreError};
pub use batch::{Deletion, Selection};
pub use caller::Caller;
pub use compare::{CompareRequest, CompareResponse, ComparedImage, Pictured};
pub use describe::{DescribeRequest, Described, Remark};
pub use error::ServiceError;
pub use eyrie_vision::local::{MatchedRegion, Quad, Verification};
pub use eyrie_vision::picture::PictureError;
pub use jobs::{
    DuplicateGroup, DuplicateMember, DuplicatesRequest, GroupPage, ImportRequest, JobResult, MOST_CANDIDATES,
    ReindexRequest, Started,
};
pub use keys::{KnownKeys, MOST_COLLECTIONS, MOST_DAYS, MOST_ORIGINS, MadeKey, NewApiKey, UsedKey};
pub use once::{Fingerprint, Once};
pub use options::{Isolation, JobOptions, Limits, PoolOptions, ServiceOptions, VerificationOptions};
pub use requests::{
    AddImage, AddOutcome, OnDuplicate, OnSimilar, PutImage, PutOutcome, Readiness, SearchHit, SearchQuery,
    SearchRequest, SearchResponse, Stored, VerificationEffort,
};
pub use retrieval::{RetrievalService, ServiceParts};
pub use search::MAX_QUERY_IMAGES;
pub use transfer::{
    Archive, ArchiveKind, ArchiveRequest, Entry, EntryContent, ExportFormat, ExportHeader, ExportPart, IdFrom, Import,
    ImportReport, LineFailure, MAX_LINE_BYTES, SkipReason, Skipped, Spool,
};

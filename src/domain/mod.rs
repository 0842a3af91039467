//! The words of the service, without I/O: identifiers, records, metadata, filters. The words of
//! seeing (descriptors, regions, verdicts) come from `eyrie_vision` and are named here with them.

mod api_key;
mod catalogue;
mod clock;
mod collection;
mod field;
mod filter;
mod id;
mod job;
mod key;
mod label;
mod metadata;
pub mod milliseconds;
mod once;
mod order;
mod origin;
mod original;
mod precondition;
mod quota;
mod record;
mod secret;
mod seq;
mod verify;

pub use api_key::{ApiKey, KeyHash, Scope, UnknownScope};
pub use catalogue::{Catalogue, ProfileFacts};
pub use clock::{Clock, SystemClock, whole_microseconds};
pub use collection::{Collection, CollectionChange};
pub use eyrie_vision::cost::ChipReport;
pub use eyrie_vision::describe::{
    Descriptor, DescriptorVersion, ExtractionCost, InvalidDescriptor, InvalidVersion, Profile, UnknownProfile,
};
pub use eyrie_vision::local::{Levels, Verdict};
pub use eyrie_vision::picture::{ImageFormat, InvalidRegion, QueryRegion, Thumbnail};
pub use field::{FieldPath, InvalidFieldPath};
pub use filter::{Condition, Filter, FilterLimits, InvalidFilter};
pub use id::{CollectionName, ImageId, InvalidId, JobId, KeyId};
pub use job::{Job, JobKind, JobProgress, JobState, SimilarPair};
pub use key::ImageKey;
pub use label::{InvalidLabel, KeyLabel};
pub use metadata::{InvalidMetadata, Metadata, MetadataLimits};
pub use once::{Begun, IdempotencyKey, InvalidIdempotencyKey, KeptAnswer};
pub use order::{Order, OrderBy, Position};
pub use origin::{InvalidOrigin, Origin};
pub use original::OriginalName;
pub use precondition::Precondition;
pub use quota::{Measure, Quota, QuotaExceeded, QuotaOf, Usage};
pub use record::{ContentHash, ImageRecord, Neighbor};
pub use secret::Secret;
pub use seq::Seq;
pub use verify::{UnknownVerify, Verify};

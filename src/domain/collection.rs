//! Collections.

use eyrie_vision::describe::Profile;
use time::OffsetDateTime;

use super::{CollectionName, Quota};

/// A set of images that are searched together. All of them are described by one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its unique name.
    pub name: CollectionName,
    /// The profile of its descriptors; fixed at creation, since descriptors of two profiles are
    /// never compared.
    pub profile: Profile,
    /// A sentence for people; may be empty.
    pub description: String,
    /// When it was created (UTC, microseconds).
    pub created_at: OffsetDateTime,
    /// The most that it may have.
    pub quota: Quota,
}

/// What is changed of a collection; `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CollectionChange {
    /// The sentence for people.
    pub description: Option<String>,
    /// The most images; `Some(None)` takes the limit away.
    pub max_images: Option<Option<u64>>,
    /// The most bytes, the same way.
    pub max_bytes: Option<Option<u64>>,
}

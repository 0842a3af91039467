//! Collections.

use eyrie_vision::describe::Profile;
use time::OffsetDateTime;

use super::CollectionName;

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
}

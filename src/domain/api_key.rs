//! Keys with which programs and pages use the service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{CollectionName, KeyId, KeyLabel, Origin, Quota};

/// What a key may do. Scopes are steps: each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Search, compare and describe; see thumbnails and the names of collections.
    Search,
    /// Read records, lists, exports and jobs, too.
    Read,
    /// Add, change and delete images and begin jobs, too.
    Write,
    /// Everything: collections and keys, too.
    Admin,
}

/// Why a text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope; it must be search, read, write or admin")]
pub struct UnknownScope(pub String);

impl Scope {
    /// Every scope, the least first.
    pub const ALL: [Self; 4] = [Self::Search, Self::Read, Self::Write, Self::Admin];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Whether this may do what needs `other`.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self >= other
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl TryFrom<String> for Scope {
    type Error = UnknownScope;
    fn try_from(text: String) -> Result<Self, UnknownScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}

/// SHA-256 of a key: all that is kept of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(hidden)")
    }
}

/// A key, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: KeyId,
    /// What people call it.
    pub label: KeyLabel,
    /// What it may do.
    pub scope: Scope,
    /// The collections that exist for it; `None` for all.
    pub collections: Option<Vec<CollectionName>>,
    /// The origins of the pages that may use it. With none it is a secret, which programs use;
    /// with some it may be published, and works from pages of these origins only.
    pub origins: Vec<Origin>,
    /// The most of what it stored that may be there.
    pub quota: Quota,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// From when on it is not taken any more.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was taken back.
    pub revoked_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// Whether it is taken at this time.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether a collection exists for it.
    #[must_use]
    pub fn sees(&self, collection: &CollectionName) -> bool {
        self.collections.as_ref().is_none_or(|names| names.contains(collection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_includes_those_before_it_and_none_behind_it() {
        for (at, scope) in Scope::ALL.into_iter().enumerate() {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            for (other_at, other) in Scope::ALL.into_iter().enumerate() {
                assert_eq!(scope.includes(other), at >= other_at, "{scope} {other}");
            }
        }
        for text in ["", "Admin", "search,read", "*"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_does_not_show_itself() {
        assert_eq!(format!("{:?}", KeyHash([7; 32])), "KeyHash(hidden)");
    }
}

//! Identifiers that are valid by construction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// No characters at all.
    #[error("an id must have at least one character")]
    Empty,
    /// More characters than allowed.
    #[error("an id may have at most {max} characters, this one has {length}")]
    TooLong {
        /// Characters given.
        length: usize,
        /// Characters allowed.
        max: usize,
    },
    /// A character outside the allowed set.
    #[error("an id may not contain {0:?}; allowed are {1}")]
    Character(char, &'static str),
    /// `.` and `..` are path segments that clients and proxies resolve away.
    #[error("an id may not be \".\" or \"..\"")]
    DotSegment,
}

fn check(text: &str, max: usize, allowed: fn(char) -> bool, set: &'static str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        return Err(InvalidId::Character(bad, set));
    }
    if text.len() > max {
        return Err(InvalidId::TooLong { length: text.len(), max });
    }
    if text == "." || text == ".." {
        return Err(InvalidId::DotSegment);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, max = $max:expr, allowed = $allowed:expr, set = $set:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters that one may have.
            pub const MAX_LENGTH: usize = $max;

            /// Checks a text and takes it as an identifier.
            ///
            /// # Errors
            /// [`InvalidId`] says which rule the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text, Self::MAX_LENGTH, $allowed, $set)?;
                Ok(Self(text))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id! {
    /// The name of one image inside its collection: 1 to 128 of `A-Z a-z 0-9 . _ - :`.
    ImageId, max = 128,
    allowed = |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':'),
    set = "A-Z a-z 0-9 . _ - :"
}

text_id! {
    /// The name of a collection: 1 to 64 of `a-z 0-9 _ -`.
    CollectionName, max = 64,
    allowed = |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'),
    set = "a-z 0-9 _ -"
}

text_id! {
    /// The name of a job: 1 to 64 of `a-z 0-9 -`.
    JobId, max = 64,
    allowed = |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    set = "a-z 0-9 -"
}

text_id! {
    /// The public name of an API key: 1 to 64 of `a-z 0-9 -`.
    KeyId, max = 64,
    allowed = |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    set = "a-z 0-9 -"
}

impl KeyId {
    /// A fresh time-ordered id (UUIDv7).
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }
}

impl JobId {
    /// A fresh time-ordered id (UUIDv7).
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// No id that was generated since that time, from 1970 on, is smaller.
    #[must_use]
    pub fn earliest(time: OffsetDateTime) -> Self {
        let millis = u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().to_string())
    }
}

impl ImageId {
    /// A fresh time-ordered id (UUIDv7).
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The id that follows from a hash, always the same (UUIDv8 of its first half).
    #[must_use]
    pub fn derived(hash: &[u8; 32]) -> Self {
        let (first, _) = hash.as_chunks::<16>();
        Self(uuid::Builder::from_custom_bytes(first[0]).into_uuid().to_string())
    }
}

impl CollectionName {
    /// The collection that exists from the start.
    #[must_use]
    pub fn default_collection() -> Self {
        Self("default".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_1_to_128_of_the_allowed_characters() {
        assert!(ImageId::new("a").is_ok());
        assert!(ImageId::new("A-Z.a_z:09").is_ok());
        assert!(ImageId::new("x".repeat(128)).is_ok());
        assert_eq!(ImageId::new(""), Err(InvalidId::Empty));
        assert_eq!(ImageId::new("x".repeat(129)), Err(InvalidId::TooLong { length: 129, max: 128 }));
        for bad in ["a/b", "a b", "ü", "a\0", "a\n", "%2e"] {
            assert!(matches!(ImageId::new(bad), Err(InvalidId::Character(..))), "{bad:?}");
        }
        for dots in [".", ".."] {
            assert_eq!(ImageId::new(dots), Err(InvalidId::DotSegment));
        }
    }

    #[test]
    fn a_collection_name_has_no_capitals() {
        assert!(CollectionName::new("dvd-covers_2").is_ok());
        assert!(matches!(CollectionName::new("Covers"), Err(InvalidId::Character('C', _))));
    }

    #[test]
    fn generated_ids_are_valid_and_distinct() {
        let (a, b) = (ImageId::generate(), ImageId::generate());
        assert_ne!(a, b);
        assert_eq!(ImageId::new(a.as_str()), Ok(a.clone()));
    }

    #[test]
    fn ids_of_jobs_grow_with_time() {
        let now = OffsetDateTime::now_utc();
        let id = JobId::generate();
        assert!(
            JobId::earliest(now - time::Duration::seconds(1)) < id && id < JobId::earliest(now + time::Duration::HOUR)
        );
    }

    #[test]
    fn an_invalid_id_does_not_deserialize() {
        assert!(serde_json::from_str::<ImageId>("\"a/b\"").is_err());
        assert_eq!(serde_json::from_str::<ImageId>("\"a\"").ok(), ImageId::new("a").ok());
    }
}

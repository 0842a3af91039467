//! What the uploads themselves are called where they are kept.

use std::fmt;

use uuid::Uuid;

/// What the names of originals in the database begin with.
const IN_DATABASE: &str = "db/";

/// The name of an original. No name is given twice: whatever becomes of an image and its id, a name
/// leads to the bytes that were first stored under it, or to nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginalName(String);

impl OriginalName {
    /// A new name for one that the database keeps.
    #[must_use]
    pub fn in_database() -> Self {
        Self(format!("{IN_DATABASE}{}", Uuid::now_v7()))
    }

    /// A new name for an object: the folder of the database, one of 256 folders below it, and what
    /// tells it from all others.
    #[must_use]
    pub fn of_object(folder: &str) -> Self {
        let id = Uuid::now_v7();
        // The last byte is random; the first ones are the time.
        Self(format!("{folder}/{:02x}/{id}", id.as_bytes()[15]))
    }

    /// A name as it was stored; `None` for a text that is none.
    #[must_use]
    pub fn from_stored(text: String) -> Option<Self> {
        let is_harmless = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (text.contains('/') && text.split('/').all(is_harmless)).then_some(Self(text))
    }

    /// Whether the database keeps the bytes.
    #[must_use]
    pub fn is_in_database(&self) -> bool {
        self.0.starts_with(IN_DATABASE)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OriginalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_new_read_back_and_lead_nowhere_else() {
        let names = [OriginalName::in_database(), OriginalName::of_object("f00"), OriginalName::of_object("f00")];
        assert!(names[0].is_in_database() && !names[1].is_in_database() && names[1] != names[2]);
        assert!(names[1].as_str().starts_with("f00/") && names[1].as_str().len() == 4 + 3 + 36);
        for name in names {
            assert_eq!(OriginalName::from_stored(name.to_string()), Some(name));
        }
        for other in ["", "db", "/a", "a/", "a/../b", "a//b", "a/b\0"] {
            assert_eq!(OriginalName::from_stored(other.to_owned()), None, "{other:?}");
        }
    }
}

//! What the server calls itself: the paths that it gives to clients, and pictures in place of
//! paths.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::domain::{CollectionName, ImageRecord, JobId, Thumbnail};

/// The path under which clients reach the server: empty, or segments such as `/eyrie` without a
/// slash at the end. Every path in an answer begins with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicPath(String);

/// Why a text is not a public path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a public path; it must be empty or like /eyrie: segments of A-Z a-z 0-9 . _ ~ - without a slash at the end"
)]
pub struct InvalidPublicPath(pub String);

impl TryFrom<String> for PublicPath {
    type Error = InvalidPublicPath;
    fn try_from(text: String) -> Result<Self, InvalidPublicPath> {
        let segment = |s: &str| {
            !matches!(s, "" | "." | "..") && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
        };
        let valid = text.is_empty() || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if valid { Ok(Self(text)) } else { Err(InvalidPublicPath(text)) }
    }
}

impl From<PublicPath> for String {
    fn from(path: PublicPath) -> Self {
        path.0
    }
}

impl fmt::Display for PublicPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PublicPath {
    /// The path of a collection.
    pub(crate) fn collection(&self, name: &CollectionName) -> String {
        format!("{self}/v1/collections/{name}")
    }

    /// The path of an image.
    pub(crate) fn image(&self, record: &ImageRecord) -> String {
        format!("{}/images/{}", self.collection(&record.collection), record.id)
    }

    /// The path of an image's thumbnail at its revision, which may be cached for ever.
    pub(crate) fn thumbnail(&self, record: &ImageRecord) -> String {
        format!("{}/thumbnail?v={}", self.image(record), record.revision)
    }

    /// The path of an image's original, where it is kept; it may be cached for ever.
    pub(crate) fn original(&self, record: &ImageRecord) -> Option<String> {
        record.original.as_ref()?;
        let hash = record.content_hash.to_string();
        Some(format!("{}/original?v={}", self.image(record), hash.get(..16)?))
    }

    /// The path of a job.
    pub(crate) fn job(&self, id: &JobId) -> String {
        format!("{self}/v1/jobs/{id}")
    }

    /// What is behind this path in a path that begins with it, from a slash on.
    pub(crate) fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.0).filter(|rest| rest.starts_with('/'))
    }
}

/// A picture as a URL that is the picture.
pub(crate) fn data_url(picture: &Thumbnail) -> String {
    format!("data:{};base64,{}", picture.media_type, STANDARD.encode(&picture.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_path_is_empty_or_segments_without_a_slash_at_the_end() {
        for valid in ["", "/eyrie", "/a/b-c/d.e", "/~me/pictures"] {
            assert!(PublicPath::try_from(valid.to_owned()).is_ok(), "{valid}");
        }
        for invalid in ["/", "eyrie", "/eyrie/", "//eyrie", "/a/../b", "/a b", "/a?b", "http://x/y"] {
            assert!(PublicPath::try_from(invalid.to_owned()).is_err(), "{invalid}");
        }
    }

    #[test]
    fn only_whole_segments_are_stripped() {
        let path = PublicPath("/eyrie".to_owned());
        assert_eq!(path.strip("/eyrie/v1/chip"), Some("/v1/chip"));
        for other in ["/eyrie", "/eyries/v1", "/v1/chip", "/a/eyrie/v1"] {
            assert_eq!(path.strip(other), None, "{other}");
        }
    }
}

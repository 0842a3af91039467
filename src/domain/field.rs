//! Where a value is in metadata.

use serde_json::{Map, Value};

use super::Metadata;

/// Keys from the outermost inwards; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<String>);

/// Why a text is no path of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be keys separated by single dots")]
pub struct InvalidFieldPath;

impl FieldPath {
    /// Reads keys with dots between them (`maker.country`).
    ///
    /// # Errors
    /// [`InvalidFieldPath`] for an empty key, or one with the character U+0000.
    pub fn parse(text: &str) -> Result<Self, InvalidFieldPath> {
        let keys: Vec<String> = text.split('.').map(str::to_owned).collect();
        if keys.iter().any(|key| key.is_empty() || key.contains('\0')) {
            return Err(InvalidFieldPath);
        }
        Ok(Self(keys))
    }

    /// The keys.
    #[must_use]
    pub fn into_keys(self) -> Vec<String> {
        self.0
    }

    /// The value there, if there is one.
    #[must_use]
    pub fn value<'a>(&self, metadata: &'a Metadata) -> Option<&'a Value> {
        lookup(metadata.as_map(), &self.0)
    }
}

/// The value below these keys.
pub(super) fn lookup<'a>(map: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = map.get(first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_object()?, rest) }
}

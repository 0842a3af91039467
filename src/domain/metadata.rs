//! The client's own data beside an image: a bounded JSON object.

use serde::Serialize;
use serde_json::{Map, Value};

/// Bounds on one metadata object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataLimits {
    /// The most bytes of its compact JSON text.
    pub max_bytes: usize,
    /// The most levels of nesting; the object itself is level 1.
    pub max_depth: usize,
}

/// Why a JSON value cannot be metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// Something other than `{...}`.
    #[error("metadata must be a JSON object")]
    NotAnObject,
    /// More bytes than allowed.
    #[error("metadata takes {actual} bytes as JSON, {max} are allowed")]
    TooLarge {
        /// Bytes of its compact JSON.
        actual: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// More levels than allowed.
    #[error("metadata is nested more than {max} levels deep")]
    TooDeep {
        /// Levels allowed.
        max: usize,
    },
    /// A NUL character, which Postgres cannot store in JSON.
    #[error("metadata must not contain the character U+0000")]
    NulCharacter,
}

/// A JSON object within its limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Checks a JSON value against the limits.
    ///
    /// # Errors
    /// [`InvalidMetadata`] says which limit it breaks.
    pub fn new(value: Value, limits: MetadataLimits) -> Result<Self, InvalidMetadata> {
        let Value::Object(map) = value else { return Err(InvalidMetadata::NotAnObject) };
        let metadata = Self(map);
        if depth_of_object(&metadata.0) > limits.max_depth {
            return Err(InvalidMetadata::TooDeep { max: limits.max_depth });
        }
        if metadata.0.iter().any(|(k, v)| k.contains('\0') || has_nul(v)) {
            return Err(InvalidMetadata::NulCharacter);
        }
        let actual = metadata.to_json().len();
        if actual > limits.max_bytes {
            return Err(InvalidMetadata::TooLarge { actual, max: limits.max_bytes });
        }
        Ok(metadata)
    }

    /// Takes an object that was checked when it was stored.
    #[must_use]
    pub fn from_stored(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// The compact JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The object.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Applies a JSON merge patch (RFC 7396) to the object: a `null` removes a key, an object
    /// merges, anything else replaces.
    #[must_use]
    pub fn merged(&self, patch: &Map<String, Value>) -> Value {
        let mut target = self.0.clone();
        merge(&mut target, patch);
        Value::Object(target)
    }
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(inner) => {
                let slot = target.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(nested) = slot {
                    merge(nested, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn depth_of_object(map: &Map<String, Value>) -> usize {
    1 + map.values().map(depth).max().unwrap_or(0)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => depth_of_object(map),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(s) => s.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(k, v)| k.contains('\0') || has_nul(v)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIMITS: MetadataLimits = MetadataLimits { max_bytes: 64, max_depth: 3 };

    #[test]
    fn only_objects_within_the_limits_are_metadata() {
        assert!(Metadata::new(json!({"a": {"b": [1]}}), LIMITS).is_ok());
        assert_eq!(Metadata::new(json!([1]), LIMITS), Err(InvalidMetadata::NotAnObject));
        assert_eq!(Metadata::new(json!({"a": {"b": [[1]]}}), LIMITS), Err(InvalidMetadata::TooDeep { max: 3 }));
        assert!(matches!(
            Metadata::new(json!({"a": "x".repeat(60)}), LIMITS),
            Err(InvalidMetadata::TooLarge { actual: 68, max: 64 })
        ));
        assert_eq!(Metadata::new(json!({"a": "\0"}), LIMITS), Err(InvalidMetadata::NulCharacter));
    }

    #[test]
    fn a_merge_patch_replaces_merges_and_removes() {
        let m = Metadata::new(json!({"a": 1, "b": {"c": 2, "d": 3}, "e": 5}), LIMITS).expect("valid");
        let patch = json!({"a": null, "b": {"c": 9, "x": {"y": null, "z": 1}}, "e": {"f": 1}});
        assert_eq!(
            m.merged(patch.as_object().expect("object")),
            json!({"b": {"c": 9, "d": 3, "x": {"z": 1}}, "e": {"f": 1}})
        );
    }
}

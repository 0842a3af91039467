//! Where the ids of imported pictures come from.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::ImageId;

/// Where the id of an imported picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdFrom {
    /// A fresh one, in the order of time.
    #[default]
    Random,
    /// The file's name without its extension; it must be an id.
    Stem,
    /// The path, with `:` for `/` and `_` for whatever an id may not have.
    Path,
    /// The SHA-256 of the bytes.
    Hash,
}

impl IdFrom {
    /// Every choice with its name.
    pub const ALL: [(&str, Self); 4] =
        [("random", Self::Random), ("stem", Self::Stem), ("path", Self::Path), ("hash", Self::Hash)];

    /// The id of a file under this path with these bytes; `None` where the service makes one.
    ///
    /// # Errors
    /// A sentence when the path gives no id.
    pub fn id_of(self, path: &str, bytes: &[u8]) -> Result<Option<ImageId>, String> {
        let text = match self {
            Self::Random => return Ok(None),
            Self::Stem => {
                let name = path.rsplit('/').next().unwrap_or(path);
                match name.rsplit_once('.') {
                    Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
                    Some(_) | None => name.to_owned(),
                }
            }
            Self::Path => path
                .chars()
                .map(|c| match c {
                    '/' => ':',
                    c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
                    _ => '_',
                })
                .collect(),
            Self::Hash => Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        ImageId::new(text.clone()).map(Some).map_err(|e| format!("its name gives no id ({text:?}): {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(from: IdFrom, path: &str) -> Result<Option<String>, String> {
        from.id_of(path, b"abc").map(|id| id.map(|id| id.to_string()))
    }

    #[test]
    fn ids_come_from_where_they_should() {
        assert_eq!(id(IdFrom::Random, "a/b.jpg"), Ok(None));
        assert_eq!(id(IdFrom::Stem, "a/b.c.jpg"), Ok(Some("b.c".to_owned())));
        assert_eq!(id(IdFrom::Stem, "a/.jpg"), Ok(Some(".jpg".to_owned())));
        assert_eq!(id(IdFrom::Path, "a b/ü.jpg"), Ok(Some("a_b:_.jpg".to_owned())));
        assert_eq!(id(IdFrom::Path, "../../etc/x\\y.jpg"), Ok(Some("..:..:etc:x_y.jpg".to_owned())));
        assert_eq!(
            id(IdFrom::Hash, "a").map(|i| i.map(|i| i[..16].to_owned())),
            Ok(Some("ba7816bf8f01cfea".to_owned()))
        );
    }

    #[test]
    fn a_path_that_is_no_id_fails_and_says_why() {
        let reason = id(IdFrom::Stem, "holiday photo.jpg").expect_err("a space");
        assert!(reason.contains("\"holiday photo\"") && reason.contains("' '"), "{reason}");
        assert!(id(IdFrom::Path, &"a".repeat(129)).is_err());
    }
}

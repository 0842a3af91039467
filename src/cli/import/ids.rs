//! Where the ids of imported images come from.

use clap::ValueEnum;
use sha2::{Digest as _, Sha256};

use crate::domain::ImageId;
use eyrie_terminal::files::Found;

/// Where the id of an imported image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum IdFrom {
    /// A fresh one, in the order of time (UUIDv7)
    Random,
    /// The file's name without its extension; it must have only A-Z a-z 0-9 . _ - :
    Stem,
    /// The relative path, with : for / and _ for characters that an id may not have
    Path,
    /// The SHA-256 of the bytes
    Hash,
}

impl IdFrom {
    /// The id of a file with these bytes; `None` where the service makes one.
    ///
    /// # Errors
    /// A sentence when the file's name is no id.
    pub(super) fn id_of(self, file: &Found, bytes: &[u8]) -> Result<Option<ImageId>, String> {
        let text = match self {
            Self::Random => return Ok(None),
            Self::Stem => file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Path => file
                .relative
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

    fn id(from: IdFrom, relative: &str) -> Result<Option<String>, String> {
        let file = Found { path: relative.into(), relative: relative.to_owned(), unreadable: None };
        from.id_of(&file, b"abc").map(|id| id.map(|id| id.to_string()))
    }

    #[test]
    fn ids_come_from_where_they_should() {
        assert_eq!(id(IdFrom::Random, "a/b.jpg"), Ok(None));
        assert_eq!(id(IdFrom::Stem, "a/b.c.jpg"), Ok(Some("b.c".to_owned())));
        assert_eq!(id(IdFrom::Path, "a b/ü.jpg"), Ok(Some("a_b:_.jpg".to_owned())));
        assert_eq!(
            id(IdFrom::Hash, "a").map(|i| i.map(|i| i[..16].to_owned())),
            Ok(Some("ba7816bf8f01cfea".to_owned()))
        );
    }

    #[test]
    fn a_stem_that_is_no_id_fails_and_says_why() {
        let reason = id(IdFrom::Stem, "holiday photo.jpg").expect_err("a space");
        assert!(reason.contains("\"holiday photo\"") && reason.contains("' '"), "{reason}");
    }
}

//! The uploads themselves, as far as a database keeps them, and the names of those that are kept
//! elsewhere.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::StoreError;
use crate::domain::{ImageKey, OriginalName};

/// The size of all parts of an original in a database but the last one.
pub const PART_BYTES: usize = 1 << 20;

/// The upload itself, to be stored with its image.
#[derive(Debug, Clone, PartialEq)]
pub enum NewOriginal {
    /// In the database, in the transaction of the image.
    Bytes(Bytes),
    /// As an object of this name, which is there already.
    Object(OriginalName),
}

/// An image whose original is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOriginal {
    /// The image.
    pub key: ImageKey,
    /// The name of its original.
    pub name: OriginalName,
    /// How many bytes were uploaded.
    pub byte_size: u64,
    /// How many of them the database has; `None` where it has none, as of all objects.
    pub stored: Option<u64>,
}

/// Originals. An image's own transaction writes and removes them: see [`super::Images`]. The name
/// of an object that an image no longer has is noted in the same transaction, and
/// [`Self::discarded`] until somebody says that the object is gone.
#[async_trait]
pub trait Originals: Send + Sync {
    /// The folder of this database's objects.
    async fn originals_folder(&self) -> Result<String, StoreError>;

    /// A part of an original in the database, from 0; `None` behind the last one.
    async fn original_part(&self, name: &OriginalName, part: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Objects that no image has any more, behind `after` in the order of names, at most `limit`.
    async fn discarded(&self, after: Option<&OriginalName>, limit: u32) -> Result<Vec<OriginalName>, StoreError>;

    /// Notes that these objects are gone.
    async fn forget_discarded(&self, names: &[OriginalName]) -> Result<(), StoreError>;

    /// Images whose originals are kept, behind `after` in the order of keys, at most `limit`.
    async fn kept_originals(&self, after: Option<ImageKey>, limit: u32) -> Result<Vec<KeptOriginal>, StoreError>;

    /// Notes that an image has no original, if it has this one now.
    async fn clear_original(&self, key: ImageKey, name: &OriginalName) -> Result<(), StoreError>;
}

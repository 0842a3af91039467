//! What is known of one image, and what a search returns of it.

use std::fmt;

use eyrie_vision::describe::DescriptorVersion;
use eyrie_vision::picture::ImageFormat;
use time::OffsetDateTime;

use super::{CollectionName, ImageId, ImageKey, KeyId, Metadata, OriginalName, Seq};

/// The SHA-256 of an image's bytes as they were uploaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// Everything that is stored of an image except its descriptor, its thumbnail and the upload itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// What the index and the change log call it.
    pub key: ImageKey,
    /// The collection it belongs to.
    pub collection: CollectionName,
    /// Its id, unique in the collection.
    pub id: ImageId,
    /// SHA-256 of the uploaded bytes.
    pub content_hash: ContentHash,
    /// The format that was decoded.
    pub format: ImageFormat,
    /// Width in pixels after EXIF orientation.
    pub width: u32,
    /// Height in pixels after EXIF orientation.
    pub height: u32,
    /// Size of the upload in bytes.
    pub byte_size: u64,
    /// The client's own data.
    pub metadata: Metadata,
    /// Model and profile of the stored descriptor.
    pub version: DescriptorVersion,
    /// Sequence number of the change that last wrote this record; grows with every write, serves as
    /// the entity tag.
    pub revision: Seq,
    /// When it was first stored (UTC, microseconds).
    pub created_at: OffsetDateTime,
    /// When it was last written (UTC, microseconds).
    pub updated_at: OffsetDateTime,
    /// The name of the upload itself, where it is kept.
    pub original: Option<OriginalName>,
    /// The key that stored these bytes; `None` where nobody needed one, for commands that open the
    /// database, and for what was stored before keys were noted.
    pub stored_by: Option<KeyId>,
}

/// One hit of an index search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The image.
    pub key: ImageKey,
    /// Cosine to the query, -1 to 1; 1 is identical.
    pub score: f32,
}

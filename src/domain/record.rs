//! What is known of one image, and what a search returns of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{CollectionName, DescriptorVersion, ImageId, Metadata};

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

/// The formats that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// JPEG, baseline and progressive, grey, YCbCr and CMYK.
    Jpeg,
    /// PNG, 8 and 16 bits.
    Png,
    /// WebP, lossy and lossless.
    Webp,
    /// GIF; the first frame counts.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF; the first page counts.
    Tiff,
}

impl ImageFormat {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::Webp, Self::Gif, Self::Bmp, Self::Tiff];

    /// The registered media type, for example `image/jpeg`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }

    /// The short name used in the API and the database, for example `jpeg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.media_type().trim_start_matches("image/")
    }

    /// The format with that short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == name)
    }
}

/// Everything that is stored of an image except its descriptor and its thumbnail. The original bytes are not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
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
    /// Sequence number of the change that last wrote this record; grows with every write, serves as the entity tag.
    pub revision: i64,
    /// When it was first stored (UTC, microseconds).
    pub created_at: OffsetDateTime,
    /// When it was last written (UTC, microseconds).
    pub updated_at: OffsetDateTime,
}

/// A small picture of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Encoded bytes.
    pub bytes: Vec<u8>,
    /// `image/jpeg`, `image/webp` or `image/png`.
    pub media_type: String,
}

/// One hit of an index search.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbor {
    /// The image.
    pub id: ImageId,
    /// Cosine to the query, -1 to 1; 1 is identical.
    pub score: f32,
}

/// What an extraction costs on the simulated chip. Cycles are exact for the model of the chip; time and energy
/// are estimates derived from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtractionCost {
    /// Passes through the network.
    pub passes: u32,
    /// Chip cycles of all passes.
    pub cycles: u64,
    /// Multiply-accumulates of all passes.
    pub macs: u64,
    /// Largest use of the image buffer by one layer's input and output, in bytes.
    pub buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds (estimate).
    pub chip_milliseconds: f64,
    /// Energy range in millijoules, low and high (estimate).
    pub energy_millijoules: [f64; 2],
    /// Wall time of the whole extraction on this machine, decoding included, in milliseconds.
    pub host_milliseconds: f64,
}

//! From the bytes of an upload to a descriptor: decode under limits, orient, resize, plan the sub-images, run the
//! network, pool, whiten, normalise.

mod asic_extractor;
mod combine;
mod container;
mod crop;
mod decode;
mod encode;
mod luma;
mod model;
mod pooling;
mod preprocess;
mod regions;
mod sample;
mod sniff;
mod thumbnail;
mod tiff_directory;

#[cfg(test)]
mod decode_tests;
#[cfg(test)]
mod extractor_tests;

pub use asic_extractor::{AsicExtractor, StepTimes};
pub use combine::{Level, Pooled, Projections, WHOLE_PASSES, combine, flattened, of_level};
pub use crop::crop;
pub use decode::{Decoded, decode};
pub use encode::{encode_jpeg, encode_png};
pub use luma::luma;
pub use model::{Model, PIPELINE_REVISION};
pub use pooling::{MAP_SIDE, WINDOWS, Whitener, Window, pool};
pub use preprocess::{INPUT_BYTES, INPUT_SIDE, Scaler, cut, turn, whole_image_224};
pub use regions::{Region, RegionPlan};
pub use sample::sample_jpeg;
pub use sniff::sniff;
pub use thumbnail::{THUMBNAIL_SIDE, thumbnail};

use crate::domain::{
    Descriptor, DescriptorVersion, ExtractionCost, ImageFormat, Levels, Profile, QueryRegion, Thumbnail,
};

/// Why an upload has no descriptor. Every variant but [`ExtractError::Internal`] is the upload's fault.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// No bytes.
    #[error("the image is empty")]
    Empty,
    /// The first bytes are those of no known format.
    #[error("the data is not an image")]
    NotAnImage,
    /// An image in a format that is recognised but not decoded (for example AVIF, HEIC, SVG).
    #[error("{0} images are not supported; use JPEG, PNG, WebP, GIF, BMP or TIFF")]
    UnsupportedFormat(String),
    /// The data ends before the image does.
    #[error("the image is truncated")]
    Truncated,
    /// The decoder refuses the data.
    #[error("the image is damaged: {0}")]
    Corrupt(String),
    /// More pixels, or more memory to decode, than allowed.
    #[error("the image has {width}x{height} pixels, {max_pixels} are allowed in all")]
    TooManyPixels {
        /// Width the header states.
        width: u32,
        /// Height the header states.
        height: u32,
        /// Pixels allowed.
        max_pixels: u64,
    },
    /// A width or height of zero.
    #[error("the image has no pixels ({width}x{height})")]
    ZeroSized {
        /// Width the header states.
        width: u32,
        /// Height the header states.
        height: u32,
    },
    /// So elongated that nothing would be left after the resize.
    #[error("the image is {width}x{height}; one side may be at most {max_ratio} times the other")]
    AspectRatio {
        /// Width the header states.
        width: u32,
        /// Height the header states.
        height: u32,
        /// The largest ratio of the longer to the shorter side.
        max_ratio: u32,
    },
    /// The region that was asked for leaves no picture: no whole pixel, or a line.
    #[error(
        "the region has {width}x{height} pixels of the image; each side needs at least one, and one side may be at most \
         {max_ratio} times the other"
    )]
    RegionTooSmall {
        /// Whole pixels across.
        width: u32,
        /// Whole pixels down.
        height: u32,
        /// The largest ratio of the longer to the shorter side.
        max_ratio: u32,
    },
    /// A defect of the program, not of the upload.
    #[error("internal error while describing the image: {0}")]
    Internal(String),
}

/// Limits that are checked before pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Width times height.
    pub max_pixels: u64,
    /// Longer side over shorter side.
    pub max_aspect_ratio: u32,
}

/// What an extraction yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The model and profile that made it.
    pub version: DescriptorVersion,
    /// The format that was found.
    pub format: ImageFormat,
    /// The part of the image that was described, its borders rounded to whole pixels; `None` for all of it.
    pub region: Option<QueryRegion>,
    /// Width in pixels of what was described, after EXIF orientation.
    pub width: u32,
    /// Height in pixels of what was described, after EXIF orientation.
    pub height: u32,
    /// What was described, as a picture of at most 256x256 pixels.
    pub thumbnail: Thumbnail,
    /// The luma of every pixel of what was described, row by row; for local features, which are no part of a descriptor.
    pub luma: Vec<u8>,
    /// What it cost.
    pub cost: ExtractionCost,
}

/// Describes images. One lives in each worker thread and owns the memory that a pass needs.
pub trait Extractor: Send {
    /// The version of the descriptors that `profile` yields.
    fn version(&self, profile: Profile) -> DescriptorVersion;

    /// The number of values of the descriptors that `profile` yields.
    fn dimension(&self, profile: Profile) -> usize;

    /// What cosines between descriptors of `profile` mean.
    fn levels(&self, profile: Profile) -> Levels;

    /// Bytes of memory that are kept between two images.
    fn memory_bytes(&self) -> usize;

    /// Describes an encoded image.
    ///
    /// # Errors
    /// [`ExtractError`].
    fn extract(&mut self, bytes: &[u8], profile: Profile) -> Result<Extraction, ExtractError> {
        self.extract_region(bytes, None, profile)
    }

    /// Describes the part of an encoded image that lies in `region`, as if it were an image of its own; all of it where
    /// there is none.
    ///
    /// # Errors
    /// [`ExtractError`].
    fn extract_region(
        &mut self,
        bytes: &[u8],
        region: Option<QueryRegion>,
        profile: Profile,
    ) -> Result<Extraction, ExtractError>;
}

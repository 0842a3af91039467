//! Pictures as pixels: what the bytes of an upload show, and how it is cut, scaled and encoded.
//!
//! [`decode()`] is the one way in. It reads untrusted bytes under [`DecodeLimits`] and gives upright RGB.

pub(crate) mod container;
mod crop;
mod decode;
#[cfg(test)]
pub(crate) mod decode_tests;
mod encode;
mod format;
mod luma;
mod region;
mod sample;
mod scale;
mod sniff;
mod thumbnail;
mod tiff_directory;

pub use crop::crop;
pub use decode::{Decoded, decode};
pub use encode::{encode_jpeg, encode_png};
pub use format::ImageFormat;
pub use luma::luma;
pub use region::{InvalidRegion, QueryRegion};
pub use sample::sample_jpeg;
pub use scale::{INPUT_BYTES, INPUT_SIDE, Scaler, cut, turn, whole_image_224};
pub use sniff::sniff;
pub use thumbnail::{THUMBNAIL_SIDE, Thumbnail, thumbnail};

/// Why an upload has no descriptor. Every variant but [`PictureError::Internal`] is the upload's fault.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
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

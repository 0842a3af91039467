//! Why an upload is no picture.

use serde::{Deserialize, Serialize};

/// Why an upload has no descriptor. Every variant but [`PictureError::Internal`] is the upload's
/// fault.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum PictureError {
    /// No bytes.
    #[error("the image is empty")]
    Empty,
    /// The first bytes are those of no known format.
    #[error("the data is not an image")]
    NotAnImage,
    /// An image in a format that is recognised but not decoded (for example HEIC, SVG).
    #[error("{0} images are not supported; convert it to JPEG, PNG, WebP, AVIF, JPEG XL, GIF, BMP or TIFF")]
    UnsupportedFormat(String),
    /// A kind of file that is not decoded, of a format that is; its name begins with the format's.
    #[error("this kind of file is not supported: {0}; save it as an ordinary JPEG or PNG")]
    UnsupportedKind(String),
    /// The data ends before the image does, or its tail was overwritten.
    #[error("the image is truncated")]
    Truncated,
    /// The decoder refuses the data.
    #[error("the image is damaged: {0}")]
    Corrupt(String),
    /// More pixels than allowed.
    #[error("the image has {width}x{height} pixels, {max_pixels} are allowed in all")]
    TooManyPixels {
        /// Width the header states.
        width: u32,
        /// Height the header states.
        height: u32,
        /// Pixels allowed.
        max_pixels: u64,
    },
    /// A kind of file that takes so much memory for each pixel that its pixels are too many.
    #[error(
        "decoding this kind of file takes too much memory at {width}x{height} pixels; make it smaller, or save it as a \
         baseline JPEG or a PNG of 8 bits"
    )]
    TooMuchMemory {
        /// Width the header states.
        width: u32,
        /// Height the header states.
        height: u32,
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

//! From the bytes of a file to upright 8-bit RGB, under limits that hold before anything is allocated for pixels.
//!
//! * The format is found by content ([`sniff`]); a file that ends early is refused ([`check_complete`]).
//! * Width, height, their ratio and the memory of the decoded picture are checked from the header.
//! * The orientation of EXIF (JPEG, PNG, WebP) or of the TIFF tag is applied.
//! * Transparency is laid over white, 16 bits and floats are rounded to 8, grey becomes three equal channels, CMYK and
//!   YCCK become RGB (inverted values, as Adobe writes them and as every decoder assumes). Colour profiles are not applied.
//! * Of an animation the first frame counts, of a TIFF the first page.
//!
//! Memory: at most 8 bytes for each allowed pixel as decoded, as much again inside the decoder, and 7 for the conversion.

use std::error::Error;
use std::io::{Cursor, ErrorKind};
use std::panic::catch_unwind;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};

use super::container::check_complete;
use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::sniff::sniff;

/// Bytes of the widest pixel that is decoded: four channels of 16 bits.
const BYTES_PER_PIXEL_MAX: u64 = 8;
/// What a decoder may take besides pixels, for tables and metadata.
const DECODER_OVERHEAD_BYTES: u64 = 1 << 20;

/// A decoded image, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// `width * height` pixels of three bytes (R, G, B), row by row.
    pub rgb: Vec<u8>,
    /// The format it was encoded in.
    pub format: ImageFormat,
    /// Columns after orientation.
    pub width: u32,
    /// Rows after orientation.
    pub height: u32,
}

/// Decodes an image; see the module.
///
/// # Errors
/// Every variant of [`PictureError`] but `Internal`. A decoder that panics is reported as `Corrupt`.
pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Decoded, PictureError> {
    let format = sniff(bytes)?;
    check_complete(bytes, format)?;
    catch_unwind(|| decode_checked(bytes, format, limits))
        .unwrap_or_else(|_| Err(PictureError::Corrupt("the decoder gave up".to_owned())))
}

fn decode_checked(bytes: &[u8], format: ImageFormat, limits: DecodeLimits) -> Result<Decoded, PictureError> {
    let mut memory = Limits::no_limits();
    memory.max_alloc =
        Some(limits.max_pixels.saturating_mul(2 * BYTES_PER_PIXEL_MAX).saturating_add(DECODER_OVERHEAD_BYTES));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), library_format(format));
    reader.limits(memory);
    let mut decoder = reader.into_decoder().map_err(|error| refusal(error, format, None))?;

    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    let too_many = PictureError::TooManyPixels { width, height, max_pixels: limits.max_pixels };
    if decoder.total_bytes() > limits.max_pixels.saturating_mul(BYTES_PER_PIXEL_MAX) {
        return Err(too_many);
    }
    // Damaged metadata do not make the pixels unreadable.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let pixels = DynamicImage::from_decoder(decoder).map_err(|error| refusal(error, format, Some(too_many)))?;

    let mut upright = DynamicImage::ImageRgb8(over_white(pixels));
    upright.apply_orientation(orientation);
    let (width, height) = (upright.width(), upright.height());
    Ok(Decoded { rgb: upright.into_rgb8().into_raw(), format, width, height })
}

fn library_format(format: ImageFormat) -> image::ImageFormat {
    match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Webp => image::ImageFormat::WebP,
        ImageFormat::Gif => image::ImageFormat::Gif,
        ImageFormat::Bmp => image::ImageFormat::Bmp,
        ImageFormat::Tiff => image::ImageFormat::Tiff,
    }
}

/// The limits that need nothing but the header.
pub(super) fn check_size(width: u32, height: u32, limits: DecodeLimits) -> Result<(), PictureError> {
    if width == 0 || height == 0 {
        return Err(PictureError::ZeroSized { width, height });
    }
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(PictureError::TooManyPixels { width, height, max_pixels: limits.max_pixels });
    }
    let (long, short) = (u64::from(width.max(height)), u64::from(width.min(height)));
    if long > short * u64::from(limits.max_aspect_ratio) {
        return Err(PictureError::AspectRatio { width, height, max_ratio: limits.max_aspect_ratio });
    }
    Ok(())
}

/// Rounds to 8 bits and lays transparent pixels over white.
fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    let (width, height) = rgba.dimensions();
    let blend = |channel: u8, alpha: u8| {
        let (channel, alpha) = (u32::from(channel), u32::from(alpha));
        u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
    };
    RgbImage::from_fn(width, height, |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        image::Rgb([blend(r, a), blend(g, a), blend(b, a)])
    })
}

/// What a decoder's error means to the client; `too_large` is the answer when it needs more memory than it may take.
fn refusal(error: ImageError, format: ImageFormat, too_large: Option<PictureError>) -> PictureError {
    if ends_early(&error) {
        return PictureError::Truncated;
    }
    match error {
        ImageError::Unsupported(kind) => {
            PictureError::UnsupportedFormat(format!("some {} files ({kind})", format.as_str().to_uppercase()))
        }
        ImageError::Limits(limit) => too_large.unwrap_or_else(|| PictureError::Corrupt(limit.to_string())),
        ImageError::Decoding(_) | ImageError::Encoding(_) | ImageError::Parameter(_) | ImageError::IoError(_) => {
            PictureError::Corrupt(error.to_string())
        }
    }
}

/// Whether an error has "unexpected end of file" at its root.
fn ends_early(error: &ImageError) -> bool {
    if let ImageError::IoError(io) = error {
        return io.kind() == ErrorKind::UnexpectedEof;
    }
    std::iter::successors(error.source(), |cause| (*cause).source())
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == ErrorKind::UnexpectedEof)
}

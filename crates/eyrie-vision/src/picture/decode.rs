//! From the bytes of a file to upright 8-bit RGB, under limits that hold before anything is
//! allocated for pixels.
//!
//! * The format is found by content ([`sniff`]); each format has a module that gives a [`Raster`].
//! * Width, height and their ratio are checked from the header, and so is the memory of decoding.
//! * A file that ends before its picture does is refused, whatever the format; one that lacks no
//!   more than its end mark is read. docs/PICTURES.md has both, format by format, and what is done
//!   with what else a file may hold.
//! * 16 bits and floats are rounded to 8; an embedded colour profile is applied
//!   ([`super::colour`]); transparency is laid over a ground ([`super::ground`]); the orientation
//!   of EXIF, of TIFF's tag or of AVIF's properties is applied.
//! * Of an animation the first frame counts, of a TIFF the first page.
//!
//! Memory: at most [`DecodeLimits::max_bytes`] beside the file, for pixels and all that a decoder
//! keeps.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::Raster;
use super::reading::damaged;
use super::sniff::sniff;
use super::{avif, bmp, colour, gif, ground, jpeg, jxl, others, png, tiff, webp};

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

/// How often a decoder, or what reads the profile, panicked in this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many decoders panicked since the process started. Each time the picture was refused as
/// damaged.
#[must_use]
pub fn decoder_panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Decodes an image; see the module.
///
/// # Errors
/// Every variant of [`PictureError`] but `Internal`. A decoder that panics is reported as `Corrupt`
/// and counted.
pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Decoded, PictureError> {
    let format = sniff(bytes)?;
    catch_unwind(|| upright(read(bytes, format, limits)?, format)).unwrap_or_else(|_| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        Err(damaged("the decoder gave up"))
    })
}

fn read(bytes: &[u8], format: ImageFormat, limits: DecodeLimits) -> Result<Raster, PictureError> {
    match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, limits),
        ImageFormat::Png => png::decode(bytes, limits),
        ImageFormat::Webp => webp::decode(bytes, limits),
        ImageFormat::Gif => gif::decode(bytes, limits),
        ImageFormat::Bmp => bmp::decode(bytes, limits),
        ImageFormat::Tiff => tiff::decode(bytes, limits),
        ImageFormat::Avif => avif::decode(bytes, limits),
        ImageFormat::Jxl => jxl::decode(bytes, limits),
        ImageFormat::Qoi | ImageFormat::Pnm => others::decode(bytes, format, limits),
        ImageFormat::Ico => others::decode_icon(bytes, limits),
    }
}

/// Colour, ground and orientation.
fn upright(raster: Raster, format: ImageFormat) -> Result<Decoded, PictureError> {
    let Raster { width, height, orientation, .. } = raster;
    let rgb = ground::lay(colour::to_srgb(raster));
    if orientation == Orientation::NoTransforms {
        return Ok(Decoded { rgb, format, width, height });
    }
    let image = RgbImage::from_raw(width, height, rgb).ok_or_else(|| damaged("it has another size than it says"))?;
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    Ok(Decoded { rgb: image.into_rgb8().into_raw(), format, width, height })
}

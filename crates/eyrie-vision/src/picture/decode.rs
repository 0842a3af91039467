//! From the bytes of a file to upright 8-bit RGB, under limits that hold before anything is allocated for pixels.
//!
//! * The format is found by content ([`sniff`]); each format has a module that gives a [`Raster`].
//! * Width, height and their ratio are checked from the header, and so is the memory of decoding.
//! * A file that ends before its picture does is refused, whatever the format; one that lacks no more than its end mark is read.
//!   docs/PICTURES.md has both, format by format, and what is done with what else a file may hold.
//! * 16 bits and floats are rounded to 8; an embedded colour profile is applied ([`super::colour`]); transparency is laid over a
//!   ground ([`super::ground`]); the orientation of EXIF, of TIFF's tag or of AVIF's properties is applied.
//! * Of an animation the first frame counts, of a TIFF the first page.
//!
//! Memory: at most [`DecodeLimits::max_bytes`] beside the file, for pixels and all that a decoder keeps.

use std::error::Error;
use std::io::ErrorKind;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, RgbImage};

use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::{Channels, Raster};
use super::sniff::sniff;
use super::{avif, bmp, colour, gif, ground, jpeg, others, png, tiff, webp};

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

/// Decoders of this process that panicked.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many decoders panicked since the process started. Each time the picture was refused as damaged.
#[must_use]
pub fn decoder_panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Decodes an image; see the module.
///
/// # Errors
/// Every variant of [`PictureError`] but `Internal`. A decoder that panics is reported as `Corrupt` and counted.
pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Decoded, PictureError> {
    let format = sniff(bytes)?;
    let raster = catch_unwind(|| match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, limits),
        ImageFormat::Png => png::decode(bytes, limits),
        ImageFormat::Webp => webp::decode(bytes, limits),
        ImageFormat::Gif => gif::decode(bytes, limits),
        ImageFormat::Bmp => bmp::decode(bytes, limits),
        ImageFormat::Tiff => tiff::decode(bytes, limits),
        ImageFormat::Avif => avif::decode(bytes, limits),
        ImageFormat::Qoi | ImageFormat::Pnm => others::decode(bytes, format, limits),
        ImageFormat::Ico => others::decode_icon(bytes, limits),
    })
    .unwrap_or_else(|_| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        Err(damaged("the decoder gave up"))
    })?;
    upright(raster, format)
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

/// What a decoder of the `image` crate gives, rounded to 8 bits in the place where it was decoded. Orientation and profile are
/// left to the caller.
///
/// # Errors
/// Those of [`check_size`], and what the decoder refuses.
pub(super) fn read(
    decoder: impl ImageDecoder,
    format: ImageFormat,
    limits: DecodeLimits,
) -> Result<Raster, PictureError> {
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    let colour = decoder.color_type();
    if decoder.total_bytes() > limits.max_bytes() {
        return Err(PictureError::TooManyPixels { width, height, max_pixels: limits.max_pixels });
    }
    let mut data = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
    decoder.read_image(&mut data).map_err(|error| refusal(error, format))?;
    let channels = match colour.channel_count() {
        1 => Channels::Grey,
        2 => Channels::GreyAlpha,
        3 => Channels::Rgb,
        _ => Channels::Rgba,
    };
    match colour {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            halve(&mut data, |two| round_16(u16::from_ne_bytes(two)));
        }
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {}
        _ => return Err(PictureError::UnsupportedKind(format!("{} of {colour:?}", format.name()))),
    }
    Ok(Raster { width, height, channels, data, orientation: Orientation::NoTransforms, profile: None })
}

/// 16 bits to 8, to the nearest.
pub(super) fn round_16(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// Replaces each `N` bytes by one, in place.
pub(super) fn halve<const N: usize>(data: &mut Vec<u8>, to_byte: impl Fn([u8; N]) -> u8) {
    let samples = data.len() / N;
    for place in 0..samples {
        if let Some(sample) = data[place * N..].first_chunk() {
            data[place] = to_byte(*sample);
        }
    }
    data.truncate(samples);
    data.shrink_to_fit();
}

/// A file that makes no sense.
pub(super) fn damaged(reason: &str) -> PictureError {
    PictureError::Corrupt(reason.to_owned())
}

/// What an error of the `image` crate means to the client.
pub(super) fn refusal(error: ImageError, format: ImageFormat) -> PictureError {
    if ends_early(&error) {
        return PictureError::Truncated;
    }
    match error {
        ImageError::Unsupported(kind) => PictureError::UnsupportedKind(format!("{} ({kind})", format.name())),
        ImageError::Limits(_)
        | ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::IoError(_) => PictureError::Corrupt(error.to_string()),
    }
}

/// Whether an error has "unexpected end of file" at its root.
pub(super) fn ends_early(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |cause| (*cause).source())
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == ErrorKind::UnexpectedEof)
}

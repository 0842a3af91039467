//! What the modules of the formats share: limits, a way through the `image` crate, and what errors
//! mean.

use std::error::Error;
use std::io::ErrorKind;

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError};

use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::{Channels, Raster};

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

/// What a decoder of the `image` crate gives, rounded to 8 bits in the place where it was decoded.
/// Orientation and profile are left to the caller.
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
        return Err(PictureError::TooMuchMemory { width, height });
    }
    let mut data = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
    decoder.read_image(&mut data).map_err(|error| refusal(error, format))?;
    let channels = match colour.channel_count() {
        1 => Channels::Grey,
        2 => Channels::GreyAlpha,
        3 => Channels::Rgb,
        _ => Channels::Rgba,
    };
    let of_this_colour = || PictureError::UnsupportedKind(format!("{} of {colour:?}", format.name()));
    match colour {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            halve(&mut data, |two| round_16(u16::from_ne_bytes(two)));
        }
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {}
        ColorType::Rgb32F | ColorType::Rgba32F => return Err(of_this_colour()),
        _ => return Err(of_this_colour()),
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

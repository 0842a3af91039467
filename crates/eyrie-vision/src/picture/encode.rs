//! Encoding pictures.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::decode::Decoded;
use super::error::PictureError;

/// A baseline JPEG of `width * height` pixels of three bytes; `quality` is 1 to 100. The same
/// pixels give the same bytes.
///
/// # Errors
/// [`PictureError::Internal`] for a size that a JPEG cannot have (a side of 0 or above 65,535) or
/// that `rgb` has not.
pub fn encode_jpeg(rgb: &[u8], width: u32, height: u32, quality: u8) -> Result<Vec<u8>, PictureError> {
    if width == 0 || height == 0 || rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(PictureError::Internal(format!("{} bytes are no JPEG of {width}x{height} pixels", rgb.len())));
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| PictureError::Internal(format!("JPEG: {error}")))?;
    Ok(bytes)
}

/// A PNG of a picture: its very pixels.
///
/// # Errors
/// [`PictureError::Internal`] for a side of 0.
pub fn encode_png(picture: &Decoded) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&picture.rgb, picture.width, picture.height, ExtendedColorType::Rgb8)
        .map_err(|error| PictureError::Internal(format!("PNG: {error}")))?;
    Ok(bytes)
}

//! A picture to measure with.

use super::encode::encode_jpeg;
use super::error::PictureError;

/// A synthetic JPEG of quality 85: shapes, a gradient and a fine texture, so that it costs about as
/// much to decode as a photo of the same size. The same size gives the same bytes.
///
/// # Errors
/// [`PictureError::Internal`] for a size that a JPEG cannot have (a side of 0 or above 65,535).
pub fn sample_jpeg(width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    let pixel = |x: u32, y: u32| {
        let shape = if (x / 96 + y / 72).is_multiple_of(2) { 60 } else { 0 };
        let texture = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7 & 15;
        [x / 8 + shape + texture, y / 8 + texture, (x + y) / 12 + shape].map(|value| value as u8)
    };
    let rgb: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
    encode_jpeg(&rgb, width, height, 85)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{DecodeLimits, decode};

    #[test]
    fn a_sample_is_a_picture_of_its_size_and_neither_flat_nor_noise() {
        let bytes = sample_jpeg(1152, 864).expect("encodes");
        let image = decode(&bytes, DecodeLimits { max_pixels: 1_000_000, max_aspect_ratio: 2 }).expect("decodes");
        assert_eq!((image.width, image.height), (1152, 864));
        let bits_per_pixel = bytes.len() as f64 * 8.0 / (1152.0 * 864.0);
        assert!((0.5..4.0).contains(&bits_per_pixel), "{bits_per_pixel}");
    }

    #[test]
    fn sizes_that_a_jpeg_cannot_have_are_refused() {
        assert!(sample_jpeg(0, 5).is_err());
    }
}

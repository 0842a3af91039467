//! A small picture of the image, for result lists.

use super::decode::{Decoded, decode};
use super::encode::encode_jpeg;
use super::error::PictureError;
use super::limits::DecodeLimits;
use super::scale::Scaler;

/// A small picture of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Encoded bytes.
    pub bytes: Vec<u8>,
    /// `image/jpeg`, `image/webp` or `image/png`.
    pub media_type: String,
}

/// The most pixels on the longer side.
pub const THUMBNAIL_SIDE: u32 = 256;
/// JPEG quality, 1 to 100.
const QUALITY: u8 = 80;

/// A JPEG of at most 256 pixels on the longer side; the aspect is kept and a smaller image is not
/// enlarged. `buffer` holds the scaled pixels in between. The same image gives the same bytes.
///
/// # Errors
/// [`PictureError::Internal`] when the pixels do not have the length that the sides say.
pub fn thumbnail(image: &Decoded, scaler: &mut Scaler, buffer: &mut Vec<u8>) -> Result<Thumbnail, PictureError> {
    let (width, height) = fitted_size(image.width, image.height, THUMBNAIL_SIDE);
    scaler.scale(image, width, height, buffer)?;
    let bytes = encode_jpeg(buffer, width, height, QUALITY)?;
    Ok(Thumbnail { bytes, media_type: "image/jpeg".to_owned() })
}

/// The pixels of a thumbnail.
///
/// # Errors
/// Those of [`decode`] where it is damaged; a picture larger than a thumbnail is one.
pub fn thumbnail_pixels(bytes: &[u8]) -> Result<Decoded, PictureError> {
    let side = THUMBNAIL_SIDE;
    decode(bytes, DecodeLimits { max_pixels: u64::from(side * side), max_aspect_ratio: side })
}

/// The picture with at most `side` pixels on its longer side; the aspect is kept and a smaller
/// picture is not enlarged.
///
/// # Errors
/// [`PictureError::Internal`] when the pixels do not have the length that the sides say.
pub fn fitted(image: &Decoded, side: u32, scaler: &mut Scaler) -> Result<Decoded, PictureError> {
    let (width, height) = fitted_size(image.width, image.height, side);
    let mut rgb = Vec::new();
    scaler.scale(image, width, height, &mut rgb)?;
    Ok(Decoded { rgb, format: image.format, width, height })
}

/// Width and height, at least one pixel each.
fn fitted_size(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        let rounded = (u64::from(length) * u64::from(side) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(rounded).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ImageFormat;

    fn of(width: u32, height: u32) -> Thumbnail {
        let rgb = (0..width * height).flat_map(|i| [(i % 251) as u8, (i / width) as u8, 99]).collect();
        let image = Decoded { rgb, format: ImageFormat::Png, width, height };
        thumbnail(&image, &mut Scaler::default(), &mut Vec::new()).expect("a thumbnail")
    }

    fn size(thumbnail: &Thumbnail) -> (u32, u32) {
        let image = image::load_from_memory_with_format(&thumbnail.bytes, image::ImageFormat::Jpeg).expect("a JPEG");
        (image.width(), image.height())
    }

    #[test]
    fn the_longer_side_has_256_pixels_and_the_aspect_is_kept() {
        assert_eq!(size(&of(1024, 768)), (256, 192));
        assert_eq!(size(&of(300, 900)), (85, 256));
        assert_eq!(size(&of(2000, 3)), (256, 1));
    }

    #[test]
    fn a_small_image_is_not_enlarged() {
        assert_eq!(size(&of(256, 256)), (256, 256));
        assert_eq!(size(&of(17, 3)), (17, 3));
        assert_eq!(size(&of(1, 1)), (1, 1));
    }

    #[test]
    fn the_same_image_gives_the_same_small_jpeg() {
        let first = of(1000, 700);
        assert_eq!(first, of(1000, 700));
        assert_eq!(first.media_type, "image/jpeg");
        assert!(first.bytes.len() < 40_000, "{}", first.bytes.len());
    }
}

//! WebP.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;

use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::Raster;
use super::reading::{check_size, read, refusal};

/// Decodes a WebP.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let chunks = chunks(bytes)?;
    let find = |wanted: &[u8; 4]| chunks.iter().find(|(kind, _)| *kind == wanted).map(|&(_, payload)| payload);
    // Some writers put the header of a JPEG's segment before the data.
    let exif = find(b"EXIF").map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
    let refused = |error| refusal(error, ImageFormat::Webp);
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    let mut raster = read(decoder, ImageFormat::Webp, limits)?;
    raster.orientation = exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    raster.profile = find(b"ICCP").map(<[u8]>::to_vec);
    Ok(raster)
}

/// Kind and payload of a chunk.
type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// The chunks of the file.
fn chunks(bytes: &[u8]) -> Result<Vec<Chunk<'_>>, PictureError> {
    let length = |at: &[u8]| at.first_chunk().map(|four| u32::from_le_bytes(*four) as usize);
    let end =
        bytes.get(4..).and_then(length).and_then(|length| length.checked_add(8)).ok_or(PictureError::Truncated)?;
    let mut rest = bytes.get(12..end).ok_or(PictureError::Truncated)?;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (kind, after) = rest.split_first_chunk().ok_or(PictureError::Truncated)?;
        let length = length(after).ok_or(PictureError::Truncated)?;
        let payload = after[4..].get(..length).ok_or(PictureError::Truncated)?;
        chunks.push((kind, payload));
        // Odd payloads are filled up; the last one need not be.
        rest = rest.get(8 + length + length % 2..).unwrap_or_default();
    }
    Ok(chunks)
}

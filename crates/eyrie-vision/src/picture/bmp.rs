//! Windows bitmaps.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;

use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::Raster;
use super::reading::{check_size, damaged, read, refusal};

/// Decodes a bitmap.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let header = Header::read(bytes)?;
    check_size(header.width, header.height, limits)?;
    if header.rows_end > bytes.len() as u64 {
        return Err(PictureError::Truncated);
    }
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(|error| refusal(error, ImageFormat::Bmp))?;
    read(decoder, ImageFormat::Bmp, limits)
}

struct Header {
    width: u32,
    height: u32,
    /// Where the rows end; 0 for compressed ones, which the decoder sees to.
    rows_end: u64,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, PictureError> {
        let pixels_at = u64::from(u32::from_le_bytes(take(bytes, 10)?));
        let (width, height, bits, compressed) = if take::<4>(bytes, 14)? == [12, 0, 0, 0] {
            let [w0, w1, h0, h1, _, _, b0, b1] = take(bytes, 18)?;
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]));
            (side(w0, w1), side(h0, h1), u16::from_le_bytes([b0, b1]), false)
        } else {
            let width = i32::from_le_bytes(take(bytes, 18)?);
            let height = i32::from_le_bytes(take(bytes, 22)?);
            let bits = u16::from_le_bytes(take(bytes, 28)?);
            let compression = u32::from_le_bytes(take(bytes, 30)?);
            // A negative height says that the rows run from the top; a negative width is nonsense.
            let width = u32::try_from(width).map_err(|_| damaged("its width is negative"))?;
            (width, height.unsigned_abs(), bits, !matches!(compression, 0 | 3 | 6))
        };
        let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
        let end = row.saturating_mul(u64::from(height)).saturating_add(pixels_at);
        Ok(Self { width, height, rows_end: if compressed { 0 } else { end } })
    }
}

/// The `N` bytes at `at`.
fn take<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], PictureError> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(PictureError::Truncated)
}

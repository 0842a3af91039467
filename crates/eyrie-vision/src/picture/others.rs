//! QOI, the PNM family and ICO.

use std::io::Cursor;

use image::codecs::ico::IcoDecoder;
use image::codecs::pnm::PnmDecoder;
use image::codecs::qoi::QoiDecoder;

use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::png;
use super::raster::Raster;
use super::reading::{read, refusal};

/// What the standard library says at the end of a file.
const ENDS: [&str; 3] = ["failed to fill whole buffer", "unexpected end of file", "Unexpected end of file"];

/// Decodes a QOI or a PNM.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], format: ImageFormat, limits: DecodeLimits) -> Result<Raster, PictureError> {
    let file = Cursor::new(bytes);
    let refused = |error| refusal(error, format);
    let raster = if format == ImageFormat::Qoi {
        QoiDecoder::new(file).map_err(refused).and_then(|decoder| read(decoder, format, limits))
    } else if header_is_cut(bytes) {
        Err(PictureError::Truncated)
    } else {
        PnmDecoder::new(file).map_err(refused).and_then(|decoder| read(decoder, format, limits))
    };
    // These decoders hand on the text of what reading gave, not the error.
    let ends = |error: &PictureError| matches!(error, PictureError::Corrupt(reason) if ENDS.iter().any(|end| reason.contains(end)));
    raster.map_err(|error| if ends(&error) { PictureError::Truncated } else { error })
}

/// Whether the header of a PNM, which is text, has no end: a number of it may then be a part of one.
fn header_is_cut(bytes: &[u8]) -> bool {
    const LAST_OF_PAM: &[u8] = b"ENDHDR\n";
    let wanted = match bytes.get(1) {
        Some(b'7') => return !bytes.windows(LAST_OF_PAM.len()).any(|window| window == LAST_OF_PAM),
        // The kind, width and height; the others have the largest value as well.
        Some(b'1' | b'4') => 3,
        _ => 4,
    };
    let (mut words, mut in_word, mut in_comment) = (0, false, false);
    for &byte in bytes {
        if in_comment {
            in_comment = byte != b'\n';
            continue;
        }
        in_comment = byte == b'#';
        let is_letter = !in_comment && !byte.is_ascii_whitespace();
        words += usize::from(in_word && !is_letter);
        in_word = is_letter;
        if words == wanted {
            return false;
        }
    }
    true
}

/// Decodes the largest picture of an ICO: a PNG, or a bitmap without its first header.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode_icon(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let [_, _, _, _, low, high, directory @ ..] = bytes else {
        return Err(PictureError::Truncated);
    };
    let count = usize::from(u16::from_le_bytes([*low, *high]));
    let entries = directory.as_chunks::<16>().0;
    if entries.len() < count {
        return Err(PictureError::Truncated);
    }
    // A side of 256 is written as 0.
    let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
    let largest = entries[..count].iter().rev().max_by_key(|[w, h, _, _, _, _, bits, ..]| (side(*w) * side(*h), *bits));
    let Some([_, _, _, _, _, _, _, _, length @ .., a, b, c, d]) = largest else {
        return Err(PictureError::ZeroSized { width: 0, height: 0 });
    };
    let [start, length] = [[*a, *b, *c, *d], *length].map(|four| u32::from_le_bytes(four) as usize);
    let end = start.checked_add(length).ok_or(PictureError::Truncated)?;
    let picture = bytes.get(start..end).ok_or(PictureError::Truncated)?;
    if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        return png::decode(picture, limits);
    }
    let decoder = IcoDecoder::new(Cursor::new(bytes)).map_err(|error| refusal(error, ImageFormat::Ico))?;
    read(decoder, ImageFormat::Ico, limits)
}

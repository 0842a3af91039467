//! PNG.
//!
//! The decoder is given the chunks that pixels depend on and no others: nothing that is not used is
//! inflated.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;

use super::colour::PROFILE_BYTES_MAX;
use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::Raster;
use super::reading::{check_size, damaged, read, refusal};

/// Decodes a PNG; see the module.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let file = File::read(bytes)?;
    let [width, height] = file.size;
    check_size(width, height, limits)?;
    // Chunks of pixels that lack the last one or its end cannot be told from chunks that are whole
    // by their lengths.
    let cut = |error| {
        if matches!(error, PictureError::Corrupt(_)) && !file.ended { PictureError::Truncated } else { error }
    };
    let mut raster = PngDecoder::new(Cursor::new(file.essential))
        .map_err(|error| refusal(error, ImageFormat::Png))
        .and_then(|decoder| read(decoder, ImageFormat::Png, limits))
        .map_err(cut)?;
    raster.orientation = file.exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    raster.profile = file.profile.and_then(inflate_profile);
    Ok(raster)
}

struct File<'a> {
    size: [u32; 2],
    /// Whether IEND is there.
    ended: bool,
    exif: Option<&'a [u8]>,
    /// The payload of iCCP.
    profile: Option<&'a [u8]>,
    /// The file with the critical chunks and tRNS alone, and with IEND.
    essential: Vec<u8>,
}

impl<'a> File<'a> {
    /// Walks the chunks to IEND, or to the end of a file that has pixels and lacks it.
    fn read(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let (signature, mut rest) = bytes.split_at_checked(8).ok_or(PictureError::Truncated)?;
        let mut file = Self { size: [0; 2], ended: false, exif: None, profile: None, essential: signature.to_vec() };
        let mut pixels = false;
        loop {
            let Some((kind, payload, whole)) = chunk(rest)? else {
                if !pixels {
                    return Err(PictureError::Truncated);
                }
                break;
            };
            let first = file.essential.len() == signature.len();
            match kind {
                b"IHDR" => {
                    let sides = payload.first_chunk::<8>().ok_or_else(|| damaged("its header is too short"))?;
                    let [width, height] = [0, 4].map(|at| {
                        let [a, b, c, d] = [at, at + 1, at + 2, at + 3].map(|i: usize| sides[i]);
                        u32::from_be_bytes([a, b, c, d])
                    });
                    file.size = [width, height];
                    file.essential.extend_from_slice(whole);
                }
                _ if first => return Err(damaged("its first chunk is not the header")),
                b"PLTE" | b"tRNS" => file.essential.extend_from_slice(whole),
                b"IDAT" => {
                    pixels = true;
                    file.essential.extend_from_slice(whole);
                }
                b"eXIf" if file.exif.is_none() => file.exif = Some(payload),
                b"iCCP" if file.profile.is_none() => file.profile = Some(payload),
                b"IEND" => {
                    file.ended = true;
                    break;
                }
                _ => {}
            }
            rest = &rest[whole.len()..];
        }
        file.essential.extend_from_slice(b"\0\0\0\0IEND\xae\x42\x60\x82");
        Ok(file)
    }
}

/// Kind, payload and all bytes of the first chunk; `None` where it is not all there.
#[allow(clippy::type_complexity)]
fn chunk(bytes: &[u8]) -> Result<Option<(&[u8; 4], &[u8], &[u8])>, PictureError> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    if length > i32::MAX as u32 {
        return Err(damaged("a chunk is longer than PNG allows"));
    }
    let Some((kind, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = length as usize;
    let whole = bytes.get(..length + 12);
    Ok(rest.get(..length).zip(whole).map(|(payload, whole)| (kind, payload, whole)))
}

/// The profile of an iCCP chunk: a name, a zero, the method 0, and data, which are inflated to what
/// a profile may have and no further.
fn inflate_profile(payload: &[u8]) -> Option<Vec<u8>> {
    let name = payload.iter().position(|&byte| byte == 0)?;
    let data = payload[name + 1..].strip_prefix(&[0])?;
    fdeflate::decompress_to_vec_bounded(data, PROFILE_BYTES_MAX).ok()
}

//! Whether a file is all there, from its structure, before any pixel is decoded.
//!
//! Decoders are forgiving: a JPEG that was cut in the middle comes back as half a picture above a grey field, and its
//! descriptor would be wrong without anybody knowing. So each file is walked first, segment by segment, to its
//! end marker. A file that lacks only the end marker is refused too: it cannot be told from one whose last row is missing.
//!
//! | format | complete when |
//! |---|---|
//! | JPEG | an EOI marker follows the first scan (bytes after it do not matter: several cameras append a second picture) |
//! | PNG | every chunk up to IEND is there |
//! | GIF | every block up to the trailer is there |
//! | WebP | the RIFF length and every chunk's length are there |
//! | BMP | all rows of an uncompressed picture are there (the decoder sees to compressed ones) |
//! | TIFF | every strip or tile that the first directory names is there (the decoder sees to BigTIFF) |

use super::error::PictureError;
use super::format::ImageFormat;

/// Checks that a file of the given format is complete and that its header names no side of zero.
///
/// # Errors
/// [`PictureError::Truncated`], [`PictureError::ZeroSized`], [`PictureError::UnsupportedFormat`] for a kind of
/// JPEG that the decoder does not know, [`PictureError::Corrupt`] for lengths that cannot be.
pub(super) fn check_complete(bytes: &[u8], format: ImageFormat) -> Result<(), PictureError> {
    match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes),
        ImageFormat::Webp => webp(bytes),
        ImageFormat::Gif => gif(bytes),
        ImageFormat::Bmp => bmp(bytes),
        ImageFormat::Tiff => super::tiff_directory::check(bytes),
    }
}

fn corrupt(reason: &str) -> PictureError {
    PictureError::Corrupt(reason.to_owned())
}

fn not_zero(width: u32, height: u32) -> Result<(), PictureError> {
    if width == 0 || height == 0 { Err(PictureError::ZeroSized { width, height }) } else { Ok(()) }
}

/// The `N` bytes at `at`.
fn take<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], PictureError> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(PictureError::Truncated)
}

/// The position `length` bytes after `at`, if the file reaches it.
fn advance(bytes: &[u8], at: usize, length: usize) -> Result<usize, PictureError> {
    at.checked_add(length).filter(|&end| end <= bytes.len()).ok_or(PictureError::Truncated)
}

fn jpeg(bytes: &[u8]) -> Result<(), PictureError> {
    let mut at = 2;
    let mut scans = 0;
    loop {
        // Entropy-coded data and stray bytes between segments are stepped over alike: inside a scan a byte of 0xff
        // is followed by 0x00 or a restart marker, anything else is the next segment.
        let skipped = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff));
        at += skipped.ok_or(PictureError::Truncated)?;
        while take::<1>(bytes, at)? == [0xff] {
            at += 1;
        }
        let [marker] = take(bytes, at)?;
        at += 1;
        match marker {
            0xd9 if scans > 0 => return Ok(()),
            0xd9 => return Err(corrupt("it ends before the first scan")),
            0x00 | 0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(take(bytes, at)?));
        if length < 2 {
            return Err(corrupt("a segment is shorter than its own length"));
        }
        match marker {
            0xc4 | 0xc8 | 0xcc => {}
            0xc3 | 0xc5..=0xcf => {
                let name = "lossless, hierarchical or arithmetic-coded JPEG";
                return Err(PictureError::UnsupportedFormat(name.to_owned()));
            }
            0xc0..=0xc2 => {
                let [precision, h1, h0, w1, w0] = take(bytes, at + 2)?;
                if precision != 8 {
                    return Err(PictureError::UnsupportedFormat(format!("{precision}-bit JPEG")));
                }
                not_zero(u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into())?;
            }
            0xda => scans += 1,
            _ => {}
        }
        at = advance(bytes, at, length)?;
    }
}

fn png(bytes: &[u8]) -> Result<(), PictureError> {
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(take(bytes, at)?);
        let kind: [u8; 4] = take(bytes, at + 4)?;
        let Ok(length) = usize::try_from(length) else {
            return Err(PictureError::Truncated);
        };
        if length > i32::MAX as usize {
            return Err(corrupt("a chunk is longer than PNG allows"));
        }
        if &kind == b"IHDR" {
            not_zero(u32::from_be_bytes(take(bytes, at + 8)?), u32::from_be_bytes(take(bytes, at + 12)?))?;
        }
        at = advance(bytes, at + 8, length)?;
        at = advance(bytes, at, 4)?;
        if &kind == b"IEND" {
            return Ok(());
        }
    }
}

fn webp(bytes: &[u8]) -> Result<(), PictureError> {
    let length = usize::try_from(u32::from_le_bytes(take(bytes, 4)?)).unwrap_or(usize::MAX);
    let riff = &bytes[..advance(bytes, 8, length)?];
    let mut at = 12;
    while at < riff.len() {
        let length = usize::try_from(u32::from_le_bytes(take(riff, at + 4)?)).unwrap_or(usize::MAX);
        at = advance(riff, at + 8, length)?;
        at += length % 2;
    }
    Ok(())
}

fn gif(bytes: &[u8]) -> Result<(), PictureError> {
    let [w0, w1, h0, h1, flags] = take(bytes, 6)?;
    not_zero(u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([h0, h1]).into())?;
    let mut at = advance(bytes, 13, colour_table_bytes(flags))?;
    let mut frames = 0;
    loop {
        let [block] = take(bytes, at)?;
        at = match block {
            0x3b if frames > 0 => return Ok(()),
            0x3b => return Err(corrupt("it has no frame")),
            0x21 => sub_blocks(bytes, at + 2)?,
            0x2c => {
                frames += 1;
                let [flags] = take(bytes, at + 9)?;
                // One byte, the code size of the compressed data, stands between the table and the data.
                sub_blocks(bytes, advance(bytes, at + 11, colour_table_bytes(flags))?)?
            }
            _ => return Err(corrupt("a block of unknown kind")),
        };
    }
}

fn colour_table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Steps over a chain of sub-blocks, which a block of length zero ends.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Result<usize, PictureError> {
    loop {
        let [length] = take(bytes, at)?;
        at = advance(bytes, at + 1, length.into())?;
        if length == 0 {
            return Ok(at);
        }
    }
}

fn bmp(bytes: &[u8]) -> Result<(), PictureError> {
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
        let width = u32::try_from(width).map_err(|_| corrupt("its width is negative"))?;
        (width, height.unsigned_abs(), bits, !matches!(compression, 0 | 3 | 6))
    };
    not_zero(width, height)?;
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    let end = row.saturating_mul(u64::from(height)).saturating_add(pixels_at);
    if !compressed && end > bytes.len() as u64 { Err(PictureError::Truncated) } else { Ok(()) }
}

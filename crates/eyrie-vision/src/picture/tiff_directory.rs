//! Whether the strips or tiles that a TIFF's first directory names are inside the file.
//!
//! The decoder refuses most cut files itself, but fills up a strip of LZW or PackBits data that ends early.

use super::error::PictureError;

const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const ENTRY_BYTES: usize = 12;

struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

/// See the module. A BigTIFF (64-bit offsets) is left to the decoder.
///
/// # Errors
/// [`PictureError::Truncated`] and [`PictureError::ZeroSized`].
pub(super) fn check(bytes: &[u8]) -> Result<(), PictureError> {
    let tiff = Tiff { bytes, big_endian: bytes.starts_with(b"MM") };
    if tiff.u16(2)? != 42 {
        return Ok(());
    }
    let directory = tiff.u32(4)? as usize;
    let entries = usize::from(tiff.u16(directory)?);
    let values = |wanted: u16| -> Result<Option<Vec<u64>>, PictureError> {
        (0..entries)
            .map(|i| directory + 2 + i * ENTRY_BYTES)
            .find_map(|at| match tiff.u16(at) {
                Ok(tag) => (tag == wanted).then(|| tiff.values(at)),
                Err(error) => Some(Err(error)),
            })
            .transpose()
    };
    if let (Some([width]), Some([height])) = (values(WIDTH)?.as_deref(), values(HEIGHT)?.as_deref())
        && (*width == 0 || *height == 0)
    {
        return Err(PictureError::ZeroSized { width: saturated(*width), height: saturated(*height) });
    }
    for (offsets, counts) in [(STRIP_OFFSETS, STRIP_BYTE_COUNTS), (TILE_OFFSETS, TILE_BYTE_COUNTS)] {
        let (Some(offsets), Some(counts)) = (values(offsets)?, values(counts)?) else {
            continue;
        };
        if offsets.iter().zip(&counts).any(|(offset, count)| offset + count > bytes.len() as u64) {
            return Err(PictureError::Truncated);
        }
    }
    Ok(())
}

fn saturated(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Tiff<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], PictureError> {
        self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(PictureError::Truncated)
    }

    fn u16(&self, at: usize) -> Result<u16, PictureError> {
        let raw = self.bytes(at)?;
        Ok(if self.big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
    }

    fn u32(&self, at: usize) -> Result<u32, PictureError> {
        let raw = self.bytes(at)?;
        Ok(if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    /// The values of a directory entry of 16-bit or 32-bit numbers; of other types none.
    fn values(&self, entry: usize) -> Result<Vec<u64>, PictureError> {
        let count = self.u32(entry + 4)? as usize;
        let size = match self.u16(entry + 2)? {
            3 => 2,
            4 => 4,
            _ => return Ok(Vec::new()),
        };
        let total = count.checked_mul(size).ok_or(PictureError::Truncated)?;
        let start = if total <= 4 { entry + 8 } else { self.u32(entry + 8)? as usize };
        if start.checked_add(total).is_none_or(|end| end > self.bytes.len()) {
            return Err(PictureError::Truncated);
        }
        (0..count)
            .map(|i| {
                let at = start + i * size;
                if size == 2 { self.u16(at).map(u64::from) } else { self.u32(at).map(u64::from) }
            })
            .collect()
    }
}

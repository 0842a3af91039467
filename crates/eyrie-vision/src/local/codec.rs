//! Local features as bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `EYLF` |
//! | 1 | version of this format and of the extraction: [`VERSION`] |
//! | 1 | 1 where a CRC-32 of the pixels stands in place of features; and 2 where there are cells |
//! | 2 + 2 | width and height of the working picture, pixels |
//! | 2 | number of features |
//! | 4 | only of a picture without features: CRC-32 of its pixels in colours |
//! | 38 each | x, y (2 + 2: fractions of the picture in 1/65,536), level (1; the highest bit: a dark blob), angle (1), descriptor (4 x 8) |
//! | 8 + 2 + 2 + 2 | only with cells: the model's number, width and height of the canvas in pixels, number of cells |
//! | 36 each | x, y (2 + 2: pixels of the canvas), bits (4 x 8) |
//! | 4 | CRC-32 (IEEE 802.3) of everything before |
//!
//! All numbers are little-endian.

use super::cells::{Cell, Cells};
use super::features::{Feature, LocalFeatures};
use super::params::{LEVELS, MAX_FEATURES, WORKING_SIDE};

/// The version that [`LocalFeatures::encode`] writes: a new one whenever the format or any step of
/// the extraction changes, since features of two versions are not comparable.
pub const VERSION: u8 = 3;

const MAGIC: &[u8; 4] = b"EYLF";
const HEADER: usize = 12;
const FEATURE: usize = 38;
const PIXELS: usize = 4;
const BLANK: u8 = 1;
const CELLS: u8 = 2;
/// Of what comes before the cells.
const CELLS_HEADER: usize = 14;
const CELL: usize = 36;
const CHECKSUM: usize = 4;
const DARK: u8 = 0x80;

/// Why bytes are not local features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Another length than the header asks for, or no header.
    #[error("the length does not fit the header")]
    Length,
    /// The first bytes are not those of local features.
    #[error("these are not local features")]
    Magic,
    /// Written by another version; extract the features again.
    #[error("local features of version {found}, this program has version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The checksum does not fit.
    #[error("the checksum does not fit: the bytes are damaged")]
    Checksum,
    /// A value that no extraction writes.
    #[error("a value is out of range")]
    Value,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

impl Feature {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.x.to_le_bytes());
        out.extend(self.y.to_le_bytes());
        out.push(self.level | if self.dark { DARK } else { 0 });
        out.push(self.angle);
        out.extend(self.bits.iter().flat_map(|word| word.to_le_bytes()));
    }

    /// Reads [`FEATURE`] bytes.
    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let level = bytes[4] & !DARK;
        if usize::from(level) >= LEVELS {
            return Err(DecodeError::Value);
        }
        Ok(Self {
            x: u16_at(bytes, 0),
            y: u16_at(bytes, 2),
            level,
            dark: bytes[4] & DARK != 0,
            angle: bytes[5],
            bits: words(&bytes[6..]),
        })
    }
}

impl Cells {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.model.to_le_bytes());
        for value in [self.width, self.height, self.cells.len() as u16] {
            out.extend(value.to_le_bytes());
        }
        for cell in &self.cells {
            out.extend(cell.x.to_le_bytes());
            out.extend(cell.y.to_le_bytes());
            out.extend(cell.bits.iter().flat_map(|word| word.to_le_bytes()));
        }
    }

    /// The cells alone as bytes, as they stand in those of [`LocalFeatures`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(CELLS_HEADER + CELL * self.cells.len());
        self.write(&mut out);
        out
    }

    /// Reads what [`Cells::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Some((head, rest)) = bytes.split_at_checked(CELLS_HEADER) else { return Err(DecodeError::Length) };
        let [width, height, count] = [8, 10, 12].map(|at| u16_at(head, at));
        if rest.len() != CELL * usize::from(count) {
            return Err(DecodeError::Length);
        }
        let cells = rest.as_chunks::<CELL>().0.iter();
        let cells = cells.map(|bytes| Cell { x: u16_at(bytes, 0), y: u16_at(bytes, 2), bits: words(&bytes[4..]) });
        let [model] = words(head);
        Self::new(model, [width, height], cells.collect()).ok_or(DecodeError::Value)
    }
}

/// The first words of some bytes.
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

impl LocalFeatures {
    /// The features as bytes: 16 and 38 a feature, 20 where there is none; 14 more and 36 a cell where
    /// there are such.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let cells = self.cells.as_ref().map_or(0, |cells| CELLS_HEADER + CELL * cells.cells.len());
        let mut out = Vec::with_capacity(HEADER + FEATURE * self.features.len() + cells + CHECKSUM);
        out.extend(MAGIC);
        let blank = if self.blank.is_some() { BLANK } else { 0 };
        out.extend([VERSION, blank | if self.cells.is_some() { CELLS } else { 0 }]);
        out.extend(self.width.to_le_bytes());
        out.extend(self.height.to_le_bytes());
        out.extend((self.features.len() as u16).to_le_bytes());
        out.extend(self.blank.map(u32::to_le_bytes).into_iter().flatten());
        for feature in &self.features {
            feature.write(&mut out);
        }
        if let Some(cells) = &self.cells {
            cells.write(&mut out);
        }
        out.extend(crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// Reads what [`LocalFeatures::encode`] wrote. What is accepted encodes to the same bytes
    /// again.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for anything else; no input makes it panic or allocate more than the input's
    /// own size.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() < HEADER + CHECKSUM {
            return Err(DecodeError::Length);
        }
        if &bytes[..4] != MAGIC {
            return Err(DecodeError::Magic);
        }
        if bytes[4] != VERSION {
            return Err(DecodeError::Version { found: bytes[4] });
        }
        let (width, height, count) = (u16_at(bytes, 6), u16_at(bytes, 8), usize::from(u16_at(bytes, 10)));
        let (blank, has_cells) = (bytes[5] & BLANK != 0 && count == 0, bytes[5] & CELLS != 0);
        let start = if blank { HEADER + PIXELS } else { HEADER };
        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        let end = start + FEATURE * count;
        if content.len() < end || (content.len() > end && !has_cells) {
            return Err(DecodeError::Length);
        }
        if crc32fast::hash(content).to_le_bytes() != checksum {
            return Err(DecodeError::Checksum);
        }
        let sides = 1..=WORKING_SIDE;
        if bytes[5] & !(BLANK | CELLS) != 0
            || (bytes[5] & BLANK != 0 && !blank)
            || count > MAX_FEATURES
            || !sides.contains(&usize::from(width))
            || !sides.contains(&usize::from(height))
        {
            return Err(DecodeError::Value);
        }
        let blank = blank.then(|| u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]));
        let features = content[start..end].chunks_exact(FEATURE).map(Feature::read).collect::<Result<_, _>>()?;
        let cells = has_cells.then(|| Cells::decode(&content[end..])).transpose()?;
        Ok(Self { width, height, features, blank, cells })
    }
}

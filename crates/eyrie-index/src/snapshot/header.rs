//! The first bytes of a snapshot.

use crate::error::OpenError;
use crate::points::{NONE, Slot};

const MAGIC: [u8; 8] = *b"EYRIEIDX";
/// Changes with the format.
pub(super) const FORMAT: u32 = 1;
/// Bytes in front of the text and the sections.
const FIXED: usize = 80;
/// Bytes that the owner's text may have.
const MAX_TEXT: usize = 4096;

/// The sections, in their order in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Flags,
    Keys,
    Scales,
    Residuals,
    Checks,
    Codes,
    Lowest,
    #[allow(dead_code, reason = "it has its place between the others")]
    Upper,
    More,
}

impl Section {
    pub(super) const COUNT: usize = 9;
    /// Sections that have a row a slot.
    pub(super) const ROWS: [Self; 7] =
        [Self::Flags, Self::Keys, Self::Scales, Self::Residuals, Self::Checks, Self::Codes, Self::Lowest];

    /// Bytes of a row; 0 for sections without rows.
    pub(super) fn row(self, stride: usize, m: usize) -> usize {
        match self {
            Self::Flags => 1,
            Self::Keys => 8,
            Self::Scales | Self::Residuals | Self::Checks => 4,
            Self::Codes => stride,
            Self::Lowest => 2 * m * 4,
            Self::Upper | Self::More => 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub(super) dimension: u32,
    pub(super) m: u32,
    pub(super) stamp: u64,
    pub(super) slots: u64,
    /// With its level.
    pub(super) entry: Option<(Slot, usize)>,
    /// State of the generator of levels.
    pub(super) random: u64,
    pub(super) text: String,
    /// Length and checksum of each section.
    pub(super) sections: [(u64, u32); Section::COUNT],
}

impl Header {
    /// Bytes of the header of a snapshot with this text.
    pub(super) fn length(text: &str) -> usize {
        FIXED + text.len() + Section::COUNT * 12 + 4
    }

    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn encode(&self) -> Vec<u8> {
        let (entry, level) = self.entry.map_or((NONE, 0), |(slot, level)| (slot, level as u32));
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend((Self::length(&self.text) as u32).to_le_bytes());
        bytes.extend(self.dimension.to_le_bytes());
        bytes.extend(self.m.to_le_bytes());
        bytes.extend(self.stamp.to_le_bytes());
        bytes.extend(self.slots.to_le_bytes());
        bytes.extend(entry.to_le_bytes());
        bytes.extend(level.to_le_bytes());
        bytes.extend(self.random.to_le_bytes());
        bytes.extend((self.text.len() as u64).to_le_bytes());
        bytes.resize(FIXED, 0);
        bytes.extend(self.text.as_bytes());
        for (length, checksum) in self.sections {
            bytes.extend(length.to_le_bytes());
            bytes.extend(checksum.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Bytes of the header that starts with these.
    pub(super) fn length_of(start: &[u8]) -> Result<usize, OpenError> {
        if start.get(..8).is_none_or(|magic| magic != MAGIC) {
            return Err(OpenError::Foreign);
        }
        let mut rest = Bytes(&start[8..]);
        let format = rest.u32()?;
        if format != FORMAT {
            return Err(OpenError::Format { found: format, expected: FORMAT });
        }
        let length = rest.u32()? as usize;
        let shortest = Self::length("");
        let sound = (shortest..=shortest + MAX_TEXT).contains(&length);
        if sound { Ok(length) } else { Err(OpenError::Damaged("the length of its header is impossible")) }
    }

    /// Reads a whole header.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, OpenError> {
        let damaged = OpenError::Damaged("the checksum of its header is wrong");
        let Some((content, checksum)) = bytes.split_last_chunk::<4>() else { return Err(damaged) };
        if crc32fast::hash(content) != u32::from_le_bytes(*checksum) {
            return Err(damaged);
        }
        let mut rest = Bytes(content);
        rest.take(16)?;
        let (dimension, m) = (rest.u32()?, rest.u32()?);
        let (stamp, slots) = (rest.u64()?, rest.u64()?);
        let (entry, level) = (rest.u32()?, rest.u32()?);
        let (random, text) = (rest.u64()?, rest.u64()?);
        let mut rest = Bytes(content.get(FIXED..).unwrap_or_default());
        let text = rest.take(usize::try_from(text).unwrap_or(usize::MAX))?;
        let Ok(text) = std::str::from_utf8(text) else { return Err(OpenError::Damaged("its text is no text")) };
        let mut sections = [(0, 0); Section::COUNT];
        for section in &mut sections {
            *section = (rest.u64()?, rest.u32()?);
        }
        let entry = (entry != NONE).then_some((entry, level as usize));
        Ok(Self { dimension, m, stamp, slots, entry, random, text: text.to_owned(), sections })
    }
}

/// Bytes that are taken from the front.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], OpenError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(OpenError::Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, OpenError> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    pub(super) fn u64(&mut self) -> Result<u64, OpenError> {
        Ok(u64::from(self.u32()?) | u64::from(self.u32()?) << 32)
    }
}

/// Makes all checksums of a snapshot right, as far as it has sections; for tests of what is
/// hostile.
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(feature = "fuzzing"), expect(unreachable_pub, reason = "the fuzzer alone sees it from outside"))]
pub fn mend_checksums(bytes: &mut [u8]) {
    let Ok(length) = Header::length_of(bytes) else { return };
    let Some((header, sections)) = bytes.split_at_mut_checked(length) else { return };
    let mut rest = &*sections;
    let text = length - Header::length("");
    for section in 0..Section::COUNT {
        let at = FIXED + text + section * 12;
        let Ok(count) = Bytes(&header[at..]).u64() else { return };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(rest.len());
        let (section, others) = rest.split_at(count);
        header[at + 8..at + 12].copy_from_slice(&crc32fast::hash(section).to_le_bytes());
        rest = others;
    }
    let (content, checksum) = header.split_at_mut(length - 4);
    checksum.copy_from_slice(&crc32fast::hash(content).to_le_bytes());
}

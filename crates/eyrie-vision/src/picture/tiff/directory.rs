//! The directory of a TIFF's first page, and the plain one that the decoder is given in its place.

use std::convert::Infallible;
use std::io::{Cursor, Read, Seek};

use fax::Color;
use fax::decoder::{DecodeStatus, Group3Decoder, pels};
use tiff::decoder::{Decoder, Limits};
use tiff::tags::{ByteOrder, Tag};

use super::super::error::PictureError;
use super::super::reading::damaged;
use super::refusal::{refusal, unsupported};
use crate::picture::colour::PROFILE_BYTES_MAX;

pub(super) const UNCOMPRESSED: u16 = 1;
pub(super) const CCITT_3: u16 = 3;
const OLD_JPEG: u16 = 6;
pub(super) const JPEG: u16 = 7;
const DEFLATE: [u16; 2] = [8, 32946];
const FILL_ORDER: u16 = 266;
const T4_OPTIONS: u16 = 292;
const YCBCR_SUBSAMPLING: u16 = 530;

pub(super) const YCBCR: u16 = 6;

/// What the directory says.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of each sample.
    pub(super) bits: u16,
    pub(super) samples: u16,
    /// 1 unsigned, 2 signed, 3 floating point.
    pub(super) sample_format: u16,
    pub(super) photometric: u16,
    pub(super) compression: u16,
    pub(super) planar: bool,
    /// What the samples behind the colours are; `None` without the tag.
    pub(super) extra: Option<Vec<u16>>,
    /// Red, green and blue of every index, 16 bits each, one colour after the other.
    pub(super) palette: Vec<u16>,
    /// Luma samples to a chroma sample across and down; 1 and 1 where the samples are not stored in
    /// such units.
    pub(super) subsampling: (u32, u32),
    /// Width and height of a strip or tile.
    pub(super) chunk: (u32, u32),
    pub(super) orientation: u8,
    pub(super) profile: Option<Vec<u8>>,
    tiled: bool,
    reversed: bool,
    predictor: u32,
    offsets: Vec<u64>,
    counts: Vec<u64>,
    jpeg_tables: Option<Vec<u8>>,
    big_endian: bool,
}

impl Page {
    /// Reads the tags of the first page.
    pub(super) fn read<R: Read + Seek>(decoder: &mut Decoder<R>) -> Result<Self, PictureError> {
        let (width, height) = decoder.dimensions().map_err(refusal)?;
        let big_endian = decoder.byte_order() == ByteOrder::BigEndian;
        let mut tags = decoder.image_ifd();
        let mut all = |tag: Tag| tags.find_tag_unsigned_vec::<u64>(tag).map_err(refusal);
        let first = |values: Option<Vec<u64>>| values.and_then(|values| values.first().copied());
        let small = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
        let large = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let compression = small(first(all(Tag::Compression)?).unwrap_or(1));
        let photometric = small(first(all(Tag::PhotometricInterpretation)?).unwrap_or(0));
        let bits = small(first(all(Tag::BitsPerSample)?).unwrap_or(1));
        let samples = small(first(all(Tag::SamplesPerPixel)?).unwrap_or(1));
        let sample_format = small(first(all(Tag::SampleFormat)?).unwrap_or(1));
        let planar = first(all(Tag::PlanarConfiguration)?).unwrap_or(1) == 2 && samples > 1;
        let orientation = u8::try_from(first(all(Tag::Orientation)?).unwrap_or(1)).unwrap_or(1);
        let predictor = large(first(all(Tag::Predictor)?).unwrap_or(1));
        let reversed = first(all(Tag::Unknown(FILL_ORDER))?).unwrap_or(1) == 2 && compression != JPEG;
        let two_dimensional = compression == CCITT_3 && first(all(Tag::Unknown(T4_OPTIONS))?).unwrap_or(0) & 1 == 1;
        let tiled = all(Tag::TileOffsets)?.is_some();
        let chunk = if tiled {
            (large(first(all(Tag::TileWidth)?).unwrap_or(0)), large(first(all(Tag::TileLength)?).unwrap_or(0)))
        } else {
            (width, large(first(all(Tag::RowsPerStrip)?).unwrap_or(height.into())).min(height))
        };
        let subsampling = if photometric == YCBCR && compression != JPEG {
            let factors = all(Tag::Unknown(YCBCR_SUBSAMPLING))?.unwrap_or_else(|| vec![2, 2]);
            match factors.as_slice() {
                [h @ (1 | 2 | 4), v @ (1 | 2 | 4)] => (large(*h), large(*v)),
                _ => return Err(damaged("its chroma subsampling makes no sense")),
            }
        } else {
            (1, 1)
        };
        let list = |values: Option<Vec<u64>>| values.unwrap_or_default();
        let shorts = |values: Vec<u64>| values.into_iter().map(small).collect::<Vec<u16>>();
        let extra = all(Tag::ExtraSamples)?.map(shorts);
        let palette = shorts(list(all(Tag::ColorMap)?));
        let [offsets, counts] = if tiled {
            [list(all(Tag::TileOffsets)?), list(all(Tag::TileByteCounts)?)]
        } else {
            [list(all(Tag::StripOffsets)?), list(all(Tag::StripByteCounts)?)]
        };
        let mut raw = |tag: Tag| decoder.get_tag_u8_vec(tag).ok();
        let jpeg_tables = (compression == JPEG).then(|| raw(Tag::JPEGTables)).flatten();
        let profile = raw(Tag::IccProfile).filter(|profile| profile.len() <= PROFILE_BYTES_MAX);

        if compression == OLD_JPEG {
            return Err(unsupported("JPEG compression of the old style"));
        }
        if compression == 2 || two_dimensional || compression == CCITT_3 && tiled {
            return Err(unsupported("CCITT compression other than Group 3 in one dimension and Group 4"));
        }
        if subsampling != (1, 1) && (planar || predictor != 1 || bits != 8) {
            return Err(unsupported("subsampled YCbCr in planes, with a predictor or not of 8 bits"));
        }
        if chunk.0 == 0 || chunk.1 == 0 || offsets.is_empty() || offsets.len() != counts.len() {
            return Err(damaged("its strips or tiles make no sense"));
        }
        if tiled && (u64::from(chunk.0) * u64::from(chunk.1) > (u64::from(width) + 1024) * (u64::from(height) + 1024)) {
            return Err(damaged("its tiles are much larger than the picture"));
        }
        let page = Self {
            width,
            height,
            bits,
            samples,
            sample_format,
            photometric,
            compression,
            planar,
            extra,
            palette,
            subsampling,
            chunk,
            orientation,
            profile,
            tiled,
            reversed,
            predictor,
            offsets,
            counts,
            jpeg_tables,
            big_endian,
        };
        let expected = u64::from(page.chunks_per_plane()) * page.planes() as u64;
        if (page.offsets.len() as u64) < expected {
            return Err(damaged("strips or tiles are missing"));
        }
        Ok(page)
    }

    pub(super) fn planes(&self) -> usize {
        if self.planar { self.samples.into() } else { 1 }
    }

    pub(super) fn chunks_across(&self) -> u32 {
        self.width.div_ceil(self.chunk.0)
    }

    pub(super) fn chunks_per_plane(&self) -> u32 {
        self.chunks_across() * self.height.div_ceil(self.chunk.1)
    }

    /// Bytes of the samples of one strip or tile, of all planes.
    pub(super) fn chunk_bytes(&self) -> u64 {
        let row = (u64::from(self.chunk.0) * u64::from(self.samples) * u64::from(self.bits)).div_ceil(8);
        row.saturating_mul(self.chunk.1.into())
    }

    /// Bytes of a unit of subsampled YCbCr.
    pub(super) fn unit_bytes(&self) -> u32 {
        self.subsampling.0 * self.subsampling.1 + 2
    }
}

/// A copy of the file whose directories say the least that the decoder needs, one page a plane.
pub(super) struct Plain {
    bytes: Vec<u8>,
    /// Where the directory of each plane is.
    directories: Vec<u32>,
    ranges: Vec<(usize, usize)>,
}

impl Plain {
    /// # Errors
    /// [`PictureError::Truncated`] where a strip or tile is not all in the file. That more bytes
    /// are stated than are there is let pass where the decoder finds out whether all rows are
    /// there: with no compression, or with deflate.
    pub(super) fn new(bytes: &[u8], page: &Page) -> Result<Self, PictureError> {
        let tells = page.compression == UNCOMPRESSED || DEFLATE.contains(&page.compression);
        let mut ranges = Vec::with_capacity(page.offsets.len());
        for (&offset, &count) in page.offsets.iter().zip(&page.counts) {
            let start = usize::try_from(offset).ok().filter(|&start| start < bytes.len());
            let start = start.ok_or(PictureError::Truncated)?;
            let there = bytes.len() - start;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if count > there && !tells {
                return Err(PictureError::Truncated);
            }
            ranges.push((start, count.min(there)));
        }
        let mut plain = Self { bytes: bytes.to_vec(), directories: Vec::new(), ranges };
        if page.reversed {
            let mut done = 0;
            let mut ranges = plain.ranges.clone();
            ranges.sort_unstable();
            for (start, count) in ranges {
                // Strips that overlap are reversed once.
                let start = start.max(done);
                done = done.max(start + count).min(plain.bytes.len());
                for byte in plain.bytes.get_mut(start..done).unwrap_or_default() {
                    *byte = byte.reverse_bits();
                }
            }
        }
        if u32::try_from(plain.bytes.len() + plain.ranges.len() * 8 + 4096).is_err() {
            return Err(damaged("it is larger than 4 GB"));
        }
        for plane in 0..page.planes() {
            plain.write_directory(page, plane);
        }
        Ok(plain)
    }

    /// Appends the directory of one plane.
    fn write_directory(&mut self, page: &Page, plane: usize) {
        let count = page.chunks_per_plane() as usize;
        let of_plane = &self.ranges[plane * count..(plane + 1) * count];
        let offsets: Vec<u32> = of_plane.iter().map(|&(start, _)| start as u32).collect();
        let counts: Vec<u32> = of_plane.iter().map(|&(_, count)| count as u32).collect();
        let (h, v) = page.subsampling;
        // Units of subsampled YCbCr are bytes to the decoder, in rows of units.
        let across = |pixels: u32| if (h, v) == (1, 1) { pixels } else { pixels.div_ceil(h) * page.unit_bytes() };
        let down = |rows: u32| rows.div_ceil(v);
        let samples = if page.planar || (h, v) != (1, 1) { 1 } else { u32::from(page.samples) };
        let mut entries: Vec<(Tag, Vec<u32>)> = vec![
            (Tag::ImageWidth, vec![across(page.width)]),
            (Tag::ImageLength, vec![down(page.height)]),
            (Tag::BitsPerSample, vec![page.bits.into()]),
            (Tag::Compression, vec![page.compression.into()]),
            (Tag::PhotometricInterpretation, vec![1]),
            (Tag::SamplesPerPixel, vec![samples]),
            (Tag::Predictor, vec![page.predictor]),
            (Tag::SampleFormat, vec![page.sample_format.into()]),
        ];
        if page.tiled {
            entries.push((Tag::TileWidth, vec![across(page.chunk.0)]));
            entries.push((Tag::TileLength, vec![down(page.chunk.1)]));
            entries.push((Tag::TileOffsets, offsets));
            entries.push((Tag::TileByteCounts, counts));
        } else {
            entries.push((Tag::RowsPerStrip, vec![down(page.chunk.1)]));
            entries.push((Tag::StripOffsets, offsets));
            entries.push((Tag::StripByteCounts, counts));
        }
        let tables = page.jpeg_tables.clone().unwrap_or_default();
        let tables_at = self.bytes.len();
        self.bytes.extend_from_slice(&tables);
        let mut records: Vec<(u16, u16, u32, u32)> = Vec::new();
        for (tag, values) in entries {
            let value = if let [value] = values.as_slice() {
                *value
            } else {
                let at = self.bytes.len() as u32;
                for value in &values {
                    self.write_u32(page, *value);
                }
                at
            };
            records.push((tag.to_u16(), 4, values.len() as u32, value));
        }
        if !tables.is_empty() {
            records.push((Tag::JPEGTables.to_u16(), 7, tables.len() as u32, tables_at as u32));
        }
        records.sort_unstable();
        self.directories.push(self.bytes.len() as u32);
        self.write_u16(page, records.len() as u16);
        for (tag, kind, count, value) in records {
            self.write_u16(page, tag);
            self.write_u16(page, kind);
            self.write_u32(page, count);
            self.write_u32(page, value);
        }
        self.write_u32(page, 0);
        let magic: &[u8; 4] = if page.big_endian { b"MM\0*" } else { b"II*\0" };
        self.bytes[..4].copy_from_slice(magic);
    }

    fn write_u16(&mut self, page: &Page, value: u16) {
        self.bytes.extend(if page.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn write_u32(&mut self, page: &Page, value: u32) {
        self.bytes.extend(if page.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    /// A decoder for each plane.
    pub(super) fn decoders(&self, chunk_bytes: u64) -> Result<Vec<Decoder<impl Read + Seek>>, PictureError> {
        let big_endian = self.bytes.starts_with(b"MM");
        self.directories
            .iter()
            .map(|&at| {
                let at = if big_endian { at.to_be_bytes() } else { at.to_le_bytes() };
                let file = Patched { file: Cursor::new(&self.bytes), directory: at };
                Ok(Decoder::new(file).map_err(refusal)?.with_limits(limits(chunk_bytes.max(self.bytes.len() as u64))))
            })
            .collect()
    }

    /// The rows of a strip of CCITT Group 3, eight pixels a byte, 1 for black.
    pub(super) fn fax(&self, page: &Page, index: u32) -> Result<Vec<u8>, PictureError> {
        let (start, count) = self.ranges[index as usize];
        let width = u16::try_from(page.width).map_err(|_| unsupported("a fax of more than 65,535 columns"))?;
        let rows = page.chunk.1.min(page.height - index / page.chunks_across() * page.chunk.1) as usize;
        let row_bytes = usize::from(width).div_ceil(8);
        let mut out = Vec::with_capacity(rows * row_bytes);
        let data = self.bytes[start..start + count].iter().map(|&byte| Ok::<u8, Infallible>(byte));
        let mut decoder = Group3Decoder::new(data).map_err(|_| damaged("its fax data begin with no line"))?;
        while out.len() < rows * row_bytes {
            let status = decoder.advance();
            // The last line needs no mark behind it.
            let line = decoder.transitions();
            if line.last().is_some_and(|&end| end >= width) {
                let mut row = vec![0_u8; row_bytes];
                for (x, colour) in pels(line, width).enumerate() {
                    row[x / 8] |= u8::from(colour == Color::Black) << (7 - x % 8);
                }
                out.extend_from_slice(&row);
            }
            if !matches!(status, Ok(DecodeStatus::Incomplete)) {
                break;
            }
        }
        if out.len() < rows * row_bytes { Err(PictureError::Truncated) } else { Ok(out) }
    }
}

/// A file whose header points to another directory.
struct Patched<'a> {
    file: Cursor<&'a Vec<u8>>,
    directory: [u8; 4],
}

impl Read for Patched<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let at = self.file.position();
        let count = self.file.read(buf)?;
        for (place, byte) in (at..).zip(&mut buf[..count]).take(8) {
            if (4..8).contains(&place) {
                *byte = self.directory[place as usize - 4];
            }
        }
        Ok(count)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

/// Limits of the crate for pages whose memory was bounded before.
fn limits(chunk_bytes: u64) -> Limits {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(chunk_bytes).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    limits
}

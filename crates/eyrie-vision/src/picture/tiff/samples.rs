//! From the samples of a strip or tile to 8-bit pixels.

use super::super::error::PictureError;
use super::super::raster::Channels;
use super::super::reading::{damaged, round_16};
use super::directory::{Page, YCBCR};
use super::refusal::unsupported;

/// What the samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

/// What stands behind the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alpha {
    None,
    Straight,
    /// The colours are multiplied with it.
    Associated,
}

/// Turns samples into pixels.
#[derive(Debug)]
pub(super) struct Reader {
    meaning: Meaning,
    alpha: Alpha,
    /// The colours of indices.
    palette: Vec<[u8; 3]>,
    /// What the pixels are.
    pub(super) channels: Channels,
}

impl Reader {
    /// # Errors
    /// [`PictureError::UnsupportedKind`] with the name of what the page is.
    pub(super) fn of(page: &Page) -> Result<Self, PictureError> {
        let (meaning, colours) = match page.photometric {
            0 => (Meaning::WhiteIsZero, 1),
            1 => (Meaning::BlackIsZero, 1),
            2 => (Meaning::Rgb, 3),
            3 => (Meaning::Palette, 1),
            5 => (Meaning::Cmyk, 4),
            YCBCR => (Meaning::YCbCr, 3),
            4 => return Err(unsupported("a transparency mask")),
            8..=10 => return Err(unsupported("CIE L*a*b* colours")),
            other => return Err(unsupported(&format!("colours of kind {other}"))),
        };
        if page.samples < colours {
            return Err(damaged("a pixel has fewer samples than colours"));
        }
        match (page.bits, page.sample_format) {
            (1 | 2 | 4 | 8 | 16 | 32, 1 | 4) | (8 | 16 | 32, 2) | (32, 3) => {}
            (bits, 3) => return Err(unsupported(&format!("{bits}-bit floating-point samples"))),
            (bits, _) => return Err(unsupported(&format!("{bits}-bit samples"))),
        }
        if meaning == Meaning::Palette && (page.bits > 8 || page.palette.len() < 3 << page.bits) {
            return Err(damaged("its palette does not fit its samples"));
        }
        let alpha = match page.extra.as_deref().and_then(<[u16]>::first) {
            _ if page.samples == colours => Alpha::None,
            Some(1) => Alpha::Associated,
            Some(2) => Alpha::Straight,
            // Four samples of RGB without a word about the fourth: most writers mean alpha.
            None if meaning == Meaning::Rgb => Alpha::Straight,
            Some(_) | None => Alpha::None,
        };
        let channels = match (meaning, alpha) {
            (Meaning::WhiteIsZero | Meaning::BlackIsZero, Alpha::None) => Channels::Grey,
            (Meaning::WhiteIsZero | Meaning::BlackIsZero, _) => Channels::GreyAlpha,
            (Meaning::Cmyk, _) => Channels::Cmyk,
            (Meaning::Rgb, Alpha::Straight | Alpha::Associated) => Channels::Rgba,
            (Meaning::Rgb | Meaning::Palette | Meaning::YCbCr, _) => Channels::Rgb,
        };
        let palette = if meaning == Meaning::Palette { colours_of(page) } else { Vec::new() };
        Ok(Self { meaning, alpha, palette, channels })
    }

    /// Writes the pixels of one strip or tile to their place; `planes` holds its samples, of each
    /// plane by itself where the file stores them so.
    ///
    /// # Errors
    /// [`PictureError::Corrupt`] where samples are missing.
    pub(super) fn place(
        &self,
        page: &Page,
        index: u32,
        planes: &[Vec<u8>],
        data: &mut [u8],
    ) -> Result<(), PictureError> {
        let (left, top) = (index % page.chunks_across() * page.chunk.0, index / page.chunks_across() * page.chunk.1);
        let columns = page.chunk.0.min(page.width - left) as usize;
        let rows = page.chunk.1.min(page.height - top) as usize;
        let count = self.channels.count();
        let mut samples = vec![0; columns * usize::from(page.samples)];
        for row in 0..rows {
            if page.subsampling == (1, 1) {
                let per_plane = samples.len() / planes.len();
                let row_bytes = (per_plane * usize::from(page.bits)).div_ceil(8);
                for (place, plane) in planes.iter().enumerate() {
                    let bytes = plane.get(row * row_bytes..(row + 1) * row_bytes);
                    let bytes = bytes.ok_or_else(|| damaged("a strip or tile is too short"))?;
                    let out = samples[place..].iter_mut().step_by(planes.len());
                    unpack(bytes, page, self.meaning == Meaning::Palette, out);
                }
            } else {
                units(&planes[0], page, columns, row, &mut samples)?;
            }
            let start = ((top as usize + row) * page.width as usize + left as usize) * count;
            let out = &mut data[start..start + columns * count];
            let pixels = samples.chunks_exact(page.samples.into());
            for (pixel, samples) in out.chunks_exact_mut(count).zip(pixels) {
                self.pixel(samples, pixel);
            }
        }
        Ok(())
    }

    fn pixel(&self, samples: &[u8], out: &mut [u8]) {
        match self.meaning {
            Meaning::WhiteIsZero => out[0] = 255 - samples[0],
            Meaning::BlackIsZero => out[0] = samples[0],
            Meaning::Rgb => out[..3].copy_from_slice(&samples[..3]),
            Meaning::Cmyk => out.copy_from_slice(&samples[..4]),
            Meaning::YCbCr => out.copy_from_slice(&rgb([samples[0], samples[1], samples[2]])),
            Meaning::Palette => {
                let colour = self.palette.get(usize::from(samples[0])).copied();
                out.copy_from_slice(&colour.unwrap_or_default());
            }
        }
        if self.alpha != Alpha::None && matches!(self.channels, Channels::GreyAlpha | Channels::Rgba) {
            let colours = out.len() - 1;
            let alpha = samples[colours];
            out[colours] = alpha;
            if self.alpha == Alpha::Associated && alpha > 0 {
                for colour in &mut out[..colours] {
                    let straight = (u32::from(*colour) * 255 + u32::from(alpha) / 2) / u32::from(alpha);
                    *colour = straight.min(255) as u8;
                }
            }
        }
    }
}

/// The colours of a palette, in bytes.
fn colours_of(page: &Page) -> Vec<[u8; 3]> {
    // Some writers put bytes where 16 bits belong.
    let shift = if page.palette.iter().all(|&value| value < 256) { 0 } else { 8 };
    let count = page.palette.len() / 3;
    (0..count).map(|index| [0, 1, 2].map(|channel| (page.palette[channel * count + index] >> shift) as u8)).collect()
}

/// The samples of a row, scaled to 8 bits by their range; those of a palette as they are.
fn unpack<'a>(bytes: &[u8], page: &Page, as_they_are: bool, out: impl Iterator<Item = &'a mut u8>) {
    match page.bits {
        8 => {
            let sign = if page.sample_format == 2 { 0x80 } else { 0 };
            out.zip(bytes).for_each(|(out, &byte)| *out = byte ^ sign);
        }
        16 => {
            let sign = if page.sample_format == 2 { 0x8000 } else { 0 };
            let values = bytes.as_chunks().0.iter().map(|&two| round_16(u16::from_ne_bytes(two) ^ sign));
            out.zip(values).for_each(|(out, value)| *out = value);
        }
        32 => {
            let value = |four: [u8; 4]| match page.sample_format {
                3 => (f32::from_ne_bytes(four).clamp(0.0, 1.0) * 255.0).round() as u8,
                2 => (((u32::from_ne_bytes(four) ^ 1 << 31) as f64) / f64::from(u32::MAX) * 255.0).round() as u8,
                _ => (f64::from(u32::from_ne_bytes(four)) / f64::from(u32::MAX) * 255.0).round() as u8,
            };
            out.zip(bytes.as_chunks().0).for_each(|(out, &four)| *out = value(four));
        }
        bits => {
            let most = (1_u8 << bits) - 1;
            let scale = if as_they_are { 1 } else { 255 / most };
            for (place, out) in out.enumerate() {
                let bit = place * usize::from(bits);
                *out = (bytes[bit / 8] >> (8 - usize::from(bits) - bit % 8) & most) * scale;
            }
        }
    }
}

/// The samples of a row of subsampled YCbCr: units of luma samples, row by row, then one of Cb and
/// one of Cr.
fn units(chunk: &[u8], page: &Page, columns: usize, row: usize, samples: &mut [u8]) -> Result<(), PictureError> {
    let (h, v) = (page.subsampling.0 as usize, page.subsampling.1 as usize);
    let unit = page.unit_bytes() as usize;
    let row_bytes = columns.div_ceil(h) * unit;
    let units = chunk.get(row / v * row_bytes..).and_then(|rest| rest.get(..row_bytes));
    let units = units.ok_or_else(|| damaged("a strip or tile is too short"))?;
    for (x, pixel) in samples.chunks_exact_mut(page.samples.into()).enumerate() {
        let unit = &units[x / h * unit..][..unit];
        pixel[..3].copy_from_slice(&[unit[row % v * h + x % h], unit[h * v], unit[h * v + 1]]);
    }
    Ok(())
}

/// From YCbCr to RGB by ITU-R BT.601, full range, as JPEG has it.
fn rgb([luma, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (luma, cb, cr) = (f32::from(luma), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [luma + 1.402 * cr, luma - 0.344_136 * cb - 0.714_136 * cr, luma + 1.772 * cb]
        .map(|value| value.round().clamp(0.0, 255.0) as u8)
}

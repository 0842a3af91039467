//! The local features of one picture.

use super::cells::Cells;
use super::describe::{Level, mirrored};
use super::detect::spread_peaks;
use super::geometry::Point;
use super::params::{LEVELS, MAX_FEATURES, WORKING_SIDE};
use super::picture::Grey;

/// Longest side of a picture that is taken, in pixels. No picture that Eyrie decodes is longer: a
/// billion pixels, one side a thousand times the other, make 1,000,000.
pub const MAX_SIDE: usize = 1 << 20;

/// Levels are not made smaller than this, in pixels.
const LEAST_SIDE: usize = 32;

/// Each level gets this many hundredths of the features that the one below it (the larger one)
/// gets.
const SHARE_PERCENT: usize = 80;

/// Why a picture has no local features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// A side of no or of too many pixels.
    #[error("a picture of {width} x {height} pixels; each side must have 1 to {MAX_SIDE}")]
    Size {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Not one byte a pixel.
    #[error("{actual} bytes for a picture of {expected} pixels")]
    Length {
        /// Width times height.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
    /// More features than a picture may have, or none.
    #[error("{limit} features asked for, a picture may have 1 to {MAX_FEATURES}")]
    Limit {
        /// Features asked for.
        limit: usize,
    },
}

/// One blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Feature {
    /// Position in 1/65,536 of the picture's width.
    pub(super) x: u16,
    /// Position in 1/65,536 of the picture's height.
    pub(super) y: u16,
    /// Level of the pyramid, 0 for the working picture itself.
    pub(super) level: u8,
    /// Direction in 1/256 of a full turn, from the x axis towards the y axis.
    pub(super) angle: u8,
    /// Whether it is dark on bright ground.
    pub(super) dark: bool,
    /// The descriptor.
    pub(super) bits: [u64; 4],
}

/// The local features of one picture: a bounded number of blobs, each with position, scale,
/// direction and 256 bits.
///
/// The same pixels give the same features on every CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFeatures {
    /// Of the working picture, in pixels.
    pub(super) width: u16,
    /// Of the working picture, in pixels.
    pub(super) height: u16,
    pub(super) features: Vec<Feature>,
    /// CRC-32 of the whole picture in colours, of a picture that has no features: what tells two
    /// blank pictures apart.
    pub(super) blank: Option<u32>,
    /// What the network sees where, of a picture that it was shown in parts.
    pub(super) cells: Option<Cells>,
}

impl LocalFeatures {
    /// The features of a grey picture, given row by row, one byte a pixel: at most `limit` of them,
    /// fewer where there is little to see. A picture with a side above [`WORKING_SIDE`] is shrunk
    /// to it first.
    ///
    /// # Errors
    ///
    /// [`ExtractError`] if a size, the number of bytes or the limit is out of range.
    pub fn extract(pixels: &[u8], width: usize, height: usize, limit: usize) -> Result<Self, ExtractError> {
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(ExtractError::Size { width, height });
        }
        if pixels.len() != width * height {
            return Err(ExtractError::Length { expected: width * height, actual: pixels.len() });
        }
        if !(1..=MAX_FEATURES).contains(&limit) {
            return Err(ExtractError::Limit { limit });
        }
        let whole = Grey { width, height, pixels: pixels.to_vec() };
        let working = fitted(whole);
        let (width, height) = (working.width as u16, working.height as u16);
        let levels = pyramid(working);
        let mut features = Vec::with_capacity(limit);
        // From the smallest level, so that what a level cannot fill is left to the larger ones.
        let mut weights: u64 = 0;
        let shares: Vec<u64> = (0..levels.len()).map(share).collect();
        let total: u64 = shares.iter().sum();
        for (number, level) in levels.iter().enumerate().rev() {
            weights += shares[number];
            let allowed = (limit as u64 * weights / total) as usize;
            let peaks = spread_peaks(&level.smooth, level.width, level.height, allowed - features.len());
            features.extend(peaks.into_iter().map(|peak| {
                let described = level.describe(peak.x, peak.y);
                Feature {
                    x: fraction(peak.x, level.width),
                    y: fraction(peak.y, level.height),
                    level: number as u8,
                    angle: described.angle,
                    dark: peak.dark,
                    bits: described.bits(),
                }
            }));
        }
        Ok(Self { width, height, features, blank: None, cells: None })
    }

    /// The same with what tells a picture without features from another one: `rgb` holds the
    /// pixels in colours of the whole picture, `width` in a row.
    #[must_use]
    pub fn with_pixels(mut self, rgb: &[u8], width: u32) -> Self {
        if self.is_empty() {
            let mut hash = crc32fast::Hasher::new();
            hash.update(&width.to_le_bytes());
            hash.update(rgb);
            self.blank = Some(hash.finalize());
        }
        self
    }

    /// The same with what the network sees where.
    #[must_use]
    pub fn with_cells(self, cells: Option<Cells>) -> Self {
        Self { cells, ..self }
    }

    /// The features of the mirrored picture, left and right exchanged, as nearly as they can be
    /// told from those of this one; cells cannot.
    #[must_use]
    pub fn mirror(&self) -> Self {
        let mirrored = |feature: &Feature| Feature {
            x: u16::MAX - feature.x,
            angle: 128_u8.wrapping_sub(feature.angle),
            bits: mirrored(feature.bits),
            ..*feature
        };
        Self { features: self.features.iter().map(mirrored).collect(), cells: None, ..*self }
    }

    /// About `limit` of the features, the first of each level: those are strong and well spread
    /// ones.
    pub(super) fn strongest(&self, limit: usize) -> Self {
        let of_level = |level: &[Feature]| (level.len() * limit).div_ceil(self.len()).min(level.len());
        let levels = self.features.chunk_by(|one, next| one.level == next.level);
        let features = levels.flat_map(|level| &level[..of_level(level)]).copied().collect();
        Self { features, cells: None, ..*self }
    }

    /// How many features there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// Width and height of the working picture, in pixels.
    pub(super) fn size(&self) -> (f64, f64) {
        (f64::from(self.width), f64::from(self.height))
    }

    /// The positions of all features, in pixels of the working picture.
    pub(super) fn positions(&self) -> Vec<Point> {
        let (width, height) = self.size();
        let place = |fraction: u16, side: f64| (f64::from(fraction) + 0.5) / 65_536.0 * side;
        self.features.iter().map(|f| (place(f.x, width), place(f.y, height))).collect()
    }
}

/// A picture shrunk, if need be, so that no side is longer than [`WORKING_SIDE`].
pub(super) fn fitted(picture: Grey) -> Grey {
    let long = picture.width.max(picture.height);
    if long <= WORKING_SIDE {
        return picture;
    }
    let side = |s: usize| ((s * WORKING_SIDE + long / 2) / long).max(1);
    picture.shrunk(side(picture.width), side(picture.height))
}

/// The picture and its five-sixths, repeatedly.
fn pyramid(picture: Grey) -> Vec<Level> {
    let mut levels = Vec::with_capacity(LEVELS);
    let mut picture = picture;
    loop {
        levels.push(Level { smooth: picture.smoothed(), width: picture.width, height: picture.height });
        let (width, height) = ((picture.width * 5 + 3) / 6, (picture.height * 5 + 3) / 6);
        if levels.len() == LEVELS || width.min(height) < LEAST_SIDE {
            return levels;
        }
        picture = picture.shrunk(width, height);
    }
}

/// A level's part of the features, in units that do not matter.
fn share(level: usize) -> u64 {
    (0..level).fold(1 << 32, |share, _| share * SHARE_PERCENT as u64 / 100)
}

/// A position on a level (1/256 pixels from the centre of the first one) in 1/65,536 of the level's
/// side.
fn fraction(position: i32, side: usize) -> u16 {
    let from_border = i64::from(position) + 128;
    (from_border * 256 / side as i64).clamp(0, 65_535) as u16
}

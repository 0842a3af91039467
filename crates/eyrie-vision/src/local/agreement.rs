//! Whether the pixels agree where two pictures are said to show the same thing.
//!
//! Features say that many spots lie alike; variants of one design share these and differ in a word,
//! a colour or a picture between them. So one picture is warped onto the other by the homography,
//! the finer of the two shrunk to the resolution of the other, and what both show is compared.

use super::geometry::Map;
use super::pixels::{NOISE, colour_at, colour_of, grown, mean, middle_of, moments, scale, shrunk, side, within};
use super::region::MatchedRegion;
use crate::picture::{Decoded, PictureError};

/// Structure is compared in the rectangle around the inliers; colours in this many times its
/// sides, since what tells variants apart often lies beyond the spots that they share.
const COLOUR_GROWTH: f64 = 2.0;

/// Neither picture is compared with more pixels than this on its longer side.
const LONGEST_SIDE: f64 = 192.0;

/// Colours are averaged over squares with this many pixels a side before they are compared, so that
/// a map that is off by a pixel or two costs nothing.
const BLOCK: usize = 6;

/// Fewer common pixels say nothing.
const LEAST_PIXELS: usize = 64;

/// How the pixels of two pictures agree in a matched region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Correlation of the brightness in the rectangle around the inliers, -1 to 1: 1 for the same
    /// picture in any even light.
    pub structure: f64,
    /// Mean difference of red-green and yellow-blue around the inliers, in grey levels, after both
    /// pictures were brought to the same mean and contrast in each channel: 0 for the same colours
    /// in any even light.
    pub colour: f64,
}

/// Compares the pixels of two pictures in a matched region, and around it. `None` where they have
/// too few in common.
///
/// # Errors
/// [`PictureError::Internal`] when pixels do not have the length that their sides say.
pub(super) fn agreement(
    query: &Decoded,
    candidate: &Decoded,
    region: &MatchedRegion,
) -> Result<Option<Agreement>, PictureError> {
    let Some((query, candidate)) = at_one_scale(query, candidate, region)? else { return Ok(None) };
    let overlap = Overlap { query: &query, candidate: &candidate, map: Map(region.homography) };
    let (inner, outer) = (overlap.within(grown(region, 1.0)), overlap.within(grown(region, COLOUR_GROWTH)));
    if inner.len() < LEAST_PIXELS {
        return Ok(None);
    }
    Ok(Some(Agreement { structure: structure(&inner), colour: colour(&outer) }))
}

/// Both pictures, the one in which the region has more pixels shrunk.
fn at_one_scale(
    query: &Decoded,
    candidate: &Decoded,
    region: &MatchedRegion,
) -> Result<Option<(Decoded, Decoded)>, PictureError> {
    let Some(scale) = scale(query, candidate, region) else { return Ok(None) };
    // So much smaller than the candidate are both.
    let common = scale.min(1.0).min(LONGEST_SIDE / side(candidate)).min(LONGEST_SIDE * scale / side(query));
    Ok(Some((shrunk(query, common / scale)?, shrunk(candidate, common)?)))
}

/// A pixel of the candidate, and what the query shows there.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// Number of the square that it is in.
    block: usize,
    candidate: [f64; 3],
    query: [f64; 3],
}

/// What two pictures show in common.
struct Overlap<'a> {
    query: &'a Decoded,
    candidate: &'a Decoded,
    map: Map,
}

impl Overlap<'_> {
    /// The common pixels in a box of the candidate, whose borders are fractions of its sides.
    fn within(&self, borders: [f64; 4]) -> Vec<Pair> {
        let blocks_a_row = (self.candidate.width as usize).div_ceil(BLOCK);
        let pair = |(x, y): (usize, usize)| {
            let query = colour_at(self.map.apply(middle_of((x, y), self.candidate))?, self.query)?;
            let block = y / BLOCK * blocks_a_row + x / BLOCK;
            Some(Pair { block, candidate: colour_of((x, y), self.candidate), query })
        };
        within(self.candidate, borders).filter_map(pair).collect()
    }
}

/// The correlation of the brightness.
fn structure(pairs: &[Pair]) -> f64 {
    let grey = |[r, g, b]: [f64; 3]| 0.299 * r + 0.587 * g + 0.114 * b;
    let (of_query, of_candidate) = (pairs.iter().map(|p| grey(p.query)), pairs.iter().map(|p| grey(p.candidate)));
    let ((a, spread_a), (b, spread_b)) = (moments(of_query.clone()), moments(of_candidate.clone()));
    mean(of_query.zip(of_candidate).map(|(q, c)| (q - a) * (c - b))) / (spread_a * spread_b + NOISE)
}

/// The mean difference of opponent colours between squares.
fn colour(pairs: &[Pair]) -> f64 {
    // The query's channels with mean and deviation of the candidate's.
    let fits: [_; 3] = std::array::from_fn(|c| {
        let (from, spread) = moments(pairs.iter().map(move |p| p.query[c]));
        let (to, wanted) = moments(pairs.iter().map(move |p| p.candidate[c]));
        let gain = wanted / (spread + NOISE);
        (gain, to - gain * from)
    });
    let mut squares: std::collections::BTreeMap<usize, (f64, [f64; 3])> = std::collections::BTreeMap::new();
    for pair in pairs {
        let (count, sums) = squares.entry(pair.block).or_default();
        *count += 1.0;
        for (c, sum) in sums.iter_mut().enumerate() {
            *sum += pair.candidate[c] - (pair.query[c] * fits[c].0 + fits[c].1);
        }
    }
    let differences = squares.values().map(|(count, [r, g, b])| {
        let opponent = ((r - g).abs() + ((r + g) / 2.0 - b).abs()) / 2.0;
        (*count, opponent)
    });
    // Each square counts as much as it has pixels.
    let (pixels, sum) = differences.fold((0.0, 0.0), |(pixels, sum), (count, value)| (pixels + count, sum + value));
    sum / pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ImageFormat;

    const SIDE: u32 = 160;
    const MIDDLE: [[f64; 2]; 4] = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]];
    const WHOLE: MatchedRegion = MatchedRegion {
        homography: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        quad_in_candidate: MIDDLE,
        quad_in_query: MIDDLE,
    };

    /// A picture whose colour at a place in fractions is told by `colour`.
    fn painted(side: u32, colour: impl Fn(f64, f64) -> [f64; 3]) -> Decoded {
        let at = |i: u32| (f64::from(i) + 0.5) / f64::from(side);
        let pixels = (0..side * side).map(|i| colour(at(i % side), at(i / side)));
        let rgb = pixels.flatten().map(|value| value.clamp(0.0, 255.0) as u8).collect();
        Decoded { rgb, format: ImageFormat::Png, width: side, height: side }
    }

    /// Bars of two colours; the lower half of them lies elsewhere where `words` says so.
    fn label(x: f64, y: f64, words: f64) -> [f64; 3] {
        let place = if y > 0.5 { x + words * 0.05 } else { x };
        if (place * 20.0) as i64 % 2 == 0 { [200.0, 60.0, 60.0] } else { [90.0, 150.0, 220.0] }
    }

    fn compared(query: &Decoded, candidate: &Decoded) -> Agreement {
        agreement(query, candidate, &WHOLE).expect("whole pictures").expect("something in common")
    }

    #[test]
    fn the_same_picture_in_another_light_and_size_agrees() {
        let candidate = painted(SIDE, |x, y| label(x, y, 0.0));
        let lit = painted(SIDE * 3 / 2, |x, y| label(x, y, 0.0).map(|value| value * 0.6 + 20.0));
        for query in [&candidate, &lit] {
            let found = compared(query, &candidate);
            assert!(found.structure > 0.9 && found.colour < 4.0, "{found:?}");
        }
    }

    #[test]
    fn other_words_lower_the_structure_and_other_colours_raise_the_difference() {
        let candidate = painted(SIDE, |x, y| label(x, y, 0.0));
        let same = compared(&candidate, &candidate);
        let words = compared(&painted(SIDE, |x, y| label(x, y, 1.0)), &candidate);
        assert!(words.structure < 0.3, "{words:?}");
        // A green cap and a red one.
        let capped = |cap: [f64; 3]| painted(SIDE, move |x, y| if y < 0.4 { cap } else { label(x, y, 0.0) });
        let colours = compared(&capped([40.0, 200.0, 60.0]), &capped([200.0, 60.0, 40.0]));
        assert!(colours.colour > same.colour + 15.0, "{colours:?} {same:?}");
    }

    #[test]
    fn what_has_nothing_in_common_is_not_compared() {
        let picture = painted(SIDE, |x, y| label(x, y, 0.0));
        let beside = MatchedRegion { homography: [1.0, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], ..WHOLE };
        assert_eq!(agreement(&picture, &picture, &beside).expect("whole pictures"), None);
        let nowhere = MatchedRegion { quad_in_query: [[0.5; 2]; 4], ..WHOLE };
        assert_eq!(agreement(&picture, &picture, &nowhere).expect("whole pictures"), None);
        let tiny = painted(1, |_, _| [9.0; 3]);
        assert_eq!(agreement(&tiny, &tiny, &WHOLE).expect("whole pictures"), None);
    }
}

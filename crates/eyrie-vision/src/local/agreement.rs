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

/// How far two pictures agree is told by squares with this many pixels a side, of which one pixel in
/// so many along either side is looked at.
const PATCH: usize = 12;
const PATCH_STEP: usize = 2;

/// A square whose grey levels deviate by less than this in either picture is flat: packages are
/// photographed before white, and things before sky.
const FLAT: f64 = 6.0;

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
    /// Mean correlation of the brightness over the squares of all that both pictures show and that
    /// are flat in neither, 0 to 1; 1 where there is none. Much less than `closest` where the two
    /// share a caption, a frame or another part and nothing else.
    pub extent: f64,
    /// What the tenth of these squares that correlate best have at least.
    pub closest: f64,
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
    let (extent, closest) = overlap.extent();
    Ok(Some(Agreement { structure: correlation(&inner).0, colour: colour(&outer), extent, closest }))
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
        within(self.candidate, borders).filter_map(|place| self.pair(place)).collect()
    }

    fn pair(&self, (x, y): (usize, usize)) -> Option<Pair> {
        let query = colour_at(self.map.apply(middle_of((x, y), self.candidate))?, self.query)?;
        let block = y / BLOCK * (self.candidate.width as usize).div_ceil(BLOCK) + x / BLOCK;
        Some(Pair { block, candidate: colour_of((x, y), self.candidate), query })
    }

    /// [`Agreement::extent`] and [`Agreement::closest`].
    fn extent(&self) -> (f64, f64) {
        const SAMPLES: usize = (PATCH / PATCH_STEP).pow(2);
        let [columns, rows] = [self.candidate.width, self.candidate.height].map(|side| side as usize / PATCH);
        let patch = |number: usize| {
            let (left, top) = (number % columns * PATCH, number / columns * PATCH);
            let steps = |from: usize| (from..from + PATCH).step_by(PATCH_STEP);
            let places = steps(top).flat_map(|y| steps(left).map(move |x| (x, y)));
            let pairs: Vec<Pair> = places.filter_map(|place| self.pair(place)).collect();
            let (correlation, spread) = correlation(&pairs);
            (pairs.len() * 2 >= SAMPLES && spread >= FLAT).then(|| correlation.max(0.0))
        };
        let mut patches: Vec<f64> = (0..rows * columns).filter_map(patch).collect();
        patches.sort_unstable_by(f64::total_cmp);
        let Some(last) = patches.len().checked_sub(1) else { return (1.0, 1.0) };
        (mean(patches.iter().copied()), patches[last * 9 / 10])
    }
}

/// The correlation of the brightness, and the lesser of its two deviations.
fn correlation(pairs: &[Pair]) -> (f64, f64) {
    let grey = |[r, g, b]: [f64; 3]| 0.299 * r + 0.587 * g + 0.114 * b;
    let (of_query, of_candidate) = (pairs.iter().map(|p| grey(p.query)), pairs.iter().map(|p| grey(p.candidate)));
    let ((a, spread_a), (b, spread_b)) = (moments(of_query.clone()), moments(of_candidate.clone()));
    let common = mean(of_query.zip(of_candidate).map(|(q, c)| (q - a) * (c - b)));
    (common / (spread_a * spread_b + NOISE), spread_a.min(spread_b))
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
    fn a_caption_that_is_shared_does_not_reach_far() {
        // Spots of three sizes below a caption, elsewhere in each picture.
        let captioned = |shift: f64| {
            painted(SIDE, move |x, y| {
                if y > 0.8 {
                    return label(x, 0.0, 0.0);
                }
                let wave = |n: f64| (x * n + shift * n).sin() * (y * n * 1.3 + shift * 5.0).cos();
                [120.0 + 40.0 * wave(17.0) + 40.0 * wave(41.0) + 40.0 * wave(67.0); 3]
            })
        };
        let caption = [[0.1, 0.82], [0.9, 0.82], [0.9, 0.98], [0.1, 0.98]];
        let shared = MatchedRegion { quad_in_candidate: caption, quad_in_query: caption, ..WHOLE };
        let compared = |query: &Decoded| {
            agreement(query, &captioned(0.0), &shared).expect("whole pictures").expect("something in common")
        };
        let (same, other) = (compared(&captioned(0.0)), compared(&captioned(1.0)));
        assert!(same.extent > 0.95 && same.closest > 0.95, "{same:?}");
        assert!(other.structure > 0.95 && other.closest > 0.95 && other.extent < 0.6, "{other:?}");
        // What is flat everywhere tells nothing.
        let plain = painted(SIDE, |_, _| [90.0; 3]);
        let nothing = agreement(&plain, &plain, &WHOLE).expect("whole pictures").expect("something in common");
        assert_eq!((nothing.extent, nothing.closest), (1.0, 1.0));
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

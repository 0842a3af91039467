//! Which of several verified candidates a query shows, where these are variants of one design.
//!
//! Each alone agrees with the query in most of its pixels ([`super::agreement`]). What tells them
//! apart is where *they* differ: there the query looks like one of them and not like the other. So
//! two candidates are laid onto each other through the query, and only pixels in which they differ
//! count.

use super::geometry::{Map, Point};
use super::pair::Verification;
use super::pixels::{NOISE, colour_at, colour_of, grown, middle_of, moments, scale, shrunk, side, within};
use super::region::MatchedRegion;
use crate::picture::{Decoded, PictureError};

/// So many candidates are weighed against each other: the first of those that are verified.
pub const MOST_CONTRASTED: usize = 4;

/// So much of each of two candidates lies in the other at least: what lies elsewhere in the query
/// is another thing, not a variant.
const COMMON: f64 = 0.7;

/// Rows and columns of points that tell how much that is.
const POINTS: usize = 16;

/// They are compared in the rectangle around the inliers with this many times its sides: beyond it
/// there is the background, and the map is less sure.
const GROWTH: f64 = 1.5;

/// No picture is compared with more pixels than this on its longer side. So a map that is off by a
/// pixel or two of a thumbnail costs nothing.
const LONGEST_SIDE: f64 = 96.0;

/// Fewer squares of two by two pixels say nothing.
const LEAST_SQUARES: usize = 16;

/// Mean grey levels over the channels by which candidates differ by chance.
const CHANCE: f64 = 40.0;

/// Where candidates differ by less than this they are alike, and the light can be seen.
const ALIKE: f64 = 8.0;

/// A pixel differs by no more than this: glare says no more than another colour.
const MOST_DIFFERENT: f64 = 80.0;

/// How far the query's contrast may lie from that of the candidates.
const GAINS: std::ops::RangeInclusive<f64> = 0.3..=4.0;

/// What it counts in the log-odds if the query looks like one candidate wherever the two differ.
const WEIGHT: f64 = 4.0;

/// A verified candidate and its picture.
pub type Contrasted<'a> = (Verification, &'a Decoded);

/// What looking like each candidate, and not like the others, adds to its log-odds: the mean over
/// the others of what it has more of the query than they where the two differ. 0 for one that has
/// no variant among them. All pictures are small ones of upright pictures, as for
/// [`Verification::looked_at`].
///
/// # Errors
/// [`PictureError::Internal`] when pixels do not have the length that their sides say.
pub fn contrasts(query: &Decoded, candidates: &[Contrasted<'_>]) -> Result<Vec<f64>, PictureError> {
    let frames = candidates.iter().map(|(found, picture)| Frame::new(query, found, picture));
    let frames: Vec<Option<Frame>> = frames.collect::<Result<_, _>>()?;
    let mut contrasts = vec![0.0; candidates.len()];
    let others = candidates.len().saturating_sub(1).max(1) as f64;
    for (i, a) in frames.iter().enumerate() {
        for (j, b) in frames.iter().enumerate().skip(i + 1) {
            let (Some(a), Some(b)) = (a, b) else { continue };
            // Seen from both.
            let seen = [contrast(a, b), contrast(b, a).map(|contrast| -contrast)];
            let sum: f64 = seen.iter().flatten().sum();
            let more = WEIGHT * sum / seen.iter().flatten().count().max(1) as f64 / others;
            contrasts[i] += more;
            contrasts[j] -= more;
        }
    }
    Ok(contrasts)
}

/// A candidate, and the query at its resolution.
struct Frame {
    region: MatchedRegion,
    candidate: Decoded,
    query: Decoded,
}

impl Frame {
    /// `None` where the candidate is not verified.
    fn new(query: &Decoded, found: &Verification, candidate: &Decoded) -> Result<Option<Self>, PictureError> {
        let Some(region) = found.region else { return Ok(None) };
        let Some(scale) = scale(query, candidate, &region) else { return Ok(None) };
        let factor = (LONGEST_SIDE / side(candidate)).min(scale).min(1.0);
        let (candidate, query) = (shrunk(candidate, factor)?, shrunk(query, factor / scale)?);
        Ok(Some(Self { region, candidate, query }))
    }
}

/// How much more the query looks like `a` than like `b` where the two differ, in the frame of `a`:
/// 1 if it is `a` there, -1 if it is `b`. `None` where they are not in one place, or hardly differ.
fn contrast(a: &Frame, b: &Frame) -> Option<f64> {
    let maps = Maps::new(&a.region, &b.region)?;
    let (width, height) = (a.candidate.width as usize, a.candidate.height as usize);
    let pixel = |place: (usize, usize)| {
        if place.0 >= width || place.1 >= height {
            return None;
        }
        let (in_query, in_b) = maps.apply(middle_of(place, &a.candidate))?;
        let (query, b) = (colour_at(in_query, &a.query)?, colour_at(in_b, &b.candidate)?);
        Some(Pixel { a: colour_of(place, &a.candidate), b, query })
    };
    let corners = within(&a.candidate, grown(&a.region, GROWTH)).filter(|(x, y)| x % 2 == 0 && y % 2 == 0);
    let squares = corners.filter_map(|(x, y)| {
        let [one, two, three, four] = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(pixel);
        Some(Square::new([one?, two?, three?, four?]))
    });
    preference(&squares.collect::<Vec<_>>())
}

/// Where the points of one candidate lie in the query and in another candidate.
struct Maps {
    to_query: Map,
    to_other: Map,
}

impl Maps {
    /// `None` where the two do not lie in one place in the query.
    fn new(one: &MatchedRegion, other: &MatchedRegion) -> Option<Self> {
        let (to_query, of_other) = (Map(one.homography), Map(other.homography));
        let maps = Self { to_query, to_other: of_other.inverse()? };
        let back = Self { to_query: of_other, to_other: to_query.inverse()? };
        (maps.common().min(back.common()) >= COMMON).then_some(maps)
    }

    fn apply(&self, point: Point) -> Option<(Point, Point)> {
        let in_query = self.to_query.apply(point)?;
        Some((in_query, self.to_other.apply(in_query)?))
    }

    /// How much of the one lies in the other.
    fn common(&self) -> f64 {
        let at = |i: usize| (i as f64 + 0.5) / POINTS as f64;
        let points = (0..POINTS * POINTS).map(|i| (at(i % POINTS), at(i / POINTS)));
        let lies_in = |point| {
            let inside = 0.0..=1.0;
            self.apply(point).is_some_and(|(_, (x, y))| inside.contains(&x) && inside.contains(&y))
        };
        points.filter(|point| lies_in(*point)).count() as f64 / (POINTS * POINTS) as f64
    }
}

/// What three pictures show in one place.
#[derive(Debug, Clone, Copy)]
struct Pixel {
    a: [f64; 3],
    b: [f64; 3],
    query: [f64; 3],
}

/// Two by two pixels.
struct Square {
    pixels: [Pixel; 4],
    /// What they are in the mean.
    mean: Pixel,
}

impl Square {
    fn new(pixels: [Pixel; 4]) -> Self {
        let mean = |of: fn(&Pixel) -> &[f64; 3]| [0, 1, 2].map(|c| pixels.iter().map(|p| of(p)[c]).sum::<f64>() / 4.0);
        let mean = Pixel { a: mean(|p| &p.a), b: mean(|p| &p.b), query: mean(|p| &p.query) };
        Self { pixels, mean }
    }

    /// By how much the mean colours of the two candidates differ.
    fn difference(&self) -> f64 {
        apart(&self.mean.a, &self.mean.b)
    }

    fn average(&self, of: impl Fn(&Pixel) -> f64) -> f64 {
        self.pixels.iter().map(of).sum::<f64>() / 4.0
    }
}

/// The mean difference of the channels.
fn apart(one: &[f64; 3], other: &[f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).sum::<f64>() / 3.0
}

/// How much more the query looks like `a` than like `b`, -1 to 1; `None` where they hardly differ.
fn preference(squares: &[Square]) -> Option<f64> {
    if squares.len() < LEAST_SQUARES {
        return None;
    }
    let mut differences: Vec<f64> = squares.iter().map(Square::difference).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let limit = differences[differences.len() / 2].max(ALIKE);
    let alike = || squares.iter().filter(|square| square.difference() <= limit).map(|square| &square.mean);
    // The query's channels with mean and deviation of the candidates where these are alike.
    let light: [(f64, f64); 3] = std::array::from_fn(|c| {
        let (from, spread) = moments(alike().map(|mean| mean.query[c]));
        let (to, wanted) = moments(alike().map(|mean| (mean.a[c] + mean.b[c]) / 2.0));
        let gain = (wanted / (spread + NOISE)).clamp(*GAINS.start(), *GAINS.end());
        (gain, to - gain * from)
    });
    let (mut sum, mut weights) = (0.0, 0.0);
    for square in squares {
        let difference = square.average(|p| apart(&p.a, &p.b));
        let weight = (difference - CHANCE).max(0.0).powi(2);
        if weight > 0.0 {
            let lit = |p: &Pixel| [0, 1, 2].map(|c| p.query[c] * light[c].0 + light[c].1);
            let from_a = square.average(|p| apart(&lit(p), &p.a).min(MOST_DIFFERENT));
            let from_b = square.average(|p| apart(&lit(p), &p.b).min(MOST_DIFFERENT));
            sum += weight * (from_b - from_a) / difference;
            weights += weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ImageFormat;

    const SIDE: u32 = 120;
    /// Where the region of [`found`] lies.
    const MIDDLE: [[f64; 2]; 4] = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]];

    fn picture(colour: impl Fn(u32, u32) -> [u8; 3]) -> Decoded {
        let rgb = (0..SIDE * SIDE).flat_map(|at| colour(at % SIDE, at / SIDE)).collect();
        Decoded { width: SIDE, height: SIDE, format: ImageFormat::Png, rgb }
    }

    /// A packet with a band of a colour across it.
    fn packet(band: [u8; 3], light: f64) -> Decoded {
        picture(|x, y| {
            let colour = match (x / 12 + y / 12) % 2 {
                _ if (50..70).contains(&y) => band,
                0 => [200, 190, 120],
                _ => [60, 90, 160],
            };
            colour.map(|value| (f64::from(value) * light) as u8)
        })
    }

    /// Found where it is in the query, moved to the right by a part of its width.
    fn found(right: f64) -> Verification {
        let region = MatchedRegion {
            homography: [1.0, 0.0, right, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            quad_in_candidate: MIDDLE,
            quad_in_query: MIDDLE.map(|[x, y]| [x + right, y]),
        };
        Verification { inliers: 20, region: Some(region), ..Verification::NOTHING }
    }

    #[test]
    fn the_variant_that_the_query_shows_is_preferred_in_any_light() {
        let (vanilla, berry, mint) =
            (packet([230, 200, 60], 1.0), packet([90, 20, 110], 1.0), packet([40, 200, 150], 1.0));
        for light in [1.0, 0.6, 0.4] {
            let query = packet([230, 200, 60], light);
            let candidates = [(found(0.0), &berry), (found(0.0), &vanilla), (found(0.0), &mint)];
            let contrasts = contrasts(&query, &candidates).expect("pixels");
            assert!(contrasts[1] > 2.0 && contrasts[0] < -1.0 && contrasts[2] < -1.0, "{light}: {contrasts:?}");
            assert!(contrasts.iter().sum::<f64>().abs() < 1e-9, "{contrasts:?}");
        }
    }

    #[test]
    fn what_is_equal_or_elsewhere_is_no_variant() {
        let (vanilla, berry) = (packet([230, 200, 60], 1.0), packet([90, 20, 110], 1.0));
        let none = |candidates: &[Contrasted<'_>]| {
            assert_eq!(contrasts(&vanilla, candidates).expect("pixels"), vec![0.0; candidates.len()]);
        };
        none(&[]);
        none(&[(found(0.0), &berry)]);
        none(&[(found(0.0), &vanilla), (found(0.0), &vanilla)]);
        none(&[(found(0.0), &vanilla), (found(0.4), &berry)]);
        none(&[(found(0.0), &vanilla), (Verification::NOTHING, &berry)]);
    }

    #[test]
    fn pixels_that_are_too_few_are_refused() {
        let (whole, mut damaged) = (packet([230, 200, 60], 1.0), packet([90, 20, 110], 1.0));
        damaged.rgb.truncate(10);
        assert!(contrasts(&whole, &[(found(0.0), &whole), (found(0.0), &damaged)]).is_err());
    }
}

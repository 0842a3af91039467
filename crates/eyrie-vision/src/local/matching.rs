//! Which features of two pictures may show the same spot.
//!
//! Every feature of the query is compared with every feature of the candidate of the same polarity (dark on bright or
//! bright on dark). A pair is kept if each is the other's nearest by Hamming distance, and if nothing elsewhere in the
//! candidate is nearly as near (D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004, 7.1).

use super::features::Feature;
use super::geometry::Point;

/// A pair is kept if the nearest distance is at most this many hundredths of the nearest one elsewhere.
const RATIO_PERCENT: u32 = 90;

/// The nearest one elsewhere must differ by at least so many bits more: two copies of a pattern in one picture differ by
/// a few bits, since they lie differently on the pixels.
const LEAST_GAP: u32 = 6;

/// "Elsewhere" is further away than this many pixels of the working picture: the same spot is often found on two
/// neighbouring levels of the pyramid, and these two do not contradict each other.
const ELSEWHERE: f64 = 12.0;

/// Two features, one a picture, by their places in the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) query: usize,
    pub(super) candidate: usize,
    /// Differing bits, 0 to 256.
    pub(super) distance: u16,
}

/// The candidate's features of one polarity, word by word, so that a pass over them is a pass over four plain arrays.
struct Columns {
    words: [Vec<u64>; 4],
    places: Vec<usize>,
    nearest: Vec<(u16, usize)>,
}

impl Columns {
    fn new(features: &[Feature], dark: bool) -> Self {
        let places: Vec<usize> = (0..features.len()).filter(|&i| features[i].dark == dark).collect();
        let words = std::array::from_fn(|word| places.iter().map(|&i| features[i].bits[word]).collect());
        let nearest = vec![(u16::MAX, 0); places.len()];
        Self { words, places, nearest }
    }

    /// Distances from one descriptor to every feature.
    fn distances(&self, bits: [u64; 4], out: &mut Vec<u16>) {
        let [a, b, c, d] = &self.words;
        out.clear();
        out.extend(a.iter().zip(b).zip(c.iter().zip(d)).map(|((a, b), (c, d))| {
            let ones = (a ^ bits[0]).count_ones()
                + (b ^ bits[1]).count_ones()
                + (c ^ bits[2]).count_ones()
                + (d ^ bits[3]).count_ones();
            ones as u16
        }));
    }
}

/// The believable pairs, nearest first; `positions` are the candidate's features in pixels.
pub(super) fn matches(query: &[Feature], candidate: &[Feature], positions: &[Point]) -> Vec<Match> {
    let mut columns = [Columns::new(candidate, false), Columns::new(candidate, true)];
    let mut row = Vec::with_capacity(candidate.len());
    // For each feature of the query its nearest, if that one is distinct: the column's place and the distance.
    let mut nearest: Vec<Option<(usize, u16)>> = Vec::with_capacity(query.len());
    for (i, feature) in query.iter().enumerate() {
        let columns = &mut columns[usize::from(feature.dark)];
        columns.distances(feature.bits, &mut row);
        for (best, &distance) in columns.nearest.iter_mut().zip(&row) {
            if distance < best.0 {
                *best = (distance, i);
            }
        }
        nearest.push(distinct_minimum(&row, |j| positions[columns.places[j]]));
    }
    let mut kept: Vec<Match> = (0..query.len())
        .filter_map(|i| {
            let (column, distance) = nearest[i]?;
            let columns = &columns[usize::from(query[i].dark)];
            let is_mutual = columns.nearest[column].1 == i;
            is_mutual.then(|| Match { query: i, candidate: columns.places[column], distance })
        })
        .collect();
    kept.sort_by_key(|m| (m.distance, m.query));
    kept
}

/// The first smallest distance and its place, unless another one elsewhere comes near to it.
fn distinct_minimum(row: &[u16], position: impl Fn(usize) -> Point) -> Option<(usize, u16)> {
    let smallest = *row.iter().min()?;
    let place = row.iter().position(|&d| d == smallest)?;
    let smallest_bits = u32::from(smallest);
    let limit = (smallest_bits * 100 / RATIO_PERCENT).max(smallest_bits + LEAST_GAP);
    let here = position(place);
    let is_contested = row.iter().enumerate().any(|(j, &distance)| {
        j != place && u32::from(distance) <= limit && {
            let there = position(j);
            let (dx, dy) = (there.0 - here.0, there.1 - here.1);
            dx * dx + dy * dy > ELSEWHERE * ELSEWHERE
        }
    });
    (!is_contested).then_some((place, smallest))
}

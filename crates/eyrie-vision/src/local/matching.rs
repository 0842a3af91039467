//! Which features of two pictures may show the same spot.
//!
//! Every feature of the query is compared with every feature of the candidate of the same polarity
//! (dark on bright or bright on dark). A pair is kept if each is the other's nearest by Hamming
//! distance, and if nothing elsewhere in the candidate is nearly as near (D. Lowe, "Distinctive
//! Image Features from Scale-Invariant Keypoints", 2004, 7.1).

use pulp::NullaryFnOnce;

use super::features::Feature;
use super::geometry::Point;
use super::hamming::{Descriptors, Nearest, dispatch, find_within};

/// A pair is kept if the nearest distance is at most this many hundredths of the nearest one
/// elsewhere.
const RATIO_PERCENT: u32 = 90;

/// The nearest one elsewhere must differ by at least so many bits more: two copies of a pattern in
/// one picture differ by a few bits, since they lie differently on the pixels.
const LEAST_GAP: u32 = 6;

/// "Elsewhere" is further away than this many pixels of the working picture: the same spot is often
/// found on two neighbouring levels of the pyramid, and these two do not contradict each other.
const ELSEWHERE: f64 = 12.0;

/// Two features, one a picture, by their places in the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) query: usize,
    pub(super) candidate: usize,
    /// Differing bits, 0 to 256.
    pub(super) distance: u16,
}

/// The features of a picture that have one polarity.
struct Column {
    descriptors: Descriptors,
    /// Their places in the list of all.
    places: Vec<usize>,
}

impl Column {
    fn new(features: &[Feature], dark: bool) -> Self {
        let places: Vec<usize> = (0..features.len()).filter(|&i| features[i].dark == dark).collect();
        Self { descriptors: Descriptors::new(places.iter().map(|&i| features[i].bits)), places }
    }
}

/// The believable pairs, nearest first; `positions` are the candidate's features in pixels.
pub(super) fn matches(query: &[Feature], candidate: &[Feature], positions: &[Point]) -> Vec<Match> {
    let candidates = [false, true].map(|dark| Column::new(candidate, dark));
    let pair = Pair { query, positions, candidates };
    let mut kept = dispatch(pair);
    kept.sort_by_key(|m| (m.distance, m.query));
    kept
}

/// Two pictures whose features are compared.
struct Pair<'a> {
    query: &'a [Feature],
    positions: &'a [Point],
    candidates: [Column; 2],
}

impl NullaryFnOnce for Pair<'_> {
    type Output = Vec<Match>;

    #[inline(always)]
    fn call(self) -> Vec<Match> {
        let Self { query, positions, candidates } = self;
        let mut nearest = candidates.each_ref().map(|column| Nearest::new(column.places.len()));
        let mut row = Vec::with_capacity(positions.len());
        let mut distinct = Vec::new();
        for (i, feature) in (0..).zip(query) {
            let dark = usize::from(feature.dark);
            let column = &candidates[dark];
            let distance = column.descriptors.distances(feature.bits, &mut row);
            nearest[dark].note(i, &row);
            let found = distinct_minimum(&row, distance, |j| positions[column.places[j]]);
            distinct.extend(found.map(|j| (i, dark, j, distance)));
        }
        let mutual = distinct.into_iter().filter(|&(i, dark, j, _)| nearest[dark].to(j) == i);
        mutual
            .map(|(i, dark, j, distance)| Match {
                query: usize::from(i),
                candidate: candidates[dark].places[j],
                distance,
            })
            .collect()
    }
}

/// The first place of the smallest distance, unless another one elsewhere comes near to it.
#[inline(always)]
fn distinct_minimum(row: &[u16], smallest: u16, position: impl Fn(usize) -> Point) -> Option<usize> {
    let place = find_within(smallest, row, |_| true)?;
    let bits = u32::from(smallest);
    let limit = (bits * 100 / RATIO_PERCENT).max(bits + LEAST_GAP) as u16;
    let here = position(place);
    let contests = |j| {
        j != place && {
            let there = position(j);
            let (dx, dy) = (there.0 - here.0, there.1 - here.1);
            dx * dx + dy * dy > ELSEWHERE * ELSEWHERE
        }
    };
    find_within(limit, row, contests).is_none().then_some(place)
}

//! Places of a picture as the network sees them, and how many of two pictures look and lie alike.
//!
//! Blobs tell flat things that were photographed twice; two views of a building or of a landscape
//! share few of them. The cells of one of the network's maps are coarser and bear more: light,
//! season, another camera, a slant. A cell has a place and [`BITS`] bits, and comparing two
//! pictures asks how many cells that are each other's nearest follow one shift, scale and small
//! turn (compare H. Noh et al., "Large-Scale Image Retrieval with Attentive Deep Local Features",
//! 2017). That says less than inliers do, so it makes no verdict: it puts what could not be
//! verified in order.

use pulp::NullaryFnOnce;

use super::hamming::{Descriptors, Nearest, dispatch, find_within};

/// Bits of a cell.
pub const BITS: usize = 256;

/// A picture has at most so many cells: those that excite the network most.
pub const MOST_CELLS: usize = 256;

/// Sides of the canvas that cells lie on, in pixels, at most.
pub(super) const LARGEST_CANVAS: u16 = 4096;

/// Two cells can show the same if at most so many bits differ.
const LIMIT: u16 = 94;
/// In the choice among maps, a pair of cells counts by how many bits less than these differ.
const WEIGHT_FROM: u16 = LIMIT + 8;
/// Any two of so many pairs, the nearest first, are tried as a map.
const SEEDS: usize = 24;
/// A pair follows a map that takes it to within so many pixels of the query's canvas: a cell's own
/// side, and more where the map enlarges.
const TOLERANCE: f64 = 16.0;
/// Two pairs whose cells are nearer to each other, in pixels, say nothing of scale and turn.
const LEAST_APART: f64 = 48.0;
/// Maps that enlarge or shrink more than this are not believed.
const LARGEST_SCALE: f64 = 3.0;
/// Nor are those that turn by more than the angle of this tangent, 34 degrees.
const LARGEST_TURN: f64 = 0.684;

/// A place of a picture and what the network sees there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Pixels of the canvas left of its middle.
    pub x: u16,
    /// Pixels of the canvas above its middle.
    pub y: u16,
    /// What it looks like: alike cells differ in few bits.
    pub bits: [u64; BITS / 64],
}

/// The cells of one picture, at most [`MOST_CELLS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// The model that made them: those of two models are not comparable.
    pub(super) model: u64,
    /// Of the canvas, in pixels.
    pub(super) width: u16,
    /// Of the canvas, in pixels.
    pub(super) height: u16,
    pub(super) cells: Vec<Cell>,
}

impl Cells {
    /// The cells that a model, told by its number, made of a picture on a canvas of so many pixels.
    /// `None` if there are too many, or one does not lie on the canvas, or that is too large.
    #[must_use]
    pub fn new(model: u64, [width, height]: [u16; 2], cells: Vec<Cell>) -> Option<Self> {
        let sides = 1..=LARGEST_CANVAS;
        let fits = sides.contains(&width) && sides.contains(&height) && cells.len() <= MOST_CELLS;
        let lies = |cell: &Cell| cell.x < width && cell.y < height;
        (fits && cells.iter().all(lies)).then_some(Self { model, width, height, cells })
    }

    /// The cells, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    /// How many cells of a candidate look like cells of this picture and lie like them, by the map
    /// that most of them follow; 0 where a model made only one of the two.
    pub(super) fn alike(&self, candidate: &Self) -> usize {
        if self.model != candidate.model {
            return 0;
        }
        let pairs: Vec<Pair> = dispatch(Compared { query: &self.cells, candidate: &candidate.cells });
        followers(&pairs)
    }
}

/// Two cells that are each other's nearest, one a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    /// In the candidate, pixels.
    from: (f64, f64),
    /// In the query, pixels.
    to: (f64, f64),
    /// Differing bits.
    distance: u16,
}

/// Two pictures whose cells are compared.
struct Compared<'a> {
    query: &'a [Cell],
    candidate: &'a [Cell],
}

impl NullaryFnOnce for Compared<'_> {
    type Output = Vec<Pair>;

    /// The pairs of at most [`LIMIT`] differing bits, nearest first; of several that are equally
    /// near to a cell the first counts.
    #[inline(always)]
    fn call(self) -> Vec<Pair> {
        let Self { query, candidate } = self;
        let columns = Descriptors::new(candidate.iter().map(|cell| cell.bits));
        let mut nearest = Nearest::new(candidate.len());
        let mut row = Vec::with_capacity(candidate.len());
        let mut found = Vec::new();
        for (i, cell) in (0..).zip(query) {
            let distance = columns.distances(cell.bits, &mut row);
            nearest.note(i, &row);
            if distance <= LIMIT {
                found.extend(find_within(distance, &row, |_| true).map(|j| (i, j, distance)));
            }
        }
        let mutual = found.into_iter().filter(|&(i, j, _)| nearest.to(j) == i);
        let place = |cell: &Cell| (f64::from(cell.x), f64::from(cell.y));
        let pair = |(i, j, distance)| Pair { from: place(&candidate[j]), to: place(&query[usize::from(i)]), distance };
        let mut pairs: Vec<Pair> = mutual.map(pair).collect();
        pairs.sort_by_key(|pair| pair.distance);
        pairs
    }
}

/// How many pairs follow the best map that two of the nearest speak for: that whose followers are
/// most alike in sum.
fn followers(pairs: &[Pair]) -> usize {
    let seeds = &pairs[..pairs.len().min(SEEDS)];
    let maps = seeds.iter().enumerate().flat_map(|(at, a)| seeds[at + 1..].iter().filter_map(|b| Map::of(a, b)));
    let counted = maps.map(|map| {
        let following = pairs.iter().filter(|pair| map.is_followed(pair));
        following.fold((0, 0), |(sum, count), pair| (sum + u32::from(WEIGHT_FROM - pair.distance), count + 1))
    });
    counted.max().map_or(0, |(_, count)| count)
}

/// A shift, scale and turn: the candidate's (x, y), taken as a complex number, times `(re, im)`
/// plus `shift`.
struct Map {
    re: f64,
    im: f64,
    shift: (f64, f64),
    /// The square of the distance that a follower may be off.
    tolerance: f64,
}

impl Map {
    /// That which takes two pairs to where they are, if it can be believed.
    fn of(a: &Pair, b: &Pair) -> Option<Self> {
        let from = (b.from.0 - a.from.0, b.from.1 - a.from.1);
        let to = (b.to.0 - a.to.0, b.to.1 - a.to.1);
        let square = |(x, y): (f64, f64)| x * x + y * y;
        if square(from).min(square(to)) < LEAST_APART * LEAST_APART {
            return None;
        }
        let re = (to.0 * from.0 + to.1 * from.1) / square(from);
        let im = (to.1 * from.0 - to.0 * from.1) / square(from);
        let scale = (re * re + im * im).sqrt();
        if !(1.0 / LARGEST_SCALE..LARGEST_SCALE).contains(&scale) || im.abs() > re * LARGEST_TURN {
            return None;
        }
        let shift = (a.to.0 - (re * a.from.0 - im * a.from.1), a.to.1 - (im * a.from.0 + re * a.from.1));
        Some(Self { re, im, shift, tolerance: TOLERANCE * TOLERANCE * scale.max(1.0) })
    }

    fn is_followed(&self, Pair { from, to, .. }: &Pair) -> bool {
        let x = self.re * from.0 - self.im * from.1 + self.shift.0 - to.0;
        let y = self.im * from.0 + self.re * from.1 + self.shift.1 - to.1;
        x * x + y * y < self.tolerance
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANVAS: [u16; 2] = [448, 336];

    /// Bits that look like those of nothing else.
    fn bits(seed: u64) -> [u64; 4] {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        std::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.wrapping_mul(0x2545_F491_4F6C_DD1D)
        })
    }

    /// A grid of 12 x 9 cells, each unlike the others, 16 pixels apart, placed by `place`.
    fn grid(model: u64, place: impl Fn(f64, f64) -> (f64, f64)) -> Cells {
        let cells = (0..108).map(|i| {
            let (x, y) = place(f64::from(i % 12) * 16.0 + 40.0, f64::from(i / 12) * 16.0 + 40.0);
            Cell { x: x as u16, y: y as u16, bits: bits(u64::from(i as u32) + 1) }
        });
        Cells::new(model, CANVAS, cells.collect()).expect("on the canvas")
    }

    #[test]
    fn shifted_scaled_and_slightly_turned_cells_are_alike() {
        let own = grid(1, |x, y| (x, y));
        assert_eq!(own.alike(&own), 108);
        assert_eq!(own.alike(&grid(1, |x, y| (x * 1.3 + 9.0, y * 1.3 + 5.0))), 108);
        assert_eq!(own.alike(&grid(1, |x, y| (x * 0.9 - y * 0.3 + 60.0, x * 0.3 + y * 0.9))), 108);
        // A quarter of a turn and the mirrored grid are no maps that are believed.
        assert!(own.alike(&grid(1, |x, y| (y, x))) < 20);
        assert!(own.alike(&grid(1, |x, y| (300.0 - x, y))) < 20);
    }

    #[test]
    fn what_follows_no_map_is_not_counted() {
        let own = grid(1, |x, y| (x, y));
        let half = grid(1, |x, y| if x < 136.0 { (x + 30.0, y) } else { (x + 100.0, 300.0 - y) });
        assert_eq!(own.alike(&half), 54);
    }

    #[test]
    fn cells_of_two_models_and_none_have_nothing_alike() {
        let own = grid(1, |x, y| (x, y));
        assert_eq!(own.alike(&grid(2, |x, y| (x, y))), 0);
        let none = Cells::new(1, CANVAS, Vec::new()).expect("no cells");
        assert_eq!([own.alike(&none), none.alike(&own), none.alike(&none)], [0; 3]);
    }

    #[test]
    fn cells_lie_on_their_canvas() {
        let cell = Cell { x: 447, y: 335, bits: [0; 4] };
        assert!(Cells::new(1, CANVAS, vec![cell; MOST_CELLS]).is_some());
        assert!(Cells::new(1, CANVAS, vec![cell; MOST_CELLS + 1]).is_none());
        assert!(Cells::new(1, [447, 336], vec![cell]).is_none());
        assert!(Cells::new(1, [0, 1], Vec::new()).is_none());
        assert!(Cells::new(1, [LARGEST_CANVAS + 1, 1], Vec::new()).is_none());
    }

    proptest! {
        #[test]
        fn pairs_are_each_others_nearest(
            query in prop::collection::vec((0u8..6, 0u8..6), 0..40), candidate in prop::collection::vec((0u8..6, 0u8..6), 0..40),
        ) {
            // Few different bits, so that many are equally near.
            let cells = |of: &[(u8, u8)]| -> Vec<Cell> {
                let cell = |(i, &(a, b)): (usize, &(u8, u8))| Cell { x: i as u16, y: 0, bits: [(1 << a) - 1, (1 << b) - 1, 0, 0] };
                of.iter().enumerate().map(cell).collect()
            };
            let (query, candidate) = (cells(&query), cells(&candidate));
            let apart = |a: &Cell, b: &Cell| (0..4).map(|i| (a.bits[i] ^ b.bits[i]).count_ones()).sum::<u32>();
            let first = |of: &[Cell], to: &Cell| (0..of.len()).min_by_key(|&i| (apart(&of[i], to), i));
            let mut expected: Vec<(f64, f64)> = Vec::new();
            for (i, cell) in query.iter().enumerate() {
                let j = first(&candidate, cell).filter(|&j| first(&query, &candidate[j]) == Some(i));
                expected.extend(j.map(|j| (j as f64, i as f64)));
            }
            let nearest = || Compared { query: &query, candidate: &candidate };
            for pairs in [nearest().call(), dispatch(nearest())] {
                prop_assert!(pairs.is_sorted_by_key(|pair| pair.distance));
                let mut places: Vec<(f64, f64)> = pairs.iter().map(|pair| (pair.from.0, pair.to.0)).collect();
                places.sort_by(|a, b| a.1.total_cmp(&b.1));
                prop_assert_eq!(&places, &expected);
            }
        }
    }
}

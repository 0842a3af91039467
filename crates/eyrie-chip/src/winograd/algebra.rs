//! The transforms of F(2x2, 3x3) and F(2x4, 3x3), written once for everything that can be added and
//! subtracted: integers in the proofs, vectors of bytes or of 32-bit sums in the kernels.
//!
//! A tile is 2 rows by 2 or 4 columns of outputs `y`, the 3x3 correlation of a patch `d` of 4 rows
//! by 4 or 6 columns of inputs with a window `g`. With `V` the transformed inputs and `W` the
//! transformed weights, place by place,
//!
//! ```text
//! outputs(sum over the input channels of V * W) = 4 y  (2x2)   or   8 y  (2x4)
//! ```
//!
//! Down the rows it is F(2,3) over the points 0, 1, -1 and infinity, its halves multiplied away:
//!
//! ```text
//! V0 = d0 - d2   V1 = d1 + d2   V2 = d2 - d1   V3 = d1 - d3
//! W0 = 2 g0      W1 = g0+g1+g2  W2 = g0-g1+g2  W3 = 2 g2
//! 2 y0 = M0 + M1 + M2           2 y1 = M1 - M2 - M3
//! ```
//!
//! Across the columns it is the same again, or F(4,3) over the Gaussian points 0, 1, -1, i, -i and
//! infinity, where Gauss's trick takes three real products for the complex one: 7 products for 4
//! outputs in place of 12.

use std::array;
use std::ops::{Add, Sub};

/// Output rows of a tile.
pub(crate) const TILE_ROWS: usize = 2;

/// Rows of a patch of inputs.
pub(crate) const PATCH_ROWS: usize = 4;

/// The most columns of a tile, of a patch and of its transform.
pub(crate) const MOST_TILE_COLUMNS: usize = 4;
pub(crate) const MOST_PATCH_COLUMNS: usize = 6;
pub(crate) const MOST_COLUMNS: usize = 7;

/// The most places of a transformed patch.
pub(crate) const MOST_PLACES: usize = PATCH_ROWS * MOST_COLUMNS;

/// In which of the four places of its column a transformed row lies. The second comes first: its
/// products belong to both rows of outputs, so the kernels take them first.
pub(crate) const ROW_PLACE: [usize; PATCH_ROWS] = [1, 0, 2, 3];

/// Numbers, or vectors of numbers.
pub(crate) trait Value: Copy + Add<Output = Self> + Sub<Output = Self> {}

impl<T: Copy + Add<Output = T> + Sub<Output = T>> Value for T {}

/// The shape of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tile {
    /// F(2x2, 3x3): 16 products for 4 outputs.
    Narrow,
    /// F(2x4, 3x3): 28 products for 8 outputs.
    Wide,
}

impl Tile {
    pub(crate) const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    pub(crate) const fn of(wide: bool) -> Self {
        if wide { Self::Wide } else { Self::Narrow }
    }

    /// Columns of outputs.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Narrow => 2,
            Self::Wide => 4,
        }
    }

    /// Columns of the transform.
    pub(crate) const fn columns(self) -> usize {
        match self {
            Self::Narrow => 4,
            Self::Wide => 7,
        }
    }

    /// Products of a tile for one input and one output channel.
    pub(crate) const fn places(self) -> usize {
        PATCH_ROWS * self.columns()
    }

    /// Products for a map, for one input and one output channel; where a pooling follows, an odd
    /// last row or column is left out.
    pub(crate) const fn products(self, height: usize, width: usize, pooled: bool) -> usize {
        let (height, width) = if pooled { (height & !1, width & !1) } else { (height, width) };
        height.div_ceil(TILE_ROWS) * width.div_ceil(self.width()) * self.places()
    }

    /// How far the transformed sums must be shifted to the right.
    pub(crate) const fn shift(self) -> u32 {
        match self {
            Self::Narrow => 2,
            Self::Wide => 3,
        }
    }

    /// What is added to the transformed inputs of a place so that they are bytes of the kind that
    /// the byte products of this processor take: unsigned ones on x86-64 and in portable code,
    /// signed ones in NEON. The proofs test the ranges.
    pub(crate) const fn offset(self, place: usize) -> i32 {
        // Second row, second column: the sum of four inputs in a tile of 2x2, of eight in one of
        // 2x4.
        const ALL_SUMS: usize = PATCH_ROWS + ROW_PLACE[1];
        match (self, SIGNED_INPUTS, place == ALL_SUMS) {
            // From 0 to 126 and so both kinds of byte.
            (Self::Narrow, _, true) => 0,
            (Self::Narrow, _, false) => 64,
            (Self::Wide, false, true) => 0,
            (Self::Wide, false, false) => 128,
            (Self::Wide, true, true) => -128,
            (Self::Wide, true, false) => 0,
        }
    }
}

/// Whether the kernels read transformed inputs as signed bytes.
pub(crate) const SIGNED_INPUTS: bool = cfg!(target_arch = "aarch64");

/// A transformed input as the kernels read it.
#[inline]
pub(crate) fn input_value(byte: u8) -> i32 {
    if SIGNED_INPUTS { i32::from(byte.cast_signed()) } else { i32::from(byte) }
}

/// The two rows of a patch that row `row` of V is made of.
pub(crate) const fn input_row_sources(row: usize) -> [usize; 2] {
    match row {
        0 => [0, 2],
        1 => [1, 2],
        2 => [2, 1],
        _ => [1, 3],
    }
}

/// Row `ROW` of V down a column of a patch, from its two sources.
#[inline(always)]
fn input_row<const ROW: usize, T: Value>(a: T, b: T) -> T {
    if ROW == 1 { a + b } else { a - b }
}

/// V across the columns of a row; a narrow tile has four.
#[inline(always)]
fn input_columns<const WIDE: bool, T: Value>(d: [T; MOST_PATCH_COLUMNS]) -> [T; MOST_COLUMNS] {
    if WIDE {
        let (a, b, even, odd) = (d[4] - d[2], d[3] - d[1], d[2] + d[4], d[1] + d[3]);
        [d[0] - d[4], even + odd, even - odd, a + b, a, b, d[5] - d[1]]
    } else {
        let [v0, v1, v2, v3] = [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]];
        [v0, v1, v2, v3, v0, v0, v0]
    }
}

/// Row `ROW` of V, from the two rows of the patch that [`input_row_sources`] names; a narrow tile
/// has four columns.
#[inline(always)]
pub(crate) fn inputs<const WIDE: bool, const ROW: usize, T: Value>(
    a: [T; MOST_PATCH_COLUMNS],
    b: [T; MOST_PATCH_COLUMNS],
) -> [T; MOST_COLUMNS] {
    // Written out, like all that follows: a closure would be compiled without the instructions of
    // the kernel around it.
    input_columns::<WIDE, T>([
        input_row::<ROW, T>(a[0], b[0]),
        input_row::<ROW, T>(a[1], b[1]),
        input_row::<ROW, T>(a[2], b[2]),
        input_row::<ROW, T>(a[3], b[3]),
        input_row::<ROW, T>(a[4], b[4]),
        input_row::<ROW, T>(a[5], b[5]),
    ])
}

/// W down a column of a window.
#[inline(always)]
pub(crate) fn weight_rows<T: Value>([a, b, c]: [T; 3]) -> [T; PATCH_ROWS] {
    let outer = a + c;
    [a + a, outer + b, outer - b, c + c]
}

/// W across a row of a window; a narrow tile has four.
#[inline(always)]
pub(crate) fn weight_columns<const WIDE: bool, T: Value>([a, b, c]: [T; 3]) -> [T; MOST_COLUMNS] {
    let (outer, a2, b2, c2) = (a + c, a + a, b + b, c + c);
    if WIDE {
        let difference = a2 - c2;
        [a2 + a2, outer + b, outer - b, difference, b2 - difference, b2 + difference, c2 + c2]
    } else {
        [a2, outer + b, outer - b, c2, a2, a2, a2]
    }
}

/// Outputs of a row, times 4 or 8, from sums of products whose rows were combined
/// ([`output_rows`]); a narrow tile has two.
#[inline(always)]
pub(crate) fn output_columns<const WIDE: bool, T: Value>(m: [T; MOST_COLUMNS]) -> [T; MOST_TILE_COLUMNS] {
    let (sum, difference) = (m[1] + m[2], m[1] - m[2]);
    if WIDE {
        let (real, imaginary) = (m[3] - m[5], m[3] + m[4]);
        [m[0] + sum + real, difference - imaginary, sum - real, difference + imaginary + m[6]]
    } else {
        [m[0] + sum, difference - m[3], sum, sum]
    }
}

/// The two rows of outputs from the four of products, in the order of [`ROW_PLACE`].
#[inline(always)]
pub(crate) fn output_rows<T: Value>([m1, m0, m2, m3]: [T; PATCH_ROWS]) -> [T; TILE_ROWS] {
    [m0 + m1 + m2, m1 - m2 - m3]
}

/// The transform of a whole window, in the order of the places; a narrow tile has sixteen.
pub(crate) fn weights<const WIDE: bool, T: Value>(g: [[T; 3]; 3]) -> [T; MOST_PLACES] {
    let rows = g.map(weight_columns::<WIDE, T>);
    let columns: [_; MOST_COLUMNS] = array::from_fn(|column| weight_rows(rows.map(|row| row[column])));
    array::from_fn(|place| {
        let row = ROW_PLACE.into_iter().position(|at| at == place % PATCH_ROWS).unwrap_or(0);
        columns[place / PATCH_ROWS][row]
    })
}

/// A tile of outputs, times 4 or 8, from the sums of its places.
pub(crate) fn outputs<const WIDE: bool, T: Value>(m: [T; MOST_PLACES]) -> [[T; MOST_TILE_COLUMNS]; TILE_ROWS] {
    let columns: [_; MOST_COLUMNS] = array::from_fn(|column| {
        output_rows(array::from_fn(
            |row| if column < Tile::of(WIDE).columns() { m[PATCH_ROWS * column + row] } else { m[0] },
        ))
    });
    array::from_fn(|row| output_columns::<WIDE, T>(columns.map(|column| column[row])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V of a whole patch in the order of the places.
    fn whole<const WIDE: bool>(d: [[i32; 6]; 4]) -> [i32; MOST_PLACES] {
        let source = |row: usize| input_row_sources(row).map(|row| d[row]);
        let ([a, b], [c, e], [f, g], [h, i]) = (source(0), source(1), source(2), source(3));
        let rows = [
            inputs::<WIDE, 0, _>(a, b),
            inputs::<WIDE, 1, _>(c, e),
            inputs::<WIDE, 2, _>(f, g),
            inputs::<WIDE, 3, _>(h, i),
        ];
        let mut v = [0; MOST_PLACES];
        for column in 0..MOST_COLUMNS {
            for row in 0..PATCH_ROWS {
                v[PATCH_ROWS * column + ROW_PLACE[row]] = rows[row][column];
            }
        }
        v
    }

    fn every_pair<const WIDE: bool>() {
        let tile = Tile::of(WIDE);
        let patch_width = tile.width() + 2;
        for input in 0..4 * patch_width {
            let mut d = [[0; 6]; 4];
            d[input / patch_width][input % patch_width] = 1;
            for weight in 0..9 {
                let mut g = [[0; 3]; 3];
                g[weight / 3][weight % 3] = 1;
                let (v, w) = (whole::<WIDE>(d), weights::<WIDE, _>(g));
                let y = outputs::<WIDE, _>(array::from_fn(|place| v[place] * w[place]));
                for row in 0..TILE_ROWS {
                    for column in 0..tile.width() {
                        let direct: i32 =
                            (0..9).map(|tap| d[row + tap / 3][column + tap % 3] * g[tap / 3][tap % 3]).sum();
                        assert_eq!(y[row][column], direct << tile.shift(), "{tile:?}, input {input}, weight {weight}");
                    }
                }
            }
        }
    }

    /// Both sides are bilinear, so equality on all pairs of basis vectors is equality.
    #[test]
    fn on_every_pair_of_an_input_and_a_weight_the_outputs_are_the_shifted_products() {
        every_pair::<false>();
        every_pair::<true>();
    }

    /// The least and the largest value that each place takes for patches with values of 0 to 31:
    /// linear forms.
    fn ranges<const WIDE: bool>() -> Vec<(i32, i32)> {
        let mut ranges = vec![(0, 0); Tile::of(WIDE).places()];
        for input in 0..24 {
            let mut d = [[0; 6]; 4];
            d[input / 6][input % 6] = 31;
            for (range, v) in ranges.iter_mut().zip(whole::<WIDE>(d)) {
                *range = (range.0 + v.min(0), range.1 + v.max(0));
            }
        }
        ranges
    }

    #[test]
    fn transformed_activations_are_bytes_behind_their_offsets() {
        for (tile, ranges) in [(Tile::Narrow, ranges::<false>()), (Tile::Wide, ranges::<true>())] {
            for (place, (least, most)) in ranges.into_iter().enumerate() {
                let (least, most) = (least + tile.offset(place), most + tile.offset(place));
                if SIGNED_INPUTS {
                    assert!(least >= -128 && most <= 127, "{tile:?} {place}: {least} to {most}");
                } else {
                    assert!(least >= 0 && most <= 255, "{tile:?} {place}: {least} to {most}");
                }
                if tile == Tile::Narrow {
                    assert!(
                        least >= 0 && most <= i32::from(super::super::proof::NARROW_INPUT_MAX),
                        "{least} to {most}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_largest_transformed_weights_are_nine_and_eighteen_levels() {
        let largest = |weights: fn([[i32; 3]; 3]) -> [i32; MOST_PLACES], places: usize| {
            let sum = |place: usize| -> i32 {
                (0..9)
                    .map(|tap| {
                        let mut g = [[0; 3]; 3];
                        g[tap / 3][tap % 3] = 1;
                        weights(g)[place].abs()
                    })
                    .sum()
            };
            (0..places).map(sum).max()
        };
        assert_eq!(largest(weights::<false, i32>, 16), Some(9));
        assert_eq!(largest(weights::<true, i32>, 28), Some(18));
    }
}

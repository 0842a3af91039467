//! The direction of a point and its 256 bits.
//!
//! The direction is that of the intensity centroid (E. Rublee et al., "ORB", 2011). Around the
//! point a square is sampled, turned by that direction, and the gradients in it are summed as in
//! SIFT (D. Lowe, 2004): four by four overlapping cells with eight directions each make 128 sums.
//! Each bit says which of two sums is larger, so that neither brightness nor contrast matters. All
//! of it is integer arithmetic.

use super::angle::{UNIT, angle_of, direction};

/// A level of the pyramid, smoothed, values times 16.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) smooth: Vec<i16>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Cells in each direction.
const CELLS: usize = 4;
/// Samples from one cell's centre to the next one's.
const CELL: usize = 5;
/// Gradients in each direction.
const GRADIENTS: usize = CELLS * CELL;
/// Samples in each direction: a gradient is the difference of the samples on both sides.
const SAMPLES: usize = GRADIENTS + 2;
/// From one sample to the next, in 1/256 pixels of the level.
const STEP: i32 = 300;
/// Radius of the disc whose centroid gives the direction, in pixels of the level.
const RADIUS: i32 = 12;
/// Directions of a cell: 0 is along x, 1 is along the diagonal, 2 is along y and so on.
const DIRECTIONS: usize = 8;
/// Sums of a point.
const SUMS: usize = CELLS * CELLS * DIRECTIONS;
/// Bits of a descriptor.
const BITS: usize = 256;

/// Which sums each bit compares: by turns the same direction of two cells and two directions of the
/// same cell, drawn once by a generator with a fixed start (G. Marsaglia, "Xorshift RNGs", 2003),
/// the best of six on one half of the queries in docs/benchmarks/2026-11-27-reranking.md.
/// The second half compares what lies where the sums of the first half would be in the mirrored
/// picture, so that [`mirrored`] descriptors have the same bits in another order.
const COMPARED: [(u8, u8); BITS] = {
    let mut pairs = [(0, 0); BITS];
    let mut state = 4_u64;
    let mut bit = 0;
    while bit < BITS / 2 {
        let mut drawn = [0; 2];
        let mut i = 0;
        while i < 2 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            drawn[i] = (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % SUMS;
            i += 1;
        }
        let [a, b] = drawn;
        let is_wanted = if bit % 2 == 0 { a % DIRECTIONS == b % DIRECTIONS } else { a / DIRECTIONS == b / DIRECTIONS };
        // Against its own mirror image a sum would be compared twice.
        if a != b && is_wanted && b != mirrored_sum(a) {
            pairs[bit] = (a as u8, b as u8);
            pairs[bit + BITS / 2] = (mirrored_sum(a) as u8, mirrored_sum(b) as u8);
            bit += 1;
        }
    }
    pairs
};

/// The sum that takes the place of one in the mirrored picture: there the square is turned by the
/// mirrored direction, and lies on this one with its rows in reverse.
const fn mirrored_sum(sum: usize) -> usize {
    let (cell, direction) = (sum / DIRECTIONS, sum % DIRECTIONS);
    let (row, column) = (cell / CELLS, cell % CELLS);
    ((CELLS - 1 - row) * CELLS + column) * DIRECTIONS + (DIRECTIONS - direction) % DIRECTIONS
}

/// The descriptor that the same point has in the mirrored picture.
pub(super) fn mirrored([a, b, c, d]: [u64; BITS / 64]) -> [u64; BITS / 64] {
    [c, d, a, b]
}

/// For each row or column of gradients the two cells it falls between, and its weight for each; a
/// weight of zero stands for a cell that is not there.
const SHARES: [[(usize, i32); 2]; GRADIENTS] = {
    let mut shares = [[(0, 0); 2]; GRADIENTS];
    let mut i = 0;
    while i < GRADIENTS {
        // The centre of cell c is at c * CELL + CELL / 2.
        let beyond = (i + CELL - CELL / 2) % CELL;
        let next = (i + CELL - CELL / 2) / CELL;
        if next > 0 {
            shares[i][0] = (next - 1, (CELL - beyond) as i32);
        }
        if next < CELLS {
            shares[i][1] = (next, beyond as i32);
        }
        i += 1;
    }
    shares
};

/// What is around a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    /// The direction, in 1/256 of a full turn.
    pub(super) angle: u8,
    sums: [i32; SUMS],
}

impl Described {
    /// The descriptor.
    pub(super) fn bits(&self) -> [u64; BITS / 64] {
        let sum = |number: u8| self.sums[usize::from(number)];
        let mut bits = [0_u64; BITS / 64];
        for (word, compared) in bits.iter_mut().zip(COMPARED.as_chunks::<64>().0) {
            for (bit, &(a, b)) in compared.iter().enumerate() {
                *word |= u64::from(sum(a) > sum(b)) << bit;
            }
        }
        bits
    }
}

impl Level {
    /// Describes a point, given in 1/256 pixels.
    pub(super) fn describe(&self, x: i32, y: i32) -> Described {
        let angle = self.direction_at(x, y);
        Described { angle, sums: sums(&self.patch(x, y, angle)) }
    }

    /// The direction from a point to the centroid of the disc around it.
    fn direction_at(&self, x: i32, y: i32) -> u8 {
        let (x, y) = ((x + 128) >> 8, (y + 128) >> 8);
        let column = |dx: i32| (x + dx).clamp(0, self.width as i32 - 1) as usize;
        let (mut to_x, mut to_y) = (0_i32, 0_i32);
        for dy in -RADIUS..=RADIUS {
            let row = &self.smooth[(y + dy).clamp(0, self.height as i32 - 1) as usize * self.width..][..self.width];
            let reach = (RADIUS * RADIUS + RADIUS - dy * dy).isqrt();
            let mut sum = 0;
            for dx in -reach..=reach {
                let value = i32::from(row[column(dx)]);
                sum += value;
                to_x += value * dx;
            }
            to_y += sum * dy;
        }
        angle_of(i64::from(to_x), i64::from(to_y))
    }

    /// The turned square around a point, row by row.
    fn patch(&self, x: i32, y: i32, angle: u8) -> [i32; SAMPLES * SAMPLES] {
        let (c, s) = direction(angle);
        let mut patch = [0; SAMPLES * SAMPLES];
        for (i, row) in patch.chunks_exact_mut(SAMPLES).enumerate() {
            // From the centre in half steps, which are whole numbers.
            let v = 2 * i as i32 + 1 - SAMPLES as i32;
            for (j, sample) in row.iter_mut().enumerate() {
                let u = 2 * j as i32 + 1 - SAMPLES as i32;
                let dx = (u * c - v * s) * STEP / (2 * UNIT);
                let dy = (u * s + v * c) * STEP / (2 * UNIT);
                *sample = self.sample(x + dx, y + dy);
            }
        }
        patch
    }

    /// The value at a position in 1/256 pixels, between the four pixels around it; the border is
    /// repeated outwards.
    fn sample(&self, x: i32, y: i32) -> i32 {
        let x = x.clamp(0, self.width as i32 * 256 - 257);
        let y = y.clamp(0, self.height as i32 * 256 - 257);
        let (right, down) = (x & 255, y & 255);
        let at = (y >> 8) as usize * self.width + (x >> 8) as usize;
        let between = |at: usize| {
            let pair = &self.smooth[at..at + 2];
            i32::from(pair[0]) * (256 - right) + i32::from(pair[1]) * right
        };
        (between(at) * (256 - down) + between(at + self.width) * down) >> 16
    }
}

/// The gradients of a patch summed by cell and direction.
fn sums(patch: &[i32; SAMPLES * SAMPLES]) -> [i32; SUMS] {
    let mut sums = [0; SUMS];
    for (i, rows) in SHARES.iter().enumerate() {
        for (j, columns) in SHARES.iter().enumerate() {
            let at = (i + 1) * SAMPLES + j + 1;
            let [straight, diagonal] = parts(patch[at + 1] - patch[at - 1], patch[at + SAMPLES] - patch[at - SAMPLES]);
            for &(row, row_weight) in rows {
                for &(column, column_weight) in columns {
                    let weight = row_weight * column_weight;
                    let cell = &mut sums[(row * CELLS + column) * DIRECTIONS..][..DIRECTIONS];
                    cell[straight.0] += straight.1 * weight;
                    cell[diagonal.0] += diagonal.1 * weight;
                }
            }
        }
    }
    sums
}

/// A gradient as the sum of a multiple of the nearest axis and of the nearest diagonal: their
/// numbers and lengths.
fn parts(x: i32, y: i32) -> [(usize, i32); 2] {
    let (along_x, along_y) = (x.abs(), y.abs());
    let axis = match (along_x >= along_y, x >= 0, y >= 0) {
        (true, true, _) => 0,
        (false, _, true) => 2,
        (true, false, _) => 4,
        (false, _, false) => 6,
    };
    let diagonal = match (x >= 0, y >= 0) {
        (true, true) => 1,
        (false, true) => 3,
        (false, false) => 5,
        (true, false) => 7,
    };
    // A diagonal step is the square root of two long: 181 / 128.
    [(axis, (along_x - along_y).abs()), (diagonal, (along_x.min(along_y) * 181) >> 7)]
}

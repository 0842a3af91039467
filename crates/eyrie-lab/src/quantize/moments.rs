//! Centred second moments of a layer's inputs, and of its target with its inputs, accumulated block
//! by block.
//!
//! The inputs are small integers (activations 0 to 31), so the f32 products within a block of
//! [`BLOCK_ROWS`] rows are exact integers below 2^24: the order of the additions cannot matter.
//! Blocks are added in f64. Each product runs on one thread over a fixed tile, so that the result
//! depends neither on the number of threads nor on their timing.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows a block: 8,192 * 31^2 < 2^24.
pub(super) const BLOCK_ROWS: usize = 8192;

/// Rows and columns of the tiles that the products are cut into.
const TILE: usize = 512;

/// Sums over samples of `x`, `x x^T`, `y`, `y y` and `y x^T`, for inputs `x` and targets `y`.
pub(super) struct Moments {
    inputs: usize,
    outputs: usize,
    samples: usize,
    sum_x: Vec<f64>,
    sum_y: Vec<f64>,
    sum_yy: Vec<f64>,
    /// Lower tiles (row tile, column tile) of the sum of `x x^T`, each row-major.
    tiles: Vec<Tile>,
    /// Row-major `[outputs][inputs]`, by column tile.
    cross: Vec<Tile>,
}

struct Tile {
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    sum: Vec<f64>,
}

impl Tile {
    fn new(rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Self {
        let sum = vec![0.0; rows.len() * columns.len()];
        Self { rows, columns, sum }
    }

    /// Adds `left^T right` over this tile's columns of both.
    fn add(&mut self, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
        let mut product = vec![0.0_f32; self.sum.len()];
        matmul(
            MatMut::from_row_major_slice_mut(&mut product, self.rows.len(), self.columns.len()),
            Accum::Replace,
            left.subcols(self.rows.start, self.rows.len()).transpose(),
            right.subcols(self.columns.start, self.columns.len()),
            1.0,
            Par::Seq,
        );
        for (total, value) in self.sum.iter_mut().zip(&product) {
            *total += f64::from(*value);
        }
    }
}

fn ranges(n: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..n).step_by(TILE).map(move |start| start..n.min(start + TILE))
}

/// Means and centred second moments (each divided by the number of samples).
pub(super) struct Covariance {
    /// Number of inputs, `d`.
    pub(super) inputs: usize,
    /// Of the inputs, `[d]`.
    pub(super) mean_x: Vec<f64>,
    /// Of the targets, `[n]`.
    pub(super) mean_y: Vec<f64>,
    /// Variances of the targets, `[n]`.
    pub(super) var_y: Vec<f64>,
    /// Of the inputs, symmetric `[d][d]`.
    pub(super) h: Vec<f64>,
    /// Of targets with inputs, `[n][d]`.
    pub(super) c: Vec<f64>,
}

impl Moments {
    pub(super) fn new(inputs: usize, outputs: usize) -> Self {
        let tiles = ranges(inputs)
            .flat_map(|rows| {
                ranges(inputs)
                    .filter(move |columns| columns.start <= rows.start)
                    .map(move |columns| (rows.clone(), columns))
                    .collect::<Vec<_>>()
            })
            .map(|(rows, columns)| Tile::new(rows, columns))
            .collect();
        let cross = ranges(inputs).map(|columns| Tile::new(0..outputs, columns)).collect();
        Self {
            inputs,
            outputs,
            samples: 0,
            sum_x: vec![0.0; inputs],
            sum_y: vec![0.0; outputs],
            sum_yy: vec![0.0; outputs],
            tiles,
            cross,
        }
    }

    /// Adds samples: `x` is row-major `[samples][inputs]`, `y` `[samples][outputs]`; at most
    /// [`BLOCK_ROWS`] of them.
    pub(super) fn add(&mut self, x: &[f32], y: &[f32]) {
        let rows = x.len() / self.inputs;
        debug_assert!(rows <= BLOCK_ROWS && y.len() == rows * self.outputs);
        if rows == 0 {
            return;
        }
        self.samples += rows;
        for row in x.chunks_exact(self.inputs) {
            for (sum, value) in self.sum_x.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        for row in y.chunks_exact(self.outputs) {
            for ((sum, square), value) in self.sum_y.iter_mut().zip(&mut self.sum_yy).zip(row) {
                let value = f64::from(*value);
                *sum += value;
                *square += value * value;
            }
        }
        let x = MatRef::from_row_major_slice(x, rows, self.inputs);
        let y = MatRef::from_row_major_slice(y, rows, self.outputs);
        self.tiles.par_iter_mut().for_each(|tile| tile.add(x, x));
        self.cross.par_iter_mut().for_each(|tile| tile.add(y, x));
    }

    /// The centred moments.
    pub(super) fn finish(self) -> Covariance {
        let (d, n, samples) = (self.inputs, self.outputs, self.samples.max(1) as f64);
        let mean = |sum: Vec<f64>| sum.into_iter().map(|value| value / samples).collect::<Vec<f64>>();
        let (mean_x, mean_y) = (mean(self.sum_x), mean(self.sum_y));
        let var_y = self.sum_yy.iter().zip(&mean_y).map(|(yy, mean)| (yy / samples - mean * mean).max(0.0)).collect();
        let mut h = vec![0.0; d * d];
        for tile in &self.tiles {
            for (i, row) in tile.rows.clone().zip(tile.sum.chunks_exact(tile.columns.len())) {
                for (j, sum) in tile.columns.clone().zip(row) {
                    let value = sum / samples - mean_x[i] * mean_x[j];
                    h[i * d + j] = value;
                    h[j * d + i] = value;
                }
            }
        }
        let mut c = vec![0.0; n * d];
        for tile in &self.cross {
            for (i, row) in tile.rows.clone().zip(tile.sum.chunks_exact(tile.columns.len())) {
                for (j, sum) in tile.columns.clone().zip(row) {
                    c[i * d + j] = sum / samples - mean_y[i] * mean_x[j];
                }
            }
        }
        Covariance { inputs: d, mean_x, mean_y, var_y, h, c }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::Random;

    #[test]
    fn moments_equal_their_definition_across_tiles_and_blocks() {
        let (d, n, samples) = (TILE + 3, 5, 40);
        let mut random = Random::new(3);
        let x: Vec<f32> = (0..samples * d).map(|_| (random.bits() % 32) as f32).collect();
        let y: Vec<f32> = (0..samples * n).map(|_| random.normal() + 2.0).collect();
        let mut moments = Moments::new(d, n);
        moments.add(&x[..7 * d], &y[..7 * n]);
        moments.add(&x[7 * d..], &y[7 * n..]);
        let got = moments.finish();
        let column = |data: &[f32], width: usize, i: usize| -> Vec<f64> {
            data.chunks_exact(width).map(|row| f64::from(row[i])).collect()
        };
        let covariance = |a: &[f64], b: &[f64]| {
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            let (ma, mb) = (mean(a), mean(b));
            a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>() / a.len() as f64
        };
        for (i, j) in [(0, 0), (TILE, 1), (2, TILE + 1), (TILE + 2, TILE), (4, 3)] {
            let want = covariance(&column(&x, d, i), &column(&x, d, j));
            assert!((got.h[i * d + j] - want).abs() < 1e-9 * 1000.0, "h {i},{j}");
            let want = covariance(&column(&y, n, i % n), &column(&x, d, j));
            assert!((got.c[(i % n) * d + j] - want).abs() < 1e-4, "c {i},{j}");
        }
        let want = covariance(&column(&y, n, 2), &column(&y, n, 2));
        assert!((got.var_y[2] - want).abs() < 1e-9);
    }
}

//! The weights that the quantised layer should imitate.
//!
//! The layers before have already changed this layer's input. The least-squares weights that map
//! the changed input `x` to the float network's sums `y` undo that error as far as a linear map
//! can. A ridge holds them at the float weights where the samples say little: `W* = W + (C - W H)(H
//! + lambda I)^-1`, the minimum of `E|y - W* x|^2 + lambda |W* - W|^2`.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::error::QuantizeError;
use super::moments::Covariance;

/// Output channels a task: fixed, so that the result does not depend on the number of threads.
pub(super) const CHANNELS_AT_ONCE: usize = 64;

/// A quadratic form `e H e^T` over weight errors `e`, ridge included, with its Cholesky factor.
pub(super) struct Metric {
    /// Number of inputs.
    pub(super) d: usize,
    /// `H + lambda I`, symmetric `[d][d]`, inputs in the order of `order`.
    pub(super) h: Vec<f32>,
    /// Lower triangular `L` with `L L^T = H + lambda I`, row-major, in the same order.
    pub(super) l: Vec<f32>,
    /// `order[i]` is the input at place `i`: weakest first.
    pub(super) order: Vec<usize>,
    /// `L`, column-major, undefined above the diagonal.
    factor: Vec<f64>,
}

impl Metric {
    /// `ridge` is a fraction of the mean variance of the inputs.
    ///
    /// # Errors
    ///
    /// [`QuantizeError::Degenerate`] when the matrix has no Cholesky factor.
    pub(super) fn new(name: &str, covariance: &Covariance, ridge: f64) -> Result<Self, QuantizeError> {
        let d = covariance.inputs;
        let mean_variance = (0..d).map(|i| covariance.h[i * d + i]).sum::<f64>() / d as f64;
        // An input that never varies is left to the ridge alone.
        let lambda = ridge * mean_variance;
        if !(lambda.is_finite() && lambda > 0.0) {
            return Err(QuantizeError::Degenerate(name.to_owned()));
        }
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| covariance.h[a * d + a].total_cmp(&covariance.h[b * d + b]).then(a.cmp(&b)));
        let mut h = Vec::with_capacity(d * d);
        for (place, &i) in order.iter().enumerate() {
            let row = &covariance.h[i * d..(i + 1) * d];
            h.extend(order.iter().map(|&j| row[j] as f32));
            h[place * d + place] += lambda as f32;
        }
        let wide = h.iter().map(|&value| f64::from(value)).collect();
        let factor = cholesky(wide, d).ok_or_else(|| QuantizeError::Degenerate(name.to_owned()))?;
        let l = lower_rows(&factor, d);
        Ok(Self { d, h, l, order, factor })
    }

    /// `W*` in the order of `order`, for float weights `[n][d]` in the plain order, in units of the
    /// integer inputs.
    pub(super) fn target(&self, covariance: &Covariance, float: &[f32]) -> Vec<f32> {
        let d = self.d;
        let mut target = vec![0.0_f32; float.len()];
        let h = MatRef::from_row_major_slice(&covariance.h, d, d);
        let factor = MatRef::from_column_major_slice(&self.factor, d, d);
        let chunk = CHANNELS_AT_ONCE * d;
        target.par_chunks_mut(chunk).zip(float.par_chunks(chunk)).zip(covariance.c.par_chunks(chunk)).for_each(
            |((target, float), c)| {
                let n = float.len() / d;
                let wide: Vec<f64> = float.iter().map(|&value| f64::from(value)).collect();
                // C - W H, then its columns in this metric's order.
                let mut rest = c.to_vec();
                matmul(
                    MatMut::from_row_major_slice_mut(&mut rest, n, d),
                    Accum::Add,
                    MatRef::from_row_major_slice(&wide, n, d),
                    h,
                    -1.0,
                    Par::Seq,
                );
                let mut rest: Vec<f64> =
                    rest.chunks_exact(d).flat_map(|row| self.order.iter().map(|&i| row[i])).collect();
                let mut columns = MatMut::from_row_major_slice_mut(&mut rest, n, d).transpose_mut();
                solve_lower_triangular_in_place(factor, columns.as_mut(), Par::Seq);
                solve_upper_triangular_in_place(factor.transpose(), columns.as_mut(), Par::Seq);
                for ((target, rest), float) in
                    target.chunks_exact_mut(d).zip(rest.chunks_exact(d)).zip(wide.chunks_exact(d))
                {
                    for ((target, rest), &i) in target.iter_mut().zip(rest).zip(&self.order) {
                        *target = (float[i] + rest) as f32;
                    }
                }
            },
        );
        target
    }

    /// What real weights `target` leave of the variance of the float sums, over all channels.
    pub(super) fn unexplained(&self, covariance: &Covariance, target: &[f32]) -> f64 {
        let d = self.d;
        let plain = self.plain_order(target);
        let chunk = CHANNELS_AT_ONCE * d;
        let explained: Vec<f64> = plain
            .par_chunks(chunk)
            .zip(covariance.c.par_chunks(chunk))
            .map(|(rows, c)| {
                let n = rows.len() / d;
                let rows: Vec<f64> = rows.iter().map(|&weight| f64::from(weight)).collect();
                let mut rows_h = vec![0.0; rows.len()];
                matmul(
                    MatMut::from_row_major_slice_mut(&mut rows_h, n, d),
                    Accum::Replace,
                    MatRef::from_row_major_slice(&rows, n, d),
                    MatRef::from_row_major_slice(&covariance.h, d, d),
                    1.0,
                    Par::Seq,
                );
                rows.iter().zip(&rows_h).zip(c).map(|((weight, h), c)| weight * (2.0 * c - h)).sum()
            })
            .collect();
        covariance.var_y.iter().sum::<f64>() - explained.iter().sum::<f64>()
    }

    /// Rows `[n][d]` from this metric's order to the plain one.
    pub(super) fn plain_order<T: Copy + Default>(&self, rows: &[T]) -> Vec<T> {
        let mut plain = vec![T::default(); rows.len()];
        for (plain, row) in plain.chunks_exact_mut(self.d).zip(rows.chunks_exact(self.d)) {
            for (&i, &value) in self.order.iter().zip(row) {
                plain[i] = value;
            }
        }
        plain
    }
}

/// The lower Cholesky factor, column-major, of a symmetric matrix; what lies above the diagonal is
/// undefined.
fn cholesky(mut matrix: Vec<f64>, d: usize) -> Option<Vec<f64>> {
    // One thread: what several would compute could depend on their number.
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(d, Par::Seq, Default::default()));
    cholesky_in_place(
        MatMut::from_column_major_slice_mut(&mut matrix, d, d),
        Default::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .ok()?;
    Some(matrix)
}

/// The lower triangle of a column-major matrix, row-major, with zeros above the diagonal.
fn lower_rows(columns: &[f64], d: usize) -> Vec<f32> {
    let mut rows = vec![0.0_f32; d * d];
    for (j, column) in columns.chunks_exact(d).enumerate() {
        for i in j..d {
            rows[i * d + j] = column[i] as f32;
        }
    }
    rows
}

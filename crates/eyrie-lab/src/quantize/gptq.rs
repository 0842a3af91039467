//! Rounding with error feedback, all output channels at once.
//!
//! The error of a channel's weights is the quadratic form `e H e^T = |e L|^2`. Weights are rounded
//! one after the other, and each takes up what the errors so far have put into its column of `e L`:
//! GPTQ (E. Frantar et al., arXiv 2210.17323), in its equivalent form as successive cancellation
//! with the Cholesky factor of `H` itself instead of its inverse's. Coordinate descent on the codes
//! then removes what a single pass leaves.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::codebook::Codebook;
use super::target::{CHANNELS_AT_ONCE, Metric};

/// Weights between two updates of the rest by a matrix product.
const BLOCK: usize = 128;

/// Trial scales, relative to the scale at which levels and weights have the same root mean square.
const TRIAL_SCALES: [f32; 8] = [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35];

/// Quantised rows in a metric's order.
#[derive(Debug, Clone)]
pub(super) struct Quantized {
    pub(super) codebook: Codebook,
    /// `[n][d]`.
    pub(super) codes: Vec<u8>,
    /// The real value of one level, `[n]`.
    pub(super) scales: Vec<f32>,
    /// `e H e^T`, `[n]`.
    pub(super) errors: Vec<f64>,
}

impl Quantized {
    pub(super) fn total(&self) -> f64 {
        self.errors.iter().sum()
    }

    /// Takes every channel that is better in `other`.
    fn keep_best(&mut self, other: &Self, d: usize) {
        for (c, error) in other.errors.iter().enumerate() {
            if *error < self.errors[c] {
                self.errors[c] = *error;
                self.scales[c] = other.scales[c];
                self.codes[c * d..(c + 1) * d].copy_from_slice(&other.codes[c * d..(c + 1) * d]);
            }
        }
    }
}

/// The scales at which levels and weights have the same root mean square.
fn matching_scales(target: &[f32], d: usize, codebook: &Codebook) -> Vec<f32> {
    target
        .chunks_exact(d)
        .map(|row| {
            let mean_square = row.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>() / d as f64;
            (mean_square.sqrt() as f32 / codebook.rms()).max(f32::MIN_POSITIVE.sqrt())
        })
        .collect()
}

/// Plain rounding to the nearest level, without feedback: what the method is compared with.
pub(super) fn round_plainly(metric: &Metric, target: &[f32], codebook: Codebook) -> Quantized {
    let d = metric.d;
    let scales = matching_scales(target, d, &codebook);
    let codes = target
        .chunks_exact(d)
        .zip(&scales)
        .flat_map(|(row, &scale)| row.iter().map(move |&w| codebook.nearest(w / scale)))
        .collect();
    let mut result = Quantized { codebook, codes, scales, errors: Vec::new() };
    refit_scales(metric, target, &mut result);
    result
}

/// Rounding with error feedback at the given scales.
pub(super) fn round_with_feedback(metric: &Metric, target: &[f32], codebook: Codebook, scales: &[f32]) -> Quantized {
    let d = metric.d;
    let mut codes = vec![0_u8; target.len()];
    let mut errors = vec![0.0_f64; scales.len()];
    codes
        .par_chunks_mut(CHANNELS_AT_ONCE * d)
        .zip(target.par_chunks(CHANNELS_AT_ONCE * d))
        .zip(scales.par_chunks(CHANNELS_AT_ONCE))
        .zip(errors.par_chunks_mut(CHANNELS_AT_ONCE))
        .for_each(|(((codes, target), scales), errors)| {
            feedback_chunk(metric, target, codebook, scales, codes, errors)
        });
    Quantized { codebook, codes, scales: scales.to_vec(), errors }
}

fn feedback_chunk(
    metric: &Metric,
    target: &[f32],
    codebook: Codebook,
    scales: &[f32],
    codes: &mut [u8],
    errors: &mut [f64],
) {
    let (d, n) = (metric.d, scales.len());
    let l = MatRef::from_row_major_slice(&metric.l, d, d);
    let mut residual = vec![0.0_f32; n * d];
    let mut carried = vec![0.0_f32; n * BLOCK];
    for start in (0..d).step_by(BLOCK).rev() {
        let (end, width) = (d.min(start + BLOCK), BLOCK.min(d - start));
        let carried = &mut carried[..n * width];
        carried.fill(0.0);
        // The columns of this block of e L, as far as the weights after the block have put
        // something into them.
        matmul(
            MatMut::from_row_major_slice_mut(&mut *carried, n, width),
            Accum::Replace,
            MatRef::from_row_major_slice(&residual, n, d).subcols(end, d - end),
            l.submatrix(end, start, d - end, width),
            1.0,
            Par::Seq,
        );
        for (c, carried) in carried.chunks_exact_mut(width).enumerate() {
            let scale = scales[c];
            let mut error = 0.0_f64;
            for j in (start..end).rev() {
                let row = &metric.l[j * d + start..=j * d + j];
                let weight = target[c * d + j];
                let pivot = row[j - start];
                let code = codebook.nearest((weight + carried[j - start] / pivot) / scale);
                let rest = weight - scale * codebook.value(code);
                codes[c * d + j] = code;
                residual[c * d + j] = rest;
                for (carried, l) in carried.iter_mut().zip(row) {
                    *carried += rest * l;
                }
                error += f64::from(carried[j - start]).powi(2);
            }
            errors[c] += error;
        }
    }
}

/// Rows `[n][d]` times `H`.
fn times_h(metric: &Metric, rows: &[f32]) -> Vec<f32> {
    let d = metric.d;
    let mut product = vec![0.0_f32; rows.len()];
    product.par_chunks_mut(CHANNELS_AT_ONCE * d).zip(rows.par_chunks(CHANNELS_AT_ONCE * d)).for_each(
        |(product, rows)| {
            let n = rows.len() / d;
            matmul(
                MatMut::from_row_major_slice_mut(product, n, d),
                Accum::Replace,
                MatRef::from_row_major_slice(rows, n, d),
                MatRef::from_row_major_slice(&metric.h, d, d),
                1.0,
                Par::Seq,
            );
        },
    );
    product
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The least-squares scale of each channel for its codes, and the errors there.
fn refit_scales(metric: &Metric, target: &[f32], result: &mut Quantized) {
    let d = metric.d;
    let levels: Vec<f32> = result.codes.iter().map(|&code| result.codebook.value(code)).collect();
    let levels_h = times_h(metric, &levels);
    for (c, scale) in result.scales.iter_mut().enumerate() {
        let row = c * d..(c + 1) * d;
        let fit = dot(&target[row.clone()], &levels_h[row.clone()]) / dot(&levels[row.clone()], &levels_h[row]);
        if fit.is_finite() && fit > 0.0 {
            *scale = fit as f32;
        }
    }
    let residual: Vec<f32> = residuals(target, result, d);
    let residual_h = times_h(metric, &residual);
    result.errors =
        residual.chunks_exact(d).zip(residual_h.chunks_exact(d)).map(|(row, row_h)| dot(row, row_h)).collect();
}

fn residuals(target: &[f32], result: &Quantized, d: usize) -> Vec<f32> {
    target
        .chunks_exact(d)
        .zip(result.codes.chunks_exact(d))
        .zip(&result.scales)
        .flat_map(|((row, codes), scale)| {
            row.iter().zip(codes).map(move |(w, &q)| w - scale * result.codebook.value(q))
        })
        .collect()
}

/// One sweep of coordinate descent: every weight in turn takes the level that is best given all
/// others.
fn descend(metric: &Metric, target: &[f32], result: &mut Quantized) {
    let d = metric.d;
    let h = MatRef::from_row_major_slice(&metric.h, d, d);
    let mut residual = residuals(target, result, d);
    let codebook = result.codebook;
    result
        .codes
        .par_chunks_mut(CHANNELS_AT_ONCE * d)
        .zip(residual.par_chunks_mut(CHANNELS_AT_ONCE * d))
        .zip(result.scales.par_chunks(CHANNELS_AT_ONCE))
        .for_each(|((codes, residual), scales)| {
            let n = scales.len();
            let mut gradient = vec![0.0_f32; n * BLOCK];
            for start in (0..d).step_by(BLOCK) {
                let (end, width) = (d.min(start + BLOCK), BLOCK.min(d - start));
                let gradient = &mut gradient[..n * width];
                matmul(
                    MatMut::from_row_major_slice_mut(&mut *gradient, n, width),
                    Accum::Replace,
                    MatRef::from_row_major_slice(residual, n, d),
                    h.subcols(start, width),
                    1.0,
                    Par::Seq,
                );
                for (c, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                    for j in start..end {
                        let row = &metric.h[j * d + start..j * d + end];
                        let old = codes[c * d + j];
                        let wish = codebook.value(old) + gradient[j - start] / (row[j - start] * scales[c]);
                        let new = codebook.nearest(wish);
                        if new != old {
                            let step = scales[c] * (codebook.value(new) - codebook.value(old));
                            codes[c * d + j] = new;
                            residual[c * d + j] -= step;
                            for (gradient, h) in gradient.iter_mut().zip(row) {
                                *gradient -= step * h;
                            }
                        }
                    }
                }
            }
        });
}

/// The best found: codebook by the total error, scale by trial for each channel, then refits and
/// descent.
pub(super) fn quantize_rows(
    metric: &Metric,
    target: &[f32],
    codebooks: &[[i8; 4]],
    sweeps: usize,
) -> Option<Quantized> {
    let d = metric.d;
    let mut best: Option<Quantized> = None;
    for &levels in codebooks {
        let codebook = Codebook::new(levels);
        let matching = matching_scales(target, d, &codebook);
        let mut chosen: Option<Quantized> = None;
        for factor in TRIAL_SCALES {
            let scales: Vec<f32> = matching.iter().map(|scale| scale * factor).collect();
            let trial = round_with_feedback(metric, target, codebook, &scales);
            match &mut chosen {
                Some(chosen) => chosen.keep_best(&trial, d),
                None => chosen = Some(trial),
            }
        }
        if let Some(chosen) = chosen
            && best.as_ref().is_none_or(|best| chosen.total() < best.total())
        {
            best = Some(chosen);
        }
    }
    let mut best = best?;
    for _ in 0..2 {
        refit_scales(metric, target, &mut best);
        let again = round_with_feedback(metric, target, best.codebook, &best.scales);
        best.keep_best(&again, d);
    }
    let mut current = best.clone();
    for _ in 0..sweeps {
        descend(metric, target, &mut current);
        refit_scales(metric, target, &mut current);
    }
    best.keep_best(&current, d);
    Some(best)
}

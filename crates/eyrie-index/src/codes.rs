//! A vector as signed bytes, and what is known of the difference.
//!
//! `values = scale * code + residual`, where `scale` is the largest magnitude over 127. For a query
//! `q` and a vector `v` with such codes, by the inequality of Cauchy and Schwarz
//!
//! ```text
//! |<q, v> - scale_q scale_v <code_q, code_v>| = |<q, residual_v> + <residual_q, v - residual_v>|
//!                                            <= |q| |residual_v| + |residual_q| (|v| + |residual_v|)
//! ```
//!
//! which is proven, and far more than what happens: the residuals point anywhere, so that their
//! products are near a normal distribution with the standard deviation of the bound over the root
//! of the dimension.

use crate::error::IndexError;
use crate::kernels::LINE;

/// Vectors have unit norm; this much is allowed for.
const NORM_TOLERANCE: f64 = 0.01;
/// What rounding of scores to `f32` may add to a difference.
const ROUNDING: f32 = 4e-6;
/// Standard deviations of the difference between an approximate score and the exact one that a
/// search of the graph allows for.
const DEVIATIONS: f32 = 4.0;

/// A code beside the array of codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Encoded {
    /// Padded with zeros to whole lines.
    pub(crate) code: Vec<i8>,
    pub(crate) scale: f32,
    /// The norm of the residual, rounded up.
    pub(crate) residual: f32,
}

/// Bytes of a code of `dimension` values.
pub(crate) fn stride(dimension: usize) -> usize {
    dimension.next_multiple_of(LINE)
}

/// Refuses what is no vector of `dimension` finite values with a norm of about one.
pub(crate) fn check(values: &[f32], dimension: usize) -> Result<(), IndexError> {
    if values.len() != dimension {
        return Err(IndexError::Dimension { expected: dimension, actual: values.len() });
    }
    let squared: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    // A NaN fails this too.
    if (squared - 1.0).abs() <= NORM_TOLERANCE { Ok(()) } else { Err(IndexError::Norm) }
}

/// The code of a vector that was [checked](check).
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn encode(values: &[f32]) -> Encoded {
    let largest = values.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
    let scale = largest / 127.0;
    let inverse = 127.0 / largest;
    let mut code = vec![0; stride(values.len())];
    let mut squared = [0.0_f32; 8];
    let mut piece = |values: &[f32], code: &mut [i8]| {
        for (lane, (value, code)) in values.iter().zip(code).enumerate() {
            // Adding and taking away 1.5 * 2^23 rounds to the nearest integer.
            let rounded = (value * inverse + 12_582_912.0) - 12_582_912.0;
            *code = rounded.clamp(-127.0, 127.0) as i8;
            let rest = value - rounded * scale;
            squared[lane] += rest * rest;
        }
    };
    for (values, code) in values.chunks(8).zip(code.chunks_mut(8)) {
        piece(values, code);
    }
    let residual = squared.iter().sum::<f32>().sqrt();
    // The sum of `f32` and the differences in it are right to far better than a thousandth.
    Encoded { code, scale, residual: residual * 1.001 + 1e-7 }
}

/// The most by which an approximate score differs from the exact one.
pub(crate) fn bound(query_residual: f32, residual: f32) -> f32 {
    let norm = 1.0 + NORM_TOLERANCE as f32;
    norm * residual + query_residual * (norm + residual) + ROUNDING
}

/// What it differs by at most, but for a few in 10,000.
pub(crate) fn margin(query_residual: f32, residual: f32, dimension: usize) -> f32 {
    let variance = (query_residual * query_residual + residual * residual) / dimension as f32;
    (DEVIATIONS * variance.sqrt()).min(bound(query_residual, residual)) + ROUNDING
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::data::Random;

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    fn approximate(a: &Encoded, b: &Encoded) -> f32 {
        let dot: i32 = a.code.iter().zip(&b.code).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        dot as f32 * (a.scale * b.scale)
    }

    proptest! {
        #[test]
        fn no_score_is_farther_off_than_the_bound(seed in 1..u64::MAX, dimension in 1..900_usize, power in 1..9_i32) {
            let mut random = Random(seed);
            let mut vector = || random.unit_of_power(dimension, power);
            let (a, b) = (vector(), vector());
            let (x, y) = (encode(&a), encode(&b));
            prop_assert!((f64::from(approximate(&x, &y)) - dot(&a, &b)).abs() <= f64::from(bound(x.residual, y.residual)));
            prop_assert!((f64::from(approximate(&x, &x)) - dot(&a, &a)).abs() <= f64::from(bound(x.residual, x.residual)));
        }
    }

    #[test]
    fn few_scores_are_farther_off_than_the_margin() {
        let mut random = Random(77);
        let vectors: Vec<_> = (0..400).map(|_| random.unit_of_power(128, 1)).collect();
        let codes: Vec<_> = vectors.iter().map(|v| encode(v)).collect();
        let mut off = 0;
        for (i, (a, x)) in vectors.iter().zip(&codes).enumerate() {
            for (b, y) in vectors.iter().zip(&codes).skip(i + 1) {
                let difference = (f64::from(approximate(x, y)) - dot(a, b)).abs();
                off += usize::from(difference > f64::from(margin(x.residual, y.residual, 128)));
            }
        }
        assert!(off < 80, "{off} of 79,800");
    }

    #[test]
    fn one_value_is_coded_exactly_and_the_rest_padded() {
        let coded = encode(&[0.0, -1.0, 0.0]);
        assert_eq!((coded.code.len(), coded.code[1], coded.scale), (64, -127, 1.0 / 127.0));
        assert!(coded.code.iter().enumerate().all(|(at, &byte)| at == 1 || byte == 0));
    }

    #[test]
    fn what_is_no_unit_vector_is_refused() {
        assert_eq!(check(&[1.0], 2), Err(IndexError::Dimension { expected: 2, actual: 1 }));
        for bad in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 0.0], [1.0, 1.0], [0.1, 0.1]] {
            assert_eq!(check(&bad, 2), Err(IndexError::Norm), "{bad:?}");
        }
        assert_eq!(check(&[0.6, -0.8], 2), Ok(()));
    }
}

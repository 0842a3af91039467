//! Linear maps from pooled vectors to descriptors, learned in closed form.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};

use super::QuantizeError;
use crate::asic::Whitening;

/// Principal axes scaled to unit variance: the strongest `dimensions` of them.
///
/// `vectors` are pooled vectors of one length after signed square root and L2 normalisation. Each row of the result is an
/// eigenvector of their covariance over the root of its eigenvalue plus `shrinkage` times the mean eigenvalue, which keeps
/// directions in which the vectors hardly vary, and which are noise, from being blown up. Its largest entry by magnitude is
/// positive.
///
/// # Errors
///
/// [`QuantizeError::Data`] when there are fewer than two vectors, their lengths differ, or `dimensions` is not between 1
/// and their length, or `shrinkage` is not above 0; [`QuantizeError::Degenerate`] when they do not vary or are not finite.
pub fn pca_whitening(
    name: &str,
    vectors: &[Vec<f32>],
    dimensions: usize,
    shrinkage: f64,
) -> Result<Whitening, QuantizeError> {
    let d = check(vectors, dimensions)?;
    if !(shrinkage > 0.0 && shrinkage.is_finite()) {
        return Err(QuantizeError::Data(format!("a shrinkage of {shrinkage} is not above 0")));
    }
    let mean = mean(vectors, d);
    let covariance = covariance(vectors, &mean);
    let (values, axes) = eigen(name, &covariance)?;
    let shrinkage = shrinkage * mean_variance(name, &covariance)?;
    let components = Mat::from_fn(dimensions, d, |i, j| {
        // The eigenvalues rise; rounding can put the smallest below zero.
        let k = d - 1 - i;
        axes[(j, k)] / (values[k].max(0.0) + shrinkage).sqrt()
    });
    Ok(whitening(name, &mean, &components))
}

/// The common length of the vectors.
fn check(vectors: &[Vec<f32>], dimensions: usize) -> Result<usize, QuantizeError> {
    let d = vectors.first().map_or(0, Vec::len);
    if vectors.len() < 2 {
        return Err(QuantizeError::Data(format!("{} vectors are too few", vectors.len())));
    }
    if let Some(other) = vectors.iter().find(|vector| vector.len() != d) {
        return Err(QuantizeError::Data(format!("vectors of {d} and of {} values", other.len())));
    }
    if dimensions == 0 || dimensions > d {
        return Err(QuantizeError::Data(format!("{dimensions} dimensions of {d}")));
    }
    Ok(d)
}

fn mean(vectors: &[Vec<f32>], d: usize) -> Vec<f64> {
    let mut sum = vec![0.0; d];
    for vector in vectors {
        for (sum, value) in sum.iter_mut().zip(vector) {
            *sum += f64::from(*value);
        }
    }
    sum.into_iter().map(|sum| sum / vectors.len().max(1) as f64).collect()
}

/// Mean of the outer products of the vectors, each less the mean.
fn covariance(vectors: &[Vec<f32>], mean: &[f64]) -> Mat<f64> {
    let d = mean.len();
    let centred =
        vectors.iter().flat_map(|vector| vector.iter().zip(mean).map(|(value, mean)| f64::from(*value) - mean));
    let rows: Vec<f64> = centred.collect();
    let n = vectors.len();
    let rows = MatRef::from_row_major_slice(&rows, n, d);
    let mut result = Mat::zeros(d, d);
    matmul(&mut result, Accum::Replace, rows.transpose(), rows, 1.0 / n as f64, Par::Seq);
    result
}

fn mean_variance(name: &str, covariance: &Mat<f64>) -> Result<f64, QuantizeError> {
    let d = covariance.nrows();
    let variance = (0..d).map(|i| covariance[(i, i)]).sum::<f64>() / d as f64;
    if variance.is_finite() && variance > 0.0 { Ok(variance) } else { Err(QuantizeError::Degenerate(name.to_owned())) }
}

/// Eigenvalues, rising, and eigenvectors (columns) of a symmetric matrix.
fn eigen(name: &str, matrix: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>), QuantizeError> {
    if matrix.row_iter().any(|row| row.iter().any(|value| !value.is_finite())) {
        return Err(QuantizeError::Degenerate(name.to_owned()));
    }
    let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| QuantizeError::Degenerate(name.to_owned()))?;
    Ok((eigen.S().column_vector().iter().copied().collect(), eigen.U().to_owned()))
}

/// An axis and its opposite are equally good; the one whose largest entry by magnitude is positive is taken.
fn whitening(name: &str, mean: &[f64], components: &Mat<f64>) -> Whitening {
    let mut rows = Vec::with_capacity(components.nrows() * components.ncols());
    for row in components.row_iter() {
        let largest =
            row.iter().fold(0.0_f64, |largest, &value| if value.abs() > largest.abs() { value } else { largest });
        rows.extend(row.iter().map(|&value| (value * largest.signum()) as f32));
    }
    Whitening { name: name.to_owned(), mean: mean.iter().map(|&value| value as f32).collect(), components: rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::random::Random;

    fn apply(whitening: &Whitening, vector: &[f32]) -> Vec<f64> {
        whitening
            .components
            .chunks_exact(vector.len())
            .map(|row| {
                let centred = vector.iter().zip(&whitening.mean);
                row.iter().zip(centred).map(|(c, (x, m))| f64::from(*c) * f64::from(x - m)).sum()
            })
            .collect()
    }

    /// Correlated Gaussian vectors of four values.
    fn vectors(n: usize) -> Vec<Vec<f32>> {
        let mut random = Random::new(11);
        (0..n)
            .map(|_| {
                let z: [f32; 4] = std::array::from_fn(|_| random.normal());
                vec![3.0 * z[0] + 1.0, z[0] + z[1], 0.5 * z[2] - z[1], 0.4 * z[3] + 0.2 * z[0]]
            })
            .collect()
    }

    fn second_moment(outputs: &[Vec<f64>], i: usize, j: usize) -> f64 {
        outputs.iter().map(|v| v[i] * v[j]).sum::<f64>() / outputs.len() as f64
    }

    #[test]
    fn whitened_vectors_are_uncorrelated_with_nearly_unit_variance() {
        let vectors = vectors(4000);
        let whitening = pca_whitening("test", &vectors, 4, 0.01).unwrap();
        let outputs: Vec<Vec<f64>> = vectors.iter().map(|v| apply(&whitening, v)).collect();
        for i in 0..4 {
            assert!((0.7..1.001).contains(&second_moment(&outputs, i, i)), "variance {i}");
            for j in 0..i {
                assert!(second_moment(&outputs, i, j).abs() < 1e-3, "{i} with {j}");
            }
        }
        assert!((second_moment(&outputs, 0, 0) - 1.0).abs() < 0.01, "the strongest axis is hardly shrunk");
        let stronger = pca_whitening("test", &vectors, 2, 0.01).unwrap();
        assert_eq!(stronger.components, whitening.components[..8], "fewer dimensions are the first of more");
    }

    #[test]
    fn useless_vectors_are_refused() {
        let same = vec![vec![1.0_f32; 3]; 5];
        assert!(matches!(pca_whitening("x", &same, 2, 0.01), Err(QuantizeError::Degenerate(_))));
        assert!(matches!(pca_whitening("x", &same[..1], 2, 0.01), Err(QuantizeError::Data(_))));
        assert!(matches!(pca_whitening("x", &same, 4, 0.01), Err(QuantizeError::Data(_))));
        let nan = vec![vec![1.0, f32::NAN], vec![0.0, 1.0]];
        assert!(matches!(pca_whitening("x", &nan, 2, 0.01), Err(QuantizeError::Degenerate(_))));
        for shrinkage in [0.0, -1.0, f64::NAN] {
            assert!(matches!(pca_whitening("x", &vectors(9), 2, shrinkage), Err(QuantizeError::Data(_))));
        }
    }
}

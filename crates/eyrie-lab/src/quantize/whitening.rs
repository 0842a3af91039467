//! Linear maps from pooled vectors to descriptors, learned in closed form.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};

use super::error::QuantizeError;
use eyrie_chip::Whitening;

/// Principal axes scaled to unit variance: the strongest `dimensions` of them.
///
/// `vectors` are pooled vectors of one length, flattened as descriptors have them. Each
/// row of the result is an eigenvector of their covariance over the root of its eigenvalue plus
/// `shrinkage` times the mean eigenvalue, which keeps directions in which the vectors hardly vary,
/// and which are noise, from being blown up. Its largest entry by magnitude is positive.
///
/// # Errors
///
/// [`QuantizeError::Data`] when there are fewer than two vectors, their lengths differ, or
/// `dimensions` is not between 1 and their length, or `shrinkage` is not above 0;
/// [`QuantizeError::Degenerate`] when they do not vary or are not finite.
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

/// Discriminative whitening: the inverse root of the covariance within groups, then the principal
/// axes of what it gives. No mean is taken away first: that of the groups is not that of the
/// pictures that will be searched, and it ranks worse.
///
/// `groups` hold vectors of the same thing (of a picture and of its views), all of one length; it
/// is the differences within a group that are made small. Its covariance is mixed with `shrinkage`
/// (0 to 1) of its mean variance along every axis, since there are hardly more differences than
/// dimensions. All dimensions are kept, so that the last rotation changes no cosine; it makes the
/// entries of a row alike in size, which the model file's bytes hold better. After K. Mikolajczyk
/// and J. Matas, "Improving descriptors for fast tree matching by optimal linear projection", ICCV
/// 2007.
///
/// # Errors
///
/// [`QuantizeError::Data`] when there are fewer than two vectors, their lengths differ, or
/// `shrinkage` is not above 0 and at most 1; [`QuantizeError::Degenerate`] when they do not vary
/// within groups, or are not finite.
pub fn discriminative_whitening(
    name: &str,
    groups: &[Vec<Vec<f32>>],
    shrinkage: f64,
) -> Result<Whitening, QuantizeError> {
    let vectors: Vec<&Vec<f32>> = groups.iter().flatten().collect();
    let d = check(&vectors, 1)?;
    if !(shrinkage > 0.0 && shrinkage <= 1.0) {
        return Err(QuantizeError::Data(format!("a shrinkage of {shrinkage} is not above 0 and at most 1")));
    }
    let differences = groups.iter().flat_map(|group| {
        let mean = mean(group, d);
        group.iter().map(move |vector| vector.iter().zip(&mean).map(|(x, m)| x - *m as f32).collect())
    });
    let within = covariance(&differences.collect::<Vec<Vec<f32>>>(), &vec![0.0; d]);
    let variance = mean_variance(name, &within)?;
    let (values, axes) = eigen(name, &within)?;
    let whiten = Mat::from_fn(d, d, |i, j| {
        let value = (1.0 - shrinkage) * values[i].max(0.0) + shrinkage * variance;
        axes[(j, i)] / value.sqrt()
    });
    let mean = mean(&vectors, d);
    let total = &whiten * covariance(&vectors, &mean) * whiten.transpose();
    let (_, axes) = eigen(name, &total)?;
    // The eigenvalues rise: the strongest axis comes first.
    let components = Mat::from_fn(d, d, |i, j| axes[(j, d - 1 - i)]) * whiten;
    Ok(whitening(name, &vec![0.0; d], &components))
}

/// The common length of the vectors.
fn check<V: AsRef<[f32]>>(vectors: &[V], dimensions: usize) -> Result<usize, QuantizeError> {
    let d = vectors.first().map_or(0, |vector| vector.as_ref().len());
    if vectors.len() < 2 {
        return Err(QuantizeError::Data(format!("{} vectors are too few", vectors.len())));
    }
    if let Some(other) = vectors.iter().map(|vector| vector.as_ref().len()).find(|length| *length != d) {
        return Err(QuantizeError::Data(format!("vectors of {d} and of {other} values")));
    }
    if dimensions == 0 || dimensions > d {
        return Err(QuantizeError::Data(format!("{dimensions} dimensions of {d}")));
    }
    Ok(d)
}

fn mean<V: AsRef<[f32]>>(vectors: &[V], d: usize) -> Vec<f64> {
    let mut sum = vec![0.0; d];
    for vector in vectors {
        for (sum, value) in sum.iter_mut().zip(vector.as_ref()) {
            *sum += f64::from(*value);
        }
    }
    sum.into_iter().map(|sum| sum / vectors.len().max(1) as f64).collect()
}

/// Mean of the outer products of the vectors, each less the mean.
fn covariance<V: AsRef<[f32]>>(vectors: &[V], mean: &[f64]) -> Mat<f64> {
    let d = mean.len();
    let centred = vectors
        .iter()
        .flat_map(|vector| vector.as_ref().iter().zip(mean).map(|(value, mean)| f64::from(*value) - mean));
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

/// An axis and its opposite are equally good; the one whose largest entry by magnitude is positive
/// is taken.
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
    use eyrie_chip::Random;

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

    /// Pairs that differ along the first two axes together, and things that differ along all four.
    fn pairs(n: usize) -> Vec<Vec<Vec<f32>>> {
        let mut random = Random::new(12);
        let mut pair = |thing: &Vec<f32>| {
            let other = random.normal();
            vec![
                thing.clone(),
                vec![thing[0] + 2.0 * other, thing[1] + other, thing[2], thing[3] + 0.1 * random.normal()],
            ]
        };
        vectors(n).iter().map(&mut pair).collect()
    }

    #[test]
    fn differences_within_a_group_become_alike_along_all_axes() {
        let groups = pairs(3000);
        let whitening = discriminative_whitening("test", &groups, 1e-6).unwrap();
        let of = |vector: &Vec<f32>| apply(&whitening, vector);
        let differences: Vec<Vec<f64>> =
            groups.iter().map(|pair| of(&pair[0]).iter().zip(of(&pair[1])).map(|(a, b)| a - b).collect()).collect();
        let mut outputs: Vec<Vec<f64>> = groups.iter().flatten().map(of).collect();
        for i in 0..4 {
            let mean = outputs.iter().map(|v| v[i]).sum::<f64>() / outputs.len() as f64;
            outputs.iter_mut().for_each(|v| v[i] -= mean);
        }
        for i in 0..4 {
            // Half of a difference is what each of the pair has: its square counts twice, over two
            // vectors. One axis has no difference at all.
            let within = second_moment(&differences, i, i) / 4.0;
            assert!(within < 1.001, "axis {i}: {within}");
            for j in 0..i {
                assert!(second_moment(&outputs, i, j).abs() < 1e-3 * second_moment(&outputs, 0, 0), "{i} with {j}");
            }
        }
        let stays = |pair: &Vec<f64>| pair.iter().map(|v| v * v).sum::<f64>();
        let apart = outputs.iter().map(stays).sum::<f64>() / outputs.len() as f64;
        let together = differences.iter().map(stays).sum::<f64>() / differences.len() as f64;
        let before =
            vectors(3000).iter().map(|v| v.iter().map(|x| f64::from(x * x)).sum::<f64>()).sum::<f64>() / 3000.0;
        assert!(apart / together > 100.0 * before / 5.0, "things {apart}, pairs {together}");
    }

    #[test]
    fn full_shrinkage_turns_and_no_more() {
        let groups = pairs(500);
        let whitening = discriminative_whitening("test", &groups, 1.0).unwrap();
        let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
        let scale = length(&apply(&whitening, &groups[0][0])) / centred(&whitening, &groups[0][0]);
        for vector in groups.iter().flatten() {
            let ratio = length(&apply(&whitening, vector)) / centred(&whitening, vector);
            assert!((ratio / scale - 1.0).abs() < 1e-4, "{ratio} {scale}");
        }
    }

    /// The squared distance from the mean.
    fn centred(whitening: &Whitening, vector: &[f32]) -> f64 {
        vector.iter().zip(&whitening.mean).map(|(x, m)| f64::from(x - m).powi(2)).sum()
    }

    #[test]
    fn useless_groups_are_refused() {
        let alone: Vec<Vec<Vec<f32>>> = vectors(9).into_iter().map(|vector| vec![vector]).collect();
        assert!(matches!(discriminative_whitening("x", &alone, 0.5), Err(QuantizeError::Degenerate(_))));
        assert!(matches!(discriminative_whitening("x", &[], 0.5), Err(QuantizeError::Data(_))));
        for shrinkage in [0.0, 1.1, f64::NAN] {
            assert!(matches!(discriminative_whitening("x", &pairs(9), shrinkage), Err(QuantizeError::Data(_))));
        }
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

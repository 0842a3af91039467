//! Linear maps from pooled vectors to descriptors, learned in closed form.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};

use super::QuantizeError;
use crate::asic::Whitening;

/// What is added to every variance before its inverse root, relative to the mean variance: it keeps directions in which the
/// vectors hardly vary, which are noise, from being blown up.
const PCA_SHRINKAGE: f64 = 0.01;

/// Principal axes scaled to unit variance: the strongest `dimensions` of them.
///
/// `vectors` are pooled vectors of one length after signed square root and L2 normalisation. Each row of the result is an
/// eigenvector of their covariance over the root of its eigenvalue (plus a hundredth of the mean eigenvalue); its largest
/// entry by magnitude is positive.
///
/// # Errors
///
/// [`QuantizeError::Data`] when there are fewer than two vectors, their lengths differ, or `dimensions` is not between 1
/// and their length; [`QuantizeError::Degenerate`] when they do not vary or are not finite.
pub fn pca_whitening(name: &str, vectors: &[Vec<f32>], dimensions: usize) -> Result<Whitening, QuantizeError> {
    let d = check(vectors.iter(), dimensions)?;
    let mean = mean(vectors.iter(), d);
    let covariance = covariance(vectors.iter().map(|vector| (vector, mean.as_slice())), d);
    let (values, axes) = eigen(name, &covariance)?;
    let shrinkage = PCA_SHRINKAGE * mean_variance(name, &covariance)?;
    let components = Mat::from_fn(dimensions, d, |i, j| {
        // The eigenvalues rise; rounding can put the smallest below zero.
        let k = d - 1 - i;
        axes[(j, k)] / (values[k].max(0.0) + shrinkage).sqrt()
    });
    Ok(whitening(name, &mean, &components))
}

/// Discriminative whitening: what differs between views of one thing is suppressed, then the principal axes of what is left.
///
/// Each group holds pooled vectors (as for [`pca_whitening`]) of views of one thing. `B` is the inverse square root of the
/// covariance within the groups, shrunk towards a multiple of the identity (`(1 - shrinkage) S + shrinkage * mean variance * I`);
/// the rows of the result are the `dimensions` strongest axes of the covariance of all vectors after `B`, times `B`. A
/// linear discriminant projection (K. Mikolajczyk and J. Matas, "Improving Descriptors for Fast Tree Matching by Optimal
/// Linear Projection", ICCV 2007).
///
/// # Errors
///
/// [`QuantizeError::Data`] when no group has two views, the lengths differ, `shrinkage` is not above 0 and at most 1, or
/// `dimensions` is not between 1 and the vectors' length; [`QuantizeError::Degenerate`] when the vectors do not vary or are
/// not finite.
pub fn discriminative_whitening(
    name: &str,
    groups: &[Vec<Vec<f32>>],
    dimensions: usize,
    shrinkage: f64,
) -> Result<Whitening, QuantizeError> {
    let all = || groups.iter().flatten();
    let d = check(all(), dimensions)?;
    if groups.iter().all(|group| group.len() < 2) {
        return Err(QuantizeError::Data("no group has two views".into()));
    }
    if !(shrinkage > 0.0 && shrinkage <= 1.0) {
        return Err(QuantizeError::Data(format!("a shrinkage of {shrinkage} is not above 0 and at most 1")));
    }
    let centres: Vec<Vec<f64>> = groups.iter().map(|group| mean(group.iter(), d)).collect();
    // A group of one says nothing of the differences within groups and would only shrink their covariance.
    let views = groups
        .iter()
        .zip(&centres)
        .filter(|(group, _)| group.len() > 1)
        .flat_map(|(group, centre)| group.iter().map(move |vector| (vector, centre.as_slice())));
    let mut within = covariance(views, d);
    let level = mean_variance(name, &within)?;
    for j in 0..d {
        for i in 0..d {
            within[(i, j)] *= 1.0 - shrinkage;
        }
        within[(j, j)] += shrinkage * level;
    }
    let (values, axes) = eigen(name, &within)?;
    // The square root that rotates into the eigenvectors; any other rotation gives the same principal axes afterwards.
    let floor = shrinkage * level * 0.5;
    let inverse_root = Mat::from_fn(d, d, |i, j| axes[(j, i)] / values[i].max(floor).sqrt());

    let mean = mean(all(), d);
    let total = covariance(all().map(|vector| (vector, mean.as_slice())), d);
    let through = product(product(inverse_root.as_ref(), total.as_ref()).as_ref(), inverse_root.transpose());
    let (_, principal) = eigen(name, &through)?;
    let strongest = Mat::from_fn(dimensions, d, |i, j| principal[(j, d - 1 - i)]);
    let components = product(strongest.as_ref(), inverse_root.as_ref());
    Ok(whitening(name, &mean, &components))
}

/// The common length of the vectors.
fn check<'a>(vectors: impl Iterator<Item = &'a Vec<f32>> + Clone, dimensions: usize) -> Result<usize, QuantizeError> {
    let count = vectors.clone().count();
    let d = vectors.clone().next().map_or(0, Vec::len);
    if count < 2 {
        return Err(QuantizeError::Data(format!("{count} vectors are too few")));
    }
    if let Some(other) = vectors.clone().find(|vector| vector.len() != d) {
        return Err(QuantizeError::Data(format!("vectors of {d} and of {} values", other.len())));
    }
    if dimensions == 0 || dimensions > d {
        return Err(QuantizeError::Data(format!("{dimensions} dimensions of {d}")));
    }
    Ok(d)
}

fn mean<'a>(vectors: impl Iterator<Item = &'a Vec<f32>>, d: usize) -> Vec<f64> {
    let mut sum = vec![0.0; d];
    let mut count = 0_usize;
    for vector in vectors {
        count += 1;
        for (sum, value) in sum.iter_mut().zip(vector) {
            *sum += f64::from(*value);
        }
    }
    sum.into_iter().map(|sum| sum / count.max(1) as f64).collect()
}

/// Mean of the outer products of the vectors, each less its own centre.
fn covariance<'a>(vectors: impl Iterator<Item = (&'a Vec<f32>, &'a [f64])>, d: usize) -> Mat<f64> {
    let rows: Vec<f64> = vectors
        .flat_map(|(vector, centre)| vector.iter().zip(centre).map(|(value, centre)| f64::from(*value) - centre))
        .collect();
    let n = rows.len() / d;
    let rows = MatRef::from_row_major_slice(&rows, n, d);
    let mut result = Mat::zeros(d, d);
    matmul(&mut result, Accum::Replace, rows.transpose(), rows, 1.0 / n as f64, Par::Seq);
    result
}

fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut result = Mat::zeros(left.nrows(), right.ncols());
    matmul(&mut result, Accum::Replace, left, right, 1.0, Par::Seq);
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
        let whitening = pca_whitening("test", &vectors, 4).unwrap();
        let outputs: Vec<Vec<f64>> = vectors.iter().map(|v| apply(&whitening, v)).collect();
        for i in 0..4 {
            assert!((0.7..1.001).contains(&second_moment(&outputs, i, i)), "variance {i}");
            for j in 0..i {
                assert!(second_moment(&outputs, i, j).abs() < 1e-3, "{i} with {j}");
            }
        }
        assert!((second_moment(&outputs, 0, 0) - 1.0).abs() < 0.01, "the strongest axis is hardly shrunk");
        let stronger = pca_whitening("test", &vectors, 2).unwrap();
        assert_eq!(stronger.components, whitening.components[..8], "fewer dimensions are the first of more");
    }

    #[test]
    fn what_differs_between_views_is_suppressed() {
        let mut random = Random::new(12);
        // The first value, by far the strongest, is noise between views; the second tells the things apart.
        let groups: Vec<Vec<Vec<f32>>> = (0..2000)
            .map(|_| {
                let thing = random.normal();
                (0..2)
                    .map(|_| vec![10.0 * random.normal(), thing + 0.1 * random.normal(), 0.1 * random.normal()])
                    .collect()
            })
            .collect();
        let whitening = discriminative_whitening("test", &groups, 1, 0.001).unwrap();
        let first = &whitening.components[..3];
        assert!(first[0].abs() < 0.05 * first[1].abs(), "{first:?}");
        let plain = pca_whitening("test", &groups.concat(), 1).unwrap();
        assert!(plain.components[1].abs() < 0.05 * plain.components[0].abs(), "PCA alone keeps the noise");
    }

    #[test]
    fn the_covariance_within_groups_becomes_the_identity() {
        let mut noise = vectors(8000).into_iter();
        let mut random = Random::new(13);
        let groups: Vec<Vec<Vec<f32>>> = (0..4000)
            .map(|_| {
                let thing: Vec<f32> = (0..4).map(|_| 5.0 * random.normal()).collect();
                noise.by_ref().take(2).map(|n| n.iter().zip(&thing).map(|(n, t)| n + t).collect()).collect()
            })
            .collect();
        let whitening = discriminative_whitening("test", &groups, 4, 1e-6).unwrap();
        let differences: Vec<Vec<f64>> = groups
            .iter()
            .map(|group| {
                let (a, b) = (apply(&whitening, &group[0]), apply(&whitening, &group[1]));
                a.iter().zip(&b).map(|(a, b)| (a - b) / 2.0).collect()
            })
            .collect();
        for i in 0..4 {
            for j in 0..4 {
                let want = f64::from(u8::from(i == j));
                assert!((second_moment(&differences, i, j) - want).abs() < 0.01, "{i} with {j}");
            }
        }
    }

    #[test]
    fn useless_vectors_are_refused() {
        let same = vec![vec![1.0_f32; 3]; 5];
        assert!(matches!(pca_whitening("x", &same, 2), Err(QuantizeError::Degenerate(_))));
        assert!(matches!(pca_whitening("x", &same[..1], 2), Err(QuantizeError::Data(_))));
        assert!(matches!(pca_whitening("x", &same, 4), Err(QuantizeError::Data(_))));
        let nan = vec![vec![1.0, f32::NAN], vec![0.0, 1.0]];
        assert!(matches!(pca_whitening("x", &nan, 2), Err(QuantizeError::Degenerate(_))));
        let alone: Vec<Vec<Vec<f32>>> = same.into_iter().map(|v| vec![v]).collect();
        assert!(matches!(discriminative_whitening("x", &alone, 2, 0.1), Err(QuantizeError::Data(_))));
    }
}

//! Exact scores.

/// Vectors that are scored in one go.
pub(crate) const LANES: usize = 4;

/// The exact scores of a query with four vectors: their inner products, to within a rounding of
/// `f32`, perhaps cut to [-1, 1]. A score must not depend on the other three vectors.
pub type ExactScore = fn(&[f32], [&[f32]; 4]) -> [f32; 4];

/// The cosines of unit vectors: sums in `f64`, each in order, cut to [-1, 1], so that they are the
/// same on every CPU. Four sums side by side take little longer than one, each of whose additions
/// waits for the one before.
#[must_use]
pub fn cosines(query: &[f32], vectors: [&[f32]; 4]) -> [f32; 4] {
    let mut sums = [0.0_f64; LANES];
    let [a, b, c, d] = vectors;
    for ((((&q, &a), &b), &c), &d) in query.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = f64::from(q);
        for (sum, value) in sums.iter_mut().zip([a, b, c, d]) {
            *sum += q * f64::from(value);
        }
    }
    #[allow(clippy::cast_possible_truncation)]
    sums.map(|sum| sum.clamp(-1.0, 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::data::{Random, cosine};

    #[test]
    fn four_cosines_are_those_of_one_at_a_time() {
        let mut random = Random(3);
        for dimension in [1, 2, 7, 64, 768] {
            let query = random.unit(dimension);
            let vectors = [(); 4].map(|()| random.unit(dimension));
            let together = cosines(&query, vectors.each_ref().map(Vec::as_slice));
            assert_eq!(together, vectors.each_ref().map(|v| cosine(&query, v)));
            assert_eq!(cosines(&query, [&query; 4])[3], cosine(&query, &query));
        }
    }
}

//! From the pooled vectors of a picture's passes to one vector.
//!
//! With `pool` the pooled vector of one pass, `L2` the scaling to unit norm, `sqrt` the signed square root and `W` the
//! whitening of the profile (nothing, where the model has none):
//!
//! ```text
//! whitened(x) = L2(W(L2(sqrt(L2(x)))))
//! fast = whitened(pool(whole image))
//! nip  = whitened(max over four quarter turns of pool(turned whole image))
//! rnip = L2(L2(mean over sub-images of whitened(pool(sub-image))) + 0.6 nip)
//! ```
//!
//! In `rnip` each sub-image is whitened before the mean: what is common to most pictures then does not drown what a single
//! sub-image shows (compare the regional vectors of G. Tolias, R. Sicre, H. Jégou, "Particular object retrieval with integral
//! max-pooling of CNN activations", arXiv 1511.05879). Its `nip` is whitened by the same map, that of `rnip`.

use super::pooling::{Whitener, add, maximum, normalize, signed_square_root, uniform_if_zero};
use crate::domain::Profile;

/// Passes over the whole image, which come first: its four quarter turns, the upright one among them. Sub-images follow.
pub const WHOLE_PASSES: usize = 4;

/// The part of the whole image beside the sub-images: chosen by measurement, see `docs/benchmarks/`.
const WHOLE_WEIGHT: f32 = 0.6;

/// The vector of `profile`, of the pooled vectors of its passes (see [`super::AsicExtractor::inputs`]) or of those of a
/// dearer profile: unit norm. It has the length of the whitening's output, without a whitening that of a pooled vector.
///
/// # Panics
/// If there are fewer passes than the profile has, or a pooled vector is not as long as the whitening takes.
#[must_use]
pub fn combine(passes: &[Vec<f32>], profile: Profile, whitener: Option<&Whitener>) -> Vec<f32> {
    let mut whole = passes[0].clone();
    if profile != Profile::Fast {
        passes[1..WHOLE_PASSES].iter().for_each(|turned| maximum(&mut whole, turned));
    }
    let mut vector = whitened(whole, whitener);
    if profile == Profile::Rnip {
        let mut parts = vec![0f32; vector.len()];
        for part in &passes[WHOLE_PASSES..] {
            add(&mut parts, &whitened(part.clone(), whitener));
        }
        // Dividing the sum by the number of sub-images would change nothing: only its direction counts.
        normalize(&mut parts);
        for value in &mut vector {
            *value *= WHOLE_WEIGHT;
        }
        add(&mut vector, &parts);
        normalize(&mut vector);
    }
    uniform_if_zero(&mut vector);
    vector
}

/// A pooled vector as a whitening takes it: unit norm, the square root of each value, unit norm.
#[must_use]
pub fn flattened(mut pooled: Vec<f32>) -> Vec<f32> {
    normalize(&mut pooled);
    signed_square_root(&mut pooled);
    pooled
}

fn whitened(pooled: Vec<f32>, whitener: Option<&Whitener>) -> Vec<f32> {
    let flat = flattened(pooled);
    let Some(whitener) = whitener else { return flat };
    let mut values = whitener.apply(&flat);
    normalize(&mut values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asic::Whitening;

    fn passes() -> Vec<Vec<f32>> {
        vec![vec![4.0, 0.0], vec![1.0, 1.0], vec![0.0, 0.0], vec![0.0, 4.0], vec![9.0, 0.0], vec![0.0, 1.0]]
    }

    fn close(left: &[f32], right: &[f32]) -> bool {
        left.len() == right.len() && left.iter().zip(right).all(|(l, r)| (l - r).abs() < 1e-6)
    }

    #[test]
    fn each_profile_takes_its_passes() {
        assert!(close(&combine(&passes()[..1], Profile::Fast, None), &[1.0, 0.0]));
        let diagonal = [0.5_f32.sqrt(); 2];
        assert!(close(&combine(&passes()[..4], Profile::Nip, None), &diagonal));
        assert!(close(&combine(&passes(), Profile::Nip, None), &diagonal), "passes of a dearer profile change nothing");
        assert!(close(&combine(&passes(), Profile::Rnip, None), &diagonal));
    }

    #[test]
    fn sub_images_are_whitened_one_by_one() {
        // Swaps the two values and blows the first one up.
        let swap = Whitening { name: "rnip".into(), mean: vec![0.0; 2], components: vec![0.0, 3.0, 1.0, 0.0] };
        let whitener = Whitener::new(&swap);
        assert!(close(&combine(&passes()[..1], Profile::Fast, Some(&whitener)), &[0.0, 1.0]));
        // The sub-images become (0, 1) and (1, 0): their mean is the diagonal. The whole, (1, 1)/sqrt 2, becomes (3, 1)/sqrt 10.
        let (diagonal, ten) = (0.5_f32.sqrt(), 10_f32.sqrt());
        let sum = [diagonal + 0.6 * 3.0 / ten, diagonal + 0.6 / ten];
        let norm = sum[0].hypot(sum[1]);
        assert!(close(&combine(&passes(), Profile::Rnip, Some(&whitener)), &[sum[0] / norm, sum[1] / norm]));
    }

    #[test]
    fn a_picture_that_excites_nothing_has_a_direction() {
        assert!(close(&combine(&vec![vec![0.0; 4]; 6], Profile::Rnip, None), &[0.5; 4]));
    }
}

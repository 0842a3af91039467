//! How the channels between two layers share the steps of the activations.
//!
//! A channel may be scaled by a factor and the next layer's weights for it by its inverse without a
//! change of the network (M. Nagel et al., "Data-free quantization through weight equalization and
//! bias correction", arXiv 1906.04721); on the chip the factor is part of the channel's multiplier.
//! Rounding gives each weight of the next layer about the same error, proportional to the weights'
//! root mean square. With `v` for the mean square of a channel's activations and `w` for that of
//! the next layer's weights for it, the error in the next layer's sums is then proportional to
//! `sum(v / f^2) sum(w f^2)`, which is least where `f^2` is proportional to `sqrt(v / w)`
//! (Cauchy-Schwarz). Channels of small activations get finer steps by the same factors.

use super::float::FloatConv;

/// Factors lie within 1 over this and this: small multipliers are coarse.
const LARGEST_FACTOR: f64 = 2.5;

/// A channel's mean square counts as at least this part of the mean over all channels.
const FLOOR: f64 = 1e-4;

/// The factors of a layer's output channels.
pub(super) struct Scaling {
    /// A step of the channel is worth the layer's step times this.
    pub(super) factors: Vec<f32>,
    /// What a squared error of one step of the channel costs the next layer, relative to others.
    pub(super) weights: Vec<f32>,
}

impl Scaling {
    /// The same for every channel.
    pub(super) fn even(channels: usize) -> Self {
        Self { factors: vec![1.0; channels], weights: vec![1.0; channels] }
    }

    /// For the layer that takes these channels, from their sums before the ReLU,
    /// `[positions][channels]`.
    pub(super) fn for_next(next: &FloatConv, sums: &[f32]) -> Self {
        let channels = next.cin;
        let mut strength = vec![0.0_f64; channels];
        for (i, weights) in next.weights.chunks_exact(next.cout).enumerate() {
            strength[i % channels] += weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
        }
        let mut power = vec![0.0_f64; channels];
        for row in sums.chunks_exact(channels) {
            for (power, y) in power.iter_mut().zip(row) {
                *power += f64::from(y.max(0.0)).powi(2);
            }
        }
        let (strength, power) = (relative_to_mean(strength), relative_to_mean(power));
        let factor =
            |(w, v): (&f64, &f64)| (v.powf(0.25) / w.powf(0.25)).clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR) as f32;
        let factors: Vec<f32> = strength.iter().zip(&power).map(factor).collect();
        let weights = strength.iter().zip(&factors).map(|(w, f)| *w as f32 * f * f).collect();
        Self { factors, weights }
    }

    /// Turns sums `[positions][channels]` into units of the factors.
    pub(super) fn apply(&self, sums: &mut [f32]) {
        for row in sums.chunks_exact_mut(self.factors.len()) {
            for (sum, factor) in row.iter_mut().zip(&self.factors) {
                *sum /= factor;
            }
        }
    }
}

fn relative_to_mean(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    for value in &mut values {
        *value = if mean > 0.0 { (*value / mean).max(FLOOR) } else { 1.0 };
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::Random;

    /// The next layer's rounding error but for a constant.
    fn cost(v: &[f64], w: &[f64], factors: &[f64]) -> f64 {
        let of = |values: &[f64], sign: i32| -> f64 {
            values.iter().zip(factors).map(|(value, f)| value * f.powi(2 * sign)).sum()
        };
        of(v, -1) * of(w, 1)
    }

    #[test]
    fn the_factors_are_those_of_the_least_error() {
        let mut random = Random::new(3);
        let (cin, cout) = (5, 4);
        let amplitude: Vec<f32> = (0..cin).map(|_| 0.7 + 0.6 * random.uniform() as f32).collect();
        let weights: Vec<f32> =
            (0..9 * cin * cout).map(|i| (0.6 + 0.2 * (i / cout % cin) as f32) * random.normal()).collect();
        let next = FloatConv { name: "next".into(), cin, cout, weights, bias: vec![0.0; cout], pool: false };
        let sums: Vec<f32> = (0..cin * 2000).map(|i| amplitude[i % cin] * random.normal()).collect();
        let scaling = Scaling::for_next(&next, &sums);

        let mean_square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
        let v: Vec<f64> =
            (0..cin).map(|c| mean_square(&mut sums.iter().skip(c).step_by(cin).map(|y| y.max(0.0)))).collect();
        let w: Vec<f64> = (0..cin)
            .map(|c| {
                mean_square(&mut (0..9).flat_map(|tap| {
                    let start = (tap * cin + c) * cout;
                    next.weights[start..start + cout].to_vec()
                }))
            })
            .collect();
        let factors: Vec<f64> = scaling.factors.iter().map(|&f| f64::from(f)).collect();
        let least = cost(&v, &w, &factors);
        assert!(least < 0.999 * cost(&v, &w, &vec![1.0; cin]));
        for c in 0..cin {
            for change in [0.9, 1.1] {
                let mut other = factors.clone();
                other[c] *= change;
                assert!(cost(&v, &w, &other) > least, "channel {c} times {change}");
            }
        }
    }

    #[test]
    fn a_channel_that_is_never_active_gets_a_factor_in_range() {
        let next =
            FloatConv { name: "n".into(), cin: 2, cout: 1, weights: vec![1.0; 18], bias: vec![0.0], pool: false };
        let scaling = Scaling::for_next(&next, &[1.0, -1.0, 2.0, -3.0]);
        assert_eq!(scaling.factors[1], (1.0 / LARGEST_FACTOR) as f32);
        assert!(scaling.factors[0] > 1.0);
        let silent = Scaling::for_next(&next, &[-1.0, -1.0]);
        assert_eq!(silent.factors, [1.0, 1.0]);
        let mut sums = vec![3.0, 4.0, 5.0, 6.0];
        Scaling { factors: vec![2.0, 4.0], weights: Vec::new() }.apply(&mut sums);
        assert_eq!(sums, [1.5, 1.0, 2.5, 1.5]);
    }
}

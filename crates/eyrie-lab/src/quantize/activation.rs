//! The step of a layer's 5-bit activations.

use rayon::prelude::*;

/// The largest activation.
const MAX: f32 = 31.0;

/// Steps that are tried, from the largest sum's down by this factor each.
const TRIALS: usize = 56;
const FACTOR: f32 = 0.95;

/// The step (the real value of activation 1) with the least squared error between the ReLU of the
/// float sums and the quantised layer's 5-bit activations times the step, each channel's weighted.
/// Both are pairs of the same positions, `[positions][channels]`.
pub(super) fn best_step(float: &[f32], quantised: &[f32], weights: &[f32]) -> f32 {
    let largest = quantised.iter().chain(float).copied().fold(0.0_f32, f32::max);
    if largest <= 0.0 {
        // A layer that is never active: any step describes it.
        return 1.0 / MAX;
    }
    let error = |step: f32| -> f64 {
        let inverse = 1.0 / step;
        float
            .chunks(weights.len())
            .zip(quantised.chunks(weights.len()))
            .map(|(float, quantised)| {
                let sum: f32 = float
                    .iter()
                    .zip(quantised)
                    .zip(weights)
                    .map(|((y, q), weight)| {
                        let rest = y.max(0.0) - step * (q * inverse).round_ties_even().clamp(0.0, MAX);
                        weight * rest * rest
                    })
                    .sum();
                f64::from(sum)
            })
            .sum()
    };
    let search = |steps: Vec<f32>| -> f32 {
        let errors: Vec<f64> = steps.par_iter().map(|&step| error(step)).collect();
        let best = (0..steps.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
        steps[best]
    };
    let coarse = search((0..TRIALS).map(|i| largest / MAX * FACTOR.powi(i as i32)).collect());
    search((-8..=8).map(|i| coarse * (1.0 + 0.006 * i as f32)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::Random;

    #[test]
    fn values_on_a_grid_get_its_step() {
        let mut random = Random::new(5);
        let values: Vec<f32> = (0..20_000).map(|_| (random.bits() % 36) as f32 * 0.25 - 1.0).collect();
        let float: Vec<f32> = values.iter().map(|v| v.max(0.0)).collect();
        let step = best_step(&float, &values, &[1.0]);
        assert!((step - 0.25).abs() < 0.01, "{step}");
    }

    #[test]
    fn a_rare_outlier_is_cut_off_where_the_squared_error_is_least() {
        let mut random = Random::new(6);
        let mut values: Vec<f32> = (0..20_000).map(|_| random.normal()).collect();
        values[7] = 20.0;
        let step = f64::from(best_step(&values, &values, &[1.0]));
        assert!(step * 31.0 < 20.0, "the cap is {}", step * 31.0);
        // The definition, in f64 and over a grid of steps that is finer than the search's.
        let error = |step: f64| -> f64 {
            let rest = |v: f64| v.max(0.0) - step * (v / step).round_ties_even().clamp(0.0, 31.0);
            values.iter().map(|&v| rest(f64::from(v)).powi(2)).sum()
        };
        let least = (1..=2000).map(|i| error(20.0 / 31.0 * f64::from(i) / 2000.0)).fold(f64::INFINITY, f64::min);
        assert!(error(step) <= 1.005 * least, "{} against {least}", error(step));
    }
}

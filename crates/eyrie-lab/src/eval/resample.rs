//! How sure a figure is: bootstrap intervals, and a paired test between two systems.
//!
//! Both resample queries and take them as independent of each other; where several queries show the
//! same object, the truth is a little less certain than they say. Seeds are fixed: the same
//! outcomes give the same numbers.

use serde::{Deserialize, Serialize};

use super::metrics::{Figures, Outcome};
use eyrie_chip::Random;

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 2000;
/// Random sign patterns of the paired test, where all cannot be tried.
pub const PERMUTATIONS: usize = 20_000;
/// Up to this many queries that differ, the paired test tries all `2^n` patterns.
const EXACT_UP_TO: usize = 14;

const SEED: u64 = 0x5eed;

/// The middle 95 % of a normal distribution reach so many deviations to either side.
const NORMAL_95: f64 = 1.959_964;

/// The lower and upper end of a 95 % interval.
pub type Interval = [f64; 2];

/// The ends of the interval that holds the middle 95 % of `values`: with 2,000 values the 51st from
/// either side (percentile bootstrap, B. Efron and R. Tibshirani, "An Introduction to the
/// Bootstrap", 1993, chapter 13).
fn middle_95(mut values: Vec<f64>) -> Interval {
    if values.is_empty() {
        return [0.0; 2];
    }
    values.sort_unstable_by(f64::total_cmp);
    let cut = values.len() / 40;
    [values[cut], values[values.len() - 1 - cut]]
}

/// The 95 % interval of a share of which `right` of `all` were counted (E. B. Wilson, "Probable
/// Inference, the Law of Succession, and Statistical Inference", 1927); `[0, 1]` of none.
#[must_use]
pub fn interval_of_share(right: usize, all: usize) -> Interval {
    if all == 0 {
        return [0.0, 1.0];
    }
    let (n, share, z2) = (all as f64, right as f64 / all as f64, NORMAL_95 * NORMAL_95);
    let middle = share + z2 / (2.0 * n);
    let reach = NORMAL_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    [(middle - reach) / (1.0 + z2 / n), (middle + reach) / (1.0 + z2 / n)].map(|end| end.clamp(0.0, 1.0))
}

/// 95 % intervals of the four figures, in the order of [`Figures::as_array`], over [`RESAMPLES`]
/// draws of as many queries with replacement.
#[must_use]
pub fn intervals(outcomes: &[&Outcome]) -> [Interval; 4] {
    if outcomes.is_empty() {
        return [[0.0; 2]; 4];
    }
    let mut random = Random::new(SEED);
    let mut columns: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::with_capacity(RESAMPLES));
    for _ in 0..RESAMPLES {
        let drawn: Vec<&Outcome> = (0..outcomes.len()).map(|_| outcomes[random.below(outcomes.len())]).collect();
        for (column, value) in columns.iter_mut().zip(Figures::of(drawn.iter().copied()).as_array()) {
            column.push(value);
        }
    }
    columns.map(middle_95)
}

/// A paired comparison of the average precision of two systems on the same queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Queries that both answered.
    pub queries: usize,
    /// Mean of the first system's AP less that of the second.
    pub difference: f64,
    /// Its 95 % bootstrap interval.
    pub interval: Interval,
    /// Two-sided p-value: how often random signs give a mean at least as far from zero.
    pub p_value: f64,
    /// Queries on which the first is better, and worse.
    pub better_worse: [usize; 2],
}

/// Compares by the differences of the queries' AP. The p-value is that of the sign-flip permutation
/// test (R. A. Fisher, "The Design of Experiments", 1935, section 21): if the systems were equal,
/// each difference could as well have the other sign. All patterns are tried where few queries
/// differ, else [`PERMUTATIONS`] random ones, and then the observed one is counted among them: `(1
/// + extreme) / (1 + tried)`.
#[must_use]
pub fn paired(differences: &[f64]) -> Paired {
    let count = differences.len();
    let mean = differences.iter().sum::<f64>() / count.max(1) as f64;
    let mut random = Random::new(SEED);
    let resampled = (0..if count == 0 { 0 } else { RESAMPLES })
        .map(|_| (0..count).map(|_| differences[random.below(count)]).sum::<f64>() / count as f64)
        .collect();
    Paired {
        queries: count,
        difference: mean,
        interval: middle_95(resampled),
        p_value: sign_flip_p(differences),
        better_worse: [
            differences.iter().filter(|d| **d > 0.0).count(),
            differences.iter().filter(|d| **d < 0.0).count(),
        ],
    }
}

fn sign_flip_p(differences: &[f64]) -> f64 {
    // A zero has no sign: it changes no sum.
    let sizes: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if sizes.is_empty() {
        return 1.0;
    }
    // Sums of the same numbers in another order may differ in their last bits.
    let observed = sizes.iter().sum::<f64>().abs() * (1.0 - 1e-12) - 1e-15;
    let mut random = Random::new(SEED);
    if sizes.len() <= EXACT_UP_TO {
        let patterns = 1_u64 << sizes.len();
        let extreme = (0..patterns).filter(|&pattern| flipped(&sizes, || pattern).abs() >= observed).count();
        return extreme as f64 / patterns as f64;
    }
    let extreme = (0..PERMUTATIONS).filter(|_| flipped(&sizes, || random.bits()).abs() >= observed).count();
    (1 + extreme) as f64 / (1 + PERMUTATIONS) as f64
}

/// The sum after some signs are flipped: those whose bit is not set. `bits` gives the signs of 64
/// values at a time.
fn flipped(sizes: &[f64], mut bits: impl FnMut() -> u64) -> f64 {
    let block = |block: &[f64]| {
        let bits = bits();
        block.iter().enumerate().map(|(at, d)| if bits >> at & 1 == 1 { *d } else { -*d }).sum::<f64>()
    };
    sizes.chunks(64).map(block).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Worked by hand: 8 of 10 gives (0.8 + 0.19207) -+ 0.30412, over 1.38415.
        let [low, high] = interval_of_share(8, 10);
        assert!((low - 0.49016).abs() < 1e-4 && (high - 0.94331).abs() < 1e-4, "{low} {high}");
        assert_eq!(interval_of_share(0, 0), [0.0, 1.0]);
        assert_eq!((interval_of_share(0, 5)[0], interval_of_share(5, 5)[1]), (0.0, 1.0));
    }

    #[test]
    fn the_middle_95_percent_leaves_out_one_in_forty_on_either_side() {
        assert_eq!(middle_95((0..2000).rev().map(f64::from).collect()), [50.0, 1949.0]);
        assert_eq!(middle_95(vec![3.0]), [3.0, 3.0]);
        assert_eq!(middle_95(Vec::new()), [0.0, 0.0]);
    }

    #[test]
    fn an_interval_holds_its_figure_and_is_as_wide_as_theory_says() {
        // 100 queries, 40 of them right at once: the deviation of R@1 is sqrt(0.4 * 0.6 / 100) =
        // 0.049.
        let outcomes: Vec<Outcome> =
            (0..100).map(|i| Outcome { ranks: vec![if i % 5 < 2 { 1 } else { 20 }], top_score: 0.5 }).collect();
        let outcomes: Vec<&Outcome> = outcomes.iter().collect();
        let [_, [low, high], ten, _] = intervals(&outcomes);
        assert!(
            (low - (0.4 - 1.96 * 0.049)).abs() < 0.021 && (high - (0.4 + 1.96 * 0.049)).abs() < 0.021,
            "{low} {high}"
        );
        assert_eq!(ten, [low, high], "rank 20 is outside the first ten too");
        assert_eq!(intervals(&outcomes), intervals(&outcomes));
    }

    #[test]
    fn equal_outcomes_have_an_interval_of_no_width() {
        let outcome = Outcome { ranks: vec![2], top_score: 0.1 };
        assert_eq!(intervals(&[&outcome; 7])[0], [0.5, 0.5]);
        assert_eq!(intervals(&[])[0], [0.0, 0.0]);
    }

    #[test]
    fn few_differences_are_tested_exactly_as_worked_by_hand() {
        // Of the 8 sign patterns of 1 1 1 two are as extreme as the sum 3.
        assert_eq!(paired(&[1.0, 1.0, 1.0]).p_value, 0.25);
        // Sums of +-0.1 +-0.2 +-0.3: |0.6| twice, the observed |0.1 + 0.2 - 0.3| = 0 is reached by
        // all.
        assert_eq!(paired(&[0.1, 0.2, -0.3]).p_value, 1.0);
        // 0.5 + 0.1 - 0.2 = 0.4: of 8 patterns, |0.8|, |0.6|, |0.4| are reached by two each.
        assert_eq!(paired(&[0.5, 0.1, -0.2]).p_value, 0.75);
        // Zeros say nothing.
        assert_eq!(paired(&[1.0, 0.0, 1.0, 1.0, 0.0]).p_value, 0.25);
        assert_eq!(paired(&[0.0, 0.0]).p_value, 1.0);
        assert_eq!(paired(&[]).p_value, 1.0);
    }

    #[test]
    fn many_differences_are_tested_by_random_signs() {
        let clear: Vec<f64> = (0..100).map(|i| 0.1 + f64::from(i) * 1e-3).collect();
        let test = paired(&clear);
        assert!((test.p_value - 1.0 / 20_001.0).abs() < 1e-12);
        assert_eq!(test.better_worse, [100, 0]);
        assert!(test.interval[0] > 0.1 && test.interval[0] < test.difference && test.difference < test.interval[1]);
        // 60 against 40 of 100 equal differences: a two-sided sign test gives 0.057.
        let even: Vec<f64> = (0..100).map(|i| if i < 60 { 0.1 } else { -0.1 }).collect();
        let p = paired(&even).p_value;
        assert!((p - 0.057).abs() < 0.01, "{p}");
        assert_eq!(p, paired(&even).p_value);
    }
}

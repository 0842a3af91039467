//! Figures of merit of ranked answers.
//!
//! A query has one right answer or more; an answer is the whole gallery in order of falling score,
//! ties by rising id. All figures lie between 0 and 1, more is better. With `n` right answers at
//! the ranks `r_1 < ... < r_n`, counted from 1:
//!
//! | figure | of a query | of many |
//! |---|---|---|
//! | mAP | `AP = (1/r_1 + 2/r_2 + ... + n/r_n) / n` | mean |
//! | R@k | 1 where `r_1 <= k`, else 0 | mean |
//! | R@P1 | | see [`recall_at_full_precision`] |
//!
//! AP is the average precision without interpolation (C. D. Manning, P. Raghavan, H. Schütze,
//! "Introduction to Information Retrieval", 2008, section 8.4); with one right answer it is the
//! reciprocal rank. R@k is the share of queries with a right answer among the first k, as in
//! benchmarks of instance retrieval.

use serde::{Deserialize, Serialize};

/// What the figures need to know of one answered query.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Ranks of the right answers, rising, from 1; at least one.
    pub ranks: Vec<usize>,
    /// How sure the first answer is: its cosine, or what a second look makes of it.
    pub top_score: f32,
}

impl Outcome {
    /// The average precision, above 0 and up to 1.
    #[must_use]
    pub fn average_precision(&self) -> f64 {
        average_precision(&self.ranks)
    }

    /// The rank of the best right answer, from 1.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.ranks.first().copied().unwrap_or(usize::MAX)
    }

    /// The rank of the first wrong answer, from 1: how many results, this one with them, somebody
    /// looks at until one is wrong.
    #[must_use]
    pub fn first_miss(&self) -> usize {
        1 + self.ranks.iter().zip(1..).take_while(|&(&rank, place)| rank == place).count()
    }

    /// Whether the first answer is right.
    #[must_use]
    pub fn top_is_right(&self) -> bool {
        self.rank() == 1
    }
}

/// The average precision of a query whose right answers have these ranks (rising, from 1); 0 where
/// there is none.
#[must_use]
pub fn average_precision(ranks: &[usize]) -> f64 {
    if ranks.is_empty() {
        return 0.0;
    }
    let precisions = ranks.iter().enumerate().map(|(before, &rank)| (before + 1) as f64 / rank as f64);
    precisions.sum::<f64>() / ranks.len() as f64
}

/// The largest share of queries that can be answered without an error: those whose first answer is
/// right and has a higher score than every first answer that is wrong. A right answer with just the
/// score of a wrong one does not count.
#[must_use]
pub fn recall_at_full_precision<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> f64 {
    let threshold =
        outcomes.clone().filter(|o| !o.top_is_right()).map(|o| o.top_score).fold(f32::NEG_INFINITY, f32::max);
    let (mut answered, mut all) = (0_usize, 0_usize);
    for outcome in outcomes {
        all += 1;
        answered += usize::from(outcome.top_is_right() && outcome.top_score > threshold);
    }
    if all == 0 { 0.0 } else { answered as f64 / all as f64 }
}

/// The four figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean average precision.
    #[serde(rename = "mAP")]
    pub map: f64,
    /// Share of queries whose first answer is right.
    #[serde(rename = "R@1")]
    pub recall_1: f64,
    /// Share of queries with a right answer among the first ten.
    #[serde(rename = "R@10")]
    pub recall_10: f64,
    /// Recall at precision 1.
    #[serde(rename = "R@P1")]
    pub recall_full_precision: f64,
}

impl Figures {
    /// The figures of these queries; zeros where there is none.
    #[must_use]
    pub fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Self {
        let (mut count, mut map, mut first, mut ten) = (0_usize, 0.0, 0_usize, 0_usize);
        for outcome in outcomes.clone() {
            count += 1;
            map += outcome.average_precision();
            first += usize::from(outcome.rank() <= 1);
            ten += usize::from(outcome.rank() <= 10);
        }
        let all = count.max(1) as f64;
        Self {
            map: map / all,
            recall_1: first as f64 / all,
            recall_10: ten as f64 / all,
            recall_full_precision: recall_at_full_precision(outcomes),
        }
    }

    /// The figures in the order of their fields.
    #[must_use]
    pub fn as_array(&self) -> [f64; 4] {
        [self.map, self.recall_1, self.recall_10, self.recall_full_precision]
    }

    /// The reverse of [`Figures::as_array`].
    #[must_use]
    pub fn from_array([map, recall_1, recall_10, recall_full_precision]: [f64; 4]) -> Self {
        Self { map, recall_1, recall_10, recall_full_precision }
    }
}

/// R@k: the share of queries with a right answer among the first `k`; 0 where there is no query.
#[must_use]
pub fn recall_at(ranks: &[usize], k: usize) -> f64 {
    ranks.iter().filter(|&&rank| rank <= k).count() as f64 / ranks.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ranks: &[usize], top_score: f32) -> Outcome {
        Outcome { ranks: ranks.to_vec(), top_score }
    }

    #[test]
    fn average_precision_of_one_right_answer_is_the_reciprocal_rank() {
        assert_eq!(average_precision(&[1]), 1.0);
        assert_eq!(average_precision(&[4]), 0.25);
        assert_eq!(average_precision(&[]), 0.0);
    }

    #[test]
    fn average_precision_of_several_right_answers_as_worked_by_hand() {
        assert_eq!(average_precision(&[1, 2, 3]), 1.0);
        // (1/1 + 2/3 + 3/6) / 3 = (1 + 0.6667 + 0.5) / 3
        assert!((average_precision(&[1, 3, 6]) - 13.0 / 18.0).abs() < 1e-12);
        // (1/2 + 2/4) / 2
        assert_eq!(average_precision(&[2, 4]), 0.5);
    }

    #[test]
    fn the_first_miss_follows_the_right_answers_at_the_top() {
        let first_miss = |ranks: &[usize]| outcome(ranks, 0.0).first_miss();
        assert_eq!([&[1, 2, 5][..], &[1, 2], &[3], &[2, 3]].map(first_miss), [3, 3, 1, 1]);
    }

    #[test]
    fn figures_of_four_queries_as_worked_by_hand() {
        let outcomes = [outcome(&[1], 0.9), outcome(&[2], 0.5), outcome(&[1, 4], 0.4), outcome(&[20], 0.3)];
        let figures = Figures::of(outcomes.iter());
        // AP: 1, 1/2, (1 + 2/4) / 2 = 3/4, 1/20; sum 2.3
        assert!((figures.map - 2.3 / 4.0).abs() < 1e-12);
        assert_eq!(figures.recall_1, 0.5);
        assert_eq!(figures.recall_10, 0.75);
        // The wrong answers reach 0.5: of the right ones only that with 0.9 is above.
        assert_eq!(figures.recall_full_precision, 0.25);
        assert_eq!(Figures::from_array(figures.as_array()), figures);
    }

    #[test]
    fn a_right_answer_with_the_score_of_a_wrong_one_is_not_certain() {
        let outcomes = [outcome(&[1], 0.5), outcome(&[2], 0.5), outcome(&[1], 0.6)];
        assert!((recall_at_full_precision(outcomes.iter()) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn without_a_wrong_first_answer_every_query_is_certain() {
        let outcomes = [outcome(&[1], -0.2), outcome(&[1, 7], 0.1)];
        assert_eq!(recall_at_full_precision(outcomes.iter()), 1.0);
        assert_eq!(recall_at_full_precision([].iter()), 0.0);
    }

    #[test]
    fn recall_grows_with_k() {
        let ranks = [1, 3, 3, 50];
        assert_eq!([1, 2, 3, 49, 50].map(|k| recall_at(&ranks, k)), [0.25, 0.25, 0.75, 0.75, 1.0]);
        assert_eq!(recall_at(&[], 5), 0.0);
    }
}

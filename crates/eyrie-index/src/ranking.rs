//! The order of results, and the best `k` of a stream of scores.

use std::cmp::Ordering;

use crate::Neighbor;

/// Falling score, then rising key. Scores are finite, so the comparison of floats never fails; it
/// also takes 0 and -0 as equal, which `total_cmp` would not.
pub(crate) fn order(a: &Neighbor, b: &Neighbor) -> Ordering {
    b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal).then_with(|| a.key.cmp(&b.key))
}

/// Keeps the best `k` of what is pushed and all that tie with the last of them, in memory for about
/// twice as many.
pub struct TopK {
    k: usize,
    /// So many are kept before the worst are dropped.
    limit: usize,
    /// A score that `k` others reach already: what is below it can be dropped.
    floor: f32,
    best: Vec<Neighbor>,
}

/// No fewer are kept between two cuts.
const LEAST_LIMIT: usize = 16;

impl TopK {
    /// For the best `k`; 0 keeps nothing.
    #[must_use]
    pub fn new(k: usize) -> Self {
        // The first cut comes with the k-th result, so that there is a floor from then on.
        Self { k, limit: k.max(1), floor: f32::NEG_INFINITY, best: Vec::new() }
    }

    /// No result below this score is wanted any more.
    pub(crate) fn floor(&self) -> f32 {
        if self.k == 0 { f32::INFINITY } else { self.floor }
    }

    /// Takes a score, which must be finite, and its key.
    pub fn push(&mut self, score: f32, key: u64) {
        if self.k == 0 || score < self.floor {
            return;
        }
        self.best.push(Neighbor { key, score });
        if self.best.len() >= self.limit {
            self.cut();
            // Where many tie, a cut drops few: the next one comes when there are more by a quarter.
            self.limit = self.best.len() + (self.best.len() / 4).max(LEAST_LIMIT);
        }
    }

    fn cut(&mut self) {
        if self.best.len() >= self.k {
            let (_, last, _) = self.best.select_nth_unstable_by(self.k - 1, order);
            let floor = last.score;
            self.floor = floor;
            self.best.retain(|neighbor| neighbor.score >= floor);
        }
    }

    /// The best, in order.
    #[must_use]
    pub fn into_neighbors(mut self) -> Vec<Neighbor> {
        if self.k > 0 {
            self.cut();
        }
        self.best.sort_unstable_by(order);
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_k_and_what_ties_with_the_last_equal_those_of_a_full_sort() {
        let score = |i: u64| ((i * 7919) % 101) as f32 / 101.0;
        for k in [0, 1, 2, 100, 255, 256, 2999, 3000, 4000, usize::MAX] {
            let mut top = TopK::new(k);
            (0..3000).for_each(|i| top.push(score(i), i));
            let mut all: Vec<_> = (0..3000).map(|i| Neighbor { key: i, score: score(i) }).collect();
            all.sort_by(order);
            let floor = k.checked_sub(1).map(|last| all.get(last).map_or(f32::NEG_INFINITY, |n| n.score));
            all.retain(|neighbor| floor.is_some_and(|floor| neighbor.score >= floor));
            assert_eq!(top.into_neighbors(), all, "k = {k}");
        }
    }

    #[test]
    fn all_of_many_that_tie_are_kept() {
        let mut top = TopK::new(3);
        (0..10_000).for_each(|i| top.push(0.5, i));
        (10_000..10_002).for_each(|i| top.push(0.75, i));
        (20_000..30_000).for_each(|i| top.push(0.25, i));
        assert_eq!(top.into_neighbors().len(), 10_002);
        let mut top = TopK::new(2);
        (0..10_000).for_each(|i| top.push(0.5, i));
        (10_000..10_002).for_each(|i| top.push(0.75, i));
        assert_eq!(top.into_neighbors().len(), 2);
    }

    #[test]
    fn zero_and_minus_zero_tie_and_the_lower_key_comes_first() {
        let mut top = TopK::new(1);
        top.push(0.0, 2);
        top.push(-0.0, 1);
        assert_eq!(top.into_neighbors().iter().map(|n| n.key).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_floor_is_the_worst_score_that_can_still_be_a_result() {
        let mut top = TopK::new(2);
        assert_eq!(top.floor(), f32::NEG_INFINITY);
        top.push(0.5, 1);
        top.push(0.25, 2);
        assert_eq!(top.floor(), 0.25);
        assert_eq!(TopK::new(0).floor(), f32::INFINITY);
    }
}

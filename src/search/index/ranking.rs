//! The order of results, and the best `k` of a stream of scores.

use std::cmp::Ordering;

use crate::domain::{ImageId, Neighbor};

/// Falling score, then rising id. Scores are finite, so the comparison of floats never fails; it also takes 0 and -0
/// as equal, which `total_cmp` would not.
fn order(a: &(f32, &ImageId), b: &(f32, &ImageId)) -> Ordering {
    b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then_with(|| a.1.cmp(b.1))
}

/// Keeps the best `k` of what is pushed, in memory for about `2 k` of them.
pub(super) struct TopK<'a> {
    k: usize,
    limit: usize,
    /// A score that `k` others reach already: what is below it can be dropped.
    floor: f32,
    best: Vec<(f32, &'a ImageId)>,
}

impl<'a> TopK<'a> {
    pub(super) fn new(k: usize) -> Self {
        Self { k, limit: k.saturating_mul(2).max(256), floor: f32::NEG_INFINITY, best: Vec::new() }
    }

    pub(super) fn push(&mut self, score: f32, id: &'a ImageId) {
        if self.k == 0 || score < self.floor {
            return;
        }
        self.best.push((score, id));
        if self.best.len() >= self.limit {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.best.len() > self.k {
            let (_, last, _) = self.best.select_nth_unstable_by(self.k - 1, order);
            self.floor = last.0;
            self.best.truncate(self.k);
        }
    }

    /// The best, in order.
    pub(super) fn into_neighbors(mut self) -> Vec<Neighbor> {
        if self.k > 0 {
            self.cut();
        }
        self.best.sort_unstable_by(order);
        self.best.into_iter().map(|(score, id)| Neighbor { id: id.clone(), score }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize) -> Vec<ImageId> {
        (0..n).map(|i| ImageId::new(format!("{i:05}")).expect("valid")).collect()
    }

    #[test]
    fn the_best_k_of_many_equal_those_of_a_full_sort() {
        let ids = ids(3000);
        let score = |i: usize| ((i * 7919) % 101) as f32 / 101.0;
        for k in [0, 1, 2, 100, 255, 256, 2999, 3000, 4000, usize::MAX] {
            let mut top = TopK::new(k);
            ids.iter().enumerate().for_each(|(i, id)| top.push(score(i), id));
            let mut all: Vec<_> = ids.iter().enumerate().map(|(i, id)| (score(i), id)).collect();
            all.sort_by(order);
            all.truncate(k);
            let got = top.into_neighbors();
            assert_eq!(got.iter().map(|n| (n.score, &n.id)).collect::<Vec<_>>(), all, "k = {k}");
        }
    }

    #[test]
    fn zero_and_minus_zero_tie_and_the_lower_id_comes_first() {
        let ids = ids(2);
        let mut top = TopK::new(2);
        top.push(0.0, &ids[1]);
        top.push(-0.0, &ids[0]);
        assert_eq!(top.into_neighbors()[0].id, ids[0]);
    }
}

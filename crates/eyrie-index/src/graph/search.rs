//! The search of one layer, and what it needs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use super::{Query, View};
use crate::points::{NONE, Slot};

/// Points that are followed through the layers above the lowest. With one, as in the paper, a
/// search comes down in the wrong one of many dense clusters now and then, and finds none of the
/// results: of a million vectors around 4,000 pictures 0.956 of the ten nearest were found at 32
/// candidates, and with eight 0.994, in 1.1 of the time.
pub(super) const BEAM: usize = 8;

/// A slot and its approximate score, ordered by the score, then by falling slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scored(u64);

impl Scored {
    /// `score` is finite.
    #[inline]
    pub(crate) fn new(score: f32, slot: Slot) -> Self {
        let bits = score.to_bits();
        // Floats order as integers do when the negative ones are flipped.
        let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        Self(u64::from(ordered) << 32 | u64::from(!slot))
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn slot(self) -> Slot {
        !(self.0 as u32)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn score(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
    }
}

/// A set of slots: an open table, small enough for the first levels of the cache.
struct Visited {
    table: Vec<Slot>,
    len: usize,
}

impl Visited {
    const LEAST: usize = 1 << 12;

    fn clear(&mut self) {
        if self.table.len() > Self::LEAST << 4 || self.table.is_empty() {
            self.table = vec![NONE; Self::LEAST];
        } else {
            self.table.fill(NONE);
        }
        self.len = 0;
    }

    /// `false` where it is there already.
    #[inline]
    fn insert(&mut self, slot: Slot) -> bool {
        let mask = self.table.len() - 1;
        let mut at = slot.wrapping_mul(0x9e37_79b1) as usize >> 7 & mask;
        loop {
            if self.table[at] == slot {
                return false;
            }
            if self.table[at] == NONE {
                break;
            }
            at = (at + 1) & mask;
        }
        self.table[at] = slot;
        self.len += 1;
        if self.len * 2 > self.table.len() {
            self.enlarge();
        }
        true
    }

    #[cold]
    fn enlarge(&mut self) {
        let larger = vec![NONE; self.table.len() * 4];
        let before = std::mem::replace(&mut self.table, larger);
        self.len = 0;
        before.into_iter().filter(|&slot| slot != NONE).for_each(|slot| _ = self.insert(slot));
    }
}

/// What one search at a time needs; used again and again, it allocates nothing.
pub(crate) struct Scratch {
    visited: Visited,
    candidates: BinaryHeap<Scored>,
    results: BinaryHeap<Reverse<Scored>>,
    pub(super) batch: Vec<Slot>,
    /// What the last search found, best first.
    pub(super) found: Vec<Scored>,
    pub(super) chosen: Vec<Scored>,
    pub(super) scored: Vec<Scored>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            visited: Visited { table: Vec::new(), len: 0 },
            candidates: BinaryHeap::new(),
            results: BinaryHeap::new(),
            batch: Vec::new(),
            found: Vec::new(),
            chosen: Vec::new(),
            scored: Vec::new(),
        }
    }
}

impl Scratch {
    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let slots = self.visited.table.capacity() + self.batch.capacity();
        let scored = self.candidates.capacity() + self.results.capacity() + self.found.capacity();
        slots * size_of::<Slot>() + (scored + self.chosen.capacity() + self.scored.capacity()) * size_of::<Scored>()
    }
}

/// When a search ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Results that are kept.
    pub(crate) ef: usize,
    /// Points that are looked at before the search is given up.
    pub(crate) visits: usize,
}

impl View<'_> {
    /// Up to `ef` slots near the query that `accept` takes, best first; what it does not take is
    /// passed through. `None` where the search was given up or the graph is empty.
    pub(crate) fn search<'s>(
        self,
        query: Query<'_>,
        limits: Limits,
        accept: impl Fn(Slot) -> bool,
        scratch: &'s mut Scratch,
    ) -> Option<&'s [Scored]> {
        let (entry, top) = self.graph.entry()?;
        scratch.found.clear();
        scratch.found.push(Scored::new(self.score(query, entry), entry));
        self.approach(query, 1..=top, scratch);
        self.search_layer(query, limits, 0, accept, scratch).then_some(&scratch.found)
    }

    /// Goes down through layers from where `scratch.found` says, and leaves there where the layer
    /// below is to be begun.
    pub(super) fn approach(self, query: Query<'_>, layers: RangeInclusive<usize>, scratch: &mut Scratch) {
        for layer in layers.rev() {
            self.search_layer(query, Limits { ef: BEAM, visits: usize::MAX }, layer, |_| true, scratch);
        }
    }

    /// Searches a layer from the slots in `scratch.found` and leaves there what it found, best
    /// first; `false` where it was given up.
    pub(super) fn search_layer(
        self,
        query: Query<'_>,
        limits: Limits,
        layer: usize,
        accept: impl Fn(Slot) -> bool,
        scratch: &mut Scratch,
    ) -> bool {
        let Scratch { visited, candidates, results, batch, found, .. } = scratch;
        let ef = limits.ef.max(1);
        visited.clear();
        candidates.clear();
        results.clear();
        for &start in found.iter() {
            visited.insert(start.slot());
            candidates.push(start);
            if accept(start.slot()) {
                results.push(Reverse(start));
            }
        }
        while results.len() > ef {
            results.pop();
        }
        // What is not better than the worst result of a full list is of no use.
        let worst = |results: &BinaryHeap<Reverse<Scored>>| {
            if results.len() < ef { Scored(0) } else { results.peek().map_or(Scored(0), |worst| worst.0) }
        };
        let mut bar = worst(results);
        while let Some(candidate) = candidates.pop() {
            if candidate < bar {
                break;
            }
            if visited.len > limits.visits {
                return false;
            }
            batch.clear();
            batch.extend(self.graph.links(candidate.slot(), layer).filter(|&link| visited.insert(link)));
            self.each_score(query, batch, |slot, score| {
                let scored = Scored::new(score, slot);
                if scored > bar {
                    candidates.push(scored);
                    if accept(slot) {
                        if results.len() >= ef {
                            results.pop();
                        }
                        results.push(Reverse(scored));
                        bar = worst(results);
                    }
                }
            });
        }
        found.clear();
        found.extend(results.drain().map(|result| result.0));
        found.sort_unstable_by(|a, b| b.cmp(a));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_order_as_floats_and_ties_by_rising_slot() {
        let scores = [-1.0, -0.5, -1e-30, 0.0, 1e-30, 0.25, 1.0];
        for pair in scores.windows(2) {
            assert!(Scored::new(pair[0], 7) < Scored::new(pair[1], 7));
        }
        assert!(Scored::new(0.5, 1) > Scored::new(0.5, 2));
        for score in scores {
            assert_eq!((Scored::new(score, 9).score(), Scored::new(score, 9).slot()), (score, 9));
        }
    }

    #[test]
    fn a_slot_is_new_once() {
        let mut visited = Visited { table: Vec::new(), len: 0 };
        for _ in 0..3 {
            visited.clear();
            assert!((0..20_000).all(|slot| visited.insert(slot * 128)));
            assert!((0..20_000).all(|slot| !visited.insert(slot * 128)));
            assert_eq!(visited.len, 20_000);
        }
    }
}

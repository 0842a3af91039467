//! One search: candidates by their codes, the best of them scored exactly.
//!
//! A search takes candidates from the graph and from the slots beside it. It scans instead where
//! that is faster (few points, a selective filter, many results), where it must (an exact search)
//! and where the graph finds too few. All this happens under the state's read lock.
//!
//! Then, without a lock, full vectors are read, best candidates first, until none that is left can
//! reach the `k` best: by the proven bound of [`codes`](crate::codes) where the search is exact or
//! few points or all of them were scanned, by the narrower margin elsewhere. A record that fails
//! its check belongs to a point that changed meanwhile, and the search is made again, or it is
//! damaged, and its keys are told.

use std::ops::Range;

use roaring::RoaringTreemap;

use crate::codes::{bound, check, encode, margin};
use crate::error::IndexError;
use crate::exact::LANES;
use crate::graph::{Limits, Query, Scored, Scratch};
use crate::points::{Slot, flag};
use crate::ranking::TopK;
use crate::shared::{Records, Shared};
use crate::state::State;
use crate::{Found, SearchParams};

/// Points that are scanned in the time that one more candidate costs in the graph.
const SCANNED_PER_CANDIDATE: usize = 16;
/// A filtered search of the graph that looks at one in so many of all points is given up.
const VISITED_SHARE: usize = 4;
/// How often a search is made again because points changed under it.
const TRIES: usize = 8;
/// Slots that are scored in one go.
const PIECE: usize = 1024;

/// A slot that may be among the best.
struct Candidate {
    /// Its exact score is at most this.
    most: f32,
    slot: Slot,
    check: u32,
    /// Its keys, in [`Candidates::keys`].
    keys: Range<usize>,
}

/// What the first half of a search hands to the second.
#[derive(Default)]
struct Candidates {
    list: Vec<Candidate>,
    keys: Vec<u64>,
}

/// What is looked for.
struct Sought<'a> {
    query: Query<'a>,
    residual: f32,
    k: usize,
    allowed: Option<&'a RoaringTreemap>,
}

impl Sought<'_> {
    fn allows(&self, state: &State, slot: Slot) -> bool {
        let Some(allowed) = self.allowed else { return true };
        allowed.contains(state.points.key(slot)) || state.tables.more_of(slot).any(|key| allowed.contains(key))
    }
}

/// How many keys a bitmap has.
fn size(keys: &RoaringTreemap) -> usize {
    usize::try_from(keys.len()).unwrap_or(usize::MAX)
}

impl Shared {
    pub(crate) fn search(
        &self,
        query: &[f32],
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Found, IndexError> {
        check(query, self.dimension)?;
        if params.k == 0 {
            return Ok(Found::default());
        }
        let encoded = encode(query);
        let code = Query { code: &encoded.code, scale: encoded.scale };
        let mut sought = Sought { query: code, residual: encoded.residual, k: params.k, allowed };
        self.with_scratch(|scratch, records| {
            let mut tries = 0;
            loop {
                tries += 1;
                let candidates = {
                    let state = self.read();
                    match self.graph_candidates(&state, &sought, params, scratch) {
                        Some(candidates) => candidates,
                        None => self.scan_candidates(&state, &sought, params.exact),
                    }
                };
                let (found, changed) = self.score(query, &candidates, params.k, records);
                // Damaged points take places of others: there are to be more candidates then.
                let spare = found.unreadable.len();
                let is_short = found.neighbors.len() < params.k && sought.k < params.k.saturating_add(spare);
                if !(changed || is_short) || tries == TRIES {
                    return Ok(found);
                }
                sought.k = params.k.saturating_add(spare);
            }
        })
    }

    /// Whether a search without a filter goes through the graph.
    #[cfg(test)]
    pub(crate) fn searches_the_graph(&self, query: &[f32], params: SearchParams) -> bool {
        let encoded = encode(query);
        let code = Query { code: &encoded.code, scale: encoded.scale };
        let sought = Sought { query: code, residual: encoded.residual, k: params.k, allowed: None };
        self.with_scratch(|scratch, _| self.graph_candidates(&self.read(), &sought, params, scratch).is_some())
    }

    /// Candidates from the graph and beside it; `None` where a scan is the better way.
    fn graph_candidates(
        &self,
        state: &State,
        sought: &Sought<'_>,
        params: SearchParams,
        scratch: &mut Scratch,
    ) -> Option<Candidates> {
        let live = state.live;
        let eligible = sought.allowed.map_or(live, |set| size(set).min(live));
        if params.exact || state.graph.len() == 0 || eligible <= self.params.exact_below {
            return None;
        }
        let ef = params.ef.unwrap_or(self.params.ef_search).max(sought.k);
        // What the filter rejects is looked at as well.
        let looked_at = ef.saturating_mul(SCANNED_PER_CANDIDATE).saturating_mul(live) / eligible.max(1);
        if eligible <= looked_at {
            return None;
        }
        let visits = if sought.allowed.is_some() { eligible.max(live / VISITED_SHARE) } else { usize::MAX };
        let view = self.view(state);
        let in_graph = |slot: Slot| {
            state.points.flags(slot) & (flag::LIVE | flag::BESIDE) == flag::LIVE && sought.allows(state, slot)
        };
        let mut scored = view.search(sought.query, Limits { ef, visits }, in_graph, scratch)?.to_vec();
        let beside = |slot: &Slot| state.points.is(*slot, flag::LIVE) && sought.allows(state, *slot);
        let beside: Vec<Slot> = state.beside_the_graph().filter(beside).collect();
        view.each_score(sought.query, &beside, |slot, score| scored.push(Scored::new(score, slot)));
        let reach = |slot| margin(sought.residual, state.points.residual(slot), self.dimension);
        let candidates = best(state, scored, sought, reach);
        (candidates.keys.len() >= sought.k).then_some(candidates)
    }

    /// Every point that may be among the best.
    fn scan_candidates(&self, state: &State, sought: &Sought<'_>, exact: bool) -> Candidates {
        let live = |slot: &Slot| state.points.is(*slot, flag::LIVE);
        let view = self.view(state);
        let mut scored = Vec::new();
        let mut score = |slots: &[Slot]| {
            view.each_score(sought.query, slots, |slot, score| scored.push(Scored::new(score, slot)));
        };
        match sought.allowed {
            Some(set) if size(set) < state.tables.len() => {
                let of_key = |key| state.tables.slot_of(&state.points, key);
                let mut slots: Vec<Slot> = set.iter().filter_map(of_key).collect();
                slots.sort_unstable();
                slots.dedup();
                score(&slots);
            }
            Some(_) | None => {
                let mut slots = state.points.slots().filter(live).filter(|slot| sought.allows(state, *slot));
                let mut piece = Vec::with_capacity(PIECE);
                loop {
                    piece.clear();
                    piece.extend(slots.by_ref().take(PIECE));
                    if piece.is_empty() {
                        break;
                    }
                    score(&piece);
                }
            }
        }
        let proven = exact || sought.allowed.is_none() || scored.len() <= self.params.exact_below;
        best(state, scored, sought, |slot| {
            let residual = state.points.residual(slot);
            if proven { bound(sought.residual, residual) } else { margin(sought.residual, residual, self.dimension) }
        })
    }

    /// Scores candidates exactly, and says whether one of them changed meanwhile.
    fn score(&self, query: &[f32], candidates: &Candidates, k: usize, records: &mut Records) -> (Found, bool) {
        let mut top = TopK::new(k);
        let mut found = Found::default();
        let mut changed = false;
        for group in candidates.list.chunks(LANES) {
            // Scores may be cut to -1 from below.
            if group[0].most.max(-1.0) < top.floor() {
                break;
            }
            let mut is_read = [false; LANES];
            for ((candidate, record), is_read) in group.iter().zip(records.iter_mut()).zip(&mut is_read) {
                *is_read = self.vectors.read(candidate.slot, candidate.check, record);
            }
            // The lanes that have no vector are scored with the query and not looked at.
            let vectors: [&[f32]; LANES] =
                std::array::from_fn(|lane| if is_read[lane] { records[lane].values.as_slice() } else { query });
            let scores = (self.exact)(query, vectors);
            for ((candidate, is_read), score) in group.iter().zip(is_read).zip(scores) {
                let keys = &candidates.keys[candidate.keys.clone()];
                if is_read {
                    keys.iter().for_each(|&key| top.push(score, key));
                } else if self.is_still(candidate, keys) {
                    found.unreadable.extend_from_slice(keys);
                } else {
                    changed = true;
                }
            }
        }
        found.neighbors = top.into_neighbors();
        (found, changed)
    }

    /// Whether a candidate is what it was when it was chosen.
    fn is_still(&self, candidate: &Candidate, keys: &[u64]) -> bool {
        let state = self.read();
        state.points.check(candidate.slot) == candidate.check
            && keys.iter().all(|&key| state.tables.slot_of(&state.points, key) == Some(candidate.slot))
    }
}

/// Those of `scored` that may be among the `k` best when a score may be off by `reach`, best
/// chances first, with their allowed keys.
fn best(state: &State, mut scored: Vec<Scored>, sought: &Sought<'_>, reach: impl Fn(Slot) -> f32) -> Candidates {
    let k = sought.k;
    if scored.len() > k {
        let mut least: Vec<f32> = scored.iter().map(|s| s.score() - reach(s.slot())).collect();
        let (_, &mut floor, _) = least.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        scored.retain(|s| (s.score() + reach(s.slot())).max(-1.0) >= floor);
    }
    let mut candidates = Candidates::default();
    for scored in scored {
        let slot = scored.slot();
        let start = candidates.keys.len();
        let allowed = |key: &u64| sought.allowed.is_none_or(|set| set.contains(*key));
        candidates.keys.extend(state.tables.keys_of(&state.points, slot).filter(allowed));
        candidates.list.push(Candidate {
            most: scored.score() + reach(slot),
            slot,
            check: state.points.check(slot),
            keys: start..candidates.keys.len(),
        });
    }
    candidates.list.sort_unstable_by(|a, b| b.most.total_cmp(&a.most));
    candidates
}

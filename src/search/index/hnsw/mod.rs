//! The graph index: approximate for large collections, exact for small ones, and never short of
//! results.
//!
//! Up to [`HnswParams::exact_below`] distinct descriptors are scanned; beyond, a graph is built of
//! them once. What comes later waits in a short list that every search scans too, and is moved into
//! the graph in batches by a thread of the index ([`upkeep`]), which also rebuilds the graph when a
//! quarter of it is dead. So an upsert costs microseconds, is visible when it returns, and a search
//! waits for neither insertion nor rebuild.
//!
//! A search takes candidates from the graph, adds the waiting ones, and scores them all exactly. It
//! scans instead where that is faster (few points, a selective filter, many results) or where the
//! graph finds too few.

mod graph;
mod slots;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use roaring::RoaringTreemap;

use self::slots::Slots;
use self::upkeep::Shared;
use super::ranking::TopK;
use super::{HnswParams, IndexError, SearchParams, VectorIndex, check_dimension};
use crate::domain::{Descriptor, ImageKey, Neighbor};

/// The most candidates, while building and while searching.
const MAX_EF: usize = 100_000;
/// Points that are scanned in the time that one more candidate costs in the graph (30 to 60 by
/// measurement).
const SCANNED_PER_CANDIDATE: usize = 32;
/// So many points are inserted under one lock; searches get their turn between two of these.
const UPSERT_CHUNK: usize = 1000;

impl HnswParams {
    /// Checks every range: `m` 2 to 255, the candidates 1 to 100,000. `exact_below` may be
    /// anything.
    ///
    /// # Errors
    /// [`IndexError::Parameter`] for the first that is outside.
    pub fn check(&self) -> Result<(), IndexError> {
        let check = |name, value: usize, low, high, allowed| {
            if (low..=high).contains(&value) { Ok(()) } else { Err(IndexError::Parameter { name, value, allowed }) }
        };
        check("m", self.m, 2, 255, "2 to 255")?;
        check("ef_construction", self.ef_construction, 1, MAX_EF, "1 to 100000")?;
        check("ef_search", self.ef_search, 1, MAX_EF, "1 to 100000")
    }
}

/// A [`VectorIndex`] over a graph of small worlds (Malkov and Yashunin, 2016).
///
/// Removing and replacing leave dead points in the graph until a rebuild. Dropping the index stops
/// its thread.
pub struct HnswIndex {
    shared: Arc<Shared>,
}

impl HnswIndex {
    /// An empty index of descriptors with `dimension` values. It costs next to nothing until points
    /// come.
    ///
    /// # Errors
    /// [`IndexError::Parameter`] when `dimension` is zero or a parameter is outside its range.
    pub fn new(dimension: usize, params: HnswParams) -> Result<Self, IndexError> {
        params.check()?;
        if dimension == 0 {
            return Err(IndexError::Parameter { name: "dimension", value: 0, allowed: "1 or more" });
        }
        Ok(Self { shared: Arc::new(Shared::new(dimension, params)) })
    }

    /// Waits until the graph holds all that it should. Results are right before that too, only
    /// slower.
    pub fn settle(&self) {
        self.shared.wait_until_idle();
    }

    /// Candidates from the graph; `None` when a scan is the better way.
    fn candidates(
        &self,
        slots: &Slots,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Option<Vec<u32>> {
        let linked = slots.linked()?;
        let eligible = allowed.map_or(slots.live(), |set| size(set).min(slots.live()));
        if params.exact || eligible <= self.shared.params.exact_below {
            return None;
        }
        // Dead points and those outside the filter take their share of the candidates, so there are
        // to be more. Where the filter prefers what is far from the query this does not suffice,
        // and the caller scans.
        let ef = params.ef.unwrap_or(self.shared.params.ef_search).max(params.k);
        let ef = ef.saturating_mul(linked.points.max(slots.live())) / eligible.max(1);
        if eligible <= ef.saturating_mul(SCANNED_PER_CANDIDATE) {
            return None;
        }
        let mut found = linked.graph.search(query, ef);
        found.retain(|&slot| !slots.is_beside_the_graph(slot));
        found.extend(slots.beside_the_graph());
        Some(found)
    }
}

/// How many keys a bitmap has.
fn size(keys: &RoaringTreemap) -> usize {
    usize::try_from(keys.len()).unwrap_or(usize::MAX)
}

/// The best `k` of the keys of these slots, and what ties with the last of them.
fn best(
    slots: &Slots,
    numbers: impl IntoIterator<Item = u32>,
    query: &Descriptor,
    k: usize,
    allowed: Option<&RoaringTreemap>,
) -> Vec<Neighbor> {
    let mut top = TopK::new(k);
    for (descriptor, keys) in numbers.into_iter().filter_map(|number| slots.get(number)) {
        let mut keys = keys.filter(|key| allowed.is_none_or(|set| set.contains(key.0))).peekable();
        if keys.peek().is_some() {
            let score = query.cosine(descriptor);
            keys.for_each(|key| top.push(score, key));
        }
    }
    top.into_neighbors()
}

impl VectorIndex for HnswIndex {
    fn upsert(&self, points: Vec<(ImageKey, Descriptor)>) -> Result<(), IndexError> {
        points.iter().try_for_each(|(_, descriptor)| check_dimension(self.shared.dimension, descriptor))?;
        let mut points = points.into_iter().peekable();
        while points.peek().is_some() {
            let mut slots = self.shared.write();
            points.by_ref().take(UPSERT_CHUNK).for_each(|(key, descriptor)| slots.put(key, descriptor));
        }
        Shared::start_upkeep(&self.shared);
        Ok(())
    }

    fn remove(&self, key: ImageKey) -> bool {
        let removed = self.shared.write().remove(key);
        if removed {
            Shared::start_upkeep(&self.shared);
        }
        removed
    }

    fn descriptor(&self, key: ImageKey) -> Option<Descriptor> {
        self.shared.read().descriptor(key).cloned()
    }

    fn search(
        &self,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Vec<Neighbor>, IndexError> {
        check_dimension(self.shared.dimension, query)?;
        let slots = self.shared.read();
        if let Some(candidates) = self.candidates(&slots, query, params, allowed) {
            let found = best(&slots, candidates, query, params.k, allowed);
            if found.len() >= params.k {
                return Ok(found);
            }
        }
        Ok(match allowed {
            Some(set) if size(set) < slots.len() => best(&slots, slots.of_keys(set), query, params.k, allowed),
            Some(_) | None => best(&slots, slots.numbers(), query, params.k, allowed),
        })
    }

    fn len(&self) -> usize {
        self.shared.read().len()
    }

    fn memory_bytes(&self) -> usize {
        let slots = self.shared.read();
        let graph = slots.linked().map_or(0, |linked| linked.points * graph::point_bytes(self.shared.params.m));
        slots.memory_bytes(self.shared.dimension) + graph
    }
}

impl Drop for HnswIndex {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.wait_until_idle();
    }
}

// Not derived: the content may be millions of points.
impl std::fmt::Debug for HnswIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HnswIndex")
            .field("params", &self.shared.params)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

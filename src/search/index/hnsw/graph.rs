//! The graph itself: the only file that names `hnsw_rs`.
//!
//! What that crate (0.3.5) does that shapes the code around it:
//!
//! * It cannot delete, and takes the same number twice and returns it twice. The slots around it
//!   never insert a number twice into one graph, and drop what is dead from its answers.
//! * It ends the process when given more than 256 links, and misbehaves at 1 (a logarithm of zero)
//!   and 256 (cut to eight bits): [`super::HnswIndex::new`] checks before. Nothing that is called
//!   here prints.
//! * Its filtered search knows no early end and visits many times more points than an unfiltered
//!   one for the same result: callers ask for more candidates and filter them.
//! * It asserts that distances are not negative and panics on NaN: the squared distance of finite
//!   vectors is neither.
//! * It keeps a copy of each vector, as a `Vec<T>`. `T` is a [`Descriptor`] here, one to a point,
//!   whose values are shared with the slot: nothing is stored twice, and a distance needs no
//!   look-up.
//! * Points inserted at the same moment do not see each other, and two that meet an empty graph are
//!   never linked: the first ones go in one after the other.
//! * A point drops the farthest of its links when it has too many, and so may lose the last link to
//!   another point, which no search can find then: [`Graph::unreachable`] tells which ones.
//! * Insertion and search are safe at the same time (each point has its own lock), although its
//!   documents doubt it.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;

use crate::domain::Descriptor;
use crate::search::index::HnswParams;

/// Layers of the graph; a point is above layer `l` with probability `m^-l`.
const MAX_LAYERS: usize = 16;
/// So many first points are inserted by one thread.
const SERIAL_START: usize = 64;

struct SquaredDistance;

impl Distance<Descriptor> for SquaredDistance {
    fn eval(&self, a: &[Descriptor], b: &[Descriptor]) -> f32 {
        squared_distance(a[0].values(), b[0].values())
    }
}

/// `|a - b|^2`, which is `2 - 2 cos` for unit vectors: the same order as by cosine, and unlike `1 -
/// cos` precise near zero, where near duplicates lie. The eight sums let the compiler use vector
/// registers.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            let difference = x[lane] - y[lane];
            sums[lane] += difference * difference;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y)).sum();
    sums.iter().sum::<f32>() + rest
}

/// Bytes that the graph takes for one point beside its values: tables for sixteen layers, and up to
/// `2 m` links of which each is an allocation of its own. An estimate, fitted to the growth of the
/// process.
pub(super) fn point_bytes(m: usize) -> usize {
    800 + 2 * m * 64
}

/// A point to insert: its number in the graph and its descriptor.
pub(super) type GraphPoint = (u32, Descriptor);

pub(super) struct Graph {
    hnsw: Hnsw<'static, Descriptor, SquaredDistance>,
    ef_search: usize,
}

impl Graph {
    /// An empty graph with tables for `expected` points; it can hold more. `params` must have been
    /// checked.
    pub(super) fn new(params: HnswParams, expected: usize) -> Self {
        let hnsw = Hnsw::new(params.m, expected, MAX_LAYERS, params.ef_construction, SquaredDistance);
        Self { hnsw, ef_search: params.ef_search }
    }

    /// How many points were inserted.
    pub(super) fn len(&self) -> usize {
        self.hnsw.get_nb_point()
    }

    /// Inserts points on all cores; returns early, with some of them missing, once `stop` is set.
    pub(super) fn insert(&self, points: &[GraphPoint], stop: &AtomicBool) {
        let serial = SERIAL_START.saturating_sub(self.len()).min(points.len());
        let (first, rest) = points.split_at(serial);
        let insert = |(slot, descriptor): &GraphPoint| {
            self.hnsw.insert_slice((std::slice::from_ref(descriptor), *slot as usize));
        };
        first.iter().for_each(insert);
        on_all_cores(rest, stop, insert);
    }

    /// Which of `points`, all of them inserted, a search for their own descriptor does not find.
    pub(super) fn unreachable(&self, points: &[GraphPoint], stop: &AtomicBool) -> Vec<u32> {
        let lost = Mutex::new(Vec::new());
        on_all_cores(points, stop, |(slot, descriptor)| {
            if !self.search(descriptor, self.ef_search).contains(slot) {
                lost.lock().unwrap_or_else(PoisonError::into_inner).push(*slot);
            }
        });
        lost.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of about `ef` points near `query`, nearest first. May be fewer.
    pub(super) fn search(&self, query: &Descriptor, ef: usize) -> Vec<u32> {
        let found = self.hnsw.search(std::slice::from_ref(query), ef, ef);
        found.into_iter().map(|neighbour| as_slot(neighbour.d_id)).collect()
    }
}

/// Numbers went into the graph as `u32`, so they come out as such.
#[allow(clippy::cast_possible_truncation)]
fn as_slot(number: usize) -> u32 {
    number as u32
}

/// Calls `work` for every item, on every core, until `stop` is set.
///
/// Own threads and not rayon's: a thread of rayon's pool that waits for others runs further tasks
/// meanwhile, and one of them might be an upsert or a search that waits for this one.
fn on_all_cores<T: Sync>(items: &[T], stop: &AtomicBool, work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            work(item);
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        // This thread works too, so a thread that cannot be started is no failure.
        for _ in 1..cores.min(items.len() / SERIAL_START) {
            if thread::Builder::new().name("index-build".into()).spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_squared_distance_is_two_minus_twice_the_cosine_at_every_length() {
        for dimension in [1, 2, 7, 8, 9, 15, 16, 17, 256, 257] {
            let make = |seed: usize| {
                let values = (0..dimension).map(|i| ((i * 31 + seed * 17 + 1) as f32 * 0.7).sin()).collect();
                Descriptor::new(values, dimension).expect("valid")
            };
            let (a, b) = (make(1), make(2));
            let got = squared_distance(a.values(), b.values());
            assert!((got - (2.0 - 2.0 * a.cosine(&b))).abs() < 1e-5, "{dimension} values: {got}");
            assert_eq!(squared_distance(a.values(), a.values()), 0.0);
        }
    }
}

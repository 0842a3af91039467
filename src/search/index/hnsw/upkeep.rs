//! The thread that moves points into the graph and rebuilds it.
//!
//! There is at most one at a time; it starts when there is something to do and ends when there is
//! nothing left. It is the only one that changes the graph, and holds the lock of the slots only to
//! take work and to hand it in: the long parts, insertion and checking, run beside searches,
//! upserts and removals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

use super::graph::{Graph, GraphPoint};
use super::slots::Slots;
use crate::search::index::HnswParams;

/// So many points may wait beside an existing graph; scanning them costs less than the search of
/// the graph.
const MAX_PENDING: usize = 256;
/// Fewer dead points than this are no reason for a rebuild; they cost little whatever their share.
const MIN_DEAD: usize = 256;
/// The graph is rebuilt when more than one in so many of its points is dead.
const DEAD_SHARE: usize = 4;

pub(super) struct Shared {
    pub(super) dimension: usize,
    pub(super) params: HnswParams,
    slots: RwLock<Slots>,
    /// Whether the thread runs. Taken before the lock of the slots, never while holding that.
    busy: Mutex<bool>,
    idle: Condvar,
    /// Set when the index is dropped; work is abandoned then.
    pub(super) stop: AtomicBool,
}

/// What the thread has to do.
enum Work {
    /// So few live points that scanning them is better.
    DropGraph,
    /// Make a graph of these.
    Build(Vec<GraphPoint>),
    /// Insert these into the graph.
    Insert(Arc<Graph>, Vec<GraphPoint>),
}

impl Shared {
    pub(super) fn new(dimension: usize, params: HnswParams) -> Self {
        Self {
            dimension,
            params,
            slots: RwLock::default(),
            busy: Mutex::new(false),
            idle: Condvar::new(),
            stop: AtomicBool::new(false),
        }
    }

    // A panic must not make the index useless for ever. One in a search leaves the slots as they
    // were, and the code under the write lock has none to expect.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Slots> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Slots> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, bool> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_until_idle(&self) {
        drop(self.idle.wait_while(self.busy(), |busy| *busy).unwrap_or_else(PoisonError::into_inner));
    }

    /// Starts the thread if there is work and it does not run.
    pub(super) fn start_upkeep(this: &Arc<Self>) {
        let mut busy = this.busy();
        if *busy || !this.has_work(&this.read()) {
            return;
        }
        *busy = true;
        drop(busy);
        let running = Running(Some(Arc::clone(this)));
        // Where no thread can be started, `running` is dropped with the closure: the next change
        // tries again, and searches scan what waits.
        drop(thread::Builder::new().name("index-upkeep".into()).spawn(move || running.work_until_done()));
    }

    fn has_work(&self, slots: &Slots) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            return false;
        }
        match slots.linked() {
            None => slots.pending() > self.params.exact_below.max(1),
            Some(_) => slots.pending() > MAX_PENDING || self.is_mostly_dead(slots),
        }
    }

    fn is_mostly_dead(&self, slots: &Slots) -> bool {
        slots.linked().is_some_and(|linked| slots.dead() >= MIN_DEAD && slots.dead() * DEAD_SHARE > linked.points)
    }

    fn take_work(&self) -> Option<Work> {
        let mut slots = self.write();
        if !self.has_work(&slots) {
            return None;
        }
        Some(match slots.linked() {
            Some(_) if self.is_mostly_dead(&slots) && slots.live() <= self.params.exact_below.max(1) => Work::DropGraph,
            Some(linked) if !self.is_mostly_dead(&slots) => {
                let graph = Arc::clone(&linked.graph);
                Work::Insert(graph, slots.claim_pending())
            }
            Some(_) | None => Work::Build(slots.claim_live()),
        })
    }

    fn do_work(&self, work: Work) {
        match work {
            Work::DropGraph => self.replace_graph(None, &[], Vec::new()),
            Work::Build(points) => {
                let graph = Graph::new(self.params, points.len());
                graph.insert(&points, &self.stop);
                let lost = graph.unreachable(&points, &self.stop);
                if !self.stop.load(Ordering::Relaxed) {
                    self.replace_graph(Some(graph), &points, lost);
                }
            }
            Work::Insert(graph, points) => {
                graph.insert(&points, &self.stop);
                // Insertions can cut older points off. Looking at all of them whenever the graph
                // has doubled keeps the cost per point constant.
                let check_all = {
                    let slots = self.read();
                    slots.linked().is_some_and(|linked| linked.points + points.len() >= 2 * linked.checked)
                };
                let checked = if check_all { self.read().claimed() } else { points.clone() };
                let lost = graph.unreachable(&checked, &self.stop);
                let mut slots = self.write();
                slots.settle(&checked, lost);
                slots.grew(points.len(), check_all);
            }
        }
    }

    fn replace_graph(&self, graph: Option<Graph>, points: &[GraphPoint], lost: Vec<u32>) {
        let before = {
            let mut slots = self.write();
            let before = slots.replace_graph(graph, points, lost);
            slots.shrink();
            before
        };
        drop(before);
    }
}

/// The right to be the thread. Given up when there is no more work, or when a panic drops it.
struct Running(Option<Arc<Shared>>);

impl Running {
    fn work_until_done(mut self) {
        while let Some(shared) = &self.0 {
            let work = {
                // Under this lock nobody can add work unseen between the last look and the end.
                let mut busy = shared.busy();
                let work = shared.take_work();
                *busy = work.is_some();
                work
            };
            match work {
                Some(work) => shared.do_work(work),
                None => {
                    shared.idle.notify_all();
                    self.0 = None;
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            *shared.busy() = false;
            shared.idle.notify_all();
        }
    }
}

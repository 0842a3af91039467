//! The thread that moves points into the graph and takes dead ones out of it.
//!
//! There is at most one at a time; it starts when there is something to do and ends when there is
//! nothing left. It is the only one that changes links, with helpers that it starts itself. It
//! holds the state's write lock only to take work and to hand it in, and its read lock for one
//! point at a time: searches, upserts and removals run beside it. While a snapshot is written it
//! waits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;

use crate::control::Control;
use crate::graph::{Scratch, Walk};
use crate::points::{Slot, flag};
use crate::shared::Shared;
use crate::state::State;

/// So many points may wait beside a graph; scanning them costs less than searching it.
const MAX_WAITING: usize = 256;
/// Points that go into the graph between two looks at what else there is to do.
const BATCH: usize = 4096;
/// Fewer dead points than this are no reason to consolidate; they cost little whatever their share.
const MIN_DEAD: usize = 256;
/// The graph is consolidated when more than one in so many of its points is dead.
const DEAD_SHARE: usize = 10;
/// So many first points are linked by one thread: points linked at the same moment do not see each
/// other.
const SERIAL_START: usize = 64;
/// Points that are looked at under one lock, where looking is quick.
const PIECE: usize = 4096;
/// The graph is walked over when more than one in so many of its points came since it was last.
const WALK_SHARE: usize = 8;

/// What the thread has to do.
enum Work {
    /// Link these, which were claimed.
    Link(Vec<Slot>),
    /// Take the dead out of the graph.
    Consolidate,
}

impl Shared {
    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, control: MutexGuard<'a, Control>, until: impl Fn(&Control) -> bool) -> MutexGuard<'a, Control> {
        self.changed.wait_while(control, |control| !until(control)).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the thread has nothing left to do.
    pub(crate) fn wait_until_idle(&self) {
        drop(self.wait(self.control(), |control| !control.running));
    }

    /// Starts the thread if there is work and it does not run.
    pub(crate) fn start_upkeep(this: &Arc<Self>) {
        let mut control = this.control();
        if control.running || !this.has_work(&this.read()) {
            return;
        }
        control.running = true;
        drop(control);
        let running = Running(Some(Arc::clone(this)));
        // Where no thread can be started, `running` is dropped with the closure: the next change
        // tries again, and searches scan what waits.
        let thread = thread::Builder::new().name("index-upkeep".into()).spawn(move || running.work_until_done());
        let mut control = this.control();
        control.threads.retain(|thread| !thread.is_finished());
        control.threads.extend(thread);
    }

    /// Ends the thread; it has dropped what it holds when this returns.
    pub(crate) fn end_upkeep(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wait_until_idle();
        let threads = std::mem::take(&mut self.control().threads);
        // They have ended their work, so there is nothing left that could panic.
        threads.into_iter().for_each(|thread| _ = thread.join());
    }

    /// Calls `work` while the graph and the vectors of its points stay as they are.
    pub(crate) fn with_graph_at_rest<T>(this: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        {
            let mut control = this.wait(this.control(), |control| !control.saving);
            control.saving = true;
            drop(this.wait(control, |control| !control.working));
        }
        this.write().saving = true;
        let rest = Rest(this);
        let result = work();
        drop(rest);
        Self::start_upkeep(this);
        result
    }

    fn has_work(&self, state: &State) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let bearable = if state.graph.len() == 0 { self.params.exact_below.max(1) } else { MAX_WAITING };
        state.waiting.len() > bearable || is_mostly_dead(state)
    }

    fn take_work(&self) -> Option<Work> {
        let mut state = self.write();
        if !self.has_work(&state) {
            return None;
        }
        Some(if is_mostly_dead(&state) { Work::Consolidate } else { Work::Link(state.claim(BATCH)) })
    }

    fn do_work(&self, work: Work) {
        match work {
            Work::Link(slots) => self.link(&slots),
            Work::Consolidate => self.consolidate(),
        }
    }

    /// Links claimed points, and leaves them to the graph.
    fn link(&self, slots: &[Slot]) {
        let walk_is_due = {
            let state = self.read();
            let fresh = state.graph.len() - state.walked.min(state.graph.len());
            // While points stream in only a graph that has doubled is worth it.
            let share = if state.waiting.len() > MAX_WAITING { 2 } else { WALK_SHARE };
            fresh * share > state.graph.len()
        };
        self.link_all(slots);
        let lost = if walk_is_due { self.reach_all() } else { Vec::new() };
        self.write().settle(slots, &lost);
    }

    /// Links points anew or for the first time, on all threads.
    fn link_all(&self, slots: &[Slot]) {
        let linked = {
            let state = self.read();
            state.graph.len() - slots.len().min(state.graph.len())
        };
        let (first, rest) = slots.split_at(SERIAL_START.saturating_sub(linked).min(slots.len()));
        let link = |slot: &Slot, scratch: &mut Scratch| {
            let state = self.read();
            self.view(&state).insert(*slot, self.params.ef_construction, scratch);
        };
        on_threads(first, 1, &self.stop, link);
        on_threads(rest, self.params.threads, &self.stop, link);
    }

    /// Links what no path leads to again. Returns what is still not reached then, and is to be
    /// scanned.
    pub(crate) fn reach_all(&self) -> Vec<Slot> {
        let unreachable = self.unreachable();
        if unreachable.is_empty() {
            return unreachable;
        }
        self.link_all(&unreachable);
        self.unreachable()
    }

    pub(crate) fn unreachable(&self) -> Vec<Slot> {
        let mut walk = Walk::default();
        while walk.step(self.view(&self.read()), PIECE) {
            if self.stop.load(Ordering::Relaxed) {
                return Vec::new();
            }
        }
        let mut state = self.write();
        state.walked = state.graph.len();
        walk.unreachable(self.view(&state))
    }

    /// Takes dead points out of the graph: what links to them is linked to what is behind them,
    /// then nothing leads to them and their slots are free.
    fn consolidate(&self) {
        let slots: Vec<Slot> = self.read().points.slots().collect();
        let mut condemned = Vec::new();
        for piece in slots.chunks(PIECE) {
            // An upsert that has found an equal vector in a dead slot must not lose it.
            let _writer = self.writer();
            condemned.extend(self.write().condemn(piece));
        }
        self.view(&self.read()).replace_entry();
        on_threads(&slots, self.params.threads, &self.stop, |slot, scratch| {
            let state = self.read();
            if state.points.flags(*slot) & (flag::LINKED | flag::CONDEMNED) == flag::LINKED {
                self.view(&state).bypass(*slot, scratch);
            }
        });
        on_threads(&condemned, self.params.threads, &self.stop, |slot, _| self.view(&self.read()).unlink(*slot));
        let mut orphans = Vec::new();
        for piece in slots.chunks(PIECE) {
            let state = self.read();
            let is_orphan = |slot: &Slot| {
                let linked = state.points.flags(*slot) & (flag::LINKED | flag::CONDEMNED) == flag::LINKED;
                linked && state.graph.incoming(*slot) == 0
            };
            orphans.extend(piece.iter().copied().filter(is_orphan));
        }
        self.link_all(&orphans);
        let lost = self.reach_all();
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        self.write().settle(&[], &lost);
        for piece in condemned.chunks(PIECE) {
            self.write().bury(piece);
        }
        let _writer = self.writer();
        let mut state = self.write();
        if state.live == 0 && state.graph.len() == 0 {
            *state = State::new(self.dimension, self.params.m);
        }
    }
}

#[cfg(test)]
impl Shared {
    /// Links all that wait and takes all that is dead out, however little it is.
    pub(crate) fn tend_at_once(&self) {
        self.wait_until_idle();
        loop {
            let claimed = self.write().claim(BATCH);
            if claimed.is_empty() {
                break;
            }
            self.link(&claimed);
        }
        self.consolidate();
    }
}

fn is_mostly_dead(state: &State) -> bool {
    state.dead >= MIN_DEAD && state.dead * DEAD_SHARE > state.graph.len()
}

/// The time in which a snapshot is written.
struct Rest<'a>(&'a Shared);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.write().end_saving();
        self.0.control().saving = false;
        self.0.changed.notify_all();
    }
}

/// The right to be the thread. Given up when there is no more work, or when a panic drops it.
struct Running(Option<Arc<Shared>>);

impl Running {
    fn work_until_done(mut self) {
        while let Some(shared) = &self.0 {
            let work = {
                // Under this lock nobody can add work unseen between the last look and the end.
                let mut control = shared.wait(shared.control(), |control| !control.saving);
                let work = shared.take_work();
                control.working = work.is_some();
                control.running = work.is_some();
                work
            };
            match work {
                Some(work) => {
                    shared.do_work(work);
                    shared.control().working = false;
                    shared.changed.notify_all();
                }
                None => {
                    shared.changed.notify_all();
                    self.0 = None;
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            let mut control = shared.control();
            control.working = false;
            control.running = false;
            shared.changed.notify_all();
        }
    }
}

/// Calls `work` for every item, on so many threads, until `stop` is set.
///
/// Own threads and not rayon's: a thread of rayon's pool that waits for others runs further tasks
/// meanwhile, and one of them might be an upsert or a search that waits for this one.
fn on_threads<T: Sync>(items: &[T], threads: usize, stop: &AtomicBool, work: impl Fn(&T, &mut Scratch) + Sync) {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut scratch = Scratch::default();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            work(item, &mut scratch);
        }
    };
    thread::scope(|scope| {
        // This thread works too, so a thread that cannot be started is no failure.
        for _ in 1..threads.min(items.len() / SERIAL_START) {
            if thread::Builder::new().name("index-build".into()).spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
}

//! How far a build is.

use std::time::{Duration, Instant};

use crate::domain::CollectionName;

/// The log says so no more often.
const EVERY: Duration = Duration::from_secs(5);

/// Descriptors read of those there are.
pub(super) struct Progress {
    done: u64,
    /// Those of them that were in a saved index.
    saved: u64,
    total: u64,
    start: Instant,
    logged: Instant,
}

impl Progress {
    pub(super) fn start(total: u64) -> Self {
        let now = Instant::now();
        Self { done: 0, saved: 0, total, start: now, logged: now }
    }

    pub(super) fn add(&mut self, descriptors: u64) {
        self.done += descriptors;
    }

    pub(super) fn add_saved(&mut self, descriptors: u64) {
        self.done += descriptors;
        self.saved += descriptors;
    }

    pub(super) fn saved(&self) -> u64 {
        self.saved
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Never less than is done: images may be added meanwhile.
    pub(super) fn total(&self) -> u64 {
        self.total.max(self.done)
    }

    /// Logs rate and time left, every few seconds.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn log(&mut self, collection: &CollectionName) {
        if self.logged.elapsed() < EVERY {
            return;
        }
        self.logged = Instant::now();
        let per_second = (self.done - self.saved) as f64 / self.start.elapsed().as_secs_f64();
        let seconds_left = (self.total() - self.done) as f64 / per_second.max(f64::MIN_POSITIVE);
        tracing::info!(%collection, done = self.done, total = self.total(), per_second = per_second.round(),
            seconds_left = seconds_left.round(), "building the index");
    }
}

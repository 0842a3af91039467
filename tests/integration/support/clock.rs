//! A clock that tests move.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eyrie::domain::Clock;
use time::OffsetDateTime;

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub(crate) struct TestClock(Mutex<Moved>);

#[derive(Debug, Default)]
struct Moved {
    passed: Duration,
    /// By how much somebody has set it.
    set: time::Duration,
}

impl TestClock {
    fn moved(&self) -> MutexGuard<'_, Moved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.moved().passed += time;
    }

    /// Sets it, forth or back, while no time passes.
    pub(crate) fn jump(&self, by: time::Duration) {
        self.moved().set += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        let moved = self.moved();
        OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("in range") + moved.passed + moved.set
    }

    fn elapsed(&self) -> Duration {
        self.moved().passed
    }
}

//! A clock that tests move.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eyrie::domain::Clock;
use time::OffsetDateTime;

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub(crate) struct TestClock(Mutex<Duration>);

impl TestClock {
    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("in range") + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What time it is.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// From where the time of this process counts.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Tells the time. A parameter, so that tests decide what it is.
pub trait Clock: Send + Sync {
    /// The current time (UTC) in whole microseconds: that is what databases keep, so that what is
    /// answered equals what is read back.
    fn now(&self) -> OffsetDateTime;

    /// The time since some moment, which nobody sets back as they may the other one.
    fn elapsed(&self) -> Duration {
        START.elapsed()
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        whole_microseconds(OffsetDateTime::now_utc())
    }
}

/// A time without what is below a microsecond.
#[must_use]
pub fn whole_microseconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_microsecond(time.microsecond()).unwrap_or(time)
}

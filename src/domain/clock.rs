//! What time it is.

use time::OffsetDateTime;

/// Tells the time. A parameter, so that tests decide what it is.
pub trait Clock: Send + Sync {
    /// The current time (UTC) in whole microseconds: that is what databases keep, so that what is
    /// answered equals what is read back.
    fn now(&self) -> OffsetDateTime;
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

//! Bodies that come slowly give their places up to those that find none.
//!
//! A place costs a client that sends a byte now and then nothing; with as many connections as
//! there are places it would keep everybody else out until the time for bodies is over, and then
//! again.
//!
//! How fast a body comes is measured over the time that it is waited for: an import is read no
//! faster than what came before is stored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A body that has brought fewer bytes a second comes slowly.
const SLOW: u64 = 16 << 10;
/// Before this time nobody says so: also a fast one has to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(2);
/// How long somebody waits for a place that is given up.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(1);

/// The bodies that are being read.
pub(super) struct Arriving {
    bodies: Arc<Mutex<Vec<Arc<Body>>>>,
    /// How old one is at least that gives its place up.
    patience: Duration,
}

impl Default for Arriving {
    fn default() -> Self {
        Self::new(BEGINS_WITHIN)
    }
}

/// What a body is for. Of each there are so many places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To be used as it comes, or in memory.
    Read,
    /// To be kept in a file until it is there as a whole.
    Kept,
}

struct Body {
    kind: Kind,
    waited: Mutex<Waited>,
    bytes: AtomicU64,
    give_up: Notify,
    is_gone: Notify,
}

/// How long a body was waited for.
struct Waited {
    before: Duration,
    /// Since when it is again.
    since: Option<Instant>,
}

impl Waited {
    fn time(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Body {
    /// Bytes a second.
    fn rate(&self) -> u64 {
        let millis = u64::try_from(lock(&self.waited).time().as_millis()).unwrap_or(u64::MAX).max(1);
        self.bytes.load(Ordering::Relaxed).saturating_mul(1000) / millis
    }

    /// Whether it is waited for, and has brought little in all that time.
    fn is_slow(&self, patience: Duration) -> bool {
        let waited = lock(&self.waited);
        let (is_awaited, time) = (waited.since.is_some(), waited.time());
        drop(waited);
        is_awaited && time >= patience && self.rate() < SLOW
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arriving {
    pub(super) fn new(patience: Duration) -> Self {
        Self { bodies: Arc::default(), patience }
    }

    /// A body that begins to come in, with what it holds meanwhile. It is waited for from now on.
    pub(super) fn begin<T>(&self, kind: Kind, held: T) -> Place<T> {
        let body = Arc::new(Body {
            kind,
            waited: Mutex::new(Waited { before: Duration::ZERO, since: Some(Instant::now()) }),
            bytes: AtomicU64::new(0),
            give_up: Notify::new(),
            is_gone: Notify::new(),
        });
        lock(&self.bodies).push(Arc::clone(&body));
        Place { held: Some(held), entry: Entry { body, all: Arc::clone(&self.bodies) } }
    }

    /// Tells the slowest body (of a kind, where one is given) to give its place up, and waits until
    /// it has; whether there was one.
    pub(super) async fn displace(&self, kind: Option<Kind>) -> bool {
        let slowest = {
            let mut bodies = lock(&self.bodies);
            let of_kind = bodies.iter().enumerate().filter(|(_, body)| kind.is_none_or(|kind| body.kind == kind));
            let slow = of_kind.filter(|(_, body)| body.is_slow(self.patience));
            let slowest = slow.min_by_key(|(_, body)| body.rate()).map(|(at, _)| at);
            slowest.map(|at| bodies.swap_remove(at))
        };
        let Some(slowest) = slowest else { return false };
        slowest.give_up.notify_one();
        tokio::time::timeout(GIVEN_UP_WITHIN, slowest.is_gone.notified()).await.is_ok()
    }
}

/// The place of a body that is being read, with what it holds; given up when dropped.
pub(super) struct Place<T> {
    // Dropped first: whoever waits for the place finds it free.
    held: Option<T>,
    entry: Entry,
}

struct Entry {
    body: Arc<Body>,
    all: Arc<Mutex<Vec<Arc<Body>>>>,
}

impl<T> Place<T> {
    /// Notes that so many bytes came.
    pub(super) fn came(&self, bytes: usize) {
        self.entry.body.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// It is waited for again.
    pub(super) fn begin_waiting(&self) {
        lock(&self.entry.body.waited).since.get_or_insert_with(Instant::now);
    }

    /// What came is being worked off: the time until it is waited for again does not count.
    pub(super) fn end_waiting(&self) {
        let mut waited = lock(&self.entry.body.waited);
        waited.before = waited.time();
        waited.since = None;
    }

    /// Returns when somebody else is to have the place.
    pub(super) async fn is_wanted(&self) {
        self.entry.body.give_up.notified().await;
    }

    /// What it holds, for a body that is there as a whole.
    pub(super) fn whole(mut self) -> Option<T> {
        self.held.take()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.all).retain(|body| !Arc::ptr_eq(body, &self.body));
        self.body.is_gone.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_slowest_of_the_slow_gives_its_place_up_and_nobody_else_does() {
        const FAST: usize = 1 << 40;
        let arriving = Arriving::new(Duration::ZERO);
        let [fast, a, b] = [FAST, 2, 1].map(|bytes| {
            let place = arriving.begin(Kind::Read, bytes);
            place.came(bytes);
            place
        });
        let gives_up = async |place: Place<usize>| {
            place.is_wanted().await;
            place.whole()
        };
        let others = async {
            let (a, b) = tokio::join!(gives_up(a), async {
                let b = gives_up(b).await;
                // What was told first has ended before the next one is told.
                assert_eq!(lock(&arriving.bodies).len(), 2);
                b
            });
            [a, b]
        };
        let displacing =
            async { [arriving.displace(None).await, arriving.displace(None).await, arriving.displace(None).await] };
        let (displaced, gave_up) = tokio::join!(displacing, others);
        assert_eq!((displaced, gave_up), ([true, true, false], [Some(2), Some(1)]));
        assert_eq!(fast.whole(), Some(FAST));
    }

    #[tokio::test]
    async fn a_body_that_has_only_begun_keeps_its_place() {
        let arriving = Arriving::new(Duration::from_secs(3600));
        let _begun = arriving.begin(Kind::Read, ());
        assert!(!arriving.displace(None).await);
    }

    #[tokio::test]
    async fn a_body_that_is_worked_off_keeps_its_place_and_so_does_one_of_another_kind() {
        let arriving = Arriving::new(Duration::ZERO);
        let place = arriving.begin(Kind::Kept, ());
        place.end_waiting();
        assert!(!arriving.displace(None).await);
        place.begin_waiting();
        assert!(!arriving.displace(Some(Kind::Read)).await);
        let gives_up = async {
            place.is_wanted().await;
            drop(place);
        };
        assert!(tokio::join!(arriving.displace(Some(Kind::Kept)), gives_up).0);
    }

    #[test]
    fn only_the_time_that_a_body_is_waited_for_counts() {
        let minute = Duration::from_secs(60);
        let before = Instant::now().checked_sub(minute).expect("the clock runs for a minute");
        let mut waited = Waited { before: minute, since: None };
        assert_eq!(waited.time(), minute);
        waited.since = Some(before);
        assert!(waited.time() >= 2 * minute);
    }
}

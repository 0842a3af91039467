//! Bodies that come slowly give their places up to those that find none.
//!
//! A place costs a client that sends a byte now and then nothing; with as many connections as
//! there are places it would keep everybody else out until the time for bodies is over, and then
//! again.

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

struct Body {
    begun: Instant,
    bytes: AtomicU64,
    give_up: Notify,
    is_gone: Notify,
}

impl Body {
    /// Bytes a second.
    fn rate(&self) -> u64 {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.bytes.load(Ordering::Relaxed).saturating_mul(1000) / millis
    }

    fn is_slow(&self, patience: Duration) -> bool {
        self.begun.elapsed() >= patience && self.rate() < SLOW
    }
}

fn lock(bodies: &Mutex<Vec<Arc<Body>>>) -> MutexGuard<'_, Vec<Arc<Body>>> {
    bodies.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arriving {
    pub(super) fn new(patience: Duration) -> Self {
        Self { bodies: Arc::default(), patience }
    }

    /// A body that begins to come in, with what it holds meanwhile.
    pub(super) fn begin<T>(&self, held: T) -> Place<T> {
        let body = Arc::new(Body {
            begun: Instant::now(),
            bytes: AtomicU64::new(0),
            give_up: Notify::new(),
            is_gone: Notify::new(),
        });
        lock(&self.bodies).push(Arc::clone(&body));
        Place { held: Some(held), entry: Entry { body, all: Arc::clone(&self.bodies) } }
    }

    /// Tells the slowest body to give its place up, and waits until it has; whether there was one.
    pub(super) async fn displace(&self) -> bool {
        let slowest = {
            let mut bodies = lock(&self.bodies);
            let slow = bodies.iter().enumerate().filter(|(_, body)| body.is_slow(self.patience));
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
            let place = arriving.begin(bytes);
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
        let displacing = async { [arriving.displace().await, arriving.displace().await, arriving.displace().await] };
        let (displaced, gave_up) = tokio::join!(displacing, others);
        assert_eq!((displaced, gave_up), ([true, true, false], [Some(2), Some(1)]));
        assert_eq!(fast.whole(), Some(FAST));
    }

    #[tokio::test]
    async fn a_body_that_has_only_begun_keeps_its_place() {
        let arriving = Arriving::new(Duration::from_secs(3600));
        let _begun = arriving.begin(());
        assert!(!arriving.displace().await);
    }
}

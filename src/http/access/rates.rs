//! How many requests a client may send: token buckets (GCRA), by key and by peer.
//!
//! What is told of it are the headers `RateLimit` and `RateLimit-Policy` of
//! draft-ietf-httpapi-ratelimit-headers-10.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock as Ticks;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Serialize};

use super::peer::Network;
use crate::domain::{Clock, KeyId};

/// Clients of which a bucket is kept. Beyond that those with the fullest buckets go: what is
/// forgotten of a client is in its favour.
const MOST_CLIENTS: usize = 16_384;

/// How much clients may ask for. `config/default.toml` gives each key's range and default; 0 is no
/// bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateOptions {
    /// Searches and reads a second of one peer.
    pub peer_reads: u32,
    /// Changes a second of one peer.
    pub peer_writes: u32,
    /// Searches and reads a second with one key.
    pub key_reads: u32,
    /// Changes a second with one key.
    pub key_writes: u32,
    /// So many seconds' worth may come at once.
    pub burst_seconds: u32,
    /// Wrong keys a minute of one peer.
    pub wrong_keys: u32,
    /// Requests under way at a time with one key, or of one peer.
    pub concurrent: usize,
}

/// Whether a request reads or changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It searches or reads.
    Read,
    /// It changes something.
    Write,
}

/// A client whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// All that use a key.
    Key(KeyId),
    /// All that come from a network.
    Peer(Network),
}

/// Says how much of a bucket is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    name: &'static str,
    burst: u32,
    /// The time in which an empty bucket fills.
    window: Duration,
    left: u32,
    /// The time until the next request is taken.
    wait: Duration,
}

impl Level {
    /// When to try again, in whole seconds.
    pub(super) fn wait_seconds(&self) -> u64 {
        whole_seconds(self.wait).max(1)
    }

    /// The items of `RateLimit-Policy` and of `RateLimit`.
    fn write_into(&self, policy: &mut String, limit: &mut String) {
        let between = if policy.is_empty() { "" } else { ", " };
        let Self { name, burst, window, left, .. } = self;
        let missing = u64::from(burst - left.min(burst));
        let full = window.as_secs_f64() * missing as f64 / f64::from(*burst);
        // A String takes everything.
        let _ = write!(policy, "{between}\"{name}\";q={burst};w={}", whole_seconds(*window));
        let _ = write!(limit, "{between}\"{name}\";r={left};t={}", full.ceil());
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// `RateLimit-Policy` and `RateLimit` of these buckets; `None` of none.
pub(super) fn headers_of(levels: &[Level]) -> Option<(String, String)> {
    let (mut policy, mut limit) = (String::new(), String::new());
    for level in levels {
        level.write_into(&mut policy, &mut limit);
    }
    (!policy.is_empty()).then_some((policy, limit))
}

/// Counts requests.
pub(super) struct Rates {
    peer_reads: Option<Limiter<Client>>,
    peer_writes: Option<Limiter<Client>>,
    key_reads: Option<Limiter<Client>>,
    key_writes: Option<Limiter<Client>>,
    wrong_keys: Option<Limiter<Network>>,
    concurrent: usize,
    underway: Arc<Mutex<HashMap<Client, usize>>>,
}

impl Rates {
    pub(super) fn new(options: RateOptions, clock: &Arc<dyn Clock>) -> Self {
        let a_second = |name, rate| Limiter::a_second(name, rate, options.burst_seconds, clock);
        Self {
            peer_reads: a_second("peer-reads", options.peer_reads),
            peer_writes: a_second("peer-writes", options.peer_writes),
            key_reads: a_second("key-reads", options.key_reads),
            key_writes: a_second("key-writes", options.key_writes),
            wrong_keys: Limiter::a_minute("wrong-keys", options.wrong_keys, clock),
            concurrent: options.concurrent,
            underway: Arc::default(),
        }
    }

    /// Counts a request. The levels of the buckets that it went through; the last one is empty
    /// where it is an error.
    pub(super) fn count(&self, clients: &[Client], kind: Kind) -> Result<Vec<Level>, Vec<Level>> {
        let mut levels = Vec::with_capacity(clients.len());
        for client in clients {
            let limiter = match (client, kind) {
                (Client::Key(_), Kind::Read) => &self.key_reads,
                (Client::Key(_), Kind::Write) => &self.key_writes,
                (Client::Peer(_), Kind::Read) => &self.peer_reads,
                (Client::Peer(_), Kind::Write) => &self.peer_writes,
            };
            match limiter.as_ref().map(|limiter| limiter.count(client)) {
                None => {}
                Some(Ok(level)) => levels.push(level),
                Some(Err(level)) => {
                    levels.push(level);
                    return Err(levels);
                }
            }
        }
        Ok(levels)
    }

    /// Counts a wrong key of a peer; the error says when the next one is looked at.
    pub(super) fn count_wrong_key(&self, peer: Network) -> Result<(), Level> {
        self.wrong_keys.as_ref().map_or(Ok(()), |limiter| limiter.count(&peer).map(drop))
    }

    /// Lets a request begin, unless too many of these clients are under way. It has ended when the
    /// value is dropped.
    pub(super) fn begin(&self, clients: &[Client]) -> Option<UnderWay> {
        let mut begun = UnderWay { clients: Vec::new(), counts: Arc::clone(&self.underway) };
        if self.concurrent == 0 {
            return Some(begun);
        }
        for client in clients {
            let mut counts = locked(&self.underway);
            let count = counts.entry(client.clone()).or_default();
            if *count >= self.concurrent {
                // What was counted goes with `begun`, which needs the lock.
                drop(counts);
                return None;
            }
            *count += 1;
            begun.clients.push(client.clone());
        }
        Some(begun)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that is under way.
pub(super) struct UnderWay {
    clients: Vec<Client>,
    counts: Arc<Mutex<HashMap<Client, usize>>>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        for client in &self.clients {
            if let Some(count) = counts.get_mut(client) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(client);
                }
            }
        }
    }
}

/// One bucket a client.
struct Limiter<K: Hash + Eq + Clone> {
    name: &'static str,
    burst: NonZeroU32,
    window: Duration,
    clock: Ticker,
    inner: RateLimiter<K, Table<K>, Ticker, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// `rate` a second; of so many seconds at once. `None` for 0, which is no bound.
    fn a_second(name: &'static str, rate: u32, burst_seconds: u32, clock: &Arc<dyn Clock>) -> Option<Self> {
        let rate = NonZeroU32::new(rate)?;
        let burst = rate.saturating_mul(NonZeroU32::new(burst_seconds).unwrap_or(NonZeroU32::MIN));
        Some(Self::new(name, Quota::per_second(rate).allow_burst(burst), MOST_CLIENTS, clock))
    }

    fn a_minute(name: &'static str, rate: u32, clock: &Arc<dyn Clock>) -> Option<Self> {
        Some(Self::new(name, Quota::per_minute(NonZeroU32::new(rate)?), MOST_CLIENTS, clock))
    }

    fn new(name: &'static str, quota: Quota, most: usize, clock: &Arc<dyn Clock>) -> Self {
        let clock = Ticker(Arc::clone(clock));
        let (burst, window) = (quota.burst_size(), quota.burst_size_replenished_in());
        let inner = RateLimiter::new(quota, Table { levels: Mutex::default(), most }, clock.clone());
        Self { name, burst, window, clock, inner }
    }

    fn count(&self, client: &K) -> Result<Level, Level> {
        let level = |left, wait| Level { name: self.name, burst: self.burst.get(), window: self.window, left, wait };
        match self.inner.check_key(client) {
            Ok(state) => Ok(level(state.remaining_burst_capacity(), Duration::ZERO)),
            Err(until) => Err(level(0, until.wait_time_from(self.clock.now()))),
        }
    }
}

/// The clock as the buckets read it.
#[derive(Clone)]
struct Ticker(Arc<dyn Clock>);

impl Ticks for Ticker {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// When each client's bucket is full again; at most so many.
struct Table<K> {
    levels: Mutex<HashMap<K, Nanos>>,
    most: usize,
}

impl<K: Hash + Eq + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, client: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut levels = locked(&self.levels);
        let there = levels.get(client).copied();
        let (outcome, full_at) = measure(there)?;
        if there.is_none() && levels.len() >= self.most {
            forget_fullest(&mut levels);
        }
        levels.insert(client.clone(), full_at);
        Ok(outcome)
    }
}

/// Forgets the quarter of the clients whose buckets are full first: they asked for the least.
fn forget_fullest<K: Hash + Eq>(levels: &mut HashMap<K, Nanos>) {
    let mut left = levels.len() / 4 + 1;
    let mut times: Vec<Nanos> = levels.values().copied().collect();
    let (_, last, _) = times.select_nth_unstable(left - 1);
    let last = *last;
    levels.retain(|_, full_at| {
        let goes = left > 0 && *full_at <= last;
        left -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use time::OffsetDateTime;

    use super::*;

    /// A clock that stands still until it is moved.
    #[derive(Default)]
    struct Still(Mutex<Duration>);

    impl Clock for Still {
        fn now(&self) -> OffsetDateTime {
            OffsetDateTime::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            *locked(&self.0)
        }
    }

    impl Still {
        fn pass(&self, time: Duration) {
            *locked(&self.0) += time;
        }
    }

    const OPTIONS: RateOptions = RateOptions {
        peer_reads: 2,
        peer_writes: 1,
        key_reads: 3,
        key_writes: 0,
        burst_seconds: 2,
        wrong_keys: 2,
        concurrent: 2,
    };

    fn rates() -> (Arc<Still>, Rates) {
        let still = Arc::new(Still::default());
        let clock: Arc<dyn Clock> = still.clone();
        (still, Rates::new(OPTIONS, &clock))
    }

    fn peer(last: u8) -> Client {
        Client::Peer(Network::of(IpAddr::from([192, 0, 2, last])))
    }

    fn key(text: &str) -> Client {
        Client::Key(KeyId::new(text).expect("an id"))
    }

    #[test]
    fn a_bucket_takes_its_burst_and_then_its_rate() {
        let (clock, rates) = rates();
        for left in (0..4).rev() {
            let levels = rates.count(&[peer(1)], Kind::Read).expect("taken");
            assert_eq!(levels[0].left, left);
        }
        let empty = rates.count(&[peer(1)], Kind::Read).expect_err("empty");
        assert_eq!((empty[0].wait, empty[0].wait_seconds()), (Duration::from_millis(500), 1));
        assert!(rates.count(&[peer(2)], Kind::Read).is_ok(), "another client");
        assert!(rates.count(&[peer(1)], Kind::Write).is_ok(), "another kind");
        clock.pass(Duration::from_millis(500));
        assert!(rates.count(&[peer(1)], Kind::Read).is_ok());
        assert!(rates.count(&[peer(1)], Kind::Read).is_err());
        assert!(
            (0..1000).all(|_| rates.count(&[key("a")], Kind::Write).is_ok_and(|levels| levels.is_empty())),
            "0 is no bound"
        );
    }

    #[test]
    fn the_headers_say_what_is_left_of_every_bucket() {
        let (_, rates) = rates();
        let levels = rates.count(&[peer(1), key("a")], Kind::Read).expect("taken");
        let (policy, limit) = headers_of(&levels).expect("headers");
        assert_eq!(policy, "\"peer-reads\";q=4;w=2, \"key-reads\";q=6;w=2");
        assert_eq!(limit, "\"peer-reads\";r=3;t=1, \"key-reads\";r=5;t=1");
        assert_eq!(headers_of(&[]), None);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory_than_the_table_has_and_frees_nobody_who_is_bounded() {
        let (_, mut rates) = rates();
        let limiter = rates.peer_reads.as_ref().expect("a bound");
        let heavy = peer(1);
        while limiter.count(&heavy).is_ok() {}
        for number in 0..10 * MOST_CLIENTS as u128 {
            let address = Ipv6Addr::from_bits((0x2001_0db8 << 96) + (number << 64));
            assert!(limiter.count(&Client::Peer(Network::of(address.into()))).is_ok());
        }
        assert!(limiter.count(&heavy).is_err(), "the one that asked for the most is remembered");
        // In one network of 64 bits they are one client.
        let (mut taken, network) = (0, 0x2001_0db8_ffff_u128 << 80);
        for host in 0..100 {
            let address = Ipv6Addr::from_bits(network + host);
            taken += usize::from(limiter.count(&Client::Peer(Network::of(address.into()))).is_ok());
        }
        assert_eq!(taken, 4);
        let table = rates.peer_reads.take().expect("a bound").inner.into_state_store();
        assert!(locked(&table.levels).len() <= MOST_CLIENTS);
    }

    #[test]
    fn requests_under_way_are_counted_until_they_end() {
        let (_, rates) = rates();
        let both = [peer(1), key("a")];
        let first = rates.begin(&both).expect("one");
        let second = rates.begin(&[key("a")]).expect("two");
        assert!(rates.begin(&both).is_none(), "three with one key");
        let third = rates.begin(&[peer(1)]).expect("the refused one is not counted");
        assert!(rates.begin(&[peer(1)]).is_none());
        drop((first, second, third));
        assert!(locked(&rates.underway).is_empty(), "nothing is kept of those that ended");
    }

    #[test]
    fn wrong_keys_have_a_bucket_of_their_own() {
        let (clock, rates) = rates();
        let network = Network::of(Ipv4Addr::LOCALHOST.into());
        assert!(rates.count_wrong_key(network).is_ok() && rates.count_wrong_key(network).is_ok());
        assert_eq!(rates.count_wrong_key(network).expect_err("too many").wait_seconds(), 30);
        clock.pass(Duration::from_secs(30));
        assert!(rates.count_wrong_key(network).is_ok());
    }
}

//! A switch for the tests of what stands above: named operations fail, or wait, on demand. The
//! names are those of the store's methods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::super::StoreError;
use super::SqliteStore;

pub(super) struct Faults {
    failing: Mutex<BTreeSet<String>>,
    /// How often each operation came to its end.
    calls: watch::Sender<BTreeMap<&'static str, usize>>,
    /// The operation that waits, and the call of it from which on it does.
    held: watch::Sender<Option<(&'static str, usize)>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { failing: Mutex::default(), calls: watch::Sender::new(BTreeMap::new()), held: watch::Sender::new(None) }
    }
}

impl Faults {
    fn failing(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, call: &str) -> Result<(), StoreError> {
        let failing = self.failing();
        if failing.contains(call) || failing.contains("*") {
            return Err(StoreError::Unavailable(format!("{call} was told to fail")));
        }
        Ok(())
    }
}

impl SqliteStore {
    pub(super) fn begins(&self, operation: &'static str) -> Result<(), StoreError> {
        self.faults.check(operation)
    }

    pub(super) async fn ended(&self, operation: &'static str) -> Result<(), StoreError> {
        self.faults.calls.send_modify(|calls| *calls.entry(operation).or_default() += 1);
        let call = self.calls(operation);
        let goes_on =
            |held: &Option<(&str, usize)>| !held.is_some_and(|(name, from)| name == operation && call >= from);
        self.faults.held.subscribe().wait_for(goes_on).await.expect("the sender lives");
        self.faults.check(&format!("{operation} after commit"))
    }

    /// Lets this operation fail until [`Self::heal`]; `*` is every operation; `insert after commit`
    /// fails when the database has committed, as each operation does with these words behind its
    /// name.
    pub(crate) fn fail(&self, operation: &str) {
        self.faults.failing().insert(operation.to_owned());
    }

    /// Lets nothing fail any more.
    pub(crate) fn heal(&self) {
        self.faults.failing().clear();
    }

    /// Lets an operation wait when it was done, from its `call`-th time on.
    pub(crate) fn hold(&self, operation: &'static str, call: usize) {
        self.faults.held.send_replace(Some((operation, call)));
    }

    /// Lets what waits go on.
    pub(crate) fn release(&self) {
        self.faults.held.send_replace(None);
    }

    /// How often an operation was done.
    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.faults.calls.borrow().get(operation).copied().unwrap_or_default()
    }

    /// Waits until an operation was done so often.
    pub(crate) async fn until_called(&self, operation: &str, calls: usize) {
        let enough = |counts: &BTreeMap<&'static str, usize>| counts.get(operation).is_some_and(|n| *n >= calls);
        self.faults.calls.subscribe().wait_for(enough).await.expect("the sender lives");
    }
}

//! How many searches run and wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SearchError;

/// Searches that may wait for a free processor; one more is refused.
const MAX_WAITING: usize = 256;

/// Bounds the work of searches that runs at once (each takes a processor) and the searches that
/// wait. Everything that computes for a search shares one of these.
pub struct SearchSlots {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    processors: usize,
}

/// The place of a search among those that run or wait; given up when it is dropped.
pub struct Admission {
    running: Arc<Semaphore>,
    _place: OwnedSemaphorePermit,
}

impl SearchSlots {
    /// As many as this machine has processors.
    #[must_use]
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            admitted: Arc::new(Semaphore::new(processors + MAX_WAITING)),
            running: Arc::new(Semaphore::new(processors)),
            processors,
        }
    }

    /// How much of the work can run at once.
    #[must_use]
    pub fn processors(&self) -> usize {
        self.processors
    }

    /// A place among the searches that run or wait.
    ///
    /// # Errors
    /// [`SearchError::Overloaded`] when there is none.
    pub fn admit(&self) -> Result<Admission, SearchError> {
        let place = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| SearchError::Overloaded)?;
        Ok(Admission { running: Arc::clone(&self.running), _place: place })
    }
}

impl Default for SearchSlots {
    fn default() -> Self {
        Self::new()
    }
}

impl Admission {
    /// Runs work off the async threads when a processor is free.
    ///
    /// # Errors
    /// [`SearchError::Internal`] when the work panics.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, SearchError> {
        let slot = Arc::clone(&self.running).acquire_owned().await.map_err(|_| SearchError::ShuttingDown)?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when the client has gone by then.
            let _slot = slot;
            work()
        })
        .await
        .map_err(|e| SearchError::Internal(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_search_beyond_those_that_run_and_wait_is_refused_until_another_ends() {
        let slots = SearchSlots::new();
        let mut admitted: Vec<Admission> =
            (0..slots.processors() + MAX_WAITING).map(|_| slots.admit().expect("a place")).collect();
        assert!(matches!(slots.admit(), Err(SearchError::Overloaded)));
        admitted.pop();
        assert!(slots.admit().is_ok());
    }
}

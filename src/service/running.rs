//! Which work is under way, so that a shutdown can wait for it.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch};

use super::ServiceError;

/// Held while a request is worked on.
pub(super) type Running = Arc<OwnedRwLockReadGuard<()>>;

/// Lets work in until it is closed. Work holds the lock for reading; closing takes it for writing.
pub(super) struct Gate {
    running: Arc<RwLock<()>>,
    closed: watch::Sender<bool>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { running: Arc::new(RwLock::new(())), closed: watch::Sender::new(false) }
    }

    /// # Errors
    /// [`ServiceError::ShuttingDown`] once the gate is closed.
    pub(super) fn enter(&self) -> Result<Running, ServiceError> {
        if self.is_closed() {
            return Err(ServiceError::ShuttingDown);
        }
        // Only a gate that is just being closed refuses a reader.
        Arc::clone(&self.running).try_read_owned().map(Arc::new).map_err(|_| ServiceError::ShuttingDown)
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Resolves once the gate is closed.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Returns once the gate is closed.
    pub(super) async fn until_closed(&self) {
        // The sender lives in `self`.
        let _closed = self.closed.subscribe().wait_for(|closed| *closed).await.is_ok();
    }

    /// Lets nothing in from now on.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until all that was let in has ended. Call [`Gate::close`] first.
    pub(super) async fn drained(&self) {
        drop(self.running.write().await);
    }
}

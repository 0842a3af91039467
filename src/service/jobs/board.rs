//! What the jobs of a process share, known to those who ask for work and to the one that does it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// What the jobs of a process share.
pub(in crate::service) struct Board {
    /// The name of this process in claims.
    pub(super) owner: String,
    /// There is a new job.
    pub(super) created: Notify,
    /// A job was cancelled: whoever works on it looks at once.
    pub(super) cancelled: Notify,
    /// How many jobs ended in this process.
    pub(super) ended: watch::Sender<u64>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Board {
    pub(in crate::service) fn new() -> Self {
        Self {
            owner: uuid::Uuid::now_v7().to_string(),
            created: Notify::new(),
            cancelled: Notify::new(),
            ended: watch::Sender::new(0),
            worker: Mutex::new(None),
        }
    }

    /// Somebody works on jobs now.
    pub(super) fn employ(&self, worker: JoinHandle<()>) {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).replace(worker);
    }

    /// A job ended.
    pub(super) fn note_end(&self) {
        self.ended.send_modify(|jobs| *jobs += 1);
    }

    /// Returns when nobody works on jobs any more; they stop when the gate closes.
    pub(in crate::service) async fn idle(&self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && let Err(error) = worker.await
        {
            tracing::error!(%error, "the task that works on jobs ended early");
        }
    }
}

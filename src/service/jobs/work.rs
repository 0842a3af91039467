//! A job under way: how far it is, and whether it is still this process's.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::{JobId, JobProgress};
use crate::service::ServiceError;
use crate::service::core::Core;
use crate::store::{Claim, StoreError};

/// Why a job stops before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It was cancelled, or another process has it.
    Lost,
    /// The process is ending.
    Closing,
    /// It cannot be done, or not now.
    Failed(ServiceError),
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes the news about a job's progress.
pub(super) type Tell<'a> = &'a (dyn Fn(JobProgress) + Send + Sync);

/// A job that this process works on.
pub(super) struct Work<'a> {
    /// The right to do so.
    pub(super) claim: Claim,
    /// Where another process left it.
    checkpoint: Option<Value>,
    tell: Tell<'a>,
    begun: Option<(Instant, u64)>,
}

impl<'a> Work<'a> {
    pub(super) fn new(claim: Claim, checkpoint: Option<Value>, tell: Tell<'a>) -> Self {
        Self { claim, checkpoint, tell, begun: None }
    }

    /// Where another process left the job; `None` where it begins here, or where that process was
    /// of another version.
    pub(super) fn checkpoint<T: DeserializeOwned>(&mut self) -> Option<T> {
        serde_json::from_value(self.checkpoint.take()?).ok()
    }

    /// How far the job is now. The rate is that of this process, from its first step on.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn progress(&mut self, done: u64, total: u64) -> JobProgress {
        let (since, first) = *self.begun.get_or_insert_with(|| (Instant::now(), done));
        let elapsed = since.elapsed().max(Duration::from_millis(1)).as_secs_f64();
        let rate = (done > first).then(|| (done - first) as f64 / elapsed);
        let progress = JobProgress { done, total: Some(total.max(done)), rate };
        (self.tell)(progress);
        progress
    }
}

/// Goes on while the claim holds.
///
/// # Errors
/// [`Stop::Lost`] where it does not, [`Stop::Failed`] where nobody knows.
pub(super) fn held(written: Result<bool, StoreError>) -> Result<(), Stop> {
    if written? { Ok(()) } else { Err(Stop::Lost) }
}

/// A value as a checkpoint or a result.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn to_json(value: &impl Serialize) -> Result<Value, ServiceError> {
    serde_json::to_value(value).map_err(|e| ServiceError::Internal(format!("a job's notes: {e}")))
}

/// What clients may read of it; the log has the inside.
pub(super) fn in_public(error: &ServiceError) -> String {
    if matches!(error, ServiceError::Store(_) | ServiceError::Internal(_)) {
        return "something went wrong in the service; its log has the details".to_owned();
    }
    error.to_string()
}

impl Core {
    /// Removes the data of a job that needs them no more. Where that fails they go some time later.
    pub(super) async fn forget_data(&self, id: &JobId) {
        if let Err(error) = self.store.forget_data(id).await {
            tracing::debug!(%error, "the data of a job cannot be removed now");
        }
    }
}

//! What jobs take in and give out, in parts.

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;

use super::error::StoreError;
use super::jobs::Claim;
use crate::domain::{JobId, JobProgress};

/// A part of a job's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPart {
    /// Where it begins in the whole, in bytes.
    pub start: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The bytes that go with jobs: a file to import, or one that was exported. They are in the
/// database, so that every process finds them, and after every crash.
#[async_trait]
pub trait JobData: Send + Sync {
    /// Adds a part of what a job that is to come takes in.
    async fn add_data(&self, job: &JobId, part: &DataPart) -> Result<(), StoreError>;

    /// Adds a part of what a job gives out and notes how far the job is, in one transaction;
    /// `false` where the claim does not hold.
    async fn note_data(
        &self,
        claim: &Claim,
        part: &DataPart,
        progress: JobProgress,
        checkpoint: &Value,
    ) -> Result<bool, StoreError>;

    /// The part in which the byte `at` is; `None` behind the last one.
    async fn data(&self, job: &JobId, at: u64) -> Result<Option<DataPart>, StoreError>;

    /// How many bytes there are.
    async fn data_size(&self, job: &JobId) -> Result<u64, StoreError>;

    /// Removes all of them.
    async fn forget_data(&self, job: &JobId) -> Result<(), StoreError>;

    /// Ids whose data nobody needs: those of jobs that have ended, unless they gave them out; and
    /// those before `orphans` that are no job's.
    async fn stale_data(&self, orphans: &JobId) -> Result<Vec<JobId>, StoreError>;

    /// Removes jobs that ended before that time, with what they found; how many.
    async fn forget_ended_jobs(&self, before: OffsetDateTime) -> Result<u64, StoreError>;
}

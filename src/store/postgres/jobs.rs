//! Jobs.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;

use super::super::codec::{self, JobCountRow, JobRow};
use super::super::statements::{
    ACTIVE_JOB, ACTIVE_JOBS, CANCEL_JOB, COUNT_JOBS, CREATE_JOB, END_JOB, JOB, JOBS, NOTE_PROGRESS, RELEASE_JOB,
    REMOVE_JOB, RENEW_CLAIM, job_columns,
};
use super::super::{Cancellation, Claim, ClaimedJob, JobCreation, JobEnd, Jobs, NewJob, StoreError};
use super::PostgresStore;
use super::session::Session;
use super::writes;
use crate::domain::{Job, JobId, JobProgress, JobState};

/// The oldest job that waits, or whose lease is over.
const CLAIM_JOB: &str = concat!(
    "UPDATE jobs SET state = 'running', owner = $1, lease_until = $2, started_at = coalesce(started_at, $3) \
     WHERE id = (SELECT id FROM jobs WHERE state = 'queued' OR (state = 'running' AND lease_until < $3) \
         ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING ",
    job_columns!()
);

impl PostgresStore {
    /// When a lease ends that begins now.
    pub(super) fn until(&self, lease: Duration) -> OffsetDateTime {
        self.clock.now() + lease
    }
}

/// Notes how far a job is and renews its lease; `false` where the claim does not hold.
pub(super) async fn note_progress(
    conn: &mut Session,
    claim: &Claim,
    progress: JobProgress,
    checkpoint: Option<&Value>,
    until: OffsetDateTime,
) -> Result<bool, StoreError> {
    let noted = sqlx::query(NOTE_PROGRESS)
        .bind(claim.job.as_str())
        .bind(&claim.owner)
        .bind(codec::integer(progress.done)?)
        .bind(progress.total.map(codec::integer).transpose()?)
        .bind(progress.rate)
        .bind(checkpoint.map(Value::to_string))
        .bind(until)
        .execute(conn)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// Renews the lease; `false` where the claim does not hold.
pub(super) async fn renew_claim(conn: &mut Session, claim: &Claim, until: OffsetDateTime) -> Result<bool, StoreError> {
    let renewed =
        sqlx::query(RENEW_CLAIM).bind(claim.job.as_str()).bind(&claim.owner).bind(until).execute(conn).await?;
    Ok(renewed.rows_affected() == 1)
}

#[async_trait]
impl Jobs for PostgresStore {
    async fn create_job(&self, job: &NewJob, most_active: u32) -> Result<JobCreation, StoreError> {
        let params = job.params.to_string();
        let now = self.clock.now();
        self.write("create_job", async |conn| {
            // The same work asked for twice at once is decided one by one.
            writes::lock_text(conn, "eyrie jobs".to_owned()).await?;
            let active: Option<JobRow<OffsetDateTime>> = sqlx::query_as(ACTIVE_JOB)
                .bind(job.kind.as_str())
                .bind(job.collection.as_str())
                .bind(&params)
                .fetch_optional(&mut *conn)
                .await?;
            if let Some(row) = active {
                return Ok(JobCreation::Active(row.into_job()?));
            }
            let active: i64 = sqlx::query_scalar(ACTIVE_JOBS).fetch_one(&mut *conn).await?;
            if active >= i64::from(most_active) {
                return Ok(JobCreation::TooMany);
            }
            let row: JobRow<OffsetDateTime> = sqlx::query_as(CREATE_JOB)
                .bind(job.id.as_str())
                .bind(job.kind.as_str())
                .bind(job.collection.as_str())
                .bind(&params)
                .bind(JobState::Queued.as_str())
                .bind(now)
                .fetch_one(conn)
                .await?;
            Ok(JobCreation::Created(row.into_job()?))
        })
        .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let row: Option<JobRow<OffsetDateTime>> = self
            .read("job", async |conn| Ok(sqlx::query_as(JOB).bind(id.as_str()).fetch_optional(conn).await?))
            .await?;
        row.map(JobRow::into_job).transpose()
    }

    async fn jobs(&self, before: Option<&JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<JobRow<OffsetDateTime>> = self
            .read("jobs", async |conn| {
                let query = sqlx::query_as(JOBS).bind(before.map(JobId::as_str)).bind(i64::from(limit));
                Ok(query.fetch_all(conn).await?)
            })
            .await?;
        rows.into_iter().map(JobRow::into_job).collect()
    }

    async fn count_jobs(&self) -> Result<Vec<(JobState, u64)>, StoreError> {
        let rows: Vec<JobCountRow> =
            self.read("count_jobs", async |session| Ok(sqlx::query_as(COUNT_JOBS).fetch_all(session).await?)).await?;
        rows.into_iter().map(JobCountRow::into_count).collect()
    }

    async fn claim_job(&self, owner: &str, lease: Duration) -> Result<Option<ClaimedJob>, StoreError> {
        let (now, until) = (self.clock.now(), self.until(lease));
        let row: Option<JobRow<OffsetDateTime>> = self
            .write("claim_job", async |conn| {
                Ok(sqlx::query_as(CLAIM_JOB).bind(owner).bind(until).bind(now).fetch_optional(conn).await?)
            })
            .await?;
        row.map(JobRow::into_claimed).transpose()
    }

    async fn note_progress(
        &self,
        claim: &Claim,
        progress: JobProgress,
        checkpoint: Option<&Value>,
    ) -> Result<bool, StoreError> {
        let until = self.until(claim.lease);
        self.write("note_progress", async |conn| note_progress(conn, claim, progress, checkpoint, until).await).await
    }

    async fn renew_claim(&self, claim: &Claim) -> Result<bool, StoreError> {
        let until = self.until(claim.lease);
        self.write("renew_claim", async |conn| renew_claim(conn, claim, until).await).await
    }

    async fn release_job(&self, claim: &Claim) -> Result<bool, StoreError> {
        self.write("release_job", async |conn| {
            let released = sqlx::query(RELEASE_JOB).bind(claim.job.as_str()).bind(&claim.owner).execute(conn).await?;
            Ok(released.rows_affected() == 1)
        })
        .await
    }

    async fn end_job(&self, claim: &Claim, end: &JobEnd) -> Result<bool, StoreError> {
        let (state, result, error) = match end {
            JobEnd::Done(result) => (JobState::Done, Some(result.to_string()), None),
            JobEnd::Failed(error) => (JobState::Failed, None, Some(error.as_str())),
        };
        let now = self.clock.now();
        self.write("end_job", async |conn| {
            let ended = sqlx::query(END_JOB)
                .bind(claim.job.as_str())
                .bind(&claim.owner)
                .bind(state.as_str())
                .bind(&result)
                .bind(error)
                .bind(now)
                .execute(conn)
                .await?;
            Ok(ended.rows_affected() == 1)
        })
        .await
    }

    async fn cancel_job(&self, id: &JobId) -> Result<Cancellation, StoreError> {
        let now = self.clock.now();
        self.write("cancel_job", async |conn| {
            let cancelled: Option<JobRow<OffsetDateTime>> =
                sqlx::query_as(CANCEL_JOB).bind(id.as_str()).bind(now).fetch_optional(&mut *conn).await?;
            if let Some(row) = cancelled {
                return Ok(Cancellation::Cancelled(row.into_job()?));
            }
            let ended: Option<JobRow<OffsetDateTime>> =
                sqlx::query_as(JOB).bind(id.as_str()).fetch_optional(conn).await?;
            Ok(match ended {
                Some(row) => Cancellation::Ended(row.into_job()?),
                None => Cancellation::UnknownJob,
            })
        })
        .await
    }

    async fn remove_job(&self, id: &JobId) -> Result<bool, StoreError> {
        self.write("remove_job", async |conn| {
            let removed = sqlx::query(REMOVE_JOB).bind(id.as_str()).execute(conn).await?;
            Ok(removed.rows_affected() == 1)
        })
        .await
    }
}

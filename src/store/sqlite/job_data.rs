//! What jobs take in and give out.

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;

use super::super::statements::{ADD_DATA, DATA, DATA_SIZE, FORGET_DATA, FORGET_ENDED_JOBS, STALE_DATA};
use super::super::{Claim, DataPart, JobData, StoreError, codec};
use super::{SqliteStore, jobs};
use crate::domain::{JobId, JobProgress};

#[async_trait]
impl JobData for SqliteStore {
    async fn add_data(&self, job: &JobId, part: &DataPart) -> Result<(), StoreError> {
        let start = codec::integer(part.start)?;
        self.write("add_data", async |conn| {
            sqlx::query(ADD_DATA).bind(job.as_str()).bind(start).bind(&part.bytes).execute(conn).await?;
            Ok(())
        })
        .await
    }

    async fn note_data(
        &self,
        claim: &Claim,
        part: &DataPart,
        progress: JobProgress,
        checkpoint: &Value,
    ) -> Result<bool, StoreError> {
        let (start, until) = (codec::integer(part.start)?, self.until(claim.lease));
        self.write("note_data", async |conn| {
            if !jobs::note_progress(conn, claim, progress, Some(checkpoint), until).await? {
                return Ok(false);
            }
            sqlx::query(ADD_DATA).bind(claim.job.as_str()).bind(start).bind(&part.bytes).execute(conn).await?;
            Ok(true)
        })
        .await
    }

    async fn data(&self, job: &JobId, at: u64) -> Result<Option<DataPart>, StoreError> {
        let at = codec::integer(at)?;
        let row: Option<(i64, Vec<u8>)> = self
            .read("data", async |conn| {
                Ok(sqlx::query_as(DATA).bind(job.as_str()).bind(at).fetch_optional(conn).await?)
            })
            .await?;
        let part = row.map(|(start, bytes)| Ok::<_, StoreError>(DataPart { start: codec::count(start)?, bytes }));
        Ok(part.transpose()?.filter(|part| part.start + part.bytes.len() as u64 > at.unsigned_abs()))
    }

    async fn data_size(&self, job: &JobId) -> Result<u64, StoreError> {
        let size: i64 = self
            .read("data_size", async |conn| {
                Ok(sqlx::query_scalar(DATA_SIZE).bind(job.as_str()).fetch_one(conn).await?)
            })
            .await?;
        codec::count(size)
    }

    async fn forget_data(&self, job: &JobId) -> Result<(), StoreError> {
        // A few parts in each transaction, so that others get their turn.
        loop {
            let removed = self
                .write("forget_data", async |conn| {
                    Ok(sqlx::query(FORGET_DATA).bind(job.as_str()).execute(conn).await?.rows_affected())
                })
                .await?;
            if removed == 0 {
                return Ok(());
            }
        }
    }

    async fn stale_data(&self, orphans: &JobId) -> Result<Vec<JobId>, StoreError> {
        let ids: Vec<String> = self
            .read("stale_data", async |conn| {
                Ok(sqlx::query_scalar(STALE_DATA).bind(orphans.as_str()).fetch_all(conn).await?)
            })
            .await?;
        ids.into_iter().map(codec::job_id).collect()
    }

    async fn forget_ended_jobs(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.write("forget_ended_jobs", async |conn| {
            let query = sqlx::query(FORGET_ENDED_JOBS).bind(codec::microseconds(before));
            Ok(query.execute(conn).await?.rows_affected())
        })
        .await
    }
}

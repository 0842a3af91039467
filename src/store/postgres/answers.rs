//! Requests that named themselves, and their answers.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::super::codec;
use super::super::statements::{BEGIN_ANSWER, BEGUN_ANSWER, FORGET_ANSWER, FORGET_OLD_ANSWERS, KEEP_ANSWER};
use super::super::{AnswerTimes, Answers, StoreError};
use super::PostgresStore;
use crate::domain::{Begun, CollectionName, ContentHash, IdempotencyKey, KeptAnswer};

#[async_trait]
impl Answers for PostgresStore {
    async fn begin(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        request: &ContentHash,
        times: AnswerTimes,
    ) -> Result<Option<Begun>, StoreError> {
        self.write("begin", async |session| {
            sqlx::query(FORGET_OLD_ANSWERS)
                .bind(codec::microseconds(times.expired))
                .bind(codec::microseconds(times.abandoned))
                .execute(&mut *session)
                .await?;
            let inserted = sqlx::query(BEGIN_ANSWER)
                .bind(collection.as_str())
                .bind(key.as_str())
                .bind(&request.0[..])
                .bind(codec::microseconds(times.now))
                .execute(&mut *session)
                .await?;
            if inserted.rows_affected() == 1 {
                return Ok(Some(Begun::First));
            }
            let row: Option<(Vec<u8>, Option<String>)> = sqlx::query_as(BEGUN_ANSWER)
                .bind(collection.as_str())
                .bind(key.as_str())
                .fetch_optional(session)
                .await?;
            codec::begun(row, request)
        })
        .await
    }

    async fn keep(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        begun: OffsetDateTime,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError> {
        let answer = codec::answer_column(answer)?;
        self.write("keep", async |session| {
            sqlx::query(KEEP_ANSWER)
                .bind(collection.as_str())
                .bind(key.as_str())
                .bind(answer)
                .bind(codec::microseconds(begun))
                .execute(session)
                .await?;
            Ok(())
        })
        .await
    }

    async fn forget(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        begun: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.write("forget", async |session| {
            sqlx::query(FORGET_ANSWER)
                .bind(collection.as_str())
                .bind(key.as_str())
                .bind(codec::microseconds(begun))
                .execute(session)
                .await?;
            Ok(())
        })
        .await
    }
}

//! Requests that named themselves.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::error::StoreError;
use crate::domain::{Begun, CollectionName, ContentHash, IdempotencyKey, KeptAnswer};

/// Requests that named themselves, and their answers.
#[async_trait]
pub trait Answers: Send + Sync {
    /// Begins a request, where none of this name was begun in the collection since `expired`, or
    /// was and gave no answer since `abandoned`; older ones are forgotten. `request` is a
    /// checksum of what is asked. `None` when there is no such collection.
    async fn begin(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        request: &ContentHash,
        times: AnswerTimes,
    ) -> Result<Option<Begun>, StoreError>;

    /// Keeps the answer to a request that was begun at this time. Where none was, or another one
    /// was since, nothing happens.
    async fn keep(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        begun: OffsetDateTime,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError>;

    /// Forgets a request that was begun at this time and has no answer to keep. Where none was, or
    /// another one was since, nothing happens.
    async fn forget(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        begun: OffsetDateTime,
    ) -> Result<(), StoreError>;
}

/// The times that decide about requests that named themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTimes {
    /// Now.
    pub now: OffsetDateTime,
    /// What was begun before is forgotten.
    pub expired: OffsetDateTime,
    /// What was begun before and has no answer never gets one: its process is gone.
    pub abandoned: OffsetDateTime,
}

//! Requests that are done once, however often they are sent: the first is done and its answer is
//! kept for a day, the others get that answer.

use sha2::{Digest, Sha256};
use time::Duration;

use super::core::unknown_collection;
use super::{RetrievalService, ServiceError};
use crate::domain::{Begun, CollectionName, ContentHash, IdempotencyKey, KeptAnswer};
use crate::store::AnswerTimes;

/// For how long an answer is given again.
const KEPT_FOR: Duration = Duration::hours(24);

/// A request that has no answer for so long never gets one.
const RUNS_FOR: Duration = Duration::hours(1);

/// What a request asks for, for telling it from another one of the same name.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds a part of the request.
    pub fn add(&mut self, part: &[u8]) {
        // The length keeps parts apart.
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

impl RetrievalService {
    /// Begins a request that named itself: `None` when it is to be done, and else the answer that
    /// it had. One that is begun must be ended with [`RetrievalService::end_once`].
    ///
    /// # Errors
    /// [`ServiceError::KeyRunning`], [`ServiceError::KeyReused`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::Store`].
    pub async fn begin_once(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        request: Fingerprint,
    ) -> Result<Option<KeptAnswer>, ServiceError> {
        let now = self.core.clock.now();
        let times = AnswerTimes { now, expired: now - KEPT_FOR, abandoned: now - RUNS_FOR };
        let request = ContentHash(request.0.finalize().into());
        match self.core.store.begin(collection, key, &request, times).await? {
            Some(Begun::First) => Ok(None),
            Some(Begun::Answered(answer)) => Ok(Some(answer)),
            Some(Begun::Running) => Err(ServiceError::KeyRunning),
            Some(Begun::Other) => Err(ServiceError::KeyReused),
            None => Err(unknown_collection(collection)),
        }
    }

    /// Ends a request that was begun: keeps its answer, or forgets it where there is none to keep,
    /// so that it can be sent again.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn end_once(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        answer: Option<&KeptAnswer>,
    ) -> Result<(), ServiceError> {
        match answer {
            Some(answer) => Ok(self.core.store.keep(collection, key, answer).await?),
            None => Ok(self.core.store.forget(collection, key).await?),
        }
    }
}

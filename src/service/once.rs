//! Requests that are done once, however often they are sent: the first is done and its answer is
//! kept for a day, the others get that answer.
//!
//! A database that goes away in the middle leaves requests that look as if they were under way.
//! This process knows better: it notes how they ended, and tells the database as soon as it is
//! back.

use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::core::{Core, unknown_collection};
use super::owed::{End, Name};
use super::{RetrievalService, ServiceError};
use crate::domain::{Begun, CollectionName, ContentHash, IdempotencyKey, KeptAnswer};
use crate::store::{AnswerTimes, StoreError};

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

    /// The SHA-256 of the parts.
    pub(super) fn hash(self) -> ContentHash {
        ContentHash(self.0.finalize().into())
    }
}

/// What is to become of a request that named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// It is to be done, and ended with [`RetrievalService::end_once`] and this time of its begin.
    Do(OffsetDateTime),
    /// It was done, and answered so.
    Done(KeptAnswer),
}

impl Core {
    async fn end(&self, (collection, key): &Name, end: &End) -> Result<(), StoreError> {
        match &end.answer {
            Some(answer) => self.store.keep(collection, key, end.begun, answer).await,
            None => self.store.forget(collection, key, end.begun).await,
        }
    }

    /// Tells the database how a request ended, where it does not know.
    async fn settle(&self, name: &Name) -> Result<(), StoreError> {
        if let Some(end) = self.owed.get(name) {
            self.end(name, &end).await?;
            self.owed.settled(name, end.begun);
        }
        Ok(())
    }

    /// Tells the database of all ends that it does not know; of the rest later where it is away.
    pub(super) async fn settle_all(&self) {
        for name in self.owed.names() {
            if self.settle(&name).await.is_err() {
                break;
            }
        }
    }
}

impl RetrievalService {
    /// Begins a request that named itself. To be called in a task that is not dropped half-way.
    ///
    /// # Errors
    /// [`ServiceError::KeyRunning`], [`ServiceError::KeyReused`],
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn begin_once(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        request: Fingerprint,
    ) -> Result<Once, ServiceError> {
        let name = (collection.clone(), key.clone());
        self.core.settle(&name).await?;
        let now = self.core.clock.now();
        let times = AnswerTimes { now, expired: now - KEPT_FOR, abandoned: now - RUNS_FOR };
        let begun = self.core.store.begin(collection, key, &request.hash(), times).await;
        if matches!(begun, Err(StoreError::Unavailable(_))) {
            // It may have been committed, and nobody does it.
            self.core.owed.note(name, End { begun: now, answer: None });
        }
        match begun? {
            Some(Begun::First) => Ok(Once::Do(now)),
            Some(Begun::Answered(answer)) => Ok(Once::Done(answer)),
            Some(Begun::Running) => Err(ServiceError::KeyRunning),
            Some(Begun::Other) => Err(ServiceError::KeyReused),
            None => Err(unknown_collection(collection)),
        }
    }

    /// Ends a request that was begun at this time: keeps its answer, or forgets it where there is
    /// none to keep, so that it can be sent again. Where the database is away that is done later.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn end_once(
        &self,
        collection: &CollectionName,
        key: &IdempotencyKey,
        begun: OffsetDateTime,
        answer: Option<KeptAnswer>,
    ) -> Result<(), ServiceError> {
        let (name, end) = ((collection.clone(), key.clone()), End { begun, answer });
        let ended = self.core.end(&name, &end).await;
        if matches!(ended, Err(StoreError::Unavailable(_))) {
            self.core.owed.note(name, end);
        }
        Ok(ended?)
    }
}

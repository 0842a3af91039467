//! Creating, describing and deleting collections.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::{RetrievalService, ServiceError};
use crate::domain::{Collection, CollectionName, Profile};
use crate::store::CollectionSummary;

/// The profile of a collection that is created without naming one.
const DEFAULT_PROFILE: Profile = Profile::Rnip;

/// How often a creation starts over because the collection comes and goes meanwhile.
const TRIES: usize = 8;

impl RetrievalService {
    /// Every collection by name.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn list_collections(&self) -> Result<Vec<CollectionSummary>, ServiceError> {
        Ok(self.store.list_collections(self.model()).await?)
    }

    /// One collection with its counts.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn collection(&self, name: &CollectionName) -> Result<CollectionSummary, ServiceError> {
        let found = self.store.collection_summary(name, self.model()).await?;
        found.ok_or_else(|| ServiceError::UnknownCollection(name.to_string()))
    }

    /// Creates a collection; `false` when the same one was there. Without a profile it gets `rnip`, and one of
    /// any profile that is there is the same.
    ///
    /// # Errors
    /// [`ServiceError::CollectionExists`] when it is there with another profile than the one named;
    /// [`ServiceError::Store`].
    pub async fn create_collection(
        &self,
        name: CollectionName,
        profile: Option<Profile>,
        description: String,
    ) -> Result<(Collection, bool), ServiceError> {
        let _running = self.gate.enter()?;
        let now = OffsetDateTime::now_utc();
        let collection = Collection {
            name,
            profile: profile.unwrap_or(DEFAULT_PROFILE),
            description,
            // Databases keep microseconds: what is answered now is what is read later.
            created_at: now - Duration::nanoseconds(i64::from(now.nanosecond() % 1_000)),
        };
        for _ in 0..TRIES {
            if self.store.create_collection(&collection).await? {
                return Ok((collection, true));
            }
            // `None`: deleted since, so it can be created now.
            if let Some(there) = self.store.get_collection(&collection.name).await? {
                if profile.is_some_and(|p| p != there.profile) {
                    return Err(ServiceError::CollectionExists(there.name.to_string(), there.profile));
                }
                return Ok((there, false));
            }
        }
        Err(ServiceError::Overloaded { retry_after_seconds: 1 })
    }

    /// Changes the description.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Collection, ServiceError> {
        let _running = self.gate.enter()?;
        let changed = self.store.describe_collection(name, description).await?;
        changed.ok_or_else(|| ServiceError::UnknownCollection(name.to_string()))
    }

    /// Deletes a collection and all its images.
    ///
    /// # Errors
    /// [`ServiceError::DefaultCollection`], [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn delete_collection(&self, name: &CollectionName) -> Result<(), ServiceError> {
        let running = self.gate.enter()?;
        if *name == CollectionName::default_collection() {
            return Err(ServiceError::DefaultCollection);
        }
        let (store, gone) = (Arc::clone(&self.store), name.clone());
        let deleted = self
            .commit(&running, async move {
                let seq = store.delete_collection(&gone).await?;
                Ok((seq.is_some(), seq))
            })
            .await?;
        if deleted { Ok(()) } else { Err(ServiceError::UnknownCollection(name.to_string())) }
    }

    fn model(&self) -> &str {
        self.pool.version(DEFAULT_PROFILE).model()
    }
}

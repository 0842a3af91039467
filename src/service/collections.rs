//! Creating, describing and deleting collections.

use std::sync::Arc;

use super::core::unknown_collection;
use super::{RetrievalService, ServiceError};
use crate::domain::{Collection, CollectionChange, CollectionName, Profile, Quota};
use crate::store::CollectionSummary;

/// The profile of a collection that is created without naming one.
pub(super) const DEFAULT_PROFILE: Profile = Profile::Rnip;

impl RetrievalService {
    /// Every collection by name.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn list_collections(&self) -> Result<Vec<CollectionSummary>, ServiceError> {
        Ok(self.core.store.list_collections(self.core.catalogue.model()).await?)
    }

    /// One collection with its counts.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn collection(&self, name: &CollectionName) -> Result<CollectionSummary, ServiceError> {
        let found = self.core.store.collection_summary(name, self.core.catalogue.model()).await?;
        found.ok_or_else(|| unknown_collection(name))
    }

    /// Creates a collection; `false` when the same one was there, which stays as it is. Without a
    /// profile it gets `rnip`, and one of any profile that is there is the same.
    ///
    /// # Errors
    /// [`ServiceError::CollectionExists`] when it is there with another profile than the one named;
    /// [`ServiceError::Store`].
    pub async fn create_collection(
        &self,
        name: CollectionName,
        profile: Option<Profile>,
        description: String,
        quota: Quota,
    ) -> Result<(Collection, bool), ServiceError> {
        let _running = self.core.gate.enter()?;
        let collection = Collection {
            name,
            profile: profile.unwrap_or(DEFAULT_PROFILE),
            description,
            created_at: self.core.clock.now(),
            quota,
        };
        let mut attempts = self.core.attempts();
        loop {
            attempts.next().await?;
            if self.core.store.create_collection(&collection).await? {
                return Ok((collection, true));
            }
            // `None`: deleted since, so it can be created at the next attempt.
            if let Some(there) = self.core.store.get_collection(&collection.name).await? {
                if profile.is_some_and(|p| p != there.profile) {
                    return Err(ServiceError::CollectionExists(there.name.to_string(), there.profile));
                }
                return Ok((there, false));
            }
        }
    }

    /// Changes the description or the quota. Where more is there than a new quota allows, nothing
    /// is deleted, and nothing more is stored.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn change_collection(
        &self,
        name: &CollectionName,
        change: &CollectionChange,
    ) -> Result<Collection, ServiceError> {
        let _running = self.core.gate.enter()?;
        let changed = self.core.store.change_collection(name, change).await?;
        changed.ok_or_else(|| unknown_collection(name))
    }

    /// Deletes a collection and all its images.
    ///
    /// # Errors
    /// [`ServiceError::DefaultCollection`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::Store`].
    pub async fn delete_collection(&self, name: &CollectionName) -> Result<(), ServiceError> {
        let running = self.core.gate.enter()?;
        if *name == CollectionName::default_collection() {
            return Err(ServiceError::DefaultCollection);
        }
        let (store, gone) = (Arc::clone(&self.core.store), name.clone());
        let deletion = async move { store.delete_collection(&gone).await };
        match self.core.write_and_follow(&running, deletion).await? {
            Some(_) => Ok(()),
            None => Err(unknown_collection(name)),
        }
    }
}

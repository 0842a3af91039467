//! What is asked about keys.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::ring::{KnownKeys, Read, hash_of};
use crate::domain::{ApiKey, Clock, CollectionName, KeyId, KeyLabel, Origin, Quota, Scope, Secret, Usage};
use crate::service::core::Core;
use crate::service::{RetrievalService, ServiceError};
use crate::store::{KeyCreation, StoreError, StoredKey};

/// How every key begins, so that people and scanners of secrets know one.
const PREFIX: &str = "eyrie_";

/// Random bytes of a key.
const RANDOM_BYTES: usize = 32;

/// For how long keys that were read are believed.
const FRESH: Duration = Duration::from_secs(1);

/// How long the database may take to give the keys.
const READ_TIME: Duration = Duration::from_secs(5);

/// Keys that may be there at a time.
const MOST_KEYS: u32 = 1_000;

/// The longest life of a key that ends.
pub const MOST_DAYS: u32 = 3_650;

/// Collections that a key may name.
pub const MOST_COLLECTIONS: usize = 100;

/// Origins that a key may name.
pub const MOST_ORIGINS: usize = 20;

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// What people call it.
    pub label: KeyLabel,
    /// What it may do.
    pub scope: Scope,
    /// The collections that exist for it; `None` for all.
    pub collections: Option<Vec<CollectionName>>,
    /// The origins of the pages that may use it.
    pub origins: Vec<Origin>,
    /// The most of what it stores that may be there. Only a key with the scope `write` has a limit.
    pub quota: Quota,
    /// How long it is taken; `None` until it is revoked.
    pub lasts: Option<Duration>,
}

/// A key, and what of it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedKey {
    /// The key.
    pub key: ApiKey,
    /// What it stored and still stands.
    pub used: Usage,
}

impl UsedKey {
    /// A key that stored nothing yet.
    #[must_use]
    pub fn new(key: ApiKey) -> Self {
        Self { key, used: Usage::default() }
    }
}

/// A key that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKey {
    /// The key itself, which is shown this once.
    pub secret: Secret,
    /// All else of it.
    pub key: ApiKey,
}

impl Core {
    async fn read_keys(&self) -> Result<KnownKeys, StoreError> {
        let read = tokio::time::timeout(READ_TIME, self.store.api_keys()).await;
        let late = || StoreError::Unavailable(format!("the keys were not there within {} s", READ_TIME.as_secs()));
        let stored = read.unwrap_or_else(|_| Err(late()))?;
        Ok(KnownKeys::new(stored.into_iter().chain(self.keys.configured.clone()), self.clock.now()))
    }
}

impl RetrievalService {
    /// The keys as they were at most a second ago.
    ///
    /// # Errors
    /// [`ServiceError::Store`]: where the database does not answer, nobody is let in.
    pub async fn known_keys(&self) -> Result<Arc<KnownKeys>, ServiceError> {
        let asked = self.core.clock.elapsed();
        let mut read = self.core.keys.read.lock().await;
        let now = self.core.clock.elapsed();
        match read.as_ref() {
            Some(Read { at, keys: Ok(keys) }) if now.saturating_sub(*at) < FRESH => return Ok(Arc::clone(keys)),
            // Whoever waited for this answer gets it, instead of asking a database that is away.
            Some(Read { at, keys: Err(reason) }) if asked <= *at => {
                return Err(StoreError::Unavailable(reason.clone()).into());
            }
            Some(_) | None => {}
        }
        match self.core.read_keys().await.map(Arc::new) {
            Ok(keys) => {
                *read = Some(Read { at: now, keys: Ok(Arc::clone(&keys)) });
                Ok(keys)
            }
            Err(error) => {
                *read = Some(Read { at: self.core.clock.elapsed(), keys: Err(error.to_string()) });
                Err(error.into())
            }
        }
    }

    /// What tells the time that decides whether a key is taken.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.core.clock)
    }

    /// Notes that a key was used, in the background and once a minute at most.
    pub fn note_key_use(&self, key: &ApiKey) {
        let now = self.core.clock.now();
        let minute = now.unix_timestamp().div_euclid(60);
        let is_stored = self.core.keys.configured.as_ref().is_none_or(|configured| configured.key.id != key.id);
        {
            let mut noted = self.core.keys.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if !is_stored || noted.get(&key.id) == Some(&minute) {
                return;
            }
            // Keys that were removed since.
            if noted.len() > MOST_KEYS as usize {
                noted.clear();
            }
            noted.insert(key.id.clone(), minute);
        }
        let Ok(at) = OffsetDateTime::from_unix_timestamp(minute * 60) else { return };
        let (core, id) = (Arc::clone(&self.core), key.id.clone());
        tokio::spawn(async move {
            if let Err(error) = core.store.note_key_use(&id, at).await {
                tracing::debug!(%error, key = %id, "the use of a key could not be noted");
            }
        });
    }

    /// Makes a key. What is answered is the only place where it can be seen.
    ///
    /// # Errors
    /// [`ServiceError::InvalidKey`], [`ServiceError::TooManyKeys`], [`ServiceError::Store`].
    pub async fn add_key(&self, new: NewApiKey) -> Result<MadeKey, ServiceError> {
        check(&new)?;
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| ServiceError::Internal(format!("there are no random numbers: {error}")))?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        let now = self.core.clock.now();
        let key = ApiKey {
            id: KeyId::generate(),
            label: new.label,
            scope: new.scope,
            collections: new.collections,
            origins: new.origins,
            quota: new.quota,
            created_at: now,
            expires_at: new.lasts.map(|lasts| now + lasts),
            last_used_at: None,
            revoked_at: None,
        };
        let stored = StoredKey { hash: hash_of(text.as_bytes()), key };
        match self.core.store.add_key(&stored, MOST_KEYS).await? {
            KeyCreation::Created => {}
            KeyCreation::TooMany => return Err(ServiceError::TooManyKeys(MOST_KEYS)),
        }
        self.core.keys.forget().await;
        Ok(MadeKey { secret: Secret::new(text), key: stored.key })
    }

    /// The stored keys, the oldest first, those that are not taken any more among them.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn keys(&self) -> Result<Vec<UsedKey>, ServiceError> {
        let stored = self.core.store.api_keys().await?;
        let mut usage = self.core.store.key_usage().await?;
        let used = |key: ApiKey| UsedKey { used: usage.remove(&key.id).unwrap_or_default(), key };
        Ok(stored.into_iter().map(|stored| stored.key).map(used).collect())
    }

    /// A stored key.
    ///
    /// # Errors
    /// [`ServiceError::UnknownKey`], [`ServiceError::Store`].
    pub async fn key(&self, id: &KeyId) -> Result<UsedKey, ServiceError> {
        let found = self.keys().await?.into_iter().find(|used| used.key.id == *id);
        found.ok_or_else(|| ServiceError::UnknownKey(id.to_string()))
    }

    /// Takes a key back: here at once, by other processes within two seconds. One that was taken
    /// back before stays as it is.
    ///
    /// # Errors
    /// [`ServiceError::UnknownKey`], [`ServiceError::Store`].
    pub async fn revoke_key(&self, id: &KeyId) -> Result<ApiKey, ServiceError> {
        let revoked = self.core.store.revoke_key(id, self.core.clock.now()).await?;
        self.core.keys.forget().await;
        revoked.ok_or_else(|| ServiceError::UnknownKey(id.to_string()))
    }
}

fn check(new: &NewApiKey) -> Result<(), ServiceError> {
    let refusal = |reason| Err(ServiceError::InvalidKey(reason));
    if new.scope == Scope::Admin && new.collections.is_some() {
        return refusal("an admin key is for all collections");
    }
    if new.scope != Scope::Search && !new.origins.is_empty() {
        return refusal("a key for pages can be read by everybody who opens them, so its scope can only be search");
    }
    if new.collections.as_ref().is_some_and(|names| names.is_empty() || names.len() > MOST_COLLECTIONS) {
        return refusal("a key names 1 to 100 collections, or none to be for all of them");
    }
    if new.origins.len() > MOST_ORIGINS {
        return refusal("a key names at most 20 origins");
    }
    if new.scope != Scope::Write && !new.quota.is_unlimited() {
        return refusal(
            "only a key with the scope write has a quota: those before it store nothing, and admin keys make others",
        );
    }
    let day = Duration::from_secs(24 * 3600);
    if new.lasts.is_some_and(|lasts| lasts.is_zero() || lasts > day * MOST_DAYS) {
        return refusal("a key lasts at most 3650 days");
    }
    Ok(())
}

//! API keys in a database.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::error::StoreError;
use crate::domain::{ApiKey, KeyHash, KeyId};

/// A key with what it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// All else of it.
    pub key: ApiKey,
}

/// What became of a key that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreation {
    /// It is there.
    Created,
    /// So many keys are there that no further one is stored.
    TooMany,
}

/// API keys. All times are given: whoever asks decides what time it is.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a key. Where `most` are there, the oldest of those that are not taken any more (by
    /// `key.created_at`) makes room.
    async fn add_key(&self, key: &StoredKey, most: u32) -> Result<KeyCreation, StoreError>;

    /// Every key, the oldest first, those that are not taken any more among them.
    async fn api_keys(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Takes a key back; one that was keeps its time. `None` where there is no such key.
    async fn revoke_key(&self, id: &KeyId, at: OffsetDateTime) -> Result<Option<ApiKey>, StoreError>;

    /// Notes that a key was used, unless a later use is noted.
    async fn note_key_use(&self, id: &KeyId, at: OffsetDateTime) -> Result<(), StoreError>;
}

//! API keys as columns.

use super::{StoredTime, damaged, limit_column, microseconds, quota};
use crate::domain::{ApiKey, KeyHash, KeyId, KeyLabel, Origin};
use crate::store::{StoreError, StoredKey};

row! {
    /// A row of an API key; times are microseconds.
    pub(in crate::store) struct KeyRow {
        id: String,
        hash: Vec<u8>,
        label: String,
        scope: String,
        collections: Option<String>,
        origins: String,
        max_images: Option<i64>,
        max_bytes: Option<i64>,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        revoked_at: Option<i64>,
    }
}

/// The columns of a key that are no texts of it.
pub(in crate::store) struct KeyColumns {
    pub(in crate::store) collections: Option<String>,
    pub(in crate::store) origins: String,
    pub(in crate::store) expires_at: Option<i64>,
    pub(in crate::store) max_images: Option<i64>,
    pub(in crate::store) max_bytes: Option<i64>,
}

impl KeyColumns {
    pub(in crate::store) fn of(key: &ApiKey) -> Result<Self, StoreError> {
        let unwritable = |error: serde_json::Error| StoreError::Internal(format!("a key cannot be kept: {error}"));
        let origins: Vec<String> = key.origins.iter().map(Origin::to_string).collect();
        Ok(Self {
            collections: key.collections.as_ref().map(serde_json::to_string).transpose().map_err(unwritable)?,
            origins: serde_json::to_string(&origins).map_err(unwritable)?,
            expires_at: key.expires_at.map(microseconds),
            max_images: limit_column(key.quota.max_images),
            max_bytes: limit_column(key.quota.max_bytes),
        })
    }
}

impl KeyRow {
    pub(in crate::store) fn into_key(self) -> Result<StoredKey, StoreError> {
        let collections = self.collections.as_deref().map(serde_json::from_str).transpose().map_err(damaged)?;
        let origins: Vec<String> = serde_json::from_str(&self.origins).map_err(damaged)?;
        let time = |column: Option<i64>| column.map(StoredTime::into_time).transpose();
        Ok(StoredKey {
            hash: KeyHash(<[u8; 32]>::try_from(self.hash).map_err(|_| damaged("a key's hash is not 32 bytes long"))?),
            key: ApiKey {
                id: KeyId::new(self.id).map_err(damaged)?,
                label: KeyLabel::new(self.label).map_err(damaged)?,
                scope: self.scope.parse().map_err(damaged)?,
                collections,
                origins: origins.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(damaged)?,
                quota: quota(self.max_images, self.max_bytes)?,
                created_at: self.created_at.into_time()?,
                expires_at: time(self.expires_at)?,
                last_used_at: time(self.last_used_at)?,
                revoked_at: time(self.revoked_at)?,
            },
        })
    }
}

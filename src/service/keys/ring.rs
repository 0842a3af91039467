//! What is known of keys, and how one is known again.
//!
//! All keys are read together, at most once a second, and requests are compared with what was read:
//! so a key that is taken back is refused everywhere within two seconds, and no number of wrong
//! keys asks the database anything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::domain::{ApiKey, KeyHash, KeyId, KeyLabel, Origin, Quota, Scope, Secret};
use crate::service::ServiceError;
use crate::store::StoredKey;

/// Every key, as it was at one moment.
#[derive(Debug, Default)]
pub struct KnownKeys {
    by_hash: HashMap<KeyHash, Arc<ApiKey>>,
    origins: HashSet<Origin>,
}

impl KnownKeys {
    pub(super) fn new(keys: impl IntoIterator<Item = StoredKey>, now: OffsetDateTime) -> Self {
        let mut known = Self::default();
        for StoredKey { hash, key } in keys {
            if key.is_live(now) {
                known.origins.extend(key.origins.iter().cloned());
            }
            known.by_hash.insert(hash, Arc::new(key));
        }
        known
    }

    /// Whether there never was a key. One that is not taken any more counts: to revoke the last key
    /// must not open the service.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// The live key whose text this is.
    #[must_use]
    pub fn find(&self, text: &[u8], now: OffsetDateTime) -> Option<&Arc<ApiKey>> {
        let given = hash_of(text);
        let (hash, key) = self.by_hash.get_key_value(&given)?;
        // The map has compared already, hashes that nobody can choose; this one tells no time.
        let same: bool = hash.0.ct_eq(&given.0).into();
        (same && key.is_live(now)).then_some(key)
    }

    /// Whether a live key may do everything.
    #[must_use]
    pub fn has_admin(&self, now: OffsetDateTime) -> bool {
        self.by_hash.values().any(|key| key.scope == Scope::Admin && key.is_live(now))
    }

    /// Whether a key may be used from pages.
    #[must_use]
    pub fn let_pages_in(&self) -> bool {
        !self.origins.is_empty()
    }

    /// Whether a key may be used from pages of this origin.
    #[must_use]
    pub fn let_in(&self, origin: &Origin) -> bool {
        self.origins.contains(origin)
    }
}

/// What is kept of a key.
pub(super) fn hash_of(text: &[u8]) -> KeyHash {
    KeyHash(Sha256::digest(text).into())
}

/// Knows keys again.
pub(in crate::service) struct KeyRing {
    /// The key of the configuration, which is in no database.
    pub(super) configured: Option<StoredKey>,
    pub(super) read: Mutex<Option<Read>>,
    /// The minute in which the last use of a key was noted.
    pub(super) noted: std::sync::Mutex<HashMap<KeyId, i64>>,
}

/// What reading the keys came to, and when: from when on they are so, or when it failed.
pub(super) struct Read {
    pub(super) at: Duration,
    pub(super) keys: Result<Arc<KnownKeys>, String>,
}

impl KeyRing {
    /// With an admin key of the configuration, where it is not empty.
    pub(in crate::service) fn new(admin_key: &Secret, now: OffsetDateTime) -> Result<Self, ServiceError> {
        let text = admin_key.reveal();
        let configured = if text.is_empty() { None } else { Some(configured(text, now)?) };
        Ok(Self { configured, read: Mutex::default(), noted: std::sync::Mutex::default() })
    }

    /// Lets the next request read the keys anew.
    pub(super) async fn forget(&self) {
        *self.read.lock().await = None;
    }
}

/// The admin key of the configuration.
fn configured(text: &str, now: OffsetDateTime) -> Result<StoredKey, ServiceError> {
    let internal = |error: &dyn std::error::Error| ServiceError::Internal(error.to_string());
    let key = ApiKey {
        id: KeyId::new("configured").map_err(|error| internal(&error))?,
        label: KeyLabel::new("server.admin_key").map_err(|error| internal(&error))?,
        scope: Scope::Admin,
        collections: None,
        origins: Vec::new(),
        quota: Quota::default(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    Ok(StoredKey { hash: hash_of(text.as_bytes()), key })
}

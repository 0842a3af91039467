//! How much is stored, counted in the database, and what does not fit.
//!
//! The counts are rows of `usage`, one for each collection and key, which triggers keep: a write
//! and its count are one transaction. Writes are decided one by one, under the change log's lock in
//! Postgres and the one writer of SQLite, so that of two that want the last place one gets it.

use std::collections::HashMap;

use async_trait::async_trait;

use super::codec::{self, row};
use super::error::StoreError;
use super::{Images, NewImage};
use crate::domain::{
    CollectionName, ContentHash, ImageId, ImageRecord, KeyId, KeyLabel, Quota, QuotaExceeded, QuotaOf, Usage,
};

/// An image that is to be stored, as far as quotas are about it.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Its id.
    pub id: &'a ImageId,
    /// SHA-256 of the uploaded bytes.
    pub content_hash: &'a ContentHash,
    /// Size of the upload in bytes.
    pub byte_size: u64,
    /// The key that stores it.
    pub stored_by: Option<&'a KeyId>,
}

impl<'a> From<&'a NewImage> for Incoming<'a> {
    fn from(image: &'a NewImage) -> Self {
        let NewImage { id, content_hash, byte_size, stored_by, .. } = image;
        Self { id, content_hash, byte_size: *byte_size, stored_by: stored_by.as_ref() }
    }
}

/// A count that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miscount {
    /// The collection.
    pub collection: CollectionName,
    /// The key; `None` for images that none stored.
    pub key: Option<KeyId>,
    /// The images that are counted.
    pub counted_images: i64,
    /// The bytes that are counted.
    pub counted_bytes: i64,
    /// What is there.
    pub stored: Usage,
}

/// Quotas in a database. An image's own transaction decides whether it fits: see [`Images`].
#[async_trait]
pub trait Quotas: Images {
    /// Why an image would not be stored now, where a quota is in its way. What a write says later
    /// may differ: others store and delete meanwhile. `None` too where there is no such collection.
    async fn over_quota(
        &self,
        collection: &CollectionName,
        image: Incoming<'_>,
    ) -> Result<Option<QuotaExceeded>, StoreError>;

    /// What each key stored and still stands, of those that stored anything.
    async fn key_usage(&self) -> Result<HashMap<KeyId, Usage>, StoreError>;

    /// The counts that are not what is there. It reads a row of every image.
    async fn miscounts(&self) -> Result<Vec<Miscount>, StoreError>;

    /// Counts everything anew, while nobody writes.
    async fn recount(&self) -> Result<(), StoreError>;
}

row! {
    /// The collection that a write is for, with the quotas that bound it.
    pub(super) struct TargetRow {
        id: i64,
        max_images: Option<i64>,
        max_bytes: Option<i64>,
        label: Option<String>,
        key_max_images: Option<i64>,
        key_max_bytes: Option<i64>,
    }
}

/// The same as values.
#[derive(Debug)]
pub(super) struct Target {
    /// Of the collection.
    pub(super) id: i64,
    quota: Quota,
    /// The key's, where it has one.
    key: Option<(KeyLabel, Quota)>,
}

impl TargetRow {
    pub(super) fn into_target(self) -> Result<Target, StoreError> {
        let key_quota = codec::quota(self.key_max_images, self.key_max_bytes)?;
        let label = self.label.filter(|_| !key_quota.is_unlimited());
        let label = label.map(KeyLabel::new).transpose().map_err(codec::damaged)?;
        Ok(Target {
            id: self.id,
            quota: codec::quota(self.max_images, self.max_bytes)?,
            key: label.map(|label| (label, key_quota)),
        })
    }
}

/// Whose count is looked at.
#[derive(Debug)]
pub(super) enum Counted {
    /// Of a collection, by its number.
    Collection(i64),
    Key(KeyId),
}

/// A quota that an image has to fit into.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) counted: Counted,
    of: QuotaOf,
    quota: Quota,
    added: Usage,
}

impl Target {
    /// Whether nothing bounds what is stored.
    pub(super) fn is_unlimited(&self) -> bool {
        self.quota.is_unlimited() && self.key.is_none()
    }

    /// What is to be looked at before an image is stored over `replaced`, or as a new one. Bytes
    /// that are there already stay with the key that stored them, and cost no other.
    pub(super) fn checks(
        &self,
        collection: &CollectionName,
        image: Incoming<'_>,
        replaced: Option<&ImageRecord>,
    ) -> Vec<Check> {
        let added = |replaced: Option<&ImageRecord>| match replaced {
            None => Usage { images: 1, bytes: image.byte_size },
            Some(there) => Usage { images: 0, bytes: image.byte_size.saturating_sub(there.byte_size) },
        };
        let mut checks = Vec::new();
        if !self.quota.is_unlimited() {
            let of = QuotaOf::Collection(collection.clone());
            checks.push(Check { counted: Counted::Collection(self.id), of, quota: self.quota, added: added(replaced) });
        }
        // A hash of an export is what its line says: whoever makes one up pays for what it counts.
        let same =
            |there: &ImageRecord| (there.content_hash, there.byte_size) == (*image.content_hash, image.byte_size);
        let is_same = replaced.is_some_and(same);
        if let (Some((label, quota)), Some(key), false) = (&self.key, image.stored_by, is_same) {
            let own = replaced.filter(|there| there.stored_by.as_ref() == Some(key));
            let of = QuotaOf::Key(label.clone());
            checks.push(Check { counted: Counted::Key(key.clone()), of, quota: *quota, added: added(own) });
        }
        checks
    }
}

impl Check {
    /// Why it does not fit beside what is there.
    pub(super) fn refusal(self, used: UsageRow) -> Option<QuotaExceeded> {
        self.quota.refusal(self.of, used.into_usage(), self.added)
    }
}

row! {
    /// Counts. A number that is too small is taken for 0: to be wrong must not stop writes.
    #[derive(Default)]
    pub(super) struct UsageRow {
        images: i64,
        bytes: i64,
    }
}

impl UsageRow {
    fn into_usage(self) -> Usage {
        Usage { images: u64::try_from(self.images).unwrap_or(0), bytes: u64::try_from(self.bytes).unwrap_or(0) }
    }
}

row! {
    /// What a key stored.
    pub(super) struct KeyUsageRow {
        key_id: String,
        images: i64,
        bytes: i64,
    }
}

impl KeyUsageRow {
    pub(super) fn into_entry(self) -> Result<(KeyId, Usage), StoreError> {
        let usage = UsageRow { images: self.images, bytes: self.bytes }.into_usage();
        Ok((KeyId::new(self.key_id).map_err(codec::damaged)?, usage))
    }
}

row! {
    /// A count that is wrong.
    pub(super) struct MiscountRow {
        collection: String,
        key_id: String,
        counted_images: i64,
        counted_bytes: i64,
        images: i64,
        bytes: i64,
    }
}

impl MiscountRow {
    pub(super) fn into_miscount(self) -> Result<Miscount, StoreError> {
        let key = Some(self.key_id).filter(|id| !id.is_empty());
        Ok(Miscount {
            collection: CollectionName::new(self.collection).map_err(codec::damaged)?,
            key: key.map(KeyId::new).transpose().map_err(codec::damaged)?,
            counted_images: self.counted_images,
            counted_bytes: self.counted_bytes,
            stored: UsageRow { images: self.images, bytes: self.bytes }.into_usage(),
        })
    }
}

//! Quotas.

use std::collections::HashMap;

use async_trait::async_trait;

use super::super::StoreError;
use super::super::quotas::{
    Counted, Incoming, KeyUsageRow, Miscount, MiscountRow, Quotas, Target, TargetRow, UsageRow,
};
use super::super::statements::{
    FORGET_USAGE, MISCOUNTS, RECOUNT, TARGET, USED_BY_COLLECTION, USED_BY_KEY, USED_BY_KEYS, target as target_statement,
};
use super::PostgresStore;
use super::session::Session;
use super::writes::{lock_change_log, record};
use crate::domain::{CollectionName, ImageRecord, KeyId, QuotaExceeded, Usage};

const LOCK_TARGET: &str = concat!(target_statement!(), " FOR KEY SHARE OF c");

/// The collection that a write is for, which cannot be deleted meanwhile.
pub(super) async fn lock_target(
    session: &mut Session,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    let query = sqlx::query_as(LOCK_TARGET).bind(collection.as_str()).bind(key.map(KeyId::as_str));
    let row: Option<TargetRow> = query.fetch_optional(session).await?;
    row.map(TargetRow::into_target).transpose()
}

async fn target(
    session: &mut Session,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    let query = sqlx::query_as(TARGET).bind(collection.as_str()).bind(key.map(KeyId::as_str));
    let row: Option<TargetRow> = query.fetch_optional(session).await?;
    row.map(TargetRow::into_target).transpose()
}

/// Why an image does not fit, beside what is there now. It is so until the commit for whoever holds
/// the lock of the change log.
pub(super) async fn over_quota(
    session: &mut Session,
    target: &Target,
    collection: &CollectionName,
    image: Incoming<'_>,
    replaced: Option<&ImageRecord>,
) -> Result<Option<QuotaExceeded>, StoreError> {
    for check in target.checks(collection, image, replaced) {
        let query = match &check.counted {
            Counted::Collection(id) => sqlx::query_as(USED_BY_COLLECTION).bind(*id),
            Counted::Key(key) => sqlx::query_as(USED_BY_KEY).bind(key.to_string()),
        };
        let used: UsageRow = query.fetch_one(&mut *session).await?;
        if let Some(refusal) = check.refusal(used) {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

#[async_trait]
impl Quotas for PostgresStore {
    async fn over_quota(
        &self,
        collection: &CollectionName,
        image: Incoming<'_>,
    ) -> Result<Option<QuotaExceeded>, StoreError> {
        self.read("over_quota", async |session| {
            let Some(target) = target(session, collection, image.stored_by).await? else { return Ok(None) };
            if target.is_unlimited() {
                return Ok(None);
            }
            let replaced = record(session, collection, image.id).await?;
            over_quota(session, &target, collection, image, replaced.as_ref()).await
        })
        .await
    }

    async fn key_usage(&self) -> Result<HashMap<KeyId, Usage>, StoreError> {
        let rows: Vec<KeyUsageRow> =
            self.read("key_usage", async |session| Ok(sqlx::query_as(USED_BY_KEYS).fetch_all(session).await?)).await?;
        rows.into_iter().map(KeyUsageRow::into_entry).collect()
    }

    async fn miscounts(&self) -> Result<Vec<Miscount>, StoreError> {
        let rows: Vec<MiscountRow> =
            self.read("miscounts", async |session| Ok(sqlx::query_as(MISCOUNTS).fetch_all(session).await?)).await?;
        rows.into_iter().map(MiscountRow::into_miscount).collect()
    }

    async fn recount(&self) -> Result<(), StoreError> {
        self.write("recount", async |session| {
            lock_change_log(session).await?;
            sqlx::query(FORGET_USAGE).execute(&mut *session).await?;
            sqlx::query(RECOUNT).execute(session).await?;
            Ok(())
        })
        .await
    }
}

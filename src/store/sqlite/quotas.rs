//! Quotas.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::super::quotas::{
    Counted, Incoming, KeyUsageRow, Miscount, MiscountRow, Quotas, Target, TargetRow, UsageRow,
};
use super::super::statements::{
    FORGET_USAGE, MISCOUNTS, RECOUNT, TARGET, USED_BY_COLLECTION, USED_BY_KEY, USED_BY_KEYS,
};
use super::SqliteStore;
use super::writes::record;
use crate::domain::{CollectionName, ImageRecord, KeyId, QuotaExceeded, Usage};

/// The collection that a write is for.
pub(super) async fn target(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    let query = sqlx::query_as(TARGET).bind(collection.as_str()).bind(key.map(KeyId::as_str));
    let row: Option<TargetRow> = query.fetch_optional(conn).await?;
    row.map(TargetRow::into_target).transpose()
}

/// Why an image does not fit, beside what is there now.
pub(super) async fn over_quota(
    conn: &mut SqliteConnection,
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
        let used: UsageRow = query.fetch_one(&mut *conn).await?;
        if let Some(refusal) = check.refusal(used) {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

#[async_trait]
impl Quotas for SqliteStore {
    async fn over_quota(
        &self,
        collection: &CollectionName,
        image: Incoming<'_>,
    ) -> Result<Option<QuotaExceeded>, StoreError> {
        self.read("over_quota", async |conn| {
            let Some(target) = target(conn, collection, image.stored_by).await? else { return Ok(None) };
            if target.is_unlimited() {
                return Ok(None);
            }
            let replaced = record(conn, collection, image.id).await?;
            over_quota(conn, &target, collection, image, replaced.as_ref()).await
        })
        .await
    }

    async fn key_usage(&self) -> Result<HashMap<KeyId, Usage>, StoreError> {
        let rows: Vec<KeyUsageRow> =
            self.read("key_usage", async |conn| Ok(sqlx::query_as(USED_BY_KEYS).fetch_all(conn).await?)).await?;
        rows.into_iter().map(KeyUsageRow::into_entry).collect()
    }

    async fn miscounts(&self) -> Result<Vec<Miscount>, StoreError> {
        let rows: Vec<MiscountRow> =
            self.read("miscounts", async |conn| Ok(sqlx::query_as(MISCOUNTS).fetch_all(conn).await?)).await?;
        rows.into_iter().map(MiscountRow::into_miscount).collect()
    }

    async fn recount(&self) -> Result<(), StoreError> {
        self.write("recount", async |conn| {
            sqlx::query(FORGET_USAGE).execute(&mut *conn).await?;
            sqlx::query(RECOUNT).execute(conn).await?;
            Ok(())
        })
        .await
    }
}

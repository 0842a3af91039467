//! Quotas.

use std::collections::HashMap;

use async_trait::async_trait;

use super::super::StoreError;
use super::super::quotas::{Incoming, KeyUsageRow, Miscount, MiscountRow, Quotas};
use super::super::statements::{FORGET_USAGE, MISCOUNTS, RECOUNT, USED_BY_KEYS};
use super::SqliteStore;
use super::room::{over_quota, target};
use super::writes::record;
use crate::domain::{CollectionName, KeyId, QuotaExceeded, Usage};

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

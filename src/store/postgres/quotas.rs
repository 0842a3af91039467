//! Quotas.

use std::collections::HashMap;

use async_trait::async_trait;

use super::super::StoreError;
use super::super::quotas::{Incoming, KeyUsageRow, Miscount, MiscountRow, Quotas};
use super::super::statements::{FORGET_USAGE, MISCOUNTS, RECOUNT, USED_BY_KEYS};
use super::PostgresStore;
use super::room::{over_quota, target};
use super::writes::{lock_change_log, record};
use crate::domain::{CollectionName, KeyId, QuotaExceeded, Usage};

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

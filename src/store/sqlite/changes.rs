//! The change log.

use async_trait::async_trait;

use super::super::codec::ChangeRow;
use super::super::statements::{CHANGES, LAST_SEQ};
use super::super::{Change, ChangeLog, StoreError};
use super::SqliteStore;
use crate::domain::Seq;

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn last_seq(&self) -> Result<Seq, StoreError> {
        self.read("last_seq", async |connection| Ok(Seq(sqlx::query_scalar(LAST_SEQ).fetch_one(connection).await?)))
            .await
    }

    async fn changes(&self, after: Seq, limit: u32) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<ChangeRow> = self
            .read("changes", async |connection| {
                Ok(sqlx::query_as(CHANGES).bind(after.0).bind(i64::from(limit)).fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(ChangeRow::into_change).collect()
    }
}

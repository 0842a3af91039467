//! The change log.

use async_trait::async_trait;

use super::super::codec::ChangeRow;
use super::super::statements::{CHANGES, LAST_SEQ};
use super::super::{Change, ChangeLog, StoreError};
use super::PostgresStore;
use crate::domain::Seq;

#[async_trait]
impl ChangeLog for PostgresStore {
    async fn last_seq(&self) -> Result<Seq, StoreError> {
        self.read("last_seq", async |session| Ok(Seq(sqlx::query_scalar(LAST_SEQ).fetch_one(session).await?))).await
    }

    async fn changes(&self, after: Seq, limit: u32) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<ChangeRow> = self
            .read("changes", async |session| {
                Ok(sqlx::query_as(CHANGES).bind(after.0).bind(i64::from(limit)).fetch_all(session).await?)
            })
            .await?;
        rows.into_iter().map(ChangeRow::into_change).collect()
    }
}

//! The uploads themselves.

use async_trait::async_trait;

use super::super::codec::{self, KeptRow};
use super::super::statements::{
    CLEAR_ORIGINAL, DISCARDED, FORGET_DISCARDED, KEPT_ORIGINALS, ORIGINAL_PART, ORIGINALS_FOLDER,
};
use super::super::{KeptOriginal, Originals, StoreError};
use super::PostgresStore;
use crate::domain::{ImageKey, OriginalName};

#[async_trait]
impl Originals for PostgresStore {
    async fn originals_folder(&self) -> Result<String, StoreError> {
        self.read("originals_folder", async |session| {
            Ok(sqlx::query_scalar(ORIGINALS_FOLDER).fetch_one(session).await?)
        })
        .await
    }

    async fn original_part(&self, name: &OriginalName, part: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let part = codec::integer(part)?;
        self.read("original_part", async |session| {
            Ok(sqlx::query_scalar(ORIGINAL_PART).bind(name.as_str()).bind(part).fetch_optional(session).await?)
        })
        .await
    }

    async fn discarded(&self, after: Option<&OriginalName>, limit: u32) -> Result<Vec<OriginalName>, StoreError> {
        let after = after.map_or("", OriginalName::as_str);
        let names: Vec<String> = self
            .read("discarded", async |session| {
                Ok(sqlx::query_scalar(DISCARDED).bind(after).bind(i64::from(limit)).fetch_all(session).await?)
            })
            .await?;
        names.into_iter().map(codec::original_name).collect()
    }

    async fn forget_discarded(&self, names: &[OriginalName]) -> Result<(), StoreError> {
        self.write("forget_discarded", async |session| {
            for name in names {
                sqlx::query(FORGET_DISCARDED).bind(name.as_str()).execute(&mut *session).await?;
            }
            Ok(())
        })
        .await
    }

    async fn kept_originals(&self, after: Option<ImageKey>, limit: u32) -> Result<Vec<KeptOriginal>, StoreError> {
        let after = codec::integer(after.map_or(0, |key| key.0))?;
        let rows: Vec<KeptRow> = self
            .read("kept_originals", async |session| {
                Ok(sqlx::query_as(KEPT_ORIGINALS).bind(after).bind(i64::from(limit)).fetch_all(session).await?)
            })
            .await?;
        rows.into_iter().map(KeptRow::into_kept).collect()
    }

    async fn clear_original(&self, key: ImageKey, name: &OriginalName) -> Result<(), StoreError> {
        let key = codec::integer(key.0)?;
        self.write("clear_original", async |session| {
            sqlx::query(CLEAR_ORIGINAL).bind(key).bind(name.as_str()).execute(session).await?;
            Ok(())
        })
        .await
    }
}

//! API keys.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::super::codec;
use super::super::codec::api_keys::{KeyColumns, KeyRow};
use super::super::statements::{ADD_KEY, ALL_KEYS, COUNT_KEYS, FORGET_DEAD_KEY, NOTE_KEY_USE, REVOKE_KEY};
use super::super::{ApiKeys, KeyCreation, StoreError, StoredKey};
use super::SqliteStore;
use crate::domain::{ApiKey, KeyId};

#[async_trait]
impl ApiKeys for SqliteStore {
    async fn add_key(&self, key: &StoredKey, most: u32) -> Result<KeyCreation, StoreError> {
        let columns = KeyColumns::of(&key.key)?;
        let now = codec::microseconds(key.key.created_at);
        self.write("add_key", async |conn| {
            let there: i64 = sqlx::query_scalar(COUNT_KEYS).fetch_one(&mut *conn).await?;
            if there >= i64::from(most) {
                let forgotten = sqlx::query(FORGET_DEAD_KEY).bind(now).execute(&mut *conn).await?;
                if forgotten.rows_affected() == 0 {
                    return Ok(KeyCreation::TooMany);
                }
            }
            sqlx::query(ADD_KEY)
                .bind(key.key.id.as_str())
                .bind(&key.hash.0[..])
                .bind(key.key.label.as_str())
                .bind(key.key.scope.as_str())
                .bind(columns.collections)
                .bind(columns.origins)
                .bind(now)
                .bind(columns.expires_at)
                .bind(columns.max_images)
                .bind(columns.max_bytes)
                .execute(conn)
                .await?;
            Ok(KeyCreation::Created)
        })
        .await
    }

    async fn api_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows: Vec<KeyRow> =
            self.read("api_keys", async |conn| Ok(sqlx::query_as(ALL_KEYS).fetch_all(conn).await?)).await?;
        rows.into_iter().map(KeyRow::into_key).collect()
    }

    async fn revoke_key(&self, id: &KeyId, at: OffsetDateTime) -> Result<Option<ApiKey>, StoreError> {
        let row: Option<KeyRow> = self
            .write("revoke_key", async |conn| {
                let query = sqlx::query_as(REVOKE_KEY).bind(id.as_str()).bind(codec::microseconds(at));
                Ok(query.fetch_optional(conn).await?)
            })
            .await?;
        row.map(|row| Ok(row.into_key()?.key)).transpose()
    }

    async fn note_key_use(&self, id: &KeyId, at: OffsetDateTime) -> Result<(), StoreError> {
        self.write("note_key_use", async |conn| {
            sqlx::query(NOTE_KEY_USE).bind(id.as_str()).bind(codec::microseconds(at)).execute(conn).await?;
            Ok(())
        })
        .await
    }
}

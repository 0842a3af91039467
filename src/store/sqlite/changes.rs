//! The change log.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::codec::{self, ChangeRow};
use super::super::statements::{CHANGES, FOLLOWED, FORGET_FOLLOWERS, LAST_SEQ, NOTE_PRUNED, PRUNABLE, PRUNE, PRUNED};
use super::super::{CHANGES_KEPT, ChangeLog, Changes, FORGOTTEN_AFTER, PRUNED_AT_ONCE, StoreError};
use super::SqliteStore;
use crate::domain::Seq;

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn last_seq(&self) -> Result<Seq, StoreError> {
        self.read("last_seq", async |connection| Ok(Seq(sqlx::query_scalar(LAST_SEQ).fetch_one(connection).await?)))
            .await
    }

    async fn changes(&self, after: Seq, limit: u32) -> Result<Changes, StoreError> {
        let (rows, pruned): (Vec<ChangeRow>, i64) = self
            .read("changes", async |connection| {
                let changes = sqlx::query_as(CHANGES).bind(after.0).bind(i64::from(limit));
                let rows = changes.fetch_all(&mut *connection).await?;
                Ok((rows, sqlx::query_scalar(PRUNED).fetch_one(connection).await?))
            })
            .await?;
        if after.0 < pruned {
            return Ok(Changes::Pruned);
        }
        rows.into_iter().map(ChangeRow::into_change).collect::<Result<_, _>>().map(Changes::Since)
    }

    async fn followed(&self, follower: Uuid, position: Seq) -> Result<(), StoreError> {
        let now = codec::microseconds(self.clock.now());
        self.write("followed", async |connection| {
            let note = sqlx::query(FOLLOWED).bind(follower.to_string()).bind(position.0).bind(now);
            note.execute(connection).await?;
            Ok(())
        })
        .await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let [forgotten, kept] = [FORGOTTEN_AFTER, CHANGES_KEPT].map(|age| codec::microseconds(now - age));
        self.write("prune", async |connection| {
            sqlx::query(FORGET_FOLLOWERS).bind(forgotten).execute(&mut *connection).await?;
            let last = sqlx::query_scalar(PRUNABLE).bind(kept).bind(PRUNED_AT_ONCE);
            let Some(last): Option<i64> = last.fetch_one(&mut *connection).await? else { return Ok(0) };
            sqlx::query(NOTE_PRUNED).bind(last).execute(&mut *connection).await?;
            Ok(sqlx::query(PRUNE).bind(last).execute(connection).await?.rows_affected())
        })
        .await
    }
}

//! Collections.

use async_trait::async_trait;

use super::super::codec::{self, CollectionRow, SummaryRow};
use super::super::statements::{CHANGE_COLLECTION, COLLECTION, CREATE_COLLECTION, SUMMARIES};
use super::super::{CollectionSummary, Collections, StoreError};
use super::{SqliteStore, writes};
use crate::domain::{Collection, CollectionChange, CollectionName, Seq};

impl SqliteStore {
    async fn summaries(
        &self,
        operation: &'static str,
        name: Option<&CollectionName>,
        model: &str,
    ) -> Result<Vec<CollectionSummary>, StoreError> {
        let rows: Vec<SummaryRow<i64>> = self
            .read(operation, async |connection| {
                Ok(sqlx::query_as(SUMMARIES)
                    .bind(model)
                    .bind(name.map(CollectionName::as_str))
                    .fetch_all(connection)
                    .await?)
            })
            .await?;
        rows.into_iter().map(SummaryRow::into_summary).collect()
    }
}

#[async_trait]
impl Collections for SqliteStore {
    async fn list_collections(&self, model: &str) -> Result<Vec<CollectionSummary>, StoreError> {
        self.summaries("list_collections", None, model).await
    }

    async fn collection_summary(
        &self,
        name: &CollectionName,
        model: &str,
    ) -> Result<Option<CollectionSummary>, StoreError> {
        Ok(self.summaries("collection_summary", Some(name), model).await?.pop())
    }

    async fn get_collection(&self, name: &CollectionName) -> Result<Option<Collection>, StoreError> {
        let row: Option<CollectionRow<i64>> = self
            .read("get_collection", async |connection| {
                Ok(sqlx::query_as(COLLECTION).bind(name.as_str()).fetch_optional(connection).await?)
            })
            .await?;
        row.map(CollectionRow::into_collection).transpose()
    }

    async fn create_collection(&self, collection: &Collection) -> Result<bool, StoreError> {
        self.write("create_collection", async |connection| {
            let created = sqlx::query(CREATE_COLLECTION)
                .bind(collection.name.as_str())
                .bind(collection.profile.as_str())
                .bind(&collection.description)
                .bind(codec::microseconds(collection.created_at))
                .bind(codec::limit_column(collection.quota.max_images))
                .bind(codec::limit_column(collection.quota.max_bytes))
                .execute(connection)
                .await?;
            Ok(created.rows_affected() == 1)
        })
        .await
    }

    async fn change_collection(
        &self,
        name: &CollectionName,
        change: &CollectionChange,
    ) -> Result<Option<Collection>, StoreError> {
        let row: Option<CollectionRow<i64>> = self
            .write("change_collection", async |connection| {
                Ok(sqlx::query_as(CHANGE_COLLECTION)
                    .bind(name.as_str())
                    .bind(change.description.as_deref())
                    .bind(change.max_images.is_some())
                    .bind(codec::limit_column(change.max_images.flatten()))
                    .bind(change.max_bytes.is_some())
                    .bind(codec::limit_column(change.max_bytes.flatten()))
                    .fetch_optional(connection)
                    .await?)
            })
            .await?;
        row.map(CollectionRow::into_collection).transpose()
    }

    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<Seq>, StoreError> {
        let clock = &*self.clock;
        self.write("delete_collection", async |connection| writes::delete_collection(connection, clock, name).await)
            .await
    }
}

//! Collections.

use async_trait::async_trait;

use super::super::codec::{self, CollectionRow, SummaryRow};
use super::super::statements::{COLLECTION, CREATE_COLLECTION, DESCRIBE_COLLECTION, SUMMARIES};
use super::super::{CollectionSummary, Collections, StoreError};
use super::{SqliteStore, writes};
use crate::domain::{Collection, CollectionName, Seq};

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
                .execute(connection)
                .await?;
            Ok(created.rows_affected() == 1)
        })
        .await
    }

    async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Option<Collection>, StoreError> {
        let row: Option<CollectionRow<i64>> = self
            .write("describe_collection", async |connection| {
                Ok(sqlx::query_as(DESCRIBE_COLLECTION)
                    .bind(name.as_str())
                    .bind(description)
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

//! A Postgres database, which several servers may share.
//!
//! Every call is bounded in time: by the wait for a connection, by the server's own `statement_timeout`, and by a limit
//! around both for a server that stopped answering. A connection whose work did not come to its end (an error, a
//! time-out, a cancelled request) is closed instead of going back to the pool: what it might still be doing cannot
//! disturb others, and a server that returns finds fresh connections.

mod connect;
mod writes;

use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::codec::{self, ChangeRow, CollectionRow, MetadataRow, RECORD_COLUMNS, RecordRow, SummaryRow};
use super::lease::Lease;
use super::prefilter::{self, FilteredList};
use super::{
    Change, CollectionSummary, DescriptorStore, InsertOutcome, NewImage, SameContent, StoreError, StoredDescriptor,
    WriteOutcome,
};
use crate::domain::{
    Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, ImageId, ImageRecord, Metadata,
    Thumbnail,
};

/// Longer than the server's `statement_timeout` ([`connect::STATEMENT_TIMEOUT_MS`]), so that a server that lives
/// says itself what took too long.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Deleting a collection removes all its rows in one transaction.
const DELETE_COLLECTION_TIMEOUT: Duration = Duration::from_secs(600);

/// The store in a Postgres database.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// Connects to the database of a `postgres://` URL and brings the schema up to date; several servers may do so at once.
    /// `sslmode` in the URL says whether TLS is used. Later losses of the connection heal by themselves.
    ///
    /// # Errors
    /// [`StoreError`] when the URL is none, the server cannot be reached or refuses, or a newer program wrote the
    /// schema. No text of an error contains the URL or the password.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        Ok(Self { pool: connect::pool(url, max_connections).await? })
    }

    async fn lease(&self) -> Result<Lease<Postgres>, StoreError> {
        Lease::from(&self.pool).await
    }

    async fn summaries(
        &self,
        name: Option<&CollectionName>,
        model: &str,
    ) -> Result<Vec<CollectionSummary>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let rows: Vec<SummaryRow<OffsetDateTime>> = sqlx::query_as(
                "SELECT name, profile, description, created_at, \
                     (SELECT count(*) FROM images WHERE collection_id = c.id) AS images, \
                     (SELECT count(*) FROM images \
                      WHERE collection_id = c.id AND version <> $1 || '/' || c.profile) AS stale \
                 FROM collections c WHERE $2::text IS NULL OR name = $2 ORDER BY name",
            )
            .bind(model)
            .bind(name.map(CollectionName::as_str))
            .fetch_all(lease.connection())
            .await?;
            lease.done(rows).into_iter().map(SummaryRow::into_summary).collect()
        })
        .await
    }

    /// Records after `after` by id, at most `limit`, that fulfil the necessary part of the filter.
    async fn page(
        &self,
        collection: &CollectionName,
        after: Option<&ImageId>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT ");
        query.push(RECORD_COLUMNS).push(" FROM images WHERE collection_id = (SELECT id FROM collections WHERE name = ");
        query.push_bind(collection.as_str()).push(")");
        if let Some(after) = after {
            query.push(" AND id > ").push_bind(after.as_str());
        }
        if let Some(filter) = filter {
            query.push(" AND ");
            prefilter::push_postgres(&mut query, filter);
        }
        query.push(" ORDER BY id LIMIT ").push_bind(i64::from(limit));
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let rows: Vec<RecordRow<OffsetDateTime>> =
                query.build_query_as().persistent(false).fetch_all(lease.connection()).await?;
            lease.done(rows).into_iter().map(|row| row.into_record(collection)).collect()
        })
        .await
    }
}

/// Bounds a call in time.
async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable(format!("the database gave no answer within {} s", limit.as_secs())))
    })
}

#[async_trait]
impl DescriptorStore for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    async fn ping(&self) -> Result<(), StoreError> {
        within(PING_TIMEOUT, async {
            let mut lease = self.lease().await?;
            sqlx::query("SELECT 1 FROM changes LIMIT 1").execute(lease.connection()).await?;
            lease.done(());
            Ok(())
        })
        .await
    }

    async fn list_collections(&self, model: &str) -> Result<Vec<CollectionSummary>, StoreError> {
        self.summaries(None, model).await
    }

    async fn collection_summary(
        &self,
        name: &CollectionName,
        model: &str,
    ) -> Result<Option<CollectionSummary>, StoreError> {
        Ok(self.summaries(Some(name), model).await?.pop())
    }

    async fn get_collection(&self, name: &CollectionName) -> Result<Option<Collection>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let row: Option<CollectionRow<OffsetDateTime>> =
                sqlx::query_as("SELECT name, profile, description, created_at FROM collections WHERE name = $1")
                    .bind(name.as_str())
                    .fetch_optional(lease.connection())
                    .await?;
            lease.done(row).map(CollectionRow::into_collection).transpose()
        })
        .await
    }

    async fn create_collection(&self, collection: &Collection) -> Result<bool, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let created = sqlx::query(
                "INSERT INTO collections (name, profile, description, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(collection.name.as_str())
            .bind(collection.profile.as_str())
            .bind(&collection.description)
            .bind(codec::truncate(collection.created_at))
            .execute(lease.connection())
            .await?;
            Ok(lease.done(created.rows_affected() == 1))
        })
        .await
    }

    async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Option<Collection>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let row: Option<CollectionRow<OffsetDateTime>> = sqlx::query_as(
                "UPDATE collections SET description = $1 WHERE name = $2 \
                 RETURNING name, profile, description, created_at",
            )
            .bind(description)
            .bind(name.as_str())
            .fetch_optional(lease.connection())
            .await?;
            lease.done(row).map(CollectionRow::into_collection).transpose()
        })
        .await
    }

    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<i64>, StoreError> {
        within(DELETE_COLLECTION_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let mut tx = lease.begin().await?;
            connect::allow(&mut tx, DELETE_COLLECTION_TIMEOUT).await?;
            let seq = writes::delete_collection(&mut tx, name).await?;
            tx.commit().await?;
            Ok(lease.done(seq))
        })
        .await
    }

    async fn insert(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let mut tx = lease.begin().await?;
            let outcome = writes::insert(&mut tx, collection, image, same_content).await?;
            tx.commit().await?;
            Ok(lease.done(outcome))
        })
        .await
    }

    async fn put(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let mut tx = lease.begin().await?;
            let outcome = writes::put(&mut tx, collection, image, expected_revision).await?;
            tx.commit().await?;
            Ok(lease.done(outcome))
        })
        .await
    }

    async fn replace_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        metadata: &Metadata,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let mut tx = lease.begin().await?;
            let outcome = writes::replace_metadata(&mut tx, collection, id, metadata, expected_revision).await?;
            tx.commit().await?;
            Ok(lease.done(outcome))
        })
        .await
    }

    async fn delete(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<i64>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let mut tx = lease.begin().await?;
            let seq = writes::delete(&mut tx, collection, id).await?;
            tx.commit().await?;
            Ok(lease.done(seq))
        })
        .await
    }

    async fn get(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<ImageRecord>, StoreError> {
        Ok(self.get_many(collection, std::slice::from_ref(id)).await?.pop())
    }

    async fn get_many(&self, collection: &CollectionName, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(ImageId::as_str).collect();
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let rows: Vec<RecordRow<OffsetDateTime>> = sqlx::query_as(AssertSqlSafe(format!(
                "SELECT {RECORD_COLUMNS} FROM images \
                 WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND id = ANY($2)"
            )))
            .bind(collection.as_str())
            .bind(ids)
            .fetch_all(lease.connection())
            .await?;
            lease.done(rows).into_iter().map(|row| row.into_record(collection)).collect()
        })
        .await
    }

    async fn find_by_hash(
        &self,
        collection: &CollectionName,
        hash: &ContentHash,
    ) -> Result<Option<ImageRecord>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let found = writes::oldest_with_hash(lease.connection(), collection, hash).await?;
            Ok(lease.done(found))
        })
        .await
    }

    async fn get_descriptor(
        &self,
        collection: &CollectionName,
        id: &ImageId,
    ) -> Result<Option<StoredDescriptor>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let row: Option<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT i.version, d.components FROM images i \
                 JOIN descriptors d ON d.collection_id = i.collection_id AND d.image_id = i.id \
                 WHERE i.collection_id = (SELECT id FROM collections WHERE name = $1) AND i.id = $2",
            )
            .bind(collection.as_str())
            .bind(id.as_str())
            .fetch_optional(lease.connection())
            .await?;
            lease.done(row).map(|(version, components)| codec::stored_descriptor(&version, &components)).transpose()
        })
        .await
    }

    async fn get_thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<Thumbnail>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let row: Option<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT media_type, bytes FROM thumbnails \
                 WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND image_id = $2",
            )
            .bind(collection.as_str())
            .bind(id.as_str())
            .fetch_optional(lease.connection())
            .await?;
            Ok(lease.done(row).map(|(media_type, bytes)| Thumbnail { bytes, media_type }))
        })
        .await
    }

    async fn local_features(
        &self,
        collection: &CollectionName,
        ids: &[ImageId],
    ) -> Result<Vec<(ImageId, Vec<u8>)>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(ImageId::as_str).collect();
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT image_id, bytes FROM local_features \
                 WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND image_id = ANY($2)",
            )
            .bind(collection.as_str())
            .bind(ids)
            .fetch_all(lease.connection())
            .await?;
            lease.done(rows).into_iter().map(codec::identified_features).collect()
        })
        .await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        after: Option<&ImageId>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let Some(filter) = filter else { return self.page(collection, after, limit, None).await };
        let mut search = FilteredList::new(filter, after, limit);
        while let Some((after, size)) = search.next_page() {
            let page = self.page(collection, after, size, Some(filter)).await?;
            search.take(page);
        }
        Ok(search.found())
    }

    async fn matching_ids(&self, collection: &CollectionName, filter: &Filter) -> Result<Vec<ImageId>, StoreError> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT id, metadata FROM images WHERE collection_id = (SELECT id FROM collections WHERE name = ",
        );
        query.push_bind(collection.as_str()).push(") AND ");
        prefilter::push_postgres(&mut query, filter);
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let mut ids = Vec::new();
            let mut rows = query.build_query_as::<MetadataRow>().persistent(false).fetch(lease.connection());
            while let Some(row) = rows.try_next().await? {
                ids.extend(row.matching_id(filter)?);
                tokio::task::coop::consume_budget().await;
            }
            drop(rows);
            Ok(lease.done(ids))
        })
        .await
    }

    async fn descriptors(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        after: Option<&ImageId>,
        limit: u32,
    ) -> Result<Vec<(ImageId, Descriptor)>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT i.id, d.components FROM images i \
                 JOIN descriptors d ON d.collection_id = i.collection_id AND d.image_id = i.id \
                 WHERE i.collection_id = (SELECT id FROM collections WHERE name = $1) AND i.version = $2 AND i.id > $3 \
                 ORDER BY i.id LIMIT $4",
            )
            .bind(collection.as_str())
            .bind(version.to_string())
            .bind(after.map_or("", ImageId::as_str))
            .bind(i64::from(limit))
            .fetch_all(lease.connection())
            .await?;
            lease.done(rows).into_iter().map(codec::identified_descriptor).collect()
        })
        .await
    }

    async fn last_seq(&self) -> Result<i64, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let seq =
                sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM changes").fetch_one(lease.connection()).await?;
            Ok(lease.done(seq))
        })
        .await
    }

    async fn changes(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        within(CALL_TIMEOUT, async {
            let mut lease = self.lease().await?;
            let rows: Vec<ChangeRow> = sqlx::query_as(
                "SELECT ch.seq, ch.collection, ch.kind, ch.image_id, i.version, d.components \
                 FROM (SELECT * FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2) ch \
                 LEFT JOIN collections c ON c.name = ch.collection \
                 LEFT JOIN images i ON i.collection_id = c.id AND i.id = ch.image_id \
                 LEFT JOIN descriptors d ON d.collection_id = i.collection_id AND d.image_id = i.id \
                 ORDER BY ch.seq",
            )
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(lease.connection())
            .await?;
            lease.done(rows).into_iter().map(ChangeRow::into_change).collect()
        })
        .await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

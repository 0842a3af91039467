//! One file, `eyrie.db`, in the data directory.
//!
//! Write-ahead log with `synchronous = FULL`: what was acknowledged survives a kill and a power cut. There is one
//! connection for writing and a few for reading; a reader never waits for the writer. Another process may use the
//! same file: writes begin with `BEGIN IMMEDIATE`, so they queue up for the file's one write lock at the start instead of
//! failing in the middle.

#[cfg(test)]
mod tests;
mod writes;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::codec::{self, ChangeRow, CollectionRow, MetadataRow, RECORD_COLUMNS, RecordRow, SummaryRow};
use super::lease::Lease;
use super::migrate::{self, Database};
use super::prefilter::{self, FilteredList};
use super::{
    Change, CollectionSummary, DescriptorStore, InsertOutcome, NewImage, SameContent, StoreError, StoredDescriptor,
    WriteOutcome,
};
use crate::domain::{
    Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, ImageId, ImageRecord, Metadata,
    Thumbnail,
};

/// How long a write waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for a connection. Writes queue up for the only one: on a busy machine that is a backlog, no failure.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;

/// The store in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens `eyrie.db` in the data directory; creates both and brings the schema up to date where needed.
    /// Several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError`] says which file is in the way, or that a newer program wrote it.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let dir = data_dir.to_owned();
        // The lock keeps two processes from creating the schema at once; it goes with the file handle.
        let lock = tokio::task::spawn_blocking(move || prepare_directory(&dir))
            .await
            .map_err(|e| StoreError::Internal(e.to_string()))??;
        let path = data_dir.join("eyrie.db");
        let in_file = |error: StoreError| name_file(&path, error);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone().journal_mode(SqliteJournalMode::Wal))
            .await
            .map_err(|e| in_file(e.into()))?;
        migrate::migrator(Database::Sqlite)
            .run(&writer)
            .await
            .map_err(|e| in_file(migrate::failure(Database::Sqlite, e)))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
            .await
            .map_err(|e| in_file(e.into()))?;
        drop(lock);
        Ok(Self { writer, readers })
    }

    async fn summaries(
        &self,
        name: Option<&CollectionName>,
        model: &str,
    ) -> Result<Vec<CollectionSummary>, StoreError> {
        let rows: Vec<SummaryRow<i64>> = sqlx::query_as(
            "SELECT name, profile, description, created_at, \
                 (SELECT count(*) FROM images WHERE collection_id = c.id) AS images, \
                 (SELECT count(*) FROM images WHERE collection_id = c.id AND version <> ?1 || '/' || c.profile) AS stale \
             FROM collections c WHERE ?2 IS NULL OR name = ?2 ORDER BY name",
        )
        .bind(model)
        .bind(name.map(CollectionName::as_str))
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(SummaryRow::into_summary).collect()
    }

    /// Records after `after` by id, at most `limit`, that fulfil the necessary part of the filter.
    async fn page(
        &self,
        collection: &CollectionName,
        after: Option<&ImageId>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(RECORD_COLUMNS).push(" FROM images WHERE collection_id = (SELECT id FROM collections WHERE name = ");
        query.push_bind(collection.as_str()).push(")");
        if let Some(after) = after {
            query.push(" AND id > ").push_bind(after.as_str());
        }
        if let Some(filter) = filter {
            query.push(" AND ");
            prefilter::push_sqlite(&mut query, filter);
        }
        query.push(" ORDER BY id LIMIT ").push_bind(limit);
        let rows: Vec<RecordRow<i64>> = query.build_query_as().persistent(false).fetch_all(&self.readers).await?;
        rows.into_iter().map(|row| row.into_record(collection)).collect()
    }
}

/// Creates the data directory and locks it until the returned file is dropped.
fn prepare_directory(dir: &Path) -> Result<File, StoreError> {
    let failed = |what: &str, error: std::io::Error| {
        let text = format!("{what} the data directory {}: {error}", dir.display());
        if error.kind() == std::io::ErrorKind::StorageFull {
            StoreError::Full(text)
        } else {
            StoreError::Internal(text)
        }
    };
    if !dir.is_dir() {
        std::fs::create_dir_all(dir).map_err(|e| failed("cannot create", e))?;
        // SQLite syncs the directory itself; that its name survives a power cut is up to its parent.
        if let Some(parent) = dir.canonicalize().map_err(|e| failed("cannot read", e))?.parent() {
            File::open(parent).and_then(|p| p.sync_all()).map_err(|e| failed("cannot sync the parent of", e))?;
        }
    }
    let lock = File::create(dir.join("eyrie.lock")).map_err(|e| failed("cannot write to", e))?;
    lock.lock().map_err(|e| failed("cannot lock", e))?;
    Ok(lock)
}

fn name_file(path: &Path, error: StoreError) -> StoreError {
    let named = |text: String| format!("{}: {text}", path.display());
    match error {
        StoreError::Unavailable(text) => StoreError::Unavailable(named(text)),
        StoreError::Full(text) => StoreError::Full(named(text)),
        StoreError::Internal(text) => StoreError::Internal(named(text)),
    }
}

#[async_trait]
impl DescriptorStore for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let answer = sqlx::query("SELECT 1 FROM changes LIMIT 1").execute(&self.readers);
        match tokio::time::timeout(Duration::from_secs(2), answer).await {
            Ok(result) => Ok(result.map(drop)?),
            Err(_) => Err(StoreError::Unavailable("no answer within 2 s".to_owned())),
        }
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
        let row: Option<CollectionRow<i64>> =
            sqlx::query_as("SELECT name, profile, description, created_at FROM collections WHERE name = ?")
                .bind(name.as_str())
                .fetch_optional(&self.readers)
                .await?;
        row.map(CollectionRow::into_collection).transpose()
    }

    async fn create_collection(&self, collection: &Collection) -> Result<bool, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let created = sqlx::query(
            "INSERT INTO collections (name, profile, description, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(collection.name.as_str())
        .bind(collection.profile.as_str())
        .bind(&collection.description)
        .bind(codec::microseconds(collection.created_at))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(lease.done(created.rows_affected() == 1))
    }

    async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Option<Collection>, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let row: Option<CollectionRow<i64>> = sqlx::query_as(
            "UPDATE collections SET description = ? WHERE name = ? RETURNING name, profile, description, created_at",
        )
        .bind(description)
        .bind(name.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        lease.done(row).map(CollectionRow::into_collection).transpose()
    }

    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<i64>, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let seq = writes::delete_collection(&mut tx, name).await?;
        tx.commit().await?;
        Ok(lease.done(seq))
    }

    async fn insert(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let outcome = writes::insert(&mut tx, collection, image, same_content).await?;
        tx.commit().await?;
        Ok(lease.done(outcome))
    }

    async fn put(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let outcome = writes::put(&mut tx, collection, image, expected_revision).await?;
        tx.commit().await?;
        Ok(lease.done(outcome))
    }

    async fn replace_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        metadata: &Metadata,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let outcome = writes::replace_metadata(&mut tx, collection, id, metadata, expected_revision).await?;
        tx.commit().await?;
        Ok(lease.done(outcome))
    }

    async fn delete(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<i64>, StoreError> {
        let mut lease = Lease::from(&self.writer).await?;
        let mut tx = lease.begin().await?;
        let seq = writes::delete(&mut tx, collection, id).await?;
        tx.commit().await?;
        Ok(lease.done(seq))
    }

    async fn get(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<ImageRecord>, StoreError> {
        let row: Option<RecordRow<i64>> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT {RECORD_COLUMNS} FROM images \
             WHERE collection_id = (SELECT id FROM collections WHERE name = ?) AND id = ?"
        )))
        .bind(collection.as_str())
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| row.into_record(collection)).transpose()
    }

    async fn get_many(&self, collection: &CollectionName, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        let ids = serde_json::to_string(ids).map_err(|e| StoreError::Internal(e.to_string()))?;
        let rows: Vec<RecordRow<i64>> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT {RECORD_COLUMNS} FROM images \
             WHERE collection_id = (SELECT id FROM collections WHERE name = ?) AND id IN (SELECT value FROM json_each(?))"
        )))
        .bind(collection.as_str())
        .bind(ids)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(|row| row.into_record(collection)).collect()
    }

    async fn find_by_hash(
        &self,
        collection: &CollectionName,
        hash: &ContentHash,
    ) -> Result<Option<ImageRecord>, StoreError> {
        let mut conn = self.readers.acquire().await?;
        match writes::collection_id(&mut conn, collection).await? {
            Some(id) => writes::oldest_with_hash(&mut conn, collection, id, hash).await,
            None => Ok(None),
        }
    }

    async fn get_descriptor(
        &self,
        collection: &CollectionName,
        id: &ImageId,
    ) -> Result<Option<StoredDescriptor>, StoreError> {
        let row: Option<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT i.version, d.components FROM images i \
             JOIN descriptors d ON d.collection_id = i.collection_id AND d.image_id = i.id \
             WHERE i.collection_id = (SELECT id FROM collections WHERE name = ?) AND i.id = ?",
        )
        .bind(collection.as_str())
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|(version, components)| codec::stored_descriptor(&version, &components)).transpose()
    }

    async fn get_thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<Thumbnail>, StoreError> {
        let row: Option<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT media_type, bytes FROM thumbnails \
             WHERE collection_id = (SELECT id FROM collections WHERE name = ?) AND image_id = ?",
        )
        .bind(collection.as_str())
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.map(|(media_type, bytes)| Thumbnail { bytes, media_type }))
    }

    async fn local_features(
        &self,
        collection: &CollectionName,
        ids: &[ImageId],
    ) -> Result<Vec<(ImageId, Vec<u8>)>, StoreError> {
        let ids = serde_json::to_string(ids).map_err(|e| StoreError::Internal(e.to_string()))?;
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT image_id, bytes FROM local_features \
             WHERE collection_id = (SELECT id FROM collections WHERE name = ?) \
             AND image_id IN (SELECT value FROM json_each(?))",
        )
        .bind(collection.as_str())
        .bind(ids)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(codec::identified_features).collect()
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
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT id, metadata FROM images WHERE collection_id = (SELECT id FROM collections WHERE name = ",
        );
        query.push_bind(collection.as_str()).push(") AND ");
        prefilter::push_sqlite(&mut query, filter);
        let mut rows = query.build_query_as::<MetadataRow>().persistent(false).fetch(&self.readers);
        let mut ids = Vec::new();
        while let Some(row) = rows.try_next().await? {
            ids.extend(row.matching_id(filter)?);
            tokio::task::coop::consume_budget().await;
        }
        Ok(ids)
    }

    async fn descriptors(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        after: Option<&ImageId>,
        limit: u32,
    ) -> Result<Vec<(ImageId, Descriptor)>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT i.id, d.components FROM images i \
             JOIN descriptors d ON d.collection_id = i.collection_id AND d.image_id = i.id \
             WHERE i.collection_id = (SELECT id FROM collections WHERE name = ?) AND i.version = ? AND i.id > ? \
             ORDER BY i.id LIMIT ?",
        )
        .bind(collection.as_str())
        .bind(version.to_string())
        .bind(after.map_or("", ImageId::as_str))
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(codec::identified_descriptor).collect()
    }

    async fn last_seq(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM changes").fetch_one(&self.readers).await?)
    }

    async fn changes(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<ChangeRow> = sqlx::query_as(
            "SELECT ch.seq, ch.collection, ch.kind, ch.image_id, i.version, d.components \
             FROM (SELECT * FROM changes WHERE seq > ? ORDER BY seq LIMIT ?) ch \
             LEFT JOIN collections c ON c.name = ch.collection \
             LEFT JOIN images i ON i.collection_id = c.id AND i.id = ch.image_id \
             LEFT JOIN descriptors d ON d.collection_id = i.collection_id AND d.image_id = i.id \
             ORDER BY ch.seq",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(ChangeRow::into_change).collect()
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

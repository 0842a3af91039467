//! What the writing transactions do. The caller begins and commits.
//!
//! Locks, in the order in which every write takes them, so that no two writes wait for each other in a circle:
//!
//! 1. the collection's row, shared (`FOR KEY SHARE`): it cannot be deleted meanwhile;
//! 2. the content (only an insert that refuses the same bytes): two uploads of the same bytes are decided one by one;
//! 3. the image's id: its row is read and written by one transaction at a time, whether it is there already or not;
//! 4. the change log, last and until the commit: sequence numbers become visible in their order, so a reader that has
//!    seen number n never misses a smaller one. Nothing waits for a lock of the first three kinds while it holds this one.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::super::codec::{self, COLLECTION_DELETED, IMAGE_DELETED, IMAGE_WRITTEN, RECORD_COLUMNS, RecordRow};
use super::super::{InsertOutcome, NewImage, SameContent, StoreError, WriteOutcome};
use crate::domain::{CollectionName, ContentHash, ImageId, ImageRecord, Metadata};

/// The advisory lock of the change log; any number that every Eyrie agrees on.
const CHANGE_LOG_LOCK: i64 = 0x6579_7269_655f_6c6f;

async fn lock_collection(conn: &mut PgConnection, name: &CollectionName) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM collections WHERE name = $1 FOR KEY SHARE")
        .bind(name.as_str())
        .fetch_optional(conn)
        .await?)
}

async fn lock_text(conn: &mut PgConnection, text: String) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(text).execute(conn).await?;
    Ok(())
}

async fn lock_content(conn: &mut PgConnection, collection_id: i64, hash: &ContentHash) -> Result<(), StoreError> {
    lock_text(conn, format!("eyrie content {collection_id} {hash}")).await
}

async fn lock_image(conn: &mut PgConnection, collection_id: i64, id: &ImageId) -> Result<(), StoreError> {
    lock_text(conn, format!("eyrie image {collection_id} {id}")).await
}

async fn lock_change_log(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CHANGE_LOG_LOCK).execute(conn).await?;
    Ok(())
}

/// The first image that was stored with these bytes.
pub(super) async fn oldest_with_hash(
    conn: &mut PgConnection,
    collection: &CollectionName,
    hash: &ContentHash,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<OffsetDateTime>> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {RECORD_COLUMNS} FROM images \
         WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND content_hash = $2 \
         ORDER BY created_at, revision LIMIT 1"
    )))
    .bind(collection.as_str())
    .bind(&hash.0[..])
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.into_record(collection)).transpose()
}

async fn record(
    conn: &mut PgConnection,
    collection: &CollectionName,
    collection_id: i64,
    id: &ImageId,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<OffsetDateTime>> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {RECORD_COLUMNS} FROM images WHERE collection_id = $1 AND id = $2"
    )))
    .bind(collection_id)
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.into_record(collection)).transpose()
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    collection: &CollectionName,
    image: &NewImage,
    same_content: SameContent,
) -> Result<InsertOutcome, StoreError> {
    let Some(collection_id) = lock_collection(conn, collection).await? else {
        return Ok(InsertOutcome::UnknownCollection);
    };
    if same_content == SameContent::Refuse {
        lock_content(conn, collection_id, &image.content_hash).await?;
        if let Some(existing) = oldest_with_hash(conn, collection, &image.content_hash).await? {
            return Ok(InsertOutcome::SameContent(existing));
        }
    }
    lock_image(conn, collection_id, &image.id).await?;
    if let Some(existing) = record(conn, collection, collection_id, &image.id).await? {
        return Ok(InsertOutcome::IdTaken(existing));
    }
    Ok(InsertOutcome::Inserted(write(conn, collection, collection_id, image, None).await?))
}

pub(super) async fn put(
    conn: &mut PgConnection,
    collection: &CollectionName,
    image: &NewImage,
    expected_revision: Option<i64>,
) -> Result<WriteOutcome, StoreError> {
    let Some(collection_id) = lock_collection(conn, collection).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
    lock_image(conn, collection_id, &image.id).await?;
    let existing = record(conn, collection, collection_id, &image.id).await?;
    if expected_revision.is_some() && existing.as_ref().map(|e| e.revision) != expected_revision {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    let written = write(conn, collection, collection_id, image, existing.as_ref()).await?;
    Ok(match existing {
        Some(_) => WriteOutcome::Updated(written),
        None => WriteOutcome::Created(written),
    })
}

/// Writes the change, the record and what belongs to it, over those of `existing` where there is one.
/// It is one statement, so that the lock of the change log is held for one round trip and the commit.
async fn write(
    conn: &mut PgConnection,
    collection: &CollectionName,
    collection_id: i64,
    image: &NewImage,
    existing: Option<&ImageRecord>,
) -> Result<ImageRecord, StoreError> {
    let byte_size = codec::integer(image.byte_size)?;
    lock_change_log(conn).await?;
    let now = codec::now();
    let created_at = existing.map_or(now, |e| e.created_at);
    let seq = sqlx::query_scalar(AssertSqlSafe(format!(
        "WITH change AS ( \
             INSERT INTO changes (collection, kind, image_id, at) VALUES ($1, $2, $4, $13) RETURNING seq \
         ), image AS ( \
             INSERT INTO images (collection_id, {RECORD_COLUMNS}) \
             SELECT $3, $4, $5, $6, $7, $8, $9, $10, $11, seq, $12, $13 FROM change \
             ON CONFLICT (collection_id, id) DO UPDATE SET content_hash = excluded.content_hash, \
                 format = excluded.format, width = excluded.width, height = excluded.height, \
                 byte_size = excluded.byte_size, metadata = excluded.metadata, version = excluded.version, \
                 revision = excluded.revision, updated_at = excluded.updated_at \
         ), descriptor AS ( \
             INSERT INTO descriptors (collection_id, image_id, components) VALUES ($3, $4, $14) \
             ON CONFLICT (collection_id, image_id) DO UPDATE SET components = excluded.components \
         ), thumbnail AS ( \
             INSERT INTO thumbnails (collection_id, image_id, media_type, bytes) VALUES ($3, $4, $15, $16) \
             ON CONFLICT (collection_id, image_id) \
             DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes \
         ), features AS ( \
             INSERT INTO local_features (collection_id, image_id, bytes) VALUES ($3, $4, $17) \
             ON CONFLICT (collection_id, image_id) DO UPDATE SET bytes = excluded.bytes \
         ) \
         SELECT seq FROM change"
    )))
    .bind(collection.as_str())
    .bind(IMAGE_WRITTEN)
    .bind(collection_id)
    .bind(image.id.as_str())
    .bind(&image.content_hash.0[..])
    .bind(image.format.as_str())
    .bind(i64::from(image.width))
    .bind(i64::from(image.height))
    .bind(byte_size)
    .bind(Json(&image.metadata))
    .bind(image.version.to_string())
    .bind(created_at)
    .bind(now)
    .bind(codec::encode_descriptor(&image.descriptor))
    .bind(&image.thumbnail.media_type)
    .bind(&image.thumbnail.bytes)
    .bind(&image.local_features)
    .fetch_one(conn)
    .await?;
    Ok(codec::record_of(collection, image, seq, created_at, now))
}

pub(super) async fn replace_metadata(
    conn: &mut PgConnection,
    collection: &CollectionName,
    id: &ImageId,
    metadata: &Metadata,
    expected_revision: Option<i64>,
) -> Result<WriteOutcome, StoreError> {
    let Some(collection_id) = lock_collection(conn, collection).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
    lock_image(conn, collection_id, id).await?;
    let Some(existing) = record(conn, collection, collection_id, id).await? else {
        return Ok(WriteOutcome::UnknownImage);
    };
    if expected_revision.is_some_and(|expected| expected != existing.revision) {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    lock_change_log(conn).await?;
    let now = codec::now();
    let seq = sqlx::query_scalar(
        "WITH change AS ( \
             INSERT INTO changes (collection, kind, image_id, at) VALUES ($1, $2, $4, $6) RETURNING seq \
         ) \
         UPDATE images SET metadata = $5, revision = seq, updated_at = $6 FROM change \
         WHERE collection_id = $3 AND id = $4 RETURNING seq",
    )
    .bind(collection.as_str())
    .bind(IMAGE_WRITTEN)
    .bind(collection_id)
    .bind(id.as_str())
    .bind(Json(metadata))
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(WriteOutcome::Updated(ImageRecord { metadata: metadata.clone(), revision: seq, updated_at: now, ..existing }))
}

pub(super) async fn delete(
    conn: &mut PgConnection,
    collection: &CollectionName,
    id: &ImageId,
) -> Result<Option<i64>, StoreError> {
    let Some(collection_id) = lock_collection(conn, collection).await? else { return Ok(None) };
    lock_image(conn, collection_id, id).await?;
    let deleted = sqlx::query("DELETE FROM images WHERE collection_id = $1 AND id = $2")
        .bind(collection_id)
        .bind(id.as_str())
        .execute(&mut *conn)
        .await?;
    if deleted.rows_affected() == 0 {
        return Ok(None);
    }
    log(conn, collection, IMAGE_DELETED, Some(id)).await.map(Some)
}

pub(super) async fn delete_collection(
    conn: &mut PgConnection,
    name: &CollectionName,
) -> Result<Option<i64>, StoreError> {
    let locked: Option<i64> = sqlx::query_scalar("SELECT id FROM collections WHERE name = $1 FOR UPDATE")
        .bind(name.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let Some(collection_id) = locked else { return Ok(None) };
    sqlx::query("DELETE FROM collections WHERE id = $1").bind(collection_id).execute(&mut *conn).await?;
    log(conn, name, COLLECTION_DELETED, None).await.map(Some)
}

/// Writes a change-log row under its lock and returns its sequence number.
async fn log(
    conn: &mut PgConnection,
    collection: &CollectionName,
    kind: &str,
    id: Option<&ImageId>,
) -> Result<i64, StoreError> {
    lock_change_log(conn).await?;
    Ok(sqlx::query_scalar("INSERT INTO changes (collection, kind, image_id, at) VALUES ($1, $2, $3, $4) RETURNING seq")
        .bind(collection.as_str())
        .bind(kind)
        .bind(id.map(ImageId::as_str))
        .bind(codec::now())
        .fetch_one(conn)
        .await?)
}

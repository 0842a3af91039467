//! What the writing transactions do. The caller begins and commits.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::super::codec::{self, IMAGE_DELETED, IMAGE_WRITTEN, RECORD_COLUMNS, RecordRow};
use super::super::{InsertOutcome, NewImage, SameContent, StoreError, WriteOutcome};
use crate::domain::{CollectionName, ContentHash, ImageId, ImageRecord, Metadata};

/// The key of a collection.
pub(super) async fn collection_id(
    conn: &mut SqliteConnection,
    name: &CollectionName,
) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM collections WHERE name = ?").bind(name.as_str()).fetch_optional(conn).await?)
}

/// The first image that was stored with these bytes.
pub(super) async fn oldest_with_hash(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    collection_id: i64,
    hash: &ContentHash,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<i64>> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {RECORD_COLUMNS} FROM images WHERE collection_id = ? AND content_hash = ? \
         ORDER BY created_at, revision LIMIT 1"
    )))
    .bind(collection_id)
    .bind(&hash.0[..])
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.into_record(collection)).transpose()
}

async fn record(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    collection_id: i64,
    id: &ImageId,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<i64>> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {RECORD_COLUMNS} FROM images WHERE collection_id = ? AND id = ?"
    )))
    .bind(collection_id)
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.into_record(collection)).transpose()
}

/// Writes the change-log row and returns its sequence number.
async fn log(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    kind: &str,
    id: Option<&ImageId>,
    at: i64,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("INSERT INTO changes (collection, kind, image_id, at) VALUES (?, ?, ?, ?) RETURNING seq")
        .bind(collection.as_str())
        .bind(kind)
        .bind(id.map(ImageId::as_str))
        .bind(at)
        .fetch_one(conn)
        .await?)
}

pub(super) async fn insert(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    image: &NewImage,
    same_content: SameContent,
) -> Result<InsertOutcome, StoreError> {
    let Some(collection_id) = collection_id(conn, collection).await? else {
        return Ok(InsertOutcome::UnknownCollection);
    };
    if same_content == SameContent::Refuse
        && let Some(existing) = oldest_with_hash(conn, collection, collection_id, &image.content_hash).await?
    {
        return Ok(InsertOutcome::SameContent(existing));
    }
    if let Some(existing) = record(conn, collection, collection_id, &image.id).await? {
        return Ok(InsertOutcome::IdTaken(existing));
    }
    Ok(InsertOutcome::Inserted(write(conn, collection, collection_id, image, None).await?))
}

pub(super) async fn put(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    image: &NewImage,
    expected_revision: Option<i64>,
) -> Result<WriteOutcome, StoreError> {
    let Some(collection_id) = collection_id(conn, collection).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
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
async fn write(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    collection_id: i64,
    image: &NewImage,
    existing: Option<&ImageRecord>,
) -> Result<ImageRecord, StoreError> {
    let now = codec::now();
    let at = codec::microseconds(now);
    let seq = log(conn, collection, IMAGE_WRITTEN, Some(&image.id), at).await?;
    let record = codec::record_of(collection, image, seq, existing.map_or(now, |e| e.created_at), now);
    // The columns of `excluded` are those of the row that was to be inserted.
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO images (collection_id, {RECORD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (collection_id, id) DO UPDATE SET content_hash = excluded.content_hash, format = excluded.format, \
             width = excluded.width, height = excluded.height, byte_size = excluded.byte_size, \
             metadata = excluded.metadata, version = excluded.version, revision = excluded.revision, \
             updated_at = excluded.updated_at"
    )))
    .bind(collection_id)
    .bind(image.id.as_str())
    .bind(&image.content_hash.0[..])
    .bind(image.format.as_str())
    .bind(image.width)
    .bind(image.height)
    .bind(codec::integer(image.byte_size)?)
    .bind(image.metadata.to_json())
    .bind(image.version.to_string())
    .bind(seq)
    .bind(at)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO descriptors (collection_id, image_id, components) VALUES (?, ?, ?) \
         ON CONFLICT (collection_id, image_id) DO UPDATE SET components = excluded.components",
    )
    .bind(collection_id)
    .bind(image.id.as_str())
    .bind(codec::encode_descriptor(&image.descriptor))
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO thumbnails (collection_id, image_id, media_type, bytes) VALUES (?, ?, ?, ?) \
         ON CONFLICT (collection_id, image_id) DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes",
    )
    .bind(collection_id)
    .bind(image.id.as_str())
    .bind(&image.thumbnail.media_type)
    .bind(&image.thumbnail.bytes)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO local_features (collection_id, image_id, bytes) VALUES (?, ?, ?) \
         ON CONFLICT (collection_id, image_id) DO UPDATE SET bytes = excluded.bytes",
    )
    .bind(collection_id)
    .bind(image.id.as_str())
    .bind(&image.local_features)
    .execute(conn)
    .await?;
    Ok(record)
}

pub(super) async fn replace_metadata(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    id: &ImageId,
    metadata: &Metadata,
    expected_revision: Option<i64>,
) -> Result<WriteOutcome, StoreError> {
    let Some(collection_id) = collection_id(conn, collection).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
    let Some(existing) = record(conn, collection, collection_id, id).await? else {
        return Ok(WriteOutcome::UnknownImage);
    };
    if expected_revision.is_some_and(|expected| expected != existing.revision) {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    let now = codec::now();
    let at = codec::microseconds(now);
    let seq = log(conn, collection, IMAGE_WRITTEN, Some(id), at).await?;
    sqlx::query("UPDATE images SET metadata = ?, revision = ?, updated_at = ? WHERE collection_id = ? AND id = ?")
        .bind(metadata.to_json())
        .bind(seq)
        .bind(at)
        .bind(collection_id)
        .bind(id.as_str())
        .execute(conn)
        .await?;
    Ok(WriteOutcome::Updated(ImageRecord { metadata: metadata.clone(), revision: seq, updated_at: now, ..existing }))
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    id: &ImageId,
) -> Result<Option<i64>, StoreError> {
    let deleted =
        sqlx::query("DELETE FROM images WHERE collection_id = (SELECT id FROM collections WHERE name = ?) AND id = ?")
            .bind(collection.as_str())
            .bind(id.as_str())
            .execute(&mut *conn)
            .await?;
    if deleted.rows_affected() == 0 {
        return Ok(None);
    }
    let at = codec::microseconds(codec::now());
    log(conn, collection, IMAGE_DELETED, Some(id), at).await.map(Some)
}

pub(super) async fn delete_collection(
    conn: &mut SqliteConnection,
    name: &CollectionName,
) -> Result<Option<i64>, StoreError> {
    let deleted = sqlx::query("DELETE FROM collections WHERE name = ?").bind(name.as_str()).execute(&mut *conn).await?;
    if deleted.rows_affected() == 0 {
        return Ok(None);
    }
    let at = codec::microseconds(codec::now());
    log(conn, name, codec::COLLECTION_DELETED, None, at).await.map(Some)
}

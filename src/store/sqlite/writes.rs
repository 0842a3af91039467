//! What the writing transactions do. The caller begins and commits.

use sqlx::SqliteConnection;

use super::super::codec::{self, COLLECTION_DELETED, IMAGE_DELETED, IMAGE_WRITTEN, RecordRow, Times, WrittenRow};
use super::super::statements::{FORGET_FEATURES, KEEP_PART, OLDEST_WITH_HASH, RECORD, insert_image, over_image};
use super::super::{
    DeleteOutcome, InsertOutcome, NewImage, NewOriginal, PART_BYTES, RestoreOutcome, RestoredImage, SameContent,
    StoreError, WriteOutcome,
};
use super::room::{over_quota, target};
use crate::domain::{
    Clock, CollectionName, ContentHash, ImageId, ImageKey, ImageRecord, KeyId, Metadata, OriginalName, Precondition,
    Seq,
};

async fn collection_id(conn: &mut SqliteConnection, name: &CollectionName) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM collections WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(conn)
        .await?)
}

async fn oldest_with_hash(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    hash: &ContentHash,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<i64>> =
        sqlx::query_as(OLDEST_WITH_HASH).bind(collection.as_str()).bind(&hash.0[..]).fetch_optional(conn).await?;
    row.map(|row| row.into_record(collection)).transpose()
}

pub(super) async fn record(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    id: &ImageId,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<i64>> =
        sqlx::query_as(RECORD).bind(collection.as_str()).bind(id.as_str()).fetch_optional(conn).await?;
    row.map(|row| row.into_record(collection)).transpose()
}

/// The number that the change of this transaction gets: the image's row needs it before the image
/// has its key, which the change names. Nobody else writes meanwhile.
async fn next_seq(conn: &mut SqliteConnection) -> Result<Seq, StoreError> {
    let last: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetch_optional(conn).await?;
    Ok(Seq(last.unwrap_or(0) + 1))
}

async fn log(
    conn: &mut SqliteConnection,
    seq: Seq,
    collection: &CollectionName,
    kind: &str,
    key: Option<ImageKey>,
    at: i64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO changes (seq, collection, kind, image_key, at) VALUES ($1, $2, $3, $4, $5)")
        .bind(seq.0)
        .bind(collection.as_str())
        .bind(kind)
        .bind(key.map(|key| codec::integer(key.0)).transpose()?)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn insert(
    conn: &mut SqliteConnection,
    clock: &dyn Clock,
    collection: &CollectionName,
    image: &NewImage,
    same_content: SameContent,
) -> Result<InsertOutcome, StoreError> {
    let Some(target) = target(conn, collection, image.stored_by.as_ref()).await? else {
        return Ok(InsertOutcome::UnknownCollection);
    };
    if same_content == SameContent::Refuse
        && let Some(existing) = oldest_with_hash(conn, collection, &image.content_hash).await?
    {
        return Ok(InsertOutcome::SameContent(existing));
    }
    if let Some(existing) = record(conn, collection, &image.id).await? {
        return Ok(InsertOutcome::IdTaken(existing));
    }
    if let Some(refusal) = over_quota(conn, &target, collection, image.into(), None).await? {
        return Ok(InsertOutcome::OverQuota(refusal));
    }
    let times = Times::all(clock.now());
    Ok(InsertOutcome::Inserted(write(conn, times, collection, target.id, image, None).await?))
}

pub(super) async fn put(
    conn: &mut SqliteConnection,
    clock: &dyn Clock,
    collection: &CollectionName,
    image: &NewImage,
    precondition: Precondition,
) -> Result<WriteOutcome, StoreError> {
    let Some(target) = target(conn, collection, image.stored_by.as_ref()).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
    let existing = record(conn, collection, &image.id).await?;
    if !precondition.holds(existing.as_ref().map(|record| record.revision)) {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    if let Some(refusal) = over_quota(conn, &target, collection, image.into(), existing.as_ref()).await? {
        return Ok(WriteOutcome::OverQuota(refusal));
    }
    let times = Times::over(existing.as_ref(), clock.now());
    let written = write(conn, times, collection, target.id, image, existing.as_ref()).await?;
    Ok(match existing {
        Some(_) => WriteOutcome::Updated(written),
        None => WriteOutcome::Created(written),
    })
}

pub(super) async fn restore(
    conn: &mut SqliteConnection,
    clock: &dyn Clock,
    collection: &CollectionName,
    images: &[RestoredImage],
    replace: bool,
) -> Result<Option<Vec<RestoreOutcome>>, StoreError> {
    let key = images.first().and_then(|first| first.image.stored_by.as_ref());
    let Some(target) = target(conn, collection, key).await? else { return Ok(None) };
    let mut outcomes = Vec::with_capacity(images.len());
    for restored in images {
        let existing = record(conn, collection, &restored.image.id).await?;
        outcomes.push(match &existing {
            Some(there) if restored.is(there) => RestoreOutcome::Unchanged,
            Some(_) if !replace => RestoreOutcome::IdTaken,
            Some(_) | None => {
                let RestoredImage { image, created_at, updated_at } = restored;
                if let Some(refusal) = over_quota(conn, &target, collection, image.into(), existing.as_ref()).await? {
                    outcomes.push(RestoreOutcome::OverQuota(refusal));
                    continue;
                }
                let times = Times { created_at: *created_at, updated_at: *updated_at, at: clock.now() };
                let written = write(conn, times, collection, target.id, image, existing.as_ref()).await?;
                match existing {
                    Some(_) => RestoreOutcome::Replaced(written.revision),
                    None => RestoreOutcome::Created(written.revision),
                }
            }
        });
    }
    Ok(Some(outcomes))
}

/// Stores the upload itself where the database keeps it; its name, wherever it is kept.
async fn keep_original(conn: &mut SqliteConnection, image: &NewImage) -> Result<Option<OriginalName>, StoreError> {
    let bytes = match &image.original {
        None => return Ok(None),
        Some(NewOriginal::Object(name)) => return Ok(Some(name.clone())),
        Some(NewOriginal::Bytes(bytes)) => bytes,
    };
    let name = OriginalName::in_database();
    for (part, bytes) in (0_i64..).zip(bytes.chunks(PART_BYTES)) {
        sqlx::query(KEEP_PART).bind(name.as_str()).bind(part).bind(bytes).execute(&mut *conn).await?;
    }
    Ok(Some(name))
}

/// Writes the change, the record and what belongs to it, over those of `existing` where there is
/// one.
async fn write(
    conn: &mut SqliteConnection,
    times: Times,
    collection: &CollectionName,
    collection_id: i64,
    image: &NewImage,
    existing: Option<&ImageRecord>,
) -> Result<ImageRecord, StoreError> {
    let original = keep_original(conn, image).await?;
    let seq = next_seq(conn).await?;
    let row: WrittenRow = sqlx::query_as(concat!(
        insert_image!(),
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ",
        over_image!()
    ))
    .bind(collection_id)
    .bind(image.id.as_str())
    .bind(&image.content_hash.0[..])
    .bind(image.format.as_str())
    .bind(image.width)
    .bind(image.height)
    .bind(codec::integer(image.byte_size)?)
    .bind(image.metadata.to_json())
    .bind(image.version.to_string())
    .bind(seq.0)
    .bind(codec::microseconds(times.created_at))
    .bind(codec::microseconds(times.updated_at))
    .bind(original.as_ref().map(OriginalName::as_str))
    .bind(image.stored_by.as_ref().map(KeyId::as_str))
    .fetch_one(&mut *conn)
    .await?;
    let created_at = existing.map_or(times.created_at, |record| record.created_at);
    let written = row.into_record(collection, image, created_at, times.updated_at)?;
    let key = codec::integer(written.key.0)?;
    sqlx::query(
        "INSERT INTO descriptors (image_key, components) VALUES ($1, $2) \
         ON CONFLICT (image_key) DO UPDATE SET components = excluded.components",
    )
    .bind(key)
    .bind(codec::encode_descriptor(&image.descriptor))
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO thumbnails (image_key, media_type, bytes) VALUES ($1, $2, $3) \
         ON CONFLICT (image_key) DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes",
    )
    .bind(key)
    .bind(&image.thumbnail.media_type)
    .bind(&image.thumbnail.bytes)
    .execute(&mut *conn)
    .await?;
    if image.local_features.is_empty() {
        sqlx::query(FORGET_FEATURES).bind(key).execute(&mut *conn).await?;
    } else {
        sqlx::query(
            "INSERT INTO local_features (image_key, bytes) VALUES ($1, $2) \
             ON CONFLICT (image_key) DO UPDATE SET bytes = excluded.bytes",
        )
        .bind(key)
        .bind(&image.local_features)
        .execute(&mut *conn)
        .await?;
    }
    log(conn, seq, collection, IMAGE_WRITTEN, Some(written.key), codec::microseconds(times.at)).await?;
    Ok(written)
}

pub(super) async fn replace_metadata(
    conn: &mut SqliteConnection,
    clock: &dyn Clock,
    collection: &CollectionName,
    id: &ImageId,
    metadata: &Metadata,
    precondition: Precondition,
) -> Result<WriteOutcome, StoreError> {
    if collection_id(conn, collection).await?.is_none() {
        return Ok(WriteOutcome::UnknownCollection);
    }
    let existing = record(conn, collection, id).await?;
    if !precondition.holds(existing.as_ref().map(|record| record.revision)) {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    let Some(existing) = existing else { return Ok(WriteOutcome::UnknownImage) };
    let now = clock.now();
    let updated_at = codec::changed_at(&existing, now);
    let seq = next_seq(conn).await?;
    sqlx::query("UPDATE images SET metadata = $2, revision = $3, updated_at = $4 WHERE key = $1")
        .bind(codec::integer(existing.key.0)?)
        .bind(metadata.to_json())
        .bind(seq.0)
        .bind(codec::microseconds(updated_at))
        .execute(&mut *conn)
        .await?;
    log(conn, seq, collection, IMAGE_WRITTEN, Some(existing.key), codec::microseconds(now)).await?;
    Ok(WriteOutcome::Updated(ImageRecord { metadata: metadata.clone(), revision: seq, updated_at, ..existing }))
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    clock: &dyn Clock,
    collection: &CollectionName,
    id: &ImageId,
    precondition: Precondition,
) -> Result<DeleteOutcome, StoreError> {
    if collection_id(conn, collection).await?.is_none() {
        return Ok(DeleteOutcome::UnknownCollection);
    }
    let existing = record(conn, collection, id).await?;
    if !precondition.holds(existing.as_ref().map(|record| record.revision)) {
        return Ok(DeleteOutcome::PreconditionFailed);
    }
    let Some(existing) = existing else { return Ok(DeleteOutcome::UnknownImage) };
    sqlx::query("DELETE FROM images WHERE key = $1").bind(codec::integer(existing.key.0)?).execute(&mut *conn).await?;
    let seq = next_seq(conn).await?;
    log(conn, seq, collection, IMAGE_DELETED, Some(existing.key), codec::microseconds(clock.now())).await?;
    Ok(DeleteOutcome::Deleted(seq))
}

pub(super) async fn delete_collection(
    conn: &mut SqliteConnection,
    clock: &dyn Clock,
    name: &CollectionName,
) -> Result<Option<Seq>, StoreError> {
    let deleted =
        sqlx::query("DELETE FROM collections WHERE name = $1").bind(name.as_str()).execute(&mut *conn).await?;
    if deleted.rows_affected() == 0 {
        return Ok(None);
    }
    let seq = next_seq(conn).await?;
    log(conn, seq, name, COLLECTION_DELETED, None, codec::microseconds(clock.now())).await?;
    Ok(Some(seq))
}

//! What the writing transactions do. The caller begins and commits.
//!
//! Locks, in the order in which every write takes them, so that no two writes wait for each other
//! in a circle:
//!
//! 1. the collection's row, shared (`FOR KEY SHARE`): it cannot be deleted meanwhile;
//! 2. the content (only an insert that refuses the same bytes): two uploads of the same bytes are
//!    decided one by one;
//! 3. the image's id: its row is read and written by one transaction at a time, whether it is there
//!    already or not;
//! 4. the change log, last and until the commit: sequence numbers become visible in their order, so
//!    a reader that has seen number n never misses a smaller one. Nothing waits for a lock of the
//!    first three kinds while it holds this one.
//!
//! The counts of `usage` are written under the last one alone: triggers take it where a deletion
//! has not yet. So what is counted stays so until the commit, for whoever holds it.

use sqlx::types::Json;
use time::OffsetDateTime;

use super::super::codec::{self, COLLECTION_DELETED, IMAGE_DELETED, IMAGE_WRITTEN, RecordRow, Times, WrittenRow};
use super::super::statements::{
    FORGET_FEATURES, FORGET_PARTS, KEEP_PART, OLDEST_WITH_HASH, RECORD, insert_image, over_image,
};
use super::super::{
    DeleteOutcome, InsertOutcome, NewImage, NewOriginal, PART_BYTES, RestoreOutcome, RestoredImage, SameContent,
    StoreError, WriteOutcome,
};
use super::room::{lock_target, over_quota};
use super::session::Session;
use crate::domain::{
    Clock, CollectionName, ContentHash, ImageId, ImageKey, ImageRecord, KeyId, Metadata, OriginalName, Precondition,
    Seq,
};

/// The advisory lock of the change log; any number that every Eyrie agrees on.
const CHANGE_LOG_LOCK: i64 = 0x6579_7269_655f_6c6f;

async fn lock_collection(session: &mut Session, name: &CollectionName) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM collections WHERE name = $1 FOR KEY SHARE")
        .bind(name.as_str())
        .fetch_optional(session)
        .await?)
}

pub(super) async fn lock_text(session: &mut Session, text: String) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(text).execute(session).await?;
    Ok(())
}

async fn lock_content(session: &mut Session, collection_id: i64, hash: &ContentHash) -> Result<(), StoreError> {
    lock_text(session, format!("eyrie content {collection_id} {hash}")).await
}

async fn lock_image(session: &mut Session, collection_id: i64, id: &ImageId) -> Result<(), StoreError> {
    lock_text(session, format!("eyrie image {collection_id} {id}")).await
}

pub(super) async fn lock_change_log(session: &mut Session) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CHANGE_LOG_LOCK).execute(session).await?;
    Ok(())
}

async fn oldest_with_hash(
    session: &mut Session,
    collection: &CollectionName,
    hash: &ContentHash,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<OffsetDateTime>> =
        sqlx::query_as(OLDEST_WITH_HASH).bind(collection.as_str()).bind(&hash.0[..]).fetch_optional(session).await?;
    row.map(|row| row.into_record(collection)).transpose()
}

pub(super) async fn record(
    session: &mut Session,
    collection: &CollectionName,
    id: &ImageId,
) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<RecordRow<OffsetDateTime>> =
        sqlx::query_as(RECORD).bind(collection.as_str()).bind(id.as_str()).fetch_optional(session).await?;
    row.map(|row| row.into_record(collection)).transpose()
}

pub(super) async fn insert(
    session: &mut Session,
    clock: &dyn Clock,
    collection: &CollectionName,
    image: &NewImage,
    same_content: SameContent,
) -> Result<InsertOutcome, StoreError> {
    let Some(target) = lock_target(session, collection, image.stored_by.as_ref()).await? else {
        return Ok(InsertOutcome::UnknownCollection);
    };
    if same_content == SameContent::Refuse {
        lock_content(session, target.id, &image.content_hash).await?;
        if let Some(existing) = oldest_with_hash(session, collection, &image.content_hash).await? {
            return Ok(InsertOutcome::SameContent(existing));
        }
    }
    lock_image(session, target.id, &image.id).await?;
    if let Some(existing) = record(session, collection, &image.id).await? {
        return Ok(InsertOutcome::IdTaken(existing));
    }
    let original = keep_original(session, image).await?;
    lock_change_log(session).await?;
    if let Some(refusal) = over_quota(session, &target, collection, image.into(), None).await? {
        forget_original(session, original).await?;
        return Ok(InsertOutcome::OverQuota(refusal));
    }
    let times = Times::all(clock.now());
    Ok(InsertOutcome::Inserted(write(session, times, collection, target.id, image, original, None).await?))
}

pub(super) async fn put(
    session: &mut Session,
    clock: &dyn Clock,
    collection: &CollectionName,
    image: &NewImage,
    precondition: Precondition,
) -> Result<WriteOutcome, StoreError> {
    let Some(target) = lock_target(session, collection, image.stored_by.as_ref()).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
    lock_image(session, target.id, &image.id).await?;
    let existing = record(session, collection, &image.id).await?;
    if !precondition.holds(existing.as_ref().map(|record| record.revision)) {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    let original = keep_original(session, image).await?;
    lock_change_log(session).await?;
    if let Some(refusal) = over_quota(session, &target, collection, image.into(), existing.as_ref()).await? {
        forget_original(session, original).await?;
        return Ok(WriteOutcome::OverQuota(refusal));
    }
    let times = Times::over(existing.as_ref(), clock.now());
    let written = write(session, times, collection, target.id, image, original, existing.as_ref()).await?;
    Ok(match existing {
        Some(_) => WriteOutcome::Updated(written),
        None => WriteOutcome::Created(written),
    })
}

/// Every id is locked before the change log, in the order of ids, so that no two transactions wait
/// for each other.
pub(super) async fn restore(
    session: &mut Session,
    clock: &dyn Clock,
    collection: &CollectionName,
    images: &[RestoredImage],
    replace: bool,
) -> Result<Option<Vec<RestoreOutcome>>, StoreError> {
    let key = images.first().and_then(|first| first.image.stored_by.as_ref());
    let Some(target) = lock_target(session, collection, key).await? else { return Ok(None) };
    let mut ordered: Vec<usize> = (0..images.len()).collect();
    ordered.sort_unstable_by_key(|at| &images[*at].image.id);
    let mut existing = vec![None; images.len()];
    for at in ordered {
        let id = &images[at].image.id;
        lock_image(session, target.id, id).await?;
        existing[at] = record(session, collection, id).await?;
    }
    lock_change_log(session).await?;
    let mut outcomes = Vec::with_capacity(images.len());
    for (restored, existing) in images.iter().zip(existing) {
        outcomes.push(match &existing {
            Some(there) if restored.is(there) => RestoreOutcome::Unchanged,
            Some(_) if !replace => RestoreOutcome::IdTaken,
            Some(_) | None => {
                let RestoredImage { image, created_at, updated_at } = restored;
                if let Some(refusal) = over_quota(session, &target, collection, image.into(), existing.as_ref()).await?
                {
                    outcomes.push(RestoreOutcome::OverQuota(refusal));
                    continue;
                }
                let times = Times { created_at: *created_at, updated_at: *updated_at, at: clock.now() };
                let original = keep_original(session, image).await?;
                let written = write(session, times, collection, target.id, image, original, existing.as_ref()).await?;
                match existing {
                    Some(_) => RestoreOutcome::Replaced(written.revision),
                    None => RestoreOutcome::Created(written.revision),
                }
            }
        });
    }
    Ok(Some(outcomes))
}

/// Stores the upload itself where the database keeps it; its name, wherever it is kept. Before the
/// change log is locked, since it may take a while.
async fn keep_original(session: &mut Session, image: &NewImage) -> Result<Option<OriginalName>, StoreError> {
    let bytes = match &image.original {
        None => return Ok(None),
        Some(NewOriginal::Object(name)) => return Ok(Some(name.clone())),
        Some(NewOriginal::Bytes(bytes)) => bytes,
    };
    let name = OriginalName::in_database();
    for (part, bytes) in (0_i64..).zip(bytes.chunks(PART_BYTES)) {
        sqlx::query(KEEP_PART).bind(name.as_str()).bind(part).bind(bytes).execute(&mut *session).await?;
    }
    Ok(Some(name))
}

/// Takes back what [`keep_original`] stored.
async fn forget_original(session: &mut Session, original: Option<OriginalName>) -> Result<(), StoreError> {
    if let Some(name) = original.filter(OriginalName::is_in_database) {
        sqlx::query(FORGET_PARTS).bind(name.as_str()).execute(session).await?;
    }
    Ok(())
}

/// Writes the change, the record and what belongs to it, over those of `existing` where there is
/// one. The caller holds the lock of the change log.
///
/// It is one statement, so that the lock of the change log is held for one round trip and the
/// commit. The image needs the number of the change and the change the key of the image: the number
/// is drawn first.
async fn write(
    session: &mut Session,
    times: Times,
    collection: &CollectionName,
    collection_id: i64,
    image: &NewImage,
    original: Option<OriginalName>,
    existing: Option<&ImageRecord>,
) -> Result<ImageRecord, StoreError> {
    let byte_size = codec::integer(image.byte_size)?;
    if let Some(existing) = existing.filter(|_| image.local_features.is_empty()) {
        sqlx::query(FORGET_FEATURES).bind(codec::integer(existing.key.0)?).execute(&mut *session).await?;
    }
    let row: WrittenRow = sqlx::query_as(concat!(
        "WITH number AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence('changes', 'seq')) AS seq), image AS ( ",
        insert_image!(),
        " SELECT $3, $4, $5, $6, $7, $8, $9, $10, $11, seq, $17, $18, $19, $20 FROM number ",
        over_image!(),
        "), change AS ( \
             INSERT INTO changes (seq, collection, kind, image_key, at) OVERRIDING SYSTEM VALUE \
             SELECT revision, $1, $2, key, $12 FROM image \
         ), descriptor AS ( \
             INSERT INTO descriptors (image_key, components) SELECT key, $13 FROM image \
             ON CONFLICT (image_key) DO UPDATE SET components = excluded.components \
         ), thumbnail AS ( \
             INSERT INTO thumbnails (image_key, media_type, bytes) SELECT key, $14, $15 FROM image \
             ON CONFLICT (image_key) DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes \
         ), features AS ( \
             INSERT INTO local_features (image_key, bytes) SELECT key, $16 FROM image WHERE length($16) > 0 \
             ON CONFLICT (image_key) DO UPDATE SET bytes = excluded.bytes \
         ) \
         SELECT key, revision, original, stored_by FROM image"
    ))
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
    .bind(times.at)
    .bind(codec::encode_descriptor(&image.descriptor))
    .bind(&image.thumbnail.media_type)
    .bind(&image.thumbnail.bytes)
    .bind(&image.local_features)
    .bind(times.created_at)
    .bind(times.updated_at)
    .bind(original.as_ref().map(OriginalName::as_str))
    .bind(image.stored_by.as_ref().map(KeyId::as_str))
    .fetch_one(session)
    .await?;
    let created_at = existing.map_or(times.created_at, |record| record.created_at);
    row.into_record(collection, image, created_at, times.updated_at)
}

pub(super) async fn replace_metadata(
    session: &mut Session,
    clock: &dyn Clock,
    collection: &CollectionName,
    id: &ImageId,
    metadata: &Metadata,
    precondition: Precondition,
) -> Result<WriteOutcome, StoreError> {
    let Some(collection_id) = lock_collection(session, collection).await? else {
        return Ok(WriteOutcome::UnknownCollection);
    };
    lock_image(session, collection_id, id).await?;
    let existing = record(session, collection, id).await?;
    if !precondition.holds(existing.as_ref().map(|record| record.revision)) {
        return Ok(WriteOutcome::PreconditionFailed);
    }
    let Some(existing) = existing else { return Ok(WriteOutcome::UnknownImage) };
    lock_change_log(session).await?;
    let now = clock.now();
    let updated_at = codec::changed_at(&existing, now);
    let seq = sqlx::query_scalar(
        "WITH change AS ( \
             INSERT INTO changes (collection, kind, image_key, at) VALUES ($1, $2, $3, $5) RETURNING seq \
         ) \
         UPDATE images SET metadata = $4, revision = seq, updated_at = $6 FROM change WHERE key = $3 RETURNING seq",
    )
    .bind(collection.as_str())
    .bind(IMAGE_WRITTEN)
    .bind(codec::integer(existing.key.0)?)
    .bind(Json(metadata))
    .bind(now)
    .bind(updated_at)
    .fetch_one(session)
    .await?;
    let revision = Seq(seq);
    Ok(WriteOutcome::Updated(ImageRecord { metadata: metadata.clone(), revision, updated_at, ..existing }))
}

pub(super) async fn delete(
    session: &mut Session,
    clock: &dyn Clock,
    collection: &CollectionName,
    id: &ImageId,
    precondition: Precondition,
) -> Result<DeleteOutcome, StoreError> {
    let Some(collection_id) = lock_collection(session, collection).await? else {
        return Ok(DeleteOutcome::UnknownCollection);
    };
    lock_image(session, collection_id, id).await?;
    let existing = record(session, collection, id).await?;
    if !precondition.holds(existing.as_ref().map(|record| record.revision)) {
        return Ok(DeleteOutcome::PreconditionFailed);
    }
    let Some(existing) = existing else { return Ok(DeleteOutcome::UnknownImage) };
    sqlx::query("DELETE FROM images WHERE key = $1")
        .bind(codec::integer(existing.key.0)?)
        .execute(&mut *session)
        .await?;
    Ok(DeleteOutcome::Deleted(log(session, clock, collection, IMAGE_DELETED, Some(existing.key)).await?))
}

pub(super) async fn delete_collection(
    session: &mut Session,
    clock: &dyn Clock,
    name: &CollectionName,
) -> Result<Option<Seq>, StoreError> {
    let locked: Option<i64> = sqlx::query_scalar("SELECT id FROM collections WHERE name = $1 FOR UPDATE")
        .bind(name.as_str())
        .fetch_optional(&mut *session)
        .await?;
    let Some(collection_id) = locked else { return Ok(None) };
    sqlx::query("DELETE FROM collections WHERE id = $1").bind(collection_id).execute(&mut *session).await?;
    log(session, clock, name, COLLECTION_DELETED, None).await.map(Some)
}

/// Writes a change-log row under its lock and returns its number.
async fn log(
    session: &mut Session,
    clock: &dyn Clock,
    collection: &CollectionName,
    kind: &str,
    key: Option<ImageKey>,
) -> Result<Seq, StoreError> {
    lock_change_log(session).await?;
    let seq = sqlx::query_scalar(
        "INSERT INTO changes (collection, kind, image_key, at) VALUES ($1, $2, $3, $4) RETURNING seq",
    )
    .bind(collection.as_str())
    .bind(kind)
    .bind(key.map(|key| codec::integer(key.0)).transpose()?)
    .bind(clock.now())
    .fetch_one(session)
    .await?;
    Ok(Seq(seq))
}

//! Rows as what they are of: records, collections, jobs, changes. Single values are in `columns`.

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use time::OffsetDateTime;

use super::{
    Change, ChangeKind, ClaimedJob, CollectionSummary, GroupMember, KeptOriginal, NewImage, StoreError, WholeImage,
};
use crate::domain::{
    Collection, CollectionName, ContentHash, Filter, ImageFormat, ImageId, ImageKey, ImageRecord, Job, JobId, JobKind,
    JobProgress, JobState, Metadata, Seq, SimilarPair, Thumbnail,
};

/// A row whose columns are named as the fields are.
///
/// This is what sqlx derives too, but its macros build sqlx and SQLite a second time, for the
/// compiler to load.
macro_rules! row {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident $(<$time:ident>)? { $($field:ident: $column:ty),* $(,)? }) => {
        $(#[$attribute])*
        $visibility struct $name $(<$time>)? {
            $($field: $column),*
        }

        impl<'r, R: sqlx::Row $(, $time)?> sqlx::FromRow<'r, R> for $name $(<$time>)?
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($column: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>),*
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }
    };
}
pub(super) use row;

pub(super) mod api_keys;
mod columns;

pub(super) use columns::{
    StoredTime, answer_column, begun, count, damaged, decode_descriptor, encode_descriptor, integer, job_id, key,
    key_columns, keyed_bytes, keyed_descriptor, keyed_id, keyed_stored_descriptor, limit_column, microseconds,
    original_name, quota, stored_descriptor,
};
use columns::{json, key_id, verdict};

row! {
    /// How many jobs are in a state.
    pub(super) struct JobCountRow {
        state: String,
        count: i64,
    }
}

impl JobCountRow {
    pub(super) fn into_count(self) -> Result<(JobState, u64), StoreError> {
        let state = JobState::from_name(&self.state);
        let state = state.ok_or_else(|| damaged(format!("{:?} is no state of a job", self.state)))?;
        Ok((state, u64::try_from(self.count).map_err(damaged)?))
    }
}

row! {
    /// An image's row with times of type `T` (integer microseconds in SQLite, a timestamp in
    /// Postgres).
    pub(super) struct RecordRow<T> {
        key: i64,
        id: String,
        content_hash: Vec<u8>,
        format: String,
        width: i64,
        height: i64,
        byte_size: i64,
        metadata: Json<Map<String, Value>>,
        version: String,
        revision: i64,
        created_at: T,
        updated_at: T,
        original: Option<String>,
        stored_by: Option<String>,
    }
}

row! {
    /// What the database gives and keeps of an image that is written.
    pub(super) struct WrittenRow {
        key: i64,
        revision: i64,
        original: Option<String>,
        stored_by: Option<String>,
    }
}

/// An image's row with the name of its collection.
pub(super) struct NamedRecordRow<T> {
    collection: String,
    record: RecordRow<T>,
}

impl<'r, R: Row, T> FromRow<'r, R> for NamedRecordRow<T>
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    RecordRow<T>: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self { collection: row.try_get("collection")?, record: RecordRow::from_row(row)? })
    }
}

/// An image's row with all that belongs to it.
pub(super) struct WholeRow<T> {
    record: NamedRecordRow<T>,
    components: Vec<u8>,
    media_type: String,
    thumbnail: Vec<u8>,
    features: Option<Vec<u8>>,
}

impl<'r, R: Row, T> FromRow<'r, R> for WholeRow<T>
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
    NamedRecordRow<T>: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self {
            record: NamedRecordRow::from_row(row)?,
            components: row.try_get("components")?,
            media_type: row.try_get("media_type")?,
            thumbnail: row.try_get("thumbnail")?,
            features: row.try_get("features")?,
        })
    }
}

row! {
    /// A collection's row.
    pub(super) struct CollectionRow<T> {
        name: String,
        profile: String,
        description: String,
        created_at: T,
        max_images: Option<i64>,
        max_bytes: Option<i64>,
    }
}

/// A collection's row with its counts.
pub(super) struct SummaryRow<T> {
    collection: CollectionRow<T>,
    images: i64,
    bytes: i64,
    stale: i64,
    originals: i64,
    original_bytes: i64,
}

impl<'r, R: Row, T> FromRow<'r, R> for SummaryRow<T>
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    CollectionRow<T>: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self {
            collection: CollectionRow::from_row(row)?,
            images: row.try_get("images")?,
            bytes: row.try_get("bytes")?,
            stale: row.try_get("stale")?,
            originals: row.try_get("originals")?,
            original_bytes: row.try_get("original_bytes")?,
        })
    }
}

row! {
    /// What a filter is decided by.
    pub(super) struct MetadataRow {
        key: i64,
        metadata: Json<Map<String, Value>>,
    }
}

row! {
    /// A job's row.
    pub(super) struct JobRow<T> {
        id: String,
        kind: String,
        collection: String,
        params: String,
        state: String,
        done: i64,
        total: Option<i64>,
        rate: Option<f64>,
        checkpoint: Option<String>,
        result: Option<String>,
        error: Option<String>,
        created_at: T,
        started_at: Option<T>,
        finished_at: Option<T>,
    }
}

row! {
    /// A pair of near-duplicates.
    pub(super) struct PairRow {
        a: i64,
        b: i64,
        score: f32,
        verdict: String,
    }
}

row! {
    /// A member of a group of near-duplicates.
    pub(super) struct MemberRow {
        place: i64,
        member: i64,
        size: i64,
        name: String,
        image_key: i64,
        score: f32,
        verdict: String,
    }
}

row! {
    /// An image whose original is kept.
    pub(super) struct KeptRow {
        key: i64,
        name: String,
        byte_size: i64,
        stored: Option<i64>,
    }
}

row! {
    /// A row of the change log, with the descriptor of its image where that is still there.
    pub(super) struct ChangeRow {
        seq: i64,
        collection: String,
        kind: String,
        image_key: Option<i64>,
        version: Option<String>,
        components: Option<Vec<u8>>,
    }
}

impl<T: StoredTime> RecordRow<T> {
    pub(super) fn into_record(self, collection: &CollectionName) -> Result<ImageRecord, StoreError> {
        Ok(ImageRecord {
            key: key(self.key)?,
            collection: collection.clone(),
            id: ImageId::new(self.id).map_err(damaged)?,
            content_hash: ContentHash(
                <[u8; 32]>::try_from(self.content_hash).map_err(|_| damaged("a content hash is not 32 bytes long"))?,
            ),
            format: ImageFormat::from_name(&self.format).ok_or_else(|| damaged("unknown image format"))?,
            width: u32::try_from(self.width).map_err(damaged)?,
            height: u32::try_from(self.height).map_err(damaged)?,
            byte_size: u64::try_from(self.byte_size).map_err(damaged)?,
            metadata: Metadata::from_stored(self.metadata.0),
            version: self.version.parse().map_err(damaged)?,
            revision: Seq(self.revision),
            created_at: self.created_at.into_time()?,
            updated_at: self.updated_at.into_time()?,
            original: self.original.map(original_name).transpose()?,
            stored_by: self.stored_by.map(key_id).transpose()?,
        })
    }
}

impl<T: StoredTime> NamedRecordRow<T> {
    pub(super) fn into_record(self) -> Result<ImageRecord, StoreError> {
        self.record.into_record(&CollectionName::new(self.collection).map_err(damaged)?)
    }
}

impl<T: StoredTime> WholeRow<T> {
    pub(super) fn into_image(self) -> Result<WholeImage, StoreError> {
        Ok(WholeImage {
            record: self.record.into_record()?,
            descriptor: decode_descriptor(&self.components)?,
            thumbnail: Thumbnail { bytes: self.thumbnail, media_type: self.media_type },
            local_features: self.features.unwrap_or_default(),
        })
    }
}

impl<T: StoredTime> CollectionRow<T> {
    pub(super) fn into_collection(self) -> Result<Collection, StoreError> {
        Ok(Collection {
            name: CollectionName::new(self.name).map_err(damaged)?,
            profile: self.profile.parse().map_err(damaged)?,
            description: self.description,
            created_at: self.created_at.into_time()?,
            quota: quota(self.max_images, self.max_bytes)?,
        })
    }
}

impl<T: StoredTime> SummaryRow<T> {
    pub(super) fn into_summary(self) -> Result<CollectionSummary, StoreError> {
        Ok(CollectionSummary {
            collection: self.collection.into_collection()?,
            images: u64::try_from(self.images).map_err(damaged)?,
            // Too small a count is one that the doctor finds.
            bytes: u64::try_from(self.bytes).unwrap_or(0),
            stale: u64::try_from(self.stale).map_err(damaged)?,
            originals: u64::try_from(self.originals).map_err(damaged)?,
            original_bytes: u64::try_from(self.original_bytes).map_err(damaged)?,
        })
    }
}

impl<T: StoredTime> JobRow<T> {
    pub(super) fn into_job(self) -> Result<Job, StoreError> {
        Ok(self.into_claimed()?.job)
    }

    pub(super) fn into_claimed(self) -> Result<ClaimedJob, StoreError> {
        let count = |column: i64| u64::try_from(column).map_err(damaged);
        let time = |column: Option<T>| column.map(StoredTime::into_time).transpose();
        let progress =
            JobProgress { done: count(self.done)?, total: self.total.map(count).transpose()?, rate: self.rate };
        let job = Job {
            id: JobId::new(self.id).map_err(damaged)?,
            kind: JobKind::from_name(&self.kind).ok_or_else(|| damaged("unknown kind of job"))?,
            collection: CollectionName::new(self.collection).map_err(damaged)?,
            params: json(&self.params)?,
            state: JobState::from_name(&self.state).ok_or_else(|| damaged("unknown state of a job"))?,
            progress,
            result: self.result.as_deref().map(json).transpose()?,
            error: self.error,
            created_at: self.created_at.into_time()?,
            started_at: time(self.started_at)?,
            finished_at: time(self.finished_at)?,
        };
        Ok(ClaimedJob { job, checkpoint: self.checkpoint.as_deref().map(json).transpose()? })
    }
}

impl PairRow {
    pub(super) fn into_pair(self) -> Result<SimilarPair, StoreError> {
        let verdict = verdict(&self.verdict)?;
        Ok(SimilarPair { a: key(self.a)?, b: key(self.b)?, score: self.score, verdict })
    }
}

impl MemberRow {
    pub(super) fn into_member(self) -> Result<GroupMember, StoreError> {
        Ok(GroupMember {
            place: u64::try_from(self.place).map_err(damaged)?,
            member: u64::try_from(self.member).map_err(damaged)?,
            size: u64::try_from(self.size).map_err(damaged)?,
            name: ImageId::new(self.name).map_err(damaged)?,
            key: key(self.image_key)?,
            score: self.score,
            verdict: verdict(&self.verdict)?,
        })
    }
}

impl KeptRow {
    pub(super) fn into_kept(self) -> Result<KeptOriginal, StoreError> {
        let size = |column: i64| u64::try_from(column).map_err(damaged);
        Ok(KeptOriginal {
            key: key(self.key)?,
            name: original_name(self.name)?,
            byte_size: size(self.byte_size)?,
            stored: self.stored.map(size).transpose()?,
        })
    }
}

impl MetadataRow {
    /// The key, if the metadata match.
    pub(super) fn matching_key(self, filter: &Filter) -> Result<Option<ImageKey>, StoreError> {
        filter.matches(&Metadata::from_stored(self.metadata.0)).then(|| key(self.key)).transpose()
    }
}

/// `changes.kind` of a stored image.
pub(super) const IMAGE_WRITTEN: &str = "image_written";
/// `changes.kind` of a deleted image.
pub(super) const IMAGE_DELETED: &str = "image_deleted";
/// `changes.kind` of a deleted collection.
pub(super) const COLLECTION_DELETED: &str = "collection_deleted";

impl ChangeRow {
    pub(super) fn into_change(self) -> Result<Change, StoreError> {
        let image = |stored: Option<i64>| key(stored.ok_or_else(|| damaged("a change names no image"))?);
        let kind = match self.kind.as_str() {
            IMAGE_WRITTEN => {
                let stored = match (self.version, self.components) {
                    (Some(version), Some(components)) => Some(stored_descriptor(&version, &components)?),
                    (None, _) | (_, None) => None,
                };
                ChangeKind::ImageWritten(image(self.image_key)?, stored)
            }
            IMAGE_DELETED => ChangeKind::ImageDeleted(image(self.image_key)?),
            COLLECTION_DELETED => ChangeKind::CollectionDeleted,
            other => return Err(damaged(format!("unknown kind of change {other:?}"))),
        };
        Ok(Change { seq: Seq(self.seq), collection: CollectionName::new(self.collection).map_err(damaged)?, kind })
    }
}

/// When an image was stored, and when its change is noted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Of a new image; an older one keeps its own.
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    /// In the change log.
    pub(super) at: OffsetDateTime,
}

/// When an image was changed, by a clock that may have been set back since it was created: an
/// import refuses what was changed before it was there.
pub(super) fn changed_at(existing: &ImageRecord, now: OffsetDateTime) -> OffsetDateTime {
    now.max(existing.created_at)
}

impl Times {
    /// An image that is stored now.
    pub(super) fn all(now: OffsetDateTime) -> Self {
        Self { created_at: now, updated_at: now, at: now }
    }

    /// One that is stored now over `existing`, where there is one.
    pub(super) fn over(existing: Option<&ImageRecord>, now: OffsetDateTime) -> Self {
        Self { updated_at: existing.map_or(now, |existing| changed_at(existing, now)), ..Self::all(now) }
    }
}

impl WrittenRow {
    /// The record of an image that was written with these times.
    pub(super) fn into_record(
        self,
        collection: &CollectionName,
        image: &NewImage,
        created_at: OffsetDateTime,
        updated_at: OffsetDateTime,
    ) -> Result<ImageRecord, StoreError> {
        Ok(ImageRecord {
            key: key(self.key)?,
            collection: collection.clone(),
            id: image.id.clone(),
            content_hash: image.content_hash,
            format: image.format,
            width: image.width,
            height: image.height,
            byte_size: image.byte_size,
            metadata: image.metadata.clone(),
            version: image.version.clone(),
            revision: Seq(self.revision),
            created_at,
            updated_at,
            original: self.original.map(original_name).transpose()?,
            stored_by: self.stored_by.map(key_id).transpose()?,
        })
    }
}

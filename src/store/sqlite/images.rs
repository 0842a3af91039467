//! Images.

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::super::codec::{self, MetadataRow, NamedRecordRow, RecordRow, WholeRow};
use super::super::listing::{self, Page, Pages};
use super::super::statements::{
    COUNT_OUTDATED, DESCRIPTOR, DESCRIPTORS, OLDEST_WITH_HASH, OUTDATED, RECORD, THUMBNAIL, record_columns,
    whole_images,
};
use super::super::{
    DeleteOutcome, Images, InsertOutcome, NewImage, Outdated, RestoreOutcome, RestoredImage, SameContent, StoreError,
    StoredDescriptor, WholeImage, WriteOutcome, prefilter,
};
use super::{SqliteStore, writes};
use crate::domain::{
    CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, ImageId, ImageKey, ImageRecord, Metadata,
    Order, Position, Precondition, Thumbnail,
};

const RECORDS: &str = concat!(
    "SELECT c.name AS collection, ",
    record_columns!(),
    " FROM images i JOIN collections c ON c.id = i.collection_id WHERE i.key IN (SELECT value FROM json_each($1))"
);
const IDS: &str = "SELECT i.key, i.id FROM images i WHERE i.key IN (SELECT value FROM json_each($1))";
const LOCAL_FEATURES: &str =
    "SELECT image_key, bytes FROM local_features WHERE image_key IN (SELECT value FROM json_each($1))";
const THUMBNAILS: &str = "SELECT image_key, bytes FROM thumbnails WHERE image_key IN (SELECT value FROM json_each($1))";
const DESCRIPTORS_OF: &str = "SELECT i.key, d.components FROM images i JOIN descriptors d ON d.image_key = i.key \
     WHERE i.key IN (SELECT value FROM json_each($1)) AND i.version = $2";

const WHOLE: &str = concat!(whole_images!(), "i.key IN (SELECT value FROM json_each($1))");

/// The keys as a JSON array: SQLite binds no lists.
pub(super) fn key_list(keys: &[ImageKey]) -> String {
    serde_json::Value::from(codec::key_columns(keys)).to_string()
}

#[async_trait]
impl Pages for SqliteStore {
    async fn page(&self, page: Page<'_>) -> Result<Vec<ImageRecord>, StoreError> {
        let mut query = listing::page_query(page, prefilter::push_sqlite, |query, time| {
            query.push_bind(codec::microseconds(time));
        });
        let rows: Vec<RecordRow<i64>> = self
            .read(page.operation, async |connection| {
                Ok(query.build_query_as().persistent(false).fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(|row| row.into_record(page.collection)).collect()
    }
}

#[async_trait]
impl Images for SqliteStore {
    async fn insert(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, StoreError> {
        let clock = &*self.clock;
        self.write("insert", async |connection| {
            writes::insert(connection, clock, collection, image, same_content).await
        })
        .await
    }

    async fn put(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        precondition: Precondition,
    ) -> Result<WriteOutcome, StoreError> {
        let clock = &*self.clock;
        self.write("put", async |connection| writes::put(connection, clock, collection, image, precondition).await)
            .await
    }

    async fn restore(
        &self,
        collection: &CollectionName,
        images: &[RestoredImage],
        replace: bool,
    ) -> Result<Option<Vec<RestoreOutcome>>, StoreError> {
        let clock = &*self.clock;
        self.write("restore", async |connection| writes::restore(connection, clock, collection, images, replace).await)
            .await
    }

    async fn replace_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        metadata: &Metadata,
        precondition: Precondition,
    ) -> Result<WriteOutcome, StoreError> {
        let clock = &*self.clock;
        self.write("replace_metadata", async |connection| {
            writes::replace_metadata(connection, clock, collection, id, metadata, precondition).await
        })
        .await
    }

    async fn delete(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        precondition: Precondition,
    ) -> Result<DeleteOutcome, StoreError> {
        let clock = &*self.clock;
        self.write("delete", async |connection| writes::delete(connection, clock, collection, id, precondition).await)
            .await
    }

    async fn get(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<ImageRecord>, StoreError> {
        let row: Option<RecordRow<i64>> = self
            .read("get", async |connection| {
                Ok(sqlx::query_as(RECORD)
                    .bind(collection.as_str())
                    .bind(id.as_str())
                    .fetch_optional(connection)
                    .await?)
            })
            .await?;
        row.map(|row| row.into_record(collection)).transpose()
    }

    async fn records(&self, keys: &[ImageKey]) -> Result<Vec<ImageRecord>, StoreError> {
        let rows: Vec<NamedRecordRow<i64>> = self
            .read("records", async |connection| {
                Ok(sqlx::query_as(RECORDS).bind(key_list(keys)).fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(NamedRecordRow::into_record).collect()
    }

    async fn whole(&self, keys: &[ImageKey]) -> Result<Vec<WholeImage>, StoreError> {
        let rows: Vec<WholeRow<i64>> = self
            .read("whole", async |connection| {
                Ok(sqlx::query_as(WHOLE).bind(key_list(keys)).fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(WholeRow::into_image).collect()
    }

    async fn ids(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, ImageId)>, StoreError> {
        let rows: Vec<(i64, String)> = self
            .read("ids", async |connection| Ok(sqlx::query_as(IDS).bind(key_list(keys)).fetch_all(connection).await?))
            .await?;
        rows.into_iter().map(codec::keyed_id).collect()
    }

    async fn find_by_hash(
        &self,
        collection: &CollectionName,
        hash: &ContentHash,
    ) -> Result<Option<ImageRecord>, StoreError> {
        let row: Option<RecordRow<i64>> = self
            .read("find_by_hash", async |connection| {
                Ok(sqlx::query_as(OLDEST_WITH_HASH)
                    .bind(collection.as_str())
                    .bind(&hash.0[..])
                    .fetch_optional(connection)
                    .await?)
            })
            .await?;
        row.map(|row| row.into_record(collection)).transpose()
    }

    async fn get_descriptor(
        &self,
        collection: &CollectionName,
        id: &ImageId,
    ) -> Result<Option<(ImageKey, StoredDescriptor)>, StoreError> {
        let row: Option<(i64, String, Vec<u8>)> = self
            .read("get_descriptor", async |connection| {
                Ok(sqlx::query_as(DESCRIPTOR)
                    .bind(collection.as_str())
                    .bind(id.as_str())
                    .fetch_optional(connection)
                    .await?)
            })
            .await?;
        row.map(codec::keyed_stored_descriptor).transpose()
    }

    async fn get_thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<Thumbnail>, StoreError> {
        let row: Option<(String, Vec<u8>)> = self
            .read("get_thumbnail", async |connection| {
                Ok(sqlx::query_as(THUMBNAIL)
                    .bind(collection.as_str())
                    .bind(id.as_str())
                    .fetch_optional(connection)
                    .await?)
            })
            .await?;
        Ok(row.map(|(media_type, bytes)| Thumbnail { bytes, media_type }))
    }

    async fn thumbnails(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, Vec<u8>)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = self
            .read("thumbnails", async |connection| {
                Ok(sqlx::query_as(THUMBNAILS).bind(key_list(keys)).fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(codec::keyed_bytes).collect()
    }

    async fn local_features(&self, keys: &[ImageKey]) -> Result<Vec<(ImageKey, Vec<u8>)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = self
            .read("local_features", async |connection| {
                Ok(sqlx::query_as(LOCAL_FEATURES).bind(key_list(keys)).fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(codec::keyed_bytes).collect()
    }

    async fn descriptors_of(
        &self,
        keys: &[ImageKey],
        version: &DescriptorVersion,
    ) -> Result<Vec<(ImageKey, Descriptor)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = self
            .read("descriptors_of", async |connection| {
                let query = sqlx::query_as(DESCRIPTORS_OF).bind(key_list(keys)).bind(version.to_string());
                Ok(query.fetch_all(connection).await?)
            })
            .await?;
        rows.into_iter().map(codec::keyed_descriptor).collect()
    }

    async fn list_in(
        &self,
        collection: &CollectionName,
        order: Order,
        after: Option<&Position>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let page = Page { operation: "list", collection, order, after, limit, filter, other_than: None };
        listing::list(self, page).await
    }

    async fn list_stale(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        order: Order,
        after: Option<&Position>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let other_than = Some(version);
        listing::list(self, Page { operation: "list_stale", collection, order, after, limit, filter, other_than }).await
    }

    async fn outdated(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        which: Outdated,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        let after = codec::integer(after.map_or(0, |key| key.0))?;
        let rows: Vec<RecordRow<i64>> = self
            .read("outdated", async |connection| {
                Ok(sqlx::query_as(OUTDATED)
                    .bind(collection.as_str())
                    .bind(version.to_string())
                    .bind(which.revision().0)
                    .bind(after)
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await?)
            })
            .await?;
        rows.into_iter().map(|row| row.into_record(collection)).collect()
    }

    async fn count_outdated(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        which: Outdated,
    ) -> Result<u64, StoreError> {
        let count: i64 = self
            .read("count_outdated", async |connection| {
                Ok(sqlx::query_scalar(COUNT_OUTDATED)
                    .bind(collection.as_str())
                    .bind(version.to_string())
                    .bind(which.revision().0)
                    .fetch_one(connection)
                    .await?)
            })
            .await?;
        u64::try_from(count).map_err(codec::damaged)
    }

    fn scan<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: Option<&'a Filter>,
    ) -> BoxStream<'a, Result<ImageRecord, StoreError>> {
        listing::scan(self, collection, filter)
    }

    async fn matching_keys(&self, collection: &CollectionName, filter: &Filter) -> Result<Vec<ImageKey>, StoreError> {
        let mut query = listing::matching_query(collection, filter, prefilter::push_sqlite);
        self.read("matching_keys", async |connection| {
            let mut rows = query.build_query_as::<MetadataRow>().persistent(false).fetch(connection);
            let mut keys = Vec::new();
            while let Some(row) = rows.try_next().await? {
                keys.extend(row.matching_key(filter)?);
                tokio::task::coop::consume_budget().await;
            }
            Ok(keys)
        })
        .await
    }

    async fn descriptors(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<(ImageKey, Descriptor)>, StoreError> {
        let after = codec::integer(after.map_or(0, |key| key.0))?;
        let rows: Vec<(i64, Vec<u8>)> = self
            .read("descriptors", async |connection| {
                Ok(sqlx::query_as(DESCRIPTORS)
                    .bind(collection.as_str())
                    .bind(version.to_string())
                    .bind(after)
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await?)
            })
            .await?;
        rows.into_iter().map(codec::keyed_descriptor).collect()
    }
}

//! The SQLite store behind a switch: named calls fail, or wait, on demand.

use std::collections::HashSet;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::{
    Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, Filter, ImageId, ImageRecord, Metadata,
    Thumbnail,
};
use crate::store::{
    Change, CollectionSummary, DescriptorStore, InsertOutcome, NewImage, SameContent, SqliteStore, StoreError,
    StoredDescriptor, WriteOutcome,
};

pub(super) struct FaultyStore {
    inner: SqliteStore,
    failing: Mutex<HashSet<&'static str>>,
    /// Whether `changes` waits, and how often it was called.
    changes_held: watch::Sender<bool>,
    changes_called: watch::Sender<usize>,
}

impl FaultyStore {
    pub(super) fn new(inner: SqliteStore) -> Self {
        Self {
            inner,
            failing: Mutex::default(),
            changes_held: watch::Sender::new(false),
            changes_called: watch::Sender::new(0),
        }
    }

    /// Lets this call fail until [`FaultyStore::heal`]; `*` is every call; `insert after commit` fails when the
    /// database has committed.
    pub(super) fn fail(&self, call: &'static str) {
        self.failing.lock().unwrap().insert(call);
    }

    pub(super) fn heal(&self) {
        self.failing.lock().unwrap().clear();
    }

    pub(super) fn hold_changes(&self) {
        self.changes_held.send_replace(true);
    }

    pub(super) fn release_changes(&self) {
        self.changes_held.send_replace(false);
    }

    pub(super) fn changes_called(&self) -> usize {
        *self.changes_called.borrow()
    }

    pub(super) async fn until_changes_called(&self, calls: usize) {
        self.changes_called.subscribe().wait_for(|n| *n >= calls).await.expect("the sender lives");
    }

    fn check(&self, call: &'static str) -> Result<(), StoreError> {
        let failing = self.failing.lock().unwrap();
        if failing.contains(call) || failing.contains("*") {
            return Err(StoreError::Unavailable(format!("{call} was told to fail")));
        }
        Ok(())
    }
}

#[async_trait]
impl DescriptorStore for FaultyStore {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check("ping")?;
        self.inner.ping().await
    }

    async fn list_collections(&self, model: &str) -> Result<Vec<CollectionSummary>, StoreError> {
        self.check("list_collections")?;
        self.inner.list_collections(model).await
    }

    async fn collection_summary(
        &self,
        name: &CollectionName,
        model: &str,
    ) -> Result<Option<CollectionSummary>, StoreError> {
        self.check("collection_summary")?;
        self.inner.collection_summary(name, model).await
    }

    async fn get_collection(&self, name: &CollectionName) -> Result<Option<Collection>, StoreError> {
        self.check("get_collection")?;
        self.inner.get_collection(name).await
    }

    async fn create_collection(&self, collection: &Collection) -> Result<bool, StoreError> {
        self.check("create_collection")?;
        self.inner.create_collection(collection).await
    }

    async fn describe_collection(
        &self,
        name: &CollectionName,
        description: &str,
    ) -> Result<Option<Collection>, StoreError> {
        self.check("describe_collection")?;
        self.inner.describe_collection(name, description).await
    }

    async fn delete_collection(&self, name: &CollectionName) -> Result<Option<i64>, StoreError> {
        self.check("delete_collection")?;
        self.inner.delete_collection(name).await
    }

    async fn insert(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, StoreError> {
        self.check("insert")?;
        let outcome = self.inner.insert(collection, image, same_content).await?;
        self.check("insert after commit")?;
        Ok(outcome)
    }

    async fn put(
        &self,
        collection: &CollectionName,
        image: &NewImage,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError> {
        self.check("put")?;
        self.inner.put(collection, image, expected_revision).await
    }

    async fn replace_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        metadata: &Metadata,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, StoreError> {
        self.check("replace_metadata")?;
        self.inner.replace_metadata(collection, id, metadata, expected_revision).await
    }

    async fn delete(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<i64>, StoreError> {
        self.check("delete")?;
        self.inner.delete(collection, id).await
    }

    async fn get(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<ImageRecord>, StoreError> {
        self.check("get")?;
        self.inner.get(collection, id).await
    }

    async fn get_many(&self, collection: &CollectionName, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        self.check("get_many")?;
        self.inner.get_many(collection, ids).await
    }

    async fn find_by_hash(
        &self,
        collection: &CollectionName,
        hash: &ContentHash,
    ) -> Result<Option<ImageRecord>, StoreError> {
        self.check("find_by_hash")?;
        self.inner.find_by_hash(collection, hash).await
    }

    async fn get_descriptor(
        &self,
        collection: &CollectionName,
        id: &ImageId,
    ) -> Result<Option<StoredDescriptor>, StoreError> {
        self.check("get_descriptor")?;
        self.inner.get_descriptor(collection, id).await
    }

    async fn get_thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<Option<Thumbnail>, StoreError> {
        self.check("get_thumbnail")?;
        self.inner.get_thumbnail(collection, id).await
    }

    async fn local_features(
        &self,
        collection: &CollectionName,
        ids: &[ImageId],
    ) -> Result<Vec<(ImageId, Vec<u8>)>, StoreError> {
        self.check("local_features")?;
        self.inner.local_features(collection, ids).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        after: Option<&ImageId>,
        limit: u32,
        filter: Option<&Filter>,
    ) -> Result<Vec<ImageRecord>, StoreError> {
        self.check("list")?;
        self.inner.list(collection, after, limit, filter).await
    }

    async fn matching_ids(&self, collection: &CollectionName, filter: &Filter) -> Result<Vec<ImageId>, StoreError> {
        self.check("matching_ids")?;
        self.inner.matching_ids(collection, filter).await
    }

    async fn descriptors(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        after: Option<&ImageId>,
        limit: u32,
    ) -> Result<Vec<(ImageId, Descriptor)>, StoreError> {
        self.check("descriptors")?;
        self.inner.descriptors(collection, version, after, limit).await
    }

    async fn last_seq(&self) -> Result<i64, StoreError> {
        self.check("last_seq")?;
        self.inner.last_seq().await
    }

    async fn changes(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        self.check("changes")?;
        let changes = self.inner.changes(after, limit).await?;
        self.changes_called.send_modify(|n| *n += 1);
        self.changes_held.subscribe().wait_for(|held| !held).await.expect("the sender lives");
        Ok(changes)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

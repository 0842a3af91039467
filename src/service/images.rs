//! Adding, replacing, changing and deleting images.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::core::{Core, unknown_collection};
use super::originals::ByteStream;
use super::pool::WhenFull;
use super::quotas::refused;
use super::running::Running;
use super::upload::{Id, Upload};
use super::{AddImage, AddOutcome, PutImage, PutOutcome, RetrievalService, ServiceError, Stored};
use crate::domain::{
    CollectionName, Filter, ImageId, ImageRecord, Metadata, Order, Position, Precondition, Profile, Seq, Thumbnail,
};
use crate::store::{DeleteOutcome, InsertOutcome, NewImage, SameContent, WriteOutcome};
use eyrie_vision::local::LocalFeatures;

impl RetrievalService {
    /// Adds an image. The same bytes again are answered or refused as `on_duplicate` says; where
    /// they were described by another model than the running one, or have no local features that
    /// this program reads, they are described anew under the id and with the metadata that are
    /// there. What is stored anew is looked for in the collection first, where `on_similar` says
    /// so.
    ///
    /// # Errors
    /// [`ServiceError`]: metadata, unknown collection, the image itself, a taken id, a duplicate, a similar image,
    /// [`ServiceError::QuotaExceeded`], [`ServiceError::NotReady`] where it cannot be looked for,
    /// overload, the database.
    pub async fn add_image(
        &self,
        collection: &CollectionName,
        image: AddImage,
    ) -> Result<Stored<AddOutcome>, ServiceError> {
        self.core.add(collection, image, WhenFull::Refuse).await
    }

    /// Like [`RetrievalService::add_image`], but waits for room in the queue instead of failing
    /// when it is full.
    ///
    /// # Errors
    /// As [`RetrievalService::add_image`], but never [`ServiceError::Overloaded`] because of the
    /// queue.
    pub async fn import_image(
        &self,
        collection: &CollectionName,
        image: AddImage,
    ) -> Result<Stored<AddOutcome>, ServiceError> {
        self.core.add(collection, image, WhenFull::Wait).await
    }

    /// Stores an image under an id, over an older one where there is one, if `precondition` holds
    /// at that moment. The same image with the same metadata again changes nothing; only new
    /// metadata do not describe the image again. What is stored anew is looked for among the others
    /// first, where `on_similar` says so.
    ///
    /// # Errors
    /// [`ServiceError`]: [`ServiceError::PreconditionFailed`], metadata, unknown collection, the image itself, a similar
    /// image, [`ServiceError::QuotaExceeded`], [`ServiceError::NotReady`] where it cannot be looked
    /// for, overload, the database.
    pub async fn put_image(
        &self,
        collection: &CollectionName,
        image: PutImage,
        precondition: Precondition,
    ) -> Result<Stored<PutOutcome>, ServiceError> {
        let core = &self.core;
        let running = core.gate.enter()?;
        let PutImage { id, bytes, metadata, on_similar, stored_by } = image;
        let metadata = core.metadata(metadata)?;
        let collection = core.collection(collection).await?;
        let mut upload =
            Upload::new(core, running, &collection, bytes, WhenFull::Refuse, on_similar, stored_by).await?;
        let mut attempts = core.attempts();
        let outcome = loop {
            attempts.next().await?;
            if let Some(outcome) = upload.put(&id, &metadata, precondition).await? {
                break outcome;
            }
        };
        Ok(upload.stored(outcome))
    }

    /// Applies a merge patch (RFC 7396) to the metadata if `precondition` holds at that moment. A
    /// patch that changes nothing writes nothing.
    ///
    /// # Errors
    /// [`ServiceError`]: unknown image (whatever the precondition) or collection, [`ServiceError::PreconditionFailed`],
    /// metadata that break a limit after the patch, the database.
    pub async fn patch_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        patch: Map<String, Value>,
        precondition: Precondition,
    ) -> Result<ImageRecord, ServiceError> {
        let core = &self.core;
        let running = core.gate.enter()?;
        let mut attempts = core.attempts();
        loop {
            attempts.next().await?;
            let Some(there) = core.store.get(collection, id).await? else {
                return Err(core.missing(collection, id).await);
            };
            if !precondition.holds(Some(there.revision)) {
                return Err(ServiceError::PreconditionFailed);
            }
            let metadata = core.metadata(there.metadata.merged(&patch))?;
            if metadata == there.metadata {
                return Ok(there);
            }
            match core.replace_metadata(&running, collection, id, metadata, there.revision).await? {
                WriteOutcome::Created(record) | WriteOutcome::Updated(record) => return Ok(record),
                // Changed by another request meanwhile: the next attempt says what that means for
                // this one.
                WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => {}
                WriteOutcome::OverQuota(refusal) => return Err(refused(refusal)),
                WriteOutcome::UnknownCollection => return Err(unknown_collection(collection)),
            }
        }
    }

    /// Deletes an image if `precondition` holds at that moment.
    ///
    /// # Errors
    /// [`ServiceError::PreconditionFailed`], [`ServiceError::UnknownImage`],
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn delete_image(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        precondition: Precondition,
    ) -> Result<(), ServiceError> {
        let running = self.core.gate.enter()?;
        let (store, name, image) = (Arc::clone(&self.core.store), collection.clone(), id.clone());
        let deletion = async move { store.delete(&name, &image, precondition).await };
        match self.core.write_and_follow(&running, deletion).await? {
            DeleteOutcome::Deleted(_) => Ok(()),
            DeleteOutcome::PreconditionFailed => Err(ServiceError::PreconditionFailed),
            DeleteOutcome::UnknownImage => Err(ServiceError::UnknownImage(id.to_string())),
            DeleteOutcome::UnknownCollection => Err(unknown_collection(collection)),
        }
    }

    /// One record.
    ///
    /// # Errors
    /// [`ServiceError::UnknownImage`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::Store`].
    pub async fn image(&self, collection: &CollectionName, id: &ImageId) -> Result<ImageRecord, ServiceError> {
        match self.core.store.get(collection, id).await? {
            Some(record) => Ok(record),
            None => Err(self.core.missing(collection, id).await),
        }
    }

    /// Records behind `after`, a place of this order, at most `limit`.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn list_images(
        &self,
        collection: &CollectionName,
        order: Order,
        after: Option<Position>,
        limit: u32,
        filter: Option<Filter>,
    ) -> Result<Vec<ImageRecord>, ServiceError> {
        let records = self.core.store.list_in(collection, order, after.as_ref(), limit, filter.as_ref()).await?;
        if records.is_empty() {
            self.core.collection(collection).await?;
        }
        Ok(records)
    }

    /// The same of images that another model described than the running one.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn list_stale(
        &self,
        collection: &CollectionName,
        order: Order,
        after: Option<Position>,
        limit: u32,
        filter: Option<Filter>,
    ) -> Result<Vec<ImageRecord>, ServiceError> {
        let profile = self.core.collection(collection).await?.profile;
        let version = &self.core.catalogue.profile(profile).version;
        Ok(self.core.store.list_stale(collection, version, order, after.as_ref(), limit, filter.as_ref()).await?)
    }

    /// How many images there are, of those whose metadata match the filter where there is one.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn count_images(
        &self,
        collection: &CollectionName,
        filter: Option<&Filter>,
    ) -> Result<u64, ServiceError> {
        let summary = self.collection(collection).await?;
        match filter {
            None => Ok(summary.images),
            Some(filter) => Ok(self.core.store.matching_keys(collection, filter).await?.len() as u64),
        }
    }

    /// The thumbnail and the revision of its image.
    ///
    /// # Errors
    /// [`ServiceError::UnknownImage`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::Store`].
    pub async fn thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<(Thumbnail, Seq), ServiceError> {
        // In this order, an image that is replaced in between pairs the new picture with the old
        // revision, which the next request corrects. The other way round, a cache would keep the
        // old picture under the new revision.
        let record = self.image(collection, id).await?;
        match self.core.store.get_thumbnail(collection, id).await? {
            Some(thumbnail) => Ok((thumbnail, record.revision)),
            None => Err(self.core.missing(collection, id).await),
        }
    }

    /// The record of an image whose original is kept.
    ///
    /// # Errors
    /// [`ServiceError::NoOriginal`], [`ServiceError::UnknownImage`],
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn original(&self, collection: &CollectionName, id: &ImageId) -> Result<ImageRecord, ServiceError> {
        let record = self.image(collection, id).await?;
        if record.original.is_none() {
            return Err(ServiceError::NoOriginal(id.to_string()));
        }
        Ok(record)
    }

    /// The bytes of a range of an original, as they are read. The range lies within the
    /// `byte_size` of the record.
    ///
    /// # Errors
    /// [`ServiceError::NoOriginal`] where it is not kept or not there any more,
    /// [`ServiceError::Store`], [`ServiceError::Originals`]; all of these in the stream too.
    pub async fn original_bytes(&self, record: &ImageRecord, range: Range<u64>) -> Result<ByteStream, ServiceError> {
        self.core.originals.read(record, range).await
    }
}

impl Core {
    /// [`RetrievalService::add_image`], and what becomes of the image when the queue is full.
    pub(super) async fn add(
        &self,
        collection: &CollectionName,
        image: AddImage,
        when_full: WhenFull,
    ) -> Result<Stored<AddOutcome>, ServiceError> {
        let running = self.gate.enter()?;
        let AddImage { id, bytes, metadata, on_duplicate, on_similar, stored_by, named } = image;
        let metadata = self.metadata(metadata)?;
        let collection = self.collection(collection).await?;
        let mut upload = Upload::new(self, running, &collection, bytes, when_full, on_similar, stored_by).await?;
        let id = match (id, named) {
            (Some(id), _) => Id::Asked(id),
            (None, Some((name, at))) => Id::Derived(upload.id_in(&name, at, &metadata)),
            (None, None) => Id::Any,
        };
        let mut attempts = self.attempts();
        let outcome = loop {
            attempts.next().await?;
            if let Some(outcome) = upload.add(&id, &metadata, on_duplicate).await? {
                break outcome;
            }
        };
        Ok(upload.stored(outcome))
    }

    /// Metadata within the limits; none for `null`.
    ///
    /// # Errors
    /// [`ServiceError::Metadata`].
    fn metadata(&self, value: Value) -> Result<Metadata, ServiceError> {
        let object = if value.is_null() { Value::Object(Map::new()) } else { value };
        Ok(Metadata::new(object, self.options.limits.metadata())?)
    }

    /// Whether a stored image has what its bytes would give now: a descriptor of the running model,
    /// local features, and its original where originals are kept.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn is_current(&self, there: &ImageRecord, profile: Profile) -> Result<bool, ServiceError> {
        if there.version != self.catalogue.profile(profile).version {
            return Ok(false);
        }
        if there.original.is_none() && self.originals.keeps() {
            return Ok(false);
        }
        let stored = self.store.local_features(&[there.key]).await?;
        Ok(stored.first().is_some_and(|(_, bytes)| LocalFeatures::decode(bytes).is_ok()))
    }

    /// Stores an image of these bytes under a new id and returns when it is found.
    ///
    /// # Errors
    /// [`ServiceError::Store`], [`ServiceError::Originals`].
    pub(super) async fn insert(
        &self,
        running: &Running,
        collection: &CollectionName,
        mut image: NewImage,
        bytes: Bytes,
        same_content: SameContent,
    ) -> Result<InsertOutcome, ServiceError> {
        let (store, name, originals) = (Arc::clone(&self.store), collection.clone(), Arc::clone(&self.originals));
        let write = async move {
            let object = originals.keep(&mut image, bytes).await?;
            let outcome = store.insert(&name, &image, same_content).await;
            originals.settle(object, &outcome).await;
            Ok(outcome?)
        };
        self.work_and_follow(running, write).await
    }

    /// Stores an image of these bytes over an older one, if there is one, and returns when it is
    /// found.
    ///
    /// # Errors
    /// [`ServiceError::Store`], [`ServiceError::Originals`].
    pub(super) async fn put(
        &self,
        running: &Running,
        collection: &CollectionName,
        mut image: NewImage,
        bytes: Bytes,
        precondition: Precondition,
    ) -> Result<WriteOutcome, ServiceError> {
        let (store, name, originals) = (Arc::clone(&self.store), collection.clone(), Arc::clone(&self.originals));
        let write = async move {
            let object = originals.keep(&mut image, bytes).await?;
            let outcome = store.put(&name, &image, precondition).await;
            originals.settle(object, &outcome).await;
            Ok(outcome?)
        };
        self.work_and_follow(running, write).await
    }

    /// Replaces the metadata of one revision of an image and returns when the search follows.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn replace_metadata(
        &self,
        running: &Running,
        collection: &CollectionName,
        id: &ImageId,
        metadata: Metadata,
        revision: Seq,
    ) -> Result<WriteOutcome, ServiceError> {
        let (store, name, id) = (Arc::clone(&self.store), collection.clone(), id.clone());
        let precondition = Precondition::Revision(revision);
        let write = async move { store.replace_metadata(&name, &id, &metadata, precondition).await };
        self.write_and_follow(running, write).await
    }
}

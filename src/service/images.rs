//! Adding, replacing, changing and deleting images.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::core::{Core, unknown_collection};
use super::pool::WhenFull;
use super::running::Running;
use super::upload::Upload;
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
    /// there. What is stored anew is looked for in the collection first, where `on_similar` says so.
    ///
    /// # Errors
    /// [`ServiceError`]: metadata, unknown collection, the image itself, a taken id, a duplicate, a similar image,
    /// [`ServiceError::NotReady`] where it cannot be looked for, overload, the database.
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
    /// image, [`ServiceError::NotReady`] where it cannot be looked for, overload, the database.
    pub async fn put_image(
        &self,
        collection: &CollectionName,
        image: PutImage,
        precondition: Precondition,
    ) -> Result<Stored<PutOutcome>, ServiceError> {
        let core = &self.core;
        let running = core.gate.enter()?;
        let PutImage { id, bytes, metadata, on_similar } = image;
        let metadata = core.metadata(metadata)?;
        let collection = core.collection(collection).await?;
        let mut upload = Upload::new(core, running, &collection, bytes, WhenFull::Refuse, on_similar).await?;
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
        let AddImage { id, bytes, metadata, on_duplicate, on_similar } = image;
        let metadata = self.metadata(metadata)?;
        let collection = self.collection(collection).await?;
        let mut upload = Upload::new(self, running, &collection, bytes, when_full, on_similar).await?;
        let mut attempts = self.attempts();
        let outcome = loop {
            attempts.next().await?;
            if let Some(outcome) = upload.add(id.as_ref(), &metadata, on_duplicate).await? {
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
    /// and local features.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn is_current(&self, there: &ImageRecord, profile: Profile) -> Result<bool, ServiceError> {
        if there.version != self.catalogue.profile(profile).version {
            return Ok(false);
        }
        let stored = self.store.local_features(&[there.key]).await?;
        Ok(stored.first().is_some_and(|(_, bytes)| LocalFeatures::decode(bytes).is_ok()))
    }

    /// Stores an image under a new id and returns when it is found.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn insert(
        &self,
        running: &Running,
        collection: &CollectionName,
        image: NewImage,
        same_content: SameContent,
    ) -> Result<InsertOutcome, ServiceError> {
        let (store, name) = (Arc::clone(&self.store), collection.clone());
        self.write_and_follow(running, async move { store.insert(&name, &image, same_content).await }).await
    }

    /// Stores an image over an older one, if there is one, and returns when it is found.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn put(
        &self,
        running: &Running,
        collection: &CollectionName,
        image: NewImage,
        precondition: Precondition,
    ) -> Result<WriteOutcome, ServiceError> {
        let (store, name) = (Arc::clone(&self.store), collection.clone());
        self.write_and_follow(running, async move { store.put(&name, &image, precondition).await }).await
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

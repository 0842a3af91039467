//! Adding, replacing, changing and deleting images.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::running::Running;
use super::workers::{Described, WhenFull};
use super::{AddImage, AddOutcome, OnDuplicate, PutOutcome, RetrievalService, ServiceError, Stored};
use crate::domain::{
    Collection, CollectionName, ContentHash, Filter, ImageId, ImageRecord, Metadata, Precondition, Profile, Seq,
    Thumbnail,
};
use crate::store::{InsertOutcome, NewImage, SameContent, WriteOutcome};
use eyrie_vision::local::{LocalFeatures, STORED_FEATURES};

/// How often a write starts over because another one changed the same image in between.
const TRIES: usize = 8;

/// Uploads larger than this are hashed off the async threads (SHA-256 takes about a millisecond for it at worst).
const HASH_INLINE_BYTES: usize = 256 * 1024;

impl RetrievalService {
    /// Adds an image. The same bytes again are answered or refused as `on_duplicate` says; where they were described by another
    /// model than the running one, or have no local features that this program reads, they are described anew under
    /// the id and with the metadata that are there.
    ///
    /// # Errors
    /// [`ServiceError`]: metadata, unknown collection, the image itself, a taken id, a duplicate, overload, the database.
    pub async fn add_image(
        &self,
        collection: &CollectionName,
        image: AddImage,
    ) -> Result<Stored<AddOutcome>, ServiceError> {
        let mut described = None;
        let outcome = self.add(collection, image, WhenFull::Refuse, &mut described).await?;
        Ok(Stored { outcome, cost: described.map(|described| described.extraction.cost) })
    }

    /// Like [`RetrievalService::add_image`], but waits for room in the queue instead of failing when it is full.
    ///
    /// # Errors
    /// As [`RetrievalService::add_image`], but never [`ServiceError::Overloaded`] because of the queue.
    pub async fn import_image(&self, collection: &CollectionName, image: AddImage) -> Result<AddOutcome, ServiceError> {
        self.add(collection, image, WhenFull::Wait, &mut None).await
    }

    async fn add(
        &self,
        name: &CollectionName,
        image: AddImage,
        when_full: WhenFull,
        described: &mut Option<Described>,
    ) -> Result<AddOutcome, ServiceError> {
        let running = self.gate.enter()?;
        let AddImage { id: wanted, bytes, metadata, on_duplicate } = image;
        let metadata = self.metadata(metadata)?;
        let profile = self.known_collection(name).await?.profile;
        let hash = hash_of(&bytes).await?;
        for _ in 0..TRIES {
            if on_duplicate != OnDuplicate::Allow
                && let Some(there) = self.store.find_by_hash(name, &hash).await?
            {
                if on_duplicate == OnDuplicate::Reject {
                    return Err(ServiceError::DuplicateContent(there.id.to_string()));
                }
                if self.is_current(&there, profile).await? {
                    self.settle(&running, there.revision).await?;
                    return Ok(AddOutcome::Existing(there));
                }
                let again = self.described_once(described, &bytes, profile, when_full).await?;
                let revision = there.revision;
                let renewed = new_image(there.id, hash, &bytes, there.metadata, again)?;
                match self.store_put(&running, name, renewed, Some(revision)).await? {
                    WriteOutcome::Created(record) | WriteOutcome::Updated(record) => {
                        return Ok(AddOutcome::Existing(record));
                    }
                    WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => continue,
                    WriteOutcome::UnknownCollection => return Err(ServiceError::UnknownCollection(name.to_string())),
                }
            }
            // Asked before the image is described, which costs a thousand times as much.
            if let Some(id) = &wanted
                && let Some(taken) = self.store.get(name, id).await?
            {
                return self.taken(&running, taken, hash, on_duplicate).await;
            }
            let fresh = self.described_once(described, &bytes, profile, when_full).await?;
            let id = wanted.clone().unwrap_or_else(ImageId::generate);
            let new = new_image(id, hash, &bytes, metadata.clone(), fresh)?;
            match self.store_insert(&running, name, new, on_duplicate).await? {
                InsertOutcome::Inserted(record) => return Ok(AddOutcome::Created(record)),
                // Stored by another request while this one was describing: the next round answers.
                InsertOutcome::SameContent(_) => {}
                InsertOutcome::IdTaken(taken) => return self.taken(&running, taken, hash, on_duplicate).await,
                InsertOutcome::UnknownCollection => return Err(ServiceError::UnknownCollection(name.to_string())),
            }
        }
        Err(contended())
    }

    async fn taken(
        &self,
        running: &Running,
        taken: ImageRecord,
        hash: ContentHash,
        on_duplicate: OnDuplicate,
    ) -> Result<AddOutcome, ServiceError> {
        if on_duplicate == OnDuplicate::Return && taken.content_hash == hash {
            self.settle(running, taken.revision).await?;
            return Ok(AddOutcome::Existing(taken));
        }
        Err(ServiceError::IdTaken(taken.id.to_string()))
    }

    /// Stores an image under an id, over an older one where there is one. The same image with the same metadata again
    /// changes nothing; only new metadata do not describe the image again.
    ///
    /// # Errors
    /// [`ServiceError`]: [`ServiceError::PreconditionFailed`] when the precondition does not hold; metadata,
    /// unknown collection, the image itself, overload, the database.
    pub async fn put_image(
        &self,
        collection: &CollectionName,
        id: ImageId,
        bytes: Bytes,
        metadata: Value,
        precondition: Precondition,
    ) -> Result<Stored<PutOutcome>, ServiceError> {
        let expected_revision = match precondition {
            Precondition::None => None,
            Precondition::Revision(revision) => Some(revision.0),
            Precondition::Present => match self.store.get(collection, &id).await? {
                Some(there) => Some(there.revision),
                None => return Err(ServiceError::PreconditionFailed),
            },
            Precondition::Absent => {
                let image = AddImage { id: Some(id), bytes, metadata, on_duplicate: OnDuplicate::Allow };
                return match self.add_image(collection, image).await {
                    Ok(Stored { outcome: AddOutcome::Created(record) | AddOutcome::Existing(record), cost }) => {
                        Ok(Stored { outcome: PutOutcome::Created(record), cost })
                    }
                    Err(ServiceError::IdTaken(_)) => Err(ServiceError::PreconditionFailed),
                    Err(error) => Err(error),
                };
            }
        };
        let mut described = None;
        let outcome = self.put(collection, id, bytes, metadata, expected_revision, &mut described).await?;
        Ok(Stored { outcome, cost: described.map(|described| described.extraction.cost) })
    }

    async fn put(
        &self,
        collection: &CollectionName,
        id: ImageId,
        bytes: Bytes,
        metadata: Value,
        expected_revision: Option<i64>,
        described: &mut Option<Described>,
    ) -> Result<PutOutcome, ServiceError> {
        let running = self.gate.enter()?;
        let metadata = self.metadata(metadata)?;
        let profile = self.known_collection(collection).await?.profile;
        let hash = hash_of(&bytes).await?;
        let mut turn = None;
        for _ in 0..TRIES {
            let there = self.store.get(collection, &id).await?;
            if expected_revision.is_some() && there.as_ref().map(|r| r.revision) != expected_revision {
                return Err(ServiceError::PreconditionFailed);
            }
            let same_image = match there.filter(|r| r.content_hash == hash) {
                Some(there) if self.is_current(&there, profile).await? => Some(there),
                Some(_) | None => None,
            };
            let outcome = match same_image {
                Some(there) if there.metadata == metadata => {
                    self.settle(&running, there.revision).await?;
                    return Ok(PutOutcome::Updated(there));
                }
                Some(there) => self.store_metadata(&running, collection, &id, metadata.clone(), there.revision).await?,
                None => {
                    let fresh = self.described_once(described, &bytes, profile, WhenFull::Refuse).await?;
                    let new = new_image(id.clone(), hash, &bytes, metadata.clone(), fresh)?;
                    self.store_put(&running, collection, new, expected_revision).await?
                }
            };
            match outcome {
                WriteOutcome::Created(record) => return Ok(PutOutcome::Created(record)),
                WriteOutcome::Updated(record) => return Ok(PutOutcome::Updated(record)),
                WriteOutcome::UnknownCollection => return Err(ServiceError::UnknownCollection(collection.to_string())),
                WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage if expected_revision.is_some() => {
                    return Err(ServiceError::PreconditionFailed);
                }
                WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => {
                    if turn.is_none() {
                        turn = Some(self.turn.lock().await);
                    }
                }
            }
        }
        Err(contended())
    }

    /// Applies a merge patch (RFC 7396) to the metadata. A patch that changes nothing writes nothing.
    ///
    /// # Errors
    /// [`ServiceError`]: [`ServiceError::PreconditionFailed`] when the precondition does not hold; unknown
    /// image or collection, metadata that break a limit after the patch, the database.
    pub async fn patch_metadata(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        patch: Map<String, Value>,
        precondition: Precondition,
    ) -> Result<ImageRecord, ServiceError> {
        let expected_revision = match precondition {
            Precondition::None | Precondition::Present => None,
            Precondition::Revision(revision) => Some(revision.0),
            Precondition::Absent => return Err(ServiceError::PreconditionFailed),
        };
        let running = self.gate.enter()?;
        let mut turn = None;
        for _ in 0..TRIES {
            let Some(there) = self.store.get(collection, id).await? else {
                return Err(self.missing(collection, id).await);
            };
            if expected_revision.is_some_and(|expected| expected != there.revision) {
                return Err(ServiceError::PreconditionFailed);
            }
            let metadata = self.metadata(there.metadata.merged(&patch))?;
            if metadata == there.metadata {
                return Ok(there);
            }
            match self.store_metadata(&running, collection, id, metadata, there.revision).await? {
                WriteOutcome::Created(record) | WriteOutcome::Updated(record) => return Ok(record),
                WriteOutcome::PreconditionFailed if expected_revision.is_some() => {
                    return Err(ServiceError::PreconditionFailed);
                }
                WriteOutcome::PreconditionFailed => {
                    if turn.is_none() {
                        turn = Some(self.turn.lock().await);
                    }
                }
                WriteOutcome::UnknownImage => return Err(self.missing(collection, id).await),
                WriteOutcome::UnknownCollection => return Err(ServiceError::UnknownCollection(collection.to_string())),
            }
        }
        Err(contended())
    }

    /// Deletes an image.
    ///
    /// # Errors
    /// [`ServiceError::PreconditionFailed`], [`ServiceError::UnknownImage`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::Store`].
    pub async fn delete_image(
        &self,
        collection: &CollectionName,
        id: &ImageId,
        precondition: Precondition,
    ) -> Result<(), ServiceError> {
        let running = self.gate.enter()?;
        if precondition != Precondition::None {
            let there = self.image(collection, id).await?;
            if !precondition.holds(Some(Seq(there.revision))) {
                return Err(ServiceError::PreconditionFailed);
            }
        }
        let (store, name, image) = (Arc::clone(&self.store), collection.clone(), id.clone());
        let deleted = self
            .commit(&running, async move {
                let seq = store.delete(&name, &image).await?;
                Ok((seq.is_some(), seq))
            })
            .await?;
        if deleted { Ok(()) } else { Err(self.missing(collection, id).await) }
    }

    /// One record.
    ///
    /// # Errors
    /// [`ServiceError::UnknownImage`], [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn image(&self, collection: &CollectionName, id: &ImageId) -> Result<ImageRecord, ServiceError> {
        match self.store.get(collection, id).await? {
            Some(record) => Ok(record),
            None => Err(self.missing(collection, id).await),
        }
    }

    /// Records after `after` by id, at most `limit`.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn list_images(
        &self,
        collection: &CollectionName,
        after: Option<ImageId>,
        limit: u32,
        filter: Option<Filter>,
    ) -> Result<Vec<ImageRecord>, ServiceError> {
        let records = self.store.list(collection, after.as_ref(), limit, filter.as_ref()).await?;
        if records.is_empty() {
            self.known_collection(collection).await?;
        }
        Ok(records)
    }

    /// The thumbnail and the revision of its image.
    ///
    /// # Errors
    /// [`ServiceError::UnknownImage`], [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub async fn thumbnail(&self, collection: &CollectionName, id: &ImageId) -> Result<(Thumbnail, i64), ServiceError> {
        // In this order, an image that is replaced in between pairs the new picture with the old revision, which the next
        // request corrects. The other way round, a cache would keep the old picture under the new revision.
        let record = self.image(collection, id).await?;
        match self.store.get_thumbnail(collection, id).await? {
            Some(thumbnail) => Ok((thumbnail, record.revision)),
            None => Err(self.missing(collection, id).await),
        }
    }

    pub(super) async fn known_collection(&self, name: &CollectionName) -> Result<Collection, ServiceError> {
        let found = self.store.get_collection(name).await?;
        found.ok_or_else(|| ServiceError::UnknownCollection(name.to_string()))
    }

    fn metadata(&self, value: Value) -> Result<Metadata, ServiceError> {
        let object = if value.is_null() { Value::Object(Map::new()) } else { value };
        Ok(Metadata::new(object, self.options.metadata_limits)?)
    }

    /// Whether a stored image has what its bytes would give now: a descriptor of the running model, and local features.
    async fn is_current(&self, there: &ImageRecord, profile: Profile) -> Result<bool, ServiceError> {
        if there.version != *self.pool.version(profile) {
            return Ok(false);
        }
        let stored = self.store.local_features(&there.collection, std::slice::from_ref(&there.id)).await?;
        Ok(stored.first().is_some_and(|(_, bytes)| LocalFeatures::decode(bytes).is_ok()))
    }

    /// Describes the image in the first round that needs it and takes the same result in later ones.
    async fn described_once(
        &self,
        described: &mut Option<Described>,
        bytes: &Bytes,
        profile: Profile,
        when_full: WhenFull,
    ) -> Result<Described, ServiceError> {
        if let Some(described) = described {
            return Ok(described.clone());
        }
        let new = self.pool.describe(bytes.clone(), None, profile, STORED_FEATURES, when_full).await?;
        *described = Some(new.clone());
        Ok(new)
    }

    async fn store_insert(
        &self,
        running: &Running,
        collection: &CollectionName,
        image: NewImage,
        on_duplicate: OnDuplicate,
    ) -> Result<InsertOutcome, ServiceError> {
        let same_content = match on_duplicate {
            OnDuplicate::Return | OnDuplicate::Reject => SameContent::Refuse,
            OnDuplicate::Allow => SameContent::Allow,
        };
        let (store, name) = (Arc::clone(&self.store), collection.clone());
        self.commit(running, async move {
            let outcome = store.insert(&name, &image, same_content).await?;
            let seq = match &outcome {
                InsertOutcome::Inserted(record) => Some(record.revision),
                InsertOutcome::SameContent(_) | InsertOutcome::IdTaken(_) | InsertOutcome::UnknownCollection => None,
            };
            Ok((outcome, seq))
        })
        .await
    }

    async fn store_put(
        &self,
        running: &Running,
        collection: &CollectionName,
        image: NewImage,
        expected_revision: Option<i64>,
    ) -> Result<WriteOutcome, ServiceError> {
        let (store, name) = (Arc::clone(&self.store), collection.clone());
        self.commit(running, async move {
            let outcome = store.put(&name, &image, expected_revision).await?;
            let seq = written(&outcome);
            Ok((outcome, seq))
        })
        .await
    }

    async fn store_metadata(
        &self,
        running: &Running,
        collection: &CollectionName,
        id: &ImageId,
        metadata: Metadata,
        revision: i64,
    ) -> Result<WriteOutcome, ServiceError> {
        let (store, name, id) = (Arc::clone(&self.store), collection.clone(), id.clone());
        self.commit(running, async move {
            let outcome = store.replace_metadata(&name, &id, &metadata, Some(revision)).await?;
            let seq = written(&outcome);
            Ok((outcome, seq))
        })
        .await
    }
}

fn written(outcome: &WriteOutcome) -> Option<i64> {
    match outcome {
        WriteOutcome::Created(record) | WriteOutcome::Updated(record) => Some(record.revision),
        WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage | WriteOutcome::UnknownCollection => None,
    }
}

/// Others changed the same image at every try: as with a full queue, the client does best to wait a little.
fn contended() -> ServiceError {
    ServiceError::Overloaded { retry_after_seconds: 1 }
}

fn new_image(
    id: ImageId,
    hash: ContentHash,
    bytes: &Bytes,
    metadata: Metadata,
    described: Described,
) -> Result<NewImage, ServiceError> {
    let Described { extraction, features, .. } = described;
    let features = features.ok_or_else(|| ServiceError::Internal("an image came without local features".to_owned()))?;
    Ok(NewImage {
        id,
        content_hash: hash,
        format: extraction.format,
        width: extraction.width,
        height: extraction.height,
        byte_size: bytes.len() as u64,
        metadata,
        version: extraction.version,
        descriptor: extraction.descriptor,
        thumbnail: extraction.thumbnail,
        local_features: features.encode(),
    })
}

async fn hash_of(bytes: &Bytes) -> Result<ContentHash, ServiceError> {
    if bytes.len() <= HASH_INLINE_BYTES {
        return Ok(sha256(bytes));
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || sha256(&bytes))
        .await
        .map_err(|e| ServiceError::Internal(format!("the upload could not be hashed: {e}")))
}

fn sha256(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

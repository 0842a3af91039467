//! The bytes of an image on their way into a collection.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::core::{Core, unknown_collection};
use super::pool::WhenFull;
use super::running::Running;
use super::{AddOutcome, OnDuplicate, PutOutcome, ServiceError};
use crate::domain::{Collection, ContentHash, ExtractionCost, ImageId, ImageRecord, Metadata, Precondition};
use crate::store::{InsertOutcome, NewImage, SameContent, WriteOutcome};
use eyrie_vision::describe::{Extraction, Request};
use eyrie_vision::local::STORED_FEATURES;

/// Uploads larger than this are hashed off the async threads (SHA-256 takes about a millisecond for
/// it at worst).
const HASH_INLINE_BYTES: usize = 256 * 1024;

/// An image on its way into a collection. It is described once, however often its write starts
/// over.
pub(super) struct Upload<'a> {
    core: &'a Core,
    running: Running,
    collection: &'a Collection,
    bytes: Bytes,
    hash: ContentHash,
    when_full: WhenFull,
    described: OnceCell<Extraction>,
}

impl<'a> Upload<'a> {
    /// Hashes the bytes.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub(super) async fn new(
        core: &'a Core,
        running: Running,
        collection: &'a Collection,
        bytes: Bytes,
        when_full: WhenFull,
    ) -> Result<Self, ServiceError> {
        let hash = hash_of(&bytes).await?;
        Ok(Self { core, running, collection, bytes, hash, when_full, described: OnceCell::new() })
    }

    /// What describing it cost; `None` where it was not described.
    pub(super) fn cost(self) -> Option<ExtractionCost> {
        self.described.into_inner().map(|described| described.cost)
    }

    /// One attempt to add it; `None` where another request was faster and it is to start over.
    ///
    /// # Errors
    /// As [`super::RetrievalService::add_image`].
    pub(super) async fn add(
        &self,
        id: Option<&ImageId>,
        metadata: &Metadata,
        on_duplicate: OnDuplicate,
    ) -> Result<Option<AddOutcome>, ServiceError> {
        let store = &self.core.store;
        let same_content = match on_duplicate {
            OnDuplicate::Return | OnDuplicate::Reject => SameContent::Refuse,
            OnDuplicate::Allow => SameContent::Allow,
        };
        if same_content == SameContent::Refuse
            && let Some(there) = store.find_by_hash(&self.collection.name, &self.hash).await?
        {
            if on_duplicate == OnDuplicate::Reject {
                return Err(ServiceError::DuplicateContent(there.id.to_string()));
            }
            return Ok(self.renew(there).await?.map(AddOutcome::Existing));
        }
        // Looked up before the image is described, which costs a thousand times as much.
        if let Some(id) = id
            && let Some(holder) = store.get(&self.collection.name, id).await?
        {
            return self.id_held_by(holder, on_duplicate).await.map(Some);
        }
        let image = self.image(id.cloned().unwrap_or_else(ImageId::generate), metadata.clone()).await?;
        match self.core.insert(&self.running, &self.collection.name, image, same_content).await? {
            InsertOutcome::Inserted(record) => Ok(Some(AddOutcome::Created(record))),
            // Stored by another request while this one was describing: the next attempt answers.
            InsertOutcome::SameContent(_) => Ok(None),
            InsertOutcome::IdTaken(holder) => self.id_held_by(holder, on_duplicate).await.map(Some),
            InsertOutcome::UnknownCollection => Err(unknown_collection(&self.collection.name)),
        }
    }

    /// The record of the image with these bytes, which is described anew where it lacks what the
    /// running program gives; `None` where another request changed it meanwhile.
    async fn renew(&self, there: ImageRecord) -> Result<Option<ImageRecord>, ServiceError> {
        if self.core.is_current(&there, self.collection.profile).await? {
            self.core.wait_until_found(&self.running, there.revision).await?;
            return Ok(Some(there));
        }
        let precondition = Precondition::Revision(there.revision);
        let image = self.image(there.id, there.metadata).await?;
        match self.core.put(&self.running, &self.collection.name, image, precondition).await? {
            WriteOutcome::Created(record) | WriteOutcome::Updated(record) => Ok(Some(record)),
            WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => Ok(None),
            WriteOutcome::UnknownCollection => Err(unknown_collection(&self.collection.name)),
        }
    }

    async fn id_held_by(&self, holder: ImageRecord, on_duplicate: OnDuplicate) -> Result<AddOutcome, ServiceError> {
        if on_duplicate == OnDuplicate::Return && holder.content_hash == self.hash {
            self.core.wait_until_found(&self.running, holder.revision).await?;
            return Ok(AddOutcome::Existing(holder));
        }
        Err(ServiceError::IdTaken(holder.id.to_string()))
    }

    /// One attempt to put it under an id; `None` where another request was faster and it is to
    /// start over.
    ///
    /// # Errors
    /// As [`super::RetrievalService::put_image`].
    pub(super) async fn put(
        &self,
        id: &ImageId,
        metadata: &Metadata,
        precondition: Precondition,
    ) -> Result<Option<PutOutcome>, ServiceError> {
        let name = &self.collection.name;
        let there = self.core.store.get(name, id).await?;
        // Looked at before the image is described. What holds now is looked at again when it is
        // stored.
        if !precondition.holds(there.as_ref().map(|record| record.revision)) {
            return Err(ServiceError::PreconditionFailed);
        }
        let same_image = match there.filter(|record| record.content_hash == self.hash) {
            Some(there) if self.core.is_current(&there, self.collection.profile).await? => Some(there),
            Some(_) | None => None,
        };
        let (outcome, on_failure) = match same_image {
            Some(there) if there.metadata == *metadata => {
                self.core.wait_until_found(&self.running, there.revision).await?;
                return Ok(Some(PutOutcome::Updated(there)));
            }
            Some(there) => {
                let metadata = metadata.clone();
                let write = self.core.replace_metadata(&self.running, name, id, metadata, there.revision);
                // This required more than the request does, so the next attempt says what the
                // change means for it.
                (write.await?, Ok(None))
            }
            None => {
                let image = self.image(id.clone(), metadata.clone()).await?;
                let write = self.core.put(&self.running, name, image, precondition);
                (write.await?, Err(ServiceError::PreconditionFailed))
            }
        };
        match outcome {
            WriteOutcome::Created(record) => Ok(Some(PutOutcome::Created(record))),
            WriteOutcome::Updated(record) => Ok(Some(PutOutcome::Updated(record))),
            WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => on_failure,
            WriteOutcome::UnknownCollection => Err(unknown_collection(name)),
        }
    }

    /// What is stored of it; describes it where that has not happened.
    async fn image(&self, id: ImageId, metadata: Metadata) -> Result<NewImage, ServiceError> {
        if !self.core.search.has_room() {
            return Err(ServiceError::IndexFull);
        }
        let described = self.described.get_or_try_init(|| self.describe()).await?.clone();
        let (Some(thumbnail), Some(features)) = (described.thumbnail, described.features) else {
            return Err(ServiceError::Internal("an image came without thumbnail or local features".to_owned()));
        };
        Ok(NewImage {
            id,
            content_hash: self.hash,
            format: described.format,
            width: described.width,
            height: described.height,
            byte_size: self.bytes.len() as u64,
            metadata,
            version: described.version,
            descriptor: described.descriptor,
            thumbnail,
            local_features: features.encode(),
        })
    }

    async fn describe(&self) -> Result<Extraction, ServiceError> {
        let of_an_upload =
            Request { thumbnail: true, features: STORED_FEATURES, ..Request::descriptor(self.collection.profile) };
        self.core.pool.describe(self.bytes.clone(), of_an_upload, self.when_full).await
    }
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

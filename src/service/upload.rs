//! The bytes of an image on their way into a collection.

use bytes::Bytes;
use tokio::sync::{MutexGuard, OnceCell};

use super::core::{Core, unknown_collection};
use super::hash::hash_of;
use super::lanes::Lane;
use super::pool::WhenFull;
use super::quotas::refused;
use super::running::Running;
use super::{AddOutcome, Fingerprint, OnDuplicate, OnSimilar, PutOutcome, SearchHit, ServiceError, Stored};
use crate::domain::{
    Collection, ContentHash, IdempotencyKey, ImageId, ImageKey, ImageRecord, KeyId, Metadata, Precondition, Profile,
    Verdict,
};
use crate::store::{Incoming, InsertOutcome, NewImage, SameContent, WriteOutcome};
use eyrie_vision::describe::{Extraction, Request};
use eyrie_vision::local::STORED_FEATURES;

/// The most similar images that an answer names.
const MOST_SIMILAR: usize = 10;

/// An image on its way into a collection. It is described once, however often its write starts
/// over.
pub(super) struct Upload<'a> {
    core: &'a Core,
    running: Running,
    collection: &'a Collection,
    bytes: Bytes,
    hash: ContentHash,
    when_full: WhenFull,
    on_similar: OnSimilar,
    stored_by: Option<KeyId>,
    described: OnceCell<Extraction>,
    /// What the last attempt found that is similar.
    similar: Option<Vec<SearchHit>>,
}

/// The id of an image that is added.
pub(super) enum Id {
    /// The request says it.
    Asked(ImageId),
    /// It follows from a request that named itself. Where an image has it, an earlier attempt at the
    /// request stored that, and perhaps nobody was told.
    Derived(ImageId),
    /// A fresh one.
    Any,
}

/// An image that may be stored.
struct Ready<'a> {
    image: NewImage,
    /// Held until it is stored where what is similar is refused: of two such uploads that come at
    /// once the second one finds the first.
    _turn: Option<MutexGuard<'a, ()>>,
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
        on_similar: OnSimilar,
        stored_by: Option<KeyId>,
    ) -> Result<Self, ServiceError> {
        let hash = hash_of(&bytes).await?;
        let (described, similar) = (OnceCell::new(), None);
        Ok(Self { core, running, collection, bytes, hash, when_full, on_similar, stored_by, described, similar })
    }

    /// The outcome, with what was similar and what describing it cost.
    pub(super) fn stored<T>(self, outcome: T) -> Stored<T> {
        let cost = self.described.into_inner().map(|described| described.cost);
        Stored { outcome, similar: self.similar, cost }
    }

    /// The id that it has as the image at this place of a request with this name.
    pub(super) fn id_in(&self, name: &IdempotencyKey, at: usize, metadata: &Metadata) -> ImageId {
        let (at, metadata) = ((at as u64).to_le_bytes(), metadata.to_json());
        let mut print = Fingerprint::default();
        for part in [name.as_str().as_bytes(), &at, &self.hash.0, metadata.as_bytes()] {
            print.add(part);
        }
        ImageId::derived(&print.hash().0)
    }

    /// One attempt to add it; `None` where another request was faster and it is to start over.
    ///
    /// # Errors
    /// As [`super::RetrievalService::add_image`].
    pub(super) async fn add(
        &mut self,
        id: &Id,
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
        let chosen = match id {
            Id::Asked(text) | Id::Derived(text) => {
                if let Some(holder) = store.get(&self.collection.name, text).await? {
                    return self.id_held_by(id, holder, on_duplicate).await.map(Some);
                }
                text.clone()
            }
            Id::Any => ImageId::generate(),
        };
        let Ready { image, _turn } = self.unless_similar(chosen, metadata.clone(), None).await?;
        match self.core.insert(&self.running, &self.collection.name, image, self.bytes.clone(), same_content).await? {
            InsertOutcome::Inserted(record) => Ok(Some(AddOutcome::Created(record))),
            // Stored by another request while this one was describing: the next attempt answers.
            InsertOutcome::SameContent(_) => Ok(None),
            InsertOutcome::IdTaken(holder) => self.id_held_by(id, holder, on_duplicate).await.map(Some),
            InsertOutcome::OverQuota(refusal) => Err(refused(refusal)),
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
        match self.core.put(&self.running, &self.collection.name, image, self.bytes.clone(), precondition).await? {
            WriteOutcome::Created(record) | WriteOutcome::Updated(record) => Ok(Some(record)),
            WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => Ok(None),
            WriteOutcome::OverQuota(refusal) => Err(refused(refusal)),
            WriteOutcome::UnknownCollection => Err(unknown_collection(&self.collection.name)),
        }
    }

    async fn id_held_by(
        &self,
        id: &Id,
        holder: ImageRecord,
        on_duplicate: OnDuplicate,
    ) -> Result<AddOutcome, ServiceError> {
        let is_there = match id {
            Id::Derived(_) => true,
            Id::Asked(_) | Id::Any => on_duplicate == OnDuplicate::Return && holder.content_hash == self.hash,
        };
        if is_there {
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
        &mut self,
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
        let itself = there.as_ref().map(|record| record.key);
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
                let Ready { image, _turn } = self.unless_similar(id.clone(), metadata.clone(), itself).await?;
                let write = self.core.put(&self.running, name, image, self.bytes.clone(), precondition);
                (write.await?, Err(ServiceError::PreconditionFailed))
            }
        };
        match outcome {
            WriteOutcome::Created(record) => Ok(Some(PutOutcome::Created(record))),
            WriteOutcome::Updated(record) => Ok(Some(PutOutcome::Updated(record))),
            WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => on_failure,
            WriteOutcome::OverQuota(refusal) => Err(refused(refusal)),
            WriteOutcome::UnknownCollection => Err(unknown_collection(name)),
        }
    }

    /// What is stored of it, once the collection was looked through for what shows the same thing,
    /// as the request says; `itself` is the image that it replaces.
    async fn unless_similar(
        &mut self,
        id: ImageId,
        metadata: Metadata,
        itself: Option<ImageKey>,
    ) -> Result<Ready<'a>, ServiceError> {
        if self.on_similar == OnSimilar::Ignore {
            return Ok(Ready { image: self.image(id, metadata).await?, _turn: None });
        }
        self.core.can_look()?;
        let image = self.image(id, metadata).await?;
        let turn = match self.on_similar {
            OnSimilar::Reject => Some(self.core.similar_turn.lock().await),
            OnSimilar::Ignore | OnSimilar::Report => None,
        };
        let described = self.described.get_or_try_init(|| self.describe()).await?;
        let mut similar = self.core.similar_to(self.collection, described, itself).await?;
        let nearest = similar.iter().find(|hit| hit.verdict <= Verdict::NearDuplicate);
        if let (OnSimilar::Reject, Some(hit)) = (self.on_similar, nearest) {
            let (id, verdict, score) = (hit.record.id.to_string(), hit.verdict, hit.score);
            return Err(ServiceError::SimilarExists { id, verdict, score });
        }
        similar.truncate(MOST_SIMILAR);
        self.similar = Some(similar);
        Ok(Ready { image, _turn: turn })
    }

    /// What is stored of it; describes it where that has not happened.
    async fn image(&self, id: ImageId, metadata: Metadata) -> Result<NewImage, ServiceError> {
        if !self.core.search.has_room() {
            return Err(ServiceError::IndexFull);
        }
        let byte_size = self.bytes.len() as u64;
        // To describe it costs a thousand times as much. What is stored is looked at once more.
        if self.described.get().is_none() {
            let (content_hash, stored_by) = (&self.hash, self.stored_by.as_ref());
            let incoming = Incoming { id: &id, content_hash, byte_size, stored_by };
            if let Some(refusal) = self.core.store.over_quota(&self.collection.name, incoming).await? {
                return Err(refused(refusal));
            }
        }
        let described = self.described.get_or_try_init(|| self.describe()).await?.clone();
        let image = stored_as(described, id, metadata, self.hash, byte_size)?;
        Ok(NewImage { stored_by: self.stored_by.clone(), ..image })
    }

    async fn describe(&self) -> Result<Extraction, ServiceError> {
        let request = to_be_stored(self.collection.profile);
        self.core.pool.describe(self.bytes.clone(), request, Lane::Ingest, self.when_full).await
    }
}

/// How an image is described that is stored.
pub(super) fn to_be_stored(profile: Profile) -> Request {
    Request { thumbnail: true, features: STORED_FEATURES, ..Request::descriptor(profile) }
}

/// What is stored, by no key, of an image that was described as [`to_be_stored`] says.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn stored_as(
    described: Extraction,
    id: ImageId,
    metadata: Metadata,
    content_hash: ContentHash,
    byte_size: u64,
) -> Result<NewImage, ServiceError> {
    let (Some(thumbnail), Some(features)) = (described.thumbnail, described.features) else {
        return Err(ServiceError::Internal("an image came without thumbnail or local features".to_owned()));
    };
    Ok(NewImage {
        id,
        content_hash,
        format: described.format,
        width: described.width,
        height: described.height,
        byte_size,
        metadata,
        version: described.version,
        descriptor: described.descriptor,
        thumbnail,
        local_features: features.encode(),
        original: None,
        stored_by: None,
    })
}

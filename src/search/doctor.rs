//! Compares saved indexes with the database that they were made from.

use std::sync::Arc;

use roaring::RoaringTreemap;

use super::{GraphIndex, IndexMaker, Indexed, Shelf, VectorIndex};
use crate::domain::{Catalogue, Collection, Descriptor, ImageKey, Seq};
use crate::store::{ChangeKind, Changes, Store, StoreError};
use eyrie_index::OpenError;

/// Entries of the change log, and descriptors, read at once.
const PAGE: u32 = 1_000;

/// What was found of one collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The collection's name.
    pub collection: String,
    /// Images in it.
    pub images: u64,
    /// Of these, images that were described by another model, and are not found.
    pub stale: u64,
    /// Its saved index.
    pub index: SavedIndex,
}

/// What a saved index is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedIndex {
    /// There is none: it is built at the next start.
    Missing,
    /// It holds what the database holds, but for changes that the next start applies.
    Sound {
        /// Images whose changes came after it was saved.
        behind: u64,
    },
    /// It cannot be used: it is built at the next start.
    Unusable(String),
    /// It would be used and is wrong.
    Wrong {
        /// Images of the database that it lacks.
        missing: u64,
        /// Images that it has and the database has not.
        surplus: u64,
        /// Images of which it has another descriptor than the database.
        different: u64,
        /// What is wrong inside it.
        structure: Option<String>,
    },
}

impl SavedIndex {
    /// Whether something is to be repaired.
    #[must_use]
    pub fn is_ill(&self) -> bool {
        matches!(self, Self::Unusable(_) | Self::Wrong { .. })
    }
}

/// Looks at every collection. Nothing may write to the folder meanwhile, which the shelf sees to;
/// the database may be written to, and what changes meanwhile counts as behind.
///
/// # Errors
/// [`StoreError`].
pub async fn diagnose(
    store: &dyn Store,
    catalogue: &Catalogue,
    shelf: &Arc<Shelf>,
) -> Result<Vec<Diagnosis>, StoreError> {
    let mut found = Vec::new();
    for summary in store.list_collections(catalogue.model()).await? {
        let index = look_at(store, catalogue, shelf, &summary.collection).await?;
        let collection = summary.collection.name.to_string();
        found.push(Diagnosis { collection, images: summary.images, stale: summary.stale, index });
    }
    Ok(found)
}

/// Removes the saved indexes that are ill; the next start builds them.
///
/// # Errors
/// [`StoreError`].
pub async fn repair(
    store: &dyn Store,
    catalogue: &Catalogue,
    shelf: &Arc<Shelf>,
    found: &[Diagnosis],
) -> Result<(), StoreError> {
    for summary in store.list_collections(catalogue.model()).await? {
        let name = summary.collection.name;
        if found.iter().any(|one| one.collection == name.as_str() && one.index.is_ill()) {
            let shelf = Arc::clone(shelf);
            blocking(move || shelf.discard(&name)).await?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| StoreError::Internal(e.to_string()))
}

async fn look_at(
    store: &dyn Store,
    catalogue: &Catalogue,
    shelf: &Arc<Shelf>,
    collection: &Collection,
) -> Result<SavedIndex, StoreError> {
    let profile = catalogue.profile(collection.profile);
    let of = Indexed::new(collection, profile.version.clone(), profile.dimension);
    let opened = {
        let (shelf, of) = (Arc::clone(shelf), of.clone());
        blocking(move || shelf.find(&of)).await?
    };
    let (index, since) = match opened {
        Ok((index, since)) => (Arc::new(index), since),
        Err(OpenError::Missing) => return Ok(SavedIndex::Missing),
        Err(error) => return Ok(SavedIndex::Unusable(error.to_string())),
    };
    if since > store.last_seq().await? {
        return Ok(SavedIndex::Unusable("it is newer than the database".to_owned()));
    }
    let structure = {
        let index = Arc::clone(&index);
        blocking(move || index.check()).await?.err()
    };
    let [mut seen, mut missing, mut different] = [(); 3].map(|()| RoaringTreemap::new());
    let keys = Arc::new(index.keys());
    let mut after = None;
    loop {
        let page = store.descriptors(&of.name, &of.version, after, PAGE).await?;
        let Some(&(last, _)) = page.last() else { break };
        after = Some(last);
        seen.extend(page.iter().map(|(key, _)| key.0));
        let (index, keys) = (Arc::clone(&index), Arc::clone(&keys));
        let (lacking, others) = blocking(move || compared(&index, &keys, &page)).await?;
        missing |= &lacking;
        different |= &others;
    }
    // Read last, so that what changed meanwhile is in it.
    let Some(behind) = changed(store, &of, since).await? else {
        return Ok(SavedIndex::Unusable("what changed since it was saved is no longer in the change log".to_owned()));
    };
    let count = |keys: RoaringTreemap| (keys - &behind).len();
    let (missing, surplus, different) = (count(missing), count(&*keys - &seen), count(different));
    if missing + surplus + different > 0 || structure.is_some() {
        return Ok(SavedIndex::Wrong { missing, surplus, different, structure });
    }
    Ok(SavedIndex::Sound { behind: behind.len() })
}

/// The images that the index lacks, and those of which it has another descriptor.
fn compared(
    index: &GraphIndex,
    keys: &RoaringTreemap,
    page: &[(ImageKey, Descriptor)],
) -> (RoaringTreemap, RoaringTreemap) {
    let lacks = |key: &ImageKey| !keys.contains(key.0);
    let missing = page.iter().filter(|(key, _)| lacks(key)).map(|(key, _)| key.0).collect();
    let differs = |key: ImageKey, descriptor: &Descriptor| index.descriptor(key).as_ref() != Some(descriptor);
    let others = page.iter().filter(|(key, descriptor)| !lacks(key) && differs(*key, descriptor));
    (missing, others.map(|(key, _)| key.0).collect())
}

/// The images of the collection that the log names behind a change; `None` where it was pruned.
async fn changed(store: &dyn Store, of: &Indexed, since: Seq) -> Result<Option<RoaringTreemap>, StoreError> {
    let mut keys = RoaringTreemap::new();
    let mut position = since;
    loop {
        let Changes::Since(changes) = store.changes(position, PAGE).await? else { return Ok(None) };
        let Some(last) = changes.last() else { return Ok(Some(keys)) };
        position = last.seq;
        for change in changes.into_iter().filter(|change| change.collection == of.name) {
            match change.kind {
                ChangeKind::ImageWritten(key, _) | ChangeKind::ImageDeleted(key) => {
                    keys.insert(key.0);
                }
                ChangeKind::CollectionDeleted => {}
            }
        }
    }
}

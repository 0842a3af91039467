//! The indexes of all collections, and how a stretch of the change log is applied to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::filters::FilterCache;
use crate::domain::{CollectionName, Descriptor, ImageKey, Seq};
use crate::search::{IndexMaker, Indexed, SaveError, VectorIndex};
use crate::store::{Change, ChangeKind, StoredDescriptor};

/// The index of one collection.
pub(super) struct CollectionIndex {
    /// What it holds.
    pub(super) of: Indexed,
    /// The points.
    pub(super) points: Arc<dyn VectorIndex>,
    /// The change up to which it held everything when it was made: older ones are not applied.
    pub(super) since: Seq,
    /// Whether it was changed since it was saved, or was never saved.
    changed: AtomicBool,
    /// Points that waited to be linked when it was saved: the links made since are worth a save.
    pub(super) waiting: AtomicUsize,
    /// What filters left of the collection. It goes with the index, so what is built anew starts
    /// without.
    pub(super) filters: FilterCache,
}

impl CollectionIndex {
    /// Without a point, to be filled with all that the store holds or with all changes behind
    /// `since`. Blocks.
    pub(super) fn empty(of: Indexed, since: Seq, maker: &dyn IndexMaker) -> Self {
        let points = maker.empty(&of);
        let (changed, waiting) = (AtomicBool::new(true), AtomicUsize::new(0));
        Self { of, points, since, changed, waiting, filters: FilterCache::default() }
    }

    /// The one that was saved. Blocks.
    pub(super) fn saved(of: &Indexed, maker: &dyn IndexMaker) -> Option<Self> {
        let (points, since) = maker.saved(of)?;
        let (changed, waiting) = (AtomicBool::new(false), AtomicUsize::new(points.waiting()));
        Some(Self { of: of.clone(), points, since, changed, waiting, filters: FilterCache::default() })
    }

    /// Whether it was changed or linked further since it was saved, or was never saved.
    pub(super) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire) || self.points.waiting() != self.waiting.load(Ordering::Relaxed)
    }

    /// Saves it where it has changed; everything up to `seq` was applied to it before the call.
    /// Blocks.
    ///
    /// # Errors
    /// [`SaveError`]; it counts as changed then.
    pub(super) fn save(&self, seq: Seq) -> Result<(), SaveError> {
        if !self.has_changed() {
            return Ok(());
        }
        // Before the index is read: what comes meanwhile counts as a change again.
        self.changed.store(false, Ordering::Release);
        self.waiting.store(self.points.waiting(), Ordering::Relaxed);
        self.points.save(seq).inspect_err(|_| self.changed.store(true, Ordering::Release))
    }
}

/// A snapshot of which collection has which index; collections without a searchable image have
/// none.
#[derive(Default)]
pub(super) struct Indexes(RwLock<HashMap<CollectionName, Arc<CollectionIndex>>>);

impl Indexes {
    pub(super) fn get(&self, name: &CollectionName) -> Option<Arc<CollectionIndex>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether a change is not in the index that it is about: an index holds all older than itself.
    pub(super) fn lacks(&self, change: &Change) -> bool {
        self.get(&change.collection).is_none_or(|index| change.seq > index.since)
    }

    pub(super) fn insert(&self, name: CollectionName, index: Arc<CollectionIndex>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, index);
    }

    pub(super) fn remove(&self, name: &CollectionName) -> Option<Arc<CollectionIndex>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// Puts these in the place of all, which it returns: letting go of a large index takes time.
    pub(super) fn replace_all(
        &self,
        indexes: HashMap<CollectionName, Arc<CollectionIndex>>,
    ) -> HashMap<CollectionName, Arc<CollectionIndex>> {
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), indexes)
    }

    pub(super) fn all(&self) -> Vec<Arc<CollectionIndex>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// What a stretch of the change log comes to for one collection.
#[derive(Default)]
pub(super) struct Outcome {
    /// The collection was deleted; what follows belongs to a new one of the same name.
    pub(super) deleted: bool,
    /// The last state of each image that was touched since; `None` when it is gone.
    pub(super) images: BTreeMap<ImageKey, Option<StoredDescriptor>>,
}

/// Keeps the last word of the log on every image. Only the last one counts, since an entry carries
/// the descriptor as it is now and not as it was then.
pub(super) fn fold(changes: Vec<Change>) -> BTreeMap<CollectionName, Outcome> {
    let mut outcomes = BTreeMap::<CollectionName, Outcome>::new();
    for change in changes {
        let outcome = outcomes.entry(change.collection).or_default();
        match change.kind {
            ChangeKind::ImageWritten(key, stored) => {
                outcome.images.insert(key, stored);
            }
            ChangeKind::ImageDeleted(key) => {
                outcome.images.insert(key, None);
            }
            ChangeKind::CollectionDeleted => *outcome = Outcome { deleted: true, images: BTreeMap::new() },
        }
    }
    outcomes
}

/// Brings an index to the given state of these images. Blocks; applying the same once more changes
/// nothing.
pub(super) fn apply(index: &CollectionIndex, images: BTreeMap<ImageKey, Option<StoredDescriptor>>) {
    let mut points = Vec::with_capacity(images.len());
    for (key, stored) in images {
        match stored {
            Some(stored) if stored.version == index.of.version => points.push((key, stored.descriptor)),
            // Gone, or described by another model: not to be found by this one.
            Some(_) | None => {
                index.points.remove(key);
            }
        }
    }
    upsert(index, points);
    // Behind the change itself, so that a save that begins after this has it.
    index.changed.store(true, Ordering::Release);
}

/// Inserts points; one that does not fit is left out and logged, since it must not keep the others
/// out.
pub(super) fn upsert(index: &CollectionIndex, mut points: Vec<(ImageKey, Descriptor)>) {
    points.retain(|(key, descriptor)| {
        let fits = descriptor.dimension() == index.of.dimension;
        if !fits {
            tracing::error!(%key, actual = descriptor.dimension(), expected = index.of.dimension,
                "a stored descriptor has the wrong length; the image cannot be found until it is stored again");
        }
        fits
    });
    if !points.is_empty()
        && let Err(error) = index.points.upsert(points)
    {
        tracing::error!(%error, "the index refuses descriptors that have its length");
    }
}

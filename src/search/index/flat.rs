//! The exact scan: the plainest index there is, and the oracle of the others.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use roaring::RoaringTreemap;

use super::{Found, IndexError, Memory, SaveError, SearchParams, VectorIndex, check_dimension, neighbors};
use crate::domain::{Descriptor, ImageKey, Seq};
use eyrie_index::TopK;

/// Compares the query with every point. Needs about a third of a microsecond a point at 256 values.
#[derive(Debug)]
pub struct FlatIndex {
    dimension: usize,
    points: RwLock<HashMap<ImageKey, Descriptor>>,
}

impl FlatIndex {
    /// An empty index of descriptors with `dimension` values.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        Self { dimension, points: RwLock::default() }
    }

    // No code panics between two writes to the map, so a poisoned lock still guards a whole map.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<ImageKey, Descriptor>> {
        self.points.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ImageKey, Descriptor>> {
        self.points.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VectorIndex for FlatIndex {
    fn upsert(&self, points: Vec<(ImageKey, Descriptor)>) -> Result<(), IndexError> {
        points.iter().try_for_each(|(_, descriptor)| check_dimension(self.dimension, descriptor))?;
        self.write().extend(points);
        Ok(())
    }

    fn remove(&self, key: ImageKey) -> bool {
        self.write().remove(&key).is_some()
    }

    fn descriptor(&self, key: ImageKey) -> Option<Descriptor> {
        self.read().get(&key).cloned()
    }

    fn search(
        &self,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Found, IndexError> {
        check_dimension(self.dimension, query)?;
        let points = self.read();
        let mut top = TopK::new(params.k);
        for (&key, descriptor) in points.iter() {
            if allowed.is_none_or(|set| set.contains(key.0)) {
                top.push(query.cosine(descriptor), key.0);
            }
        }
        Ok(Found { neighbors: neighbors(top.into_neighbors()), unreadable: Vec::new() })
    }

    fn len(&self) -> usize {
        self.read().len()
    }

    fn keys(&self) -> RoaringTreemap {
        self.read().keys().map(|key| key.0).collect()
    }

    fn memory(&self) -> Memory {
        let points = self.read();
        let keys = points.capacity() * (size_of::<(ImageKey, Descriptor)>() + 1);
        let other = points.len() * self.dimension * size_of::<f32>();
        Memory { codes: 0, links: 0, keys, waiting: 0, other }
    }

    fn save(&self, _: Seq) -> Result<(), SaveError> {
        Err(SaveError::NoFolder)
    }
}

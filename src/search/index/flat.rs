//! The exact scan: the plainest index there is, and the oracle of the others.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::ranking::TopK;
use super::{IndexError, SearchParams, VectorIndex, check_dimension};
use crate::domain::{Descriptor, ImageId, Neighbor};

/// Compares the query with every point. Needs about a third of a microsecond a point at 256 values.
#[derive(Debug)]
pub struct FlatIndex {
    dimension: usize,
    points: RwLock<HashMap<ImageId, Descriptor>>,
}

impl FlatIndex {
    /// An empty index of descriptors with `dimension` values.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        Self { dimension, points: RwLock::default() }
    }

    // No code panics between two writes to the map, so a poisoned lock still guards a whole map.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<ImageId, Descriptor>> {
        self.points.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ImageId, Descriptor>> {
        self.points.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VectorIndex for FlatIndex {
    fn upsert(&self, points: Vec<(ImageId, Descriptor)>) -> Result<(), IndexError> {
        points.iter().try_for_each(|(_, descriptor)| check_dimension(self.dimension, descriptor))?;
        self.write().extend(points);
        Ok(())
    }

    fn remove(&self, id: &ImageId) -> bool {
        self.write().remove(id).is_some()
    }

    fn search(
        &self,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&HashSet<ImageId>>,
    ) -> Result<Vec<Neighbor>, IndexError> {
        check_dimension(self.dimension, query)?;
        let points = self.read();
        let mut top = TopK::new(params.k);
        for (id, descriptor) in points.iter() {
            if allowed.is_none_or(|set| set.contains(id)) {
                top.push(query.cosine(descriptor), id);
            }
        }
        Ok(top.into_neighbors())
    }

    fn len(&self) -> usize {
        self.read().len()
    }

    fn memory_bytes(&self) -> usize {
        let points = self.read();
        let ids: usize = points.keys().map(|id| id.as_str().len()).sum();
        let entry = size_of::<(ImageId, Descriptor)>() + 1;
        points.capacity() * entry + points.len() * self.dimension * size_of::<f32>() + ids
    }
}

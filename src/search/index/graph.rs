//! The graph index of `eyrie-index`, in the words of the service.

use std::path::Path;
use std::sync::Arc;

use roaring::RoaringTreemap;

use super::{FlatIndex, Found, GraphParams, IndexError, Memory, SaveError, SearchParams, VectorIndex, neighbors};
use crate::domain::{Descriptor, ImageKey, Seq};
use eyrie_index::{Index, OpenError, cosines};

/// A graph over 8-bit codes; the descriptors themselves lie in a file.
#[derive(Debug)]
pub struct GraphIndex {
    index: Index,
    dimension: usize,
}

impl GraphIndex {
    /// An empty index that is never saved.
    ///
    /// # Errors
    /// [`SaveError`] when a parameter is outside its range or there can be no temporary file.
    pub fn temporary(dimension: usize, params: GraphParams) -> Result<Self, SaveError> {
        Ok(Self { index: Index::temporary(dimension, params.on_all_cores(), cosines)?, dimension })
    }

    /// An empty index that is saved to this folder, where nothing of an older one is left. `text`
    /// says what is in it.
    ///
    /// # Errors
    /// As [`GraphIndex::temporary`], for the folder.
    pub fn create(folder: &Path, text: &str, dimension: usize, params: GraphParams) -> Result<Self, SaveError> {
        let index = Index::create(folder, text, dimension, params.on_all_cores(), cosines)?;
        Ok(Self { index, dimension })
    }

    /// The index that was saved to this folder, and the change that it was saved at.
    ///
    /// # Errors
    /// [`OpenError`]: it must be created and filled anew then.
    pub fn open(folder: &Path, text: &str, dimension: usize, params: GraphParams) -> Result<(Self, Seq), OpenError> {
        let opened = Index::open(folder, text, dimension, params.on_all_cores(), cosines)?;
        let seq = i64::try_from(opened.stamp).map_err(|_| OpenError::Damaged("its place in the change log"))?;
        Ok((Self { index: opened.index, dimension }, Seq(seq)))
    }

    /// Checks that every list, table, count and link agrees with the others; about a second for a
    /// million points.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        self.index.check()
    }

    /// Waits until the graph holds all that it should. Results are right before that too, only
    /// slower.
    pub fn settle(&self) {
        self.index.settle();
    }
}

/// A graph that is never saved; where there can be none, a scan, which answers the same.
#[must_use]
pub fn unsaved_index(dimension: usize, params: GraphParams) -> Arc<dyn VectorIndex> {
    match GraphIndex::temporary(dimension, params) {
        Ok(graph) => Arc::new(graph),
        Err(error) => {
            tracing::error!(%error, "the graph index cannot be made; searches are scans");
            Arc::new(FlatIndex::new(dimension))
        }
    }
}

impl VectorIndex for GraphIndex {
    fn upsert(&self, points: Vec<(ImageKey, Descriptor)>) -> Result<(), IndexError> {
        let points: Vec<(u64, &[f32])> = points.iter().map(|(key, d)| (key.0, d.values())).collect();
        self.index.upsert(&points)
    }

    fn remove(&self, key: ImageKey) -> bool {
        self.index.remove(key.0)
    }

    fn descriptor(&self, key: ImageKey) -> Option<Descriptor> {
        self.index.vector(key.0).and_then(|values| Descriptor::new(values, self.dimension).ok())
    }

    fn search(
        &self,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Found, IndexError> {
        let found = self.index.search(query.values(), params, allowed)?;
        Ok(Found {
            neighbors: neighbors(found.neighbors),
            unreadable: found.unreadable.into_iter().map(ImageKey).collect(),
        })
    }

    fn keys(&self) -> RoaringTreemap {
        self.index.keys()
    }

    fn len(&self) -> usize {
        self.index.len()
    }

    fn waiting(&self) -> usize {
        self.index.waiting()
    }

    fn memory(&self) -> Memory {
        self.index.memory()
    }

    fn save(&self, seq: Seq) -> Result<(), SaveError> {
        self.index.save(u64::try_from(seq.0).unwrap_or(0))
    }
}

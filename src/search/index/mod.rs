//! Nearest neighbours by cosine: an exact scan and a graph behind one trait, and where the graphs
//! of all collections are kept on disk.
//!
//! An index is derived from the store and can be thrown away: it holds keys and descriptors,
//! nothing else, and is filled again where it is missing. It knows neither ids nor metadata: a
//! filter comes as a bitmap of keys.

mod flat;
mod graph;
mod shelf;

pub use eyrie_index::{IndexError, Memory, SaveError, SearchParams};
pub use flat::FlatIndex;
pub use graph::{GraphIndex, unsaved_index};
pub use shelf::Shelf;

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Collection, CollectionName, Descriptor, DescriptorVersion, ImageKey, Neighbor, Seq};

/// The index and how it follows the store. `config/default.toml` gives each key's meaning, unit,
/// range and default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexOptions {
    /// The graph.
    #[serde(flatten)]
    pub graph: GraphParams,
    /// How often the change log is read for what other processes stored.
    #[serde(rename = "follow_interval_ms", with = "crate::domain::milliseconds")]
    pub follow_interval: Duration,
    /// How often the indexes are saved where they have changed.
    #[serde(rename = "save_interval_ms", with = "crate::domain::milliseconds")]
    pub save_interval: Duration,
    /// Memory of all indexes, in MiB, from which on no new picture is taken; 0 for no limit.
    pub max_memory_mib: u64,
    /// Whether searches are answered from a part while the rest is being read.
    pub serve_while_building: bool,
}

/// Parameters of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphParams {
    /// Links of a point on each layer but the lowest, which has twice as many; 2 to 255.
    pub m: usize,
    /// Candidates kept while a point is inserted.
    pub ef_construction: usize,
    /// Candidates kept while searching, unless the query says otherwise.
    pub ef_search: usize,
    /// Up to this many candidates (points, or points that a filter leaves) are scanned.
    pub exact_below: usize,
}

impl GraphParams {
    /// Checks every range.
    ///
    /// # Errors
    /// [`IndexError::Parameter`] for the first that is outside.
    pub fn check(&self) -> Result<(), IndexError> {
        self.on_all_cores().check()
    }

    fn on_all_cores(self) -> eyrie_index::Params {
        let Self { m, ef_construction, ef_search, exact_below } = self;
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        eyrie_index::Params { m, ef_construction, ef_search, exact_below, threads }
    }
}

/// Which collection an index is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// The collection's name.
    pub name: CollectionName,
    /// When it was created, in microseconds: another one of its name has another time.
    pub created_at: i128,
    /// The version of every descriptor in the index.
    pub version: DescriptorVersion,
    /// The values of each descriptor.
    pub dimension: usize,
}

impl Indexed {
    /// The descriptors of one version in a collection.
    #[must_use]
    pub fn new(collection: &Collection, version: DescriptorVersion, dimension: usize) -> Self {
        let created_at = collection.created_at.unix_timestamp_nanos() / 1000;
        Self { name: collection.name.clone(), created_at, version, dimension }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// In order of falling score, ties by rising key, none twice; the scores are exact cosines.
    /// There are `min(k, live points that are allowed)` of them at least, and all those besides
    /// that were looked at and tie with the `k`-th: whoever orders ties by something else than
    /// the key can cut at `k` afterwards.
    pub neighbors: Vec<Neighbor>,
    /// Points that may belong to them, but whose descriptors cannot be read from their file. To
    /// upsert these again repairs the file.
    pub unreadable: Vec<ImageKey>,
}

/// A set of descriptors that answers which are nearest. Shared between threads; every method takes
/// `&self` and blocks.
pub trait VectorIndex: Send + Sync {
    /// Inserts points, or replaces those whose key is there. Replacing by the same descriptor does
    /// nothing.
    ///
    /// # Errors
    /// [`IndexError::Dimension`]; nothing is inserted then.
    fn upsert(&self, points: Vec<(ImageKey, Descriptor)>) -> Result<(), IndexError>;

    /// Removes a point; `false` when it is not there.
    fn remove(&self, key: ImageKey) -> bool;

    /// The descriptor of a point; `None` when it is not there.
    fn descriptor(&self, key: ImageKey) -> Option<Descriptor>;

    /// The nearest neighbours of `query`, among `allowed` where given (keys that are not in the
    /// index are ignored).
    ///
    /// # Errors
    /// [`IndexError::Dimension`].
    fn search(
        &self,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Found, IndexError>;

    /// The keys of all points.
    fn keys(&self) -> RoaringTreemap;

    /// How many points are live.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Points that a search compares one by one because the graph does not lead to them yet; the
    /// index works on that by itself.
    fn waiting(&self) -> usize {
        0
    }

    /// Bytes that the index keeps in memory.
    fn memory(&self) -> Memory;

    /// Writes the index to where it is kept, beside searches and changes. Every change up to `seq`
    /// was applied to it; of later ones it may hold some.
    ///
    /// # Errors
    /// [`SaveError`]; what was saved before is still there.
    fn save(&self, seq: Seq) -> Result<(), SaveError>;
}

/// An index that was saved, and the change up to which it holds everything.
pub type Saved = (Arc<dyn VectorIndex>, Seq);

/// Makes the indexes of collections. Every method blocks.
pub trait IndexMaker: Send + Sync {
    /// An index without a point, in the place of one that was saved before.
    fn empty(&self, of: &Indexed) -> Arc<dyn VectorIndex>;

    /// The index that was saved; `None` where there is none, or none to be used.
    fn saved(&self, of: &Indexed) -> Option<Saved>;

    /// Notes that the saved indexes of these collections, and of no others, hold everything up to
    /// this change.
    ///
    /// # Errors
    /// [`SaveError`]; what was noted before still holds.
    fn note(&self, indexes: &[(Indexed, Seq)]) -> Result<(), SaveError>;

    /// Removes what was saved of a collection that is deleted.
    fn discard(&self, name: &CollectionName);

    /// What the change log knows who keeps these indexes by, through restarts; `None` where they
    /// are not saved.
    fn follower(&self) -> Option<Uuid>;
}

/// A function that makes indexes which are never saved.
impl<F: Fn(usize) -> Arc<dyn VectorIndex> + Send + Sync> IndexMaker for F {
    fn empty(&self, of: &Indexed) -> Arc<dyn VectorIndex> {
        self(of.dimension)
    }

    fn saved(&self, _: &Indexed) -> Option<Saved> {
        None
    }

    fn note(&self, _: &[(Indexed, Seq)]) -> Result<(), SaveError> {
        Ok(())
    }

    fn discard(&self, _: &CollectionName) {}

    fn follower(&self) -> Option<Uuid> {
        None
    }
}

/// What each part of these indexes takes in memory, in bytes.
pub fn memory_parts(indexes: impl IntoIterator<Item = Memory>) -> [(&'static str, usize); 5] {
    let mut parts = [("codes", 0), ("links", 0), ("keys", 0), ("waiting", 0), ("other", 0)];
    for Memory { codes, links, keys, waiting, other } in indexes {
        for ((_, sum), bytes) in parts.iter_mut().zip([codes, links, keys, waiting, other]) {
            *sum += bytes;
        }
    }
    parts
}

/// What an index found, in the words of the service.
fn neighbors(found: Vec<eyrie_index::Neighbor>) -> Vec<Neighbor> {
    found.into_iter().map(|n| Neighbor { key: ImageKey(n.key), score: n.score }).collect()
}

fn check_dimension(expected: usize, descriptor: &Descriptor) -> Result<(), IndexError> {
    let actual = descriptor.dimension();
    if actual == expected { Ok(()) } else { Err(IndexError::Dimension { expected, actual }) }
}

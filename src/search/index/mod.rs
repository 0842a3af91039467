//! Nearest neighbours by cosine: an exact scan and a graph behind one trait.
//!
//! An index is derived from the store and can be thrown away: it holds keys and descriptors,
//! nothing else, and is filled again at the start. It knows neither ids nor metadata: a filter
//! comes as a bitmap of keys.

mod flat;
mod hnsw;
mod ranking;

pub use flat::FlatIndex;
pub use hnsw::HnswIndex;

use std::time::Duration;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use crate::domain::{Descriptor, ImageKey, Neighbor};

/// Why an index refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A descriptor of another length than the index holds.
    #[error("the index holds descriptors of {expected} values, this one has {actual}")]
    Dimension {
        /// Values per descriptor in the index.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// A parameter outside its range.
    #[error("{name} is {value}, it must be {allowed}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// The value given.
        value: usize,
        /// The range in words.
        allowed: &'static str,
    },
}

/// The index and how it follows the store. `config/default.toml` gives each key's meaning, unit,
/// range and default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexOptions {
    /// The graph.
    #[serde(flatten)]
    pub graph: HnswParams,
    /// How often the change log is read for what other processes stored.
    #[serde(rename = "follow_interval_ms", with = "crate::domain::milliseconds")]
    pub follow_interval: Duration,
}

/// Parameters of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HnswParams {
    /// Links of a point on each layer, 2 to 255.
    pub m: usize,
    /// Candidates kept while a point is inserted.
    pub ef_construction: usize,
    /// Candidates kept while searching, unless the query says otherwise.
    pub ef_search: usize,
    /// Up to this many candidates (points, or points that a filter leaves) are scanned exactly.
    pub exact_below: usize,
}

/// What a search asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchParams {
    /// How many neighbours.
    pub k: usize,
    /// Candidates kept in the graph search; `None` takes the index's default. Raised to `k` where
    /// smaller.
    pub ef: Option<usize>,
    /// Scan everything instead of searching the graph.
    pub exact: bool,
}

/// A set of descriptors that answers which are nearest. Shared between threads; every method takes
/// `&self` and blocks.
///
/// Results come in order of falling score, ties by rising key, none twice; the scores are exact
/// cosines. There are `min(k, live points that are allowed)` of them at least, and all those
/// besides that were looked at and tie with the `k`-th: whoever orders ties by something else than
/// the key can cut at `k` afterwards.
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
    ) -> Result<Vec<Neighbor>, IndexError>;

    /// How many points are live.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the index keeps, descriptors and links (an estimate).
    fn memory_bytes(&self) -> usize;
}

fn check_dimension(expected: usize, descriptor: &Descriptor) -> Result<(), IndexError> {
    let actual = descriptor.dimension();
    if actual == expected { Ok(()) } else { Err(IndexError::Dimension { expected, actual }) }
}

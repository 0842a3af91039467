//! The index as its owner sees it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roaring::RoaringTreemap;

use crate::error::{IndexError, OpenError, SaveError};
use crate::exact::ExactScore;
use crate::kernels::MAX_VALUES;
use crate::params::Params;
use crate::shared::Shared;
use crate::snapshot;
use crate::state::State;
use crate::vectors::{Record, Vectors};
use crate::{Found, Memory, SearchParams};

/// The most bytes of an owner's text.
const MAX_TEXT: usize = 4096;

fn check_text(text: &str) -> Result<(), IndexError> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    Err(IndexError::Parameter { name: "the length of the text", value: text.len(), allowed: "up to 4096 bytes" })
}

pub(crate) fn check_dimension(dimension: usize) -> Result<(), IndexError> {
    if (1..=MAX_VALUES).contains(&dimension) {
        return Ok(());
    }
    Err(IndexError::Parameter { name: "dimension", value: dimension, allowed: "1 to 65536" })
}

/// An index that was saved.
#[derive(Debug)]
pub struct Opened {
    /// The index, ready for searches and changes.
    pub index: Index,
    /// The stamp that it was saved with: changes behind it are to be applied (again).
    pub stamp: u64,
}

/// A set of vectors that answers which are nearest. Shared between threads; every method takes
/// `&self` and blocks. Dropping it stops its thread.
pub struct Index {
    pub(crate) shared: Arc<Shared>,
}

impl Index {
    /// An empty index of vectors with `dimension` values that is never saved. It costs next to
    /// nothing until points come; full vectors go to a temporary file that has no name.
    ///
    /// # Errors
    /// [`SaveError::Index`] when `dimension` is not 1 to 65,536 or a parameter is outside its
    /// range, [`SaveError::Io`] when there can be no temporary file.
    pub fn temporary(dimension: usize, params: Params, exact: ExactScore) -> Result<Self, SaveError> {
        params.check()?;
        check_dimension(dimension)?;
        let file = tempfile::tempfile().map_err(|source| SaveError::Io { what: "a temporary file", source })?;
        let vectors = Vectors::new(file, dimension);
        Ok(Self::new(State::new(dimension, params.m), params, exact, vectors, None))
    }

    /// An empty index in `folder`, which is made where it is missing; what was saved there before
    /// is removed. `text` says what the vectors are (their version, say): it is saved with
    /// them, and [`Index::open`] refuses another.
    ///
    /// # Errors
    /// As [`Index::temporary`].
    pub fn create(
        folder: &Path,
        text: &str,
        dimension: usize,
        params: Params,
        exact: ExactScore,
    ) -> Result<Self, SaveError> {
        params.check()?;
        check_dimension(dimension)?;
        check_text(text)?;
        let vectors =
            snapshot::create(folder).map_err(|source| SaveError::Io { what: "the folder of the index", source })?;
        let state = State::new(dimension, params.m);
        Ok(Self::new(state, params, exact, Vectors::new(vectors, dimension), Some((folder.into(), text.into()))))
    }

    /// Reads the index that was saved in `folder`. The file of the vectors is not read here: a
    /// damaged one shows in [`Found::unreadable`].
    ///
    /// # Errors
    /// [`OpenError`]: the index must be [created](Index::create) and filled anew then.
    pub fn open(
        folder: &Path,
        text: &str,
        dimension: usize,
        params: Params,
        exact: ExactScore,
    ) -> Result<Opened, OpenError> {
        params.check()?;
        check_dimension(dimension)?;
        check_text(text)?;
        let snapshot::Opened { state, stamp, vectors } = snapshot::open(folder, dimension, params, text)?;
        let vectors = Vectors::new(vectors, dimension);
        let index = Self::new(state, params, exact, vectors, Some((folder.into(), text.into())));
        Shared::start_upkeep(&index.shared);
        Ok(Opened { index, stamp })
    }

    fn new(state: State, params: Params, exact: ExactScore, vectors: Vectors, home: Option<(PathBuf, String)>) -> Self {
        Self { shared: Arc::new(Shared::new(state, params, exact, vectors, home)) }
    }

    /// Writes everything to the folder, in the place of what was saved before, beside searches and
    /// changes. Every change up to `stamp`, a number of the owner's, must have been applied; of
    /// later ones what is saved may hold some or none. After a crash the owner applies those behind
    /// the stamp again; why nothing is lost or wrong then is told in `snapshot/mod.rs`.
    ///
    /// # Errors
    /// [`SaveError`]; what was saved before is still there.
    pub fn save(&self, stamp: u64) -> Result<(), SaveError> {
        Shared::with_graph_at_rest(&self.shared, || snapshot::save(&self.shared, stamp))
    }

    /// Inserts points, or replaces those whose key is there. Replacing by the same vector does
    /// nothing, but for writing its record again where that is damaged. They are found by searches
    /// from the moment this returns.
    ///
    /// # Errors
    /// [`IndexError::Dimension`], [`IndexError::Norm`]: nothing is inserted then.
    /// [`IndexError::Full`]: some may be.
    pub fn upsert(&self, points: &[(u64, &[f32])]) -> Result<(), IndexError> {
        self.shared.upsert(points)?;
        Shared::start_upkeep(&self.shared);
        Ok(())
    }

    /// Removes a point; `false` when it is not there.
    pub fn remove(&self, key: u64) -> bool {
        let removed = self.shared.remove(key);
        if removed {
            Shared::start_upkeep(&self.shared);
        }
        removed
    }

    /// The nearest neighbours of `query`, among `allowed` where given (keys that are not in the
    /// index are ignored).
    ///
    /// # Errors
    /// [`IndexError::Dimension`], [`IndexError::Norm`].
    pub fn search(
        &self,
        query: &[f32],
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Found, IndexError> {
        self.shared.search(query, params, allowed)
    }

    /// The vector of a point; `None` when it is not there, or its record cannot be read.
    #[must_use]
    pub fn vector(&self, key: u64) -> Option<Vec<f32>> {
        let mut record = Record::default();
        // No record is written for another point while the lock is held.
        let state = self.shared.read();
        let slot = state.tables.slot_of(&state.points, key)?;
        self.shared.vectors.read(slot, state.points.check(slot), &mut record).then_some(record.values)
    }

    /// The keys of all points.
    #[must_use]
    pub fn keys(&self) -> RoaringTreemap {
        let state = self.shared.read();
        state.tables.keys(&state.points)
    }

    /// How many points there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.read().tables.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Dead points in the graph; they cost memory and a search's time until they are taken out.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.shared.read().dead
    }

    /// Points that every search compares with the query because the graph has not got them yet, or
    /// does not lead to them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.shared.read();
        state.waiting.len() + state.scanned.len()
    }

    /// Vectors that are kept in memory because they could not be written to their file.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.shared.vectors.unwritten()
    }

    /// Waits until the graph holds all that it should. Results are right before that too, only
    /// slower.
    pub fn settle(&self) {
        self.shared.wait_until_idle();
    }

    /// Bytes that the index keeps in memory: what is allocated, not only what is used.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let scratch = self.shared.scratch_bytes();
        let state = self.shared.read();
        let (codes, arrays) = state.points.bytes();
        Memory {
            codes,
            links: state.graph.bytes(),
            keys: arrays + state.tables.bytes(),
            waiting: state.lists_bytes() + self.shared.vectors.bytes(),
            other: scratch + size_of::<Shared>(),
        }
    }

    /// The instruction set that codes are compared with.
    #[must_use]
    pub fn isa(&self) -> &'static str {
        self.shared.kernels.isa()
    }

    /// Checks the structure: that every list, table, count and link agrees with the others. Takes
    /// about a second for a million points, and changes wait meanwhile.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let _writer = self.shared.writer();
        let state = self.shared.read();
        state.check(self.shared.view(&state))
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.shared.end_upkeep();
    }
}

// Not derived: the content may be millions of points.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("params", &self.shared.params).field("len", &self.len()).finish_non_exhaustive()
    }
}

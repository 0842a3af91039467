//! Nearest neighbours by cosine, for a million points in one small process.
//!
//! # The arrangement
//!
//! A point is a *slot*, a 32-bit number. What is known of it lies in flat arrays that grow in
//! chunks, so that growth copies nothing: its vector as 8-bit code with a scale (`codes`), its
//! keys, its links. That is about 950 bytes at 768 values and `m` = 16, tables and all. Its
//! full-precision vector lies in a file and is read only where an exact score needs it (`vectors`).
//!
//! One graph of small worlds over the codes (`graph`) grows point by point and is never rebuilt.
//! Its links are atomics: searches read them while insertions change them. What is deleted stays as
//! a dead point that routes searches until a tenth is dead; then what links to dead points is
//! linked to what is behind them, and their slots are free. Points that no path leads to are linked
//! again.
//!
//! An upsert writes the vector's record, gives it a slot, and returns: the slot waits, and every
//! search compares the waiting ones with the query. A thread of the index moves them into the graph
//! in batches (`upkeep`).
//!
//! A search takes candidates by code, from the graph and from what waits, or from a scan, and
//! scores the best ones exactly, as far as the known error of codes lets any of the others be among
//! the results (`search`). Scores in answers are always exact.
//!
//! A snapshot is the arrays, written beside everything else and taken whole at the next start
//! (`snapshot`, where the argument stands why a crash at any moment loses nothing).
//!
//! ```text
//!   upsert ──> record in `vectors` ──> waiting slot ──(upkeep)──> graph ──(removal)──> dead ──(upkeep)──> free
//!                                           │                       │
//!   search ───────────────── scan of codes ─┴─ graph over codes ────┴─> candidates ──> exact scores from `vectors`
//! ```
//!
//! # Locks
//!
//! `writer` (who changes which slots there are; held while records are written), then the state's
//! read-write lock (shared by a search or by the linking of one point, exclusive for microseconds),
//! then the stripe of a list of links. `control` (whether the thread runs or a snapshot is written)
//! is taken while none of them is held, or before them.

mod check;
mod chunked;
mod codes;
mod control;
mod error;
mod exact;
mod graph;
mod index;
mod kernels;
mod params;
mod points;
mod ranking;
mod search;
mod shared;
mod snapshot;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod upkeep;
mod vectors;

pub use error::{IndexError, OpenError, SaveError};
pub use exact::{ExactScore, cosines};
pub use index::{Index, Opened};
pub use params::Params;
pub use ranking::TopK;
#[cfg(feature = "fuzzing")]
pub use snapshot::mend_checksums;

/// What a search asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchParams {
    /// How many neighbours.
    pub k: usize,
    /// Candidates kept in the search of the graph; `None` takes the index's default. Raised to `k`
    /// where smaller.
    pub ef: Option<usize>,
    /// Look at every point instead of searching the graph.
    pub exact: bool,
}

/// A result: a point's key and its exact score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The point.
    pub key: u64,
    /// The exact score.
    pub score: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// In order of falling score, ties by rising key, none twice. There are `min(k, points that
    /// are allowed)` of them at least, and all those besides that were looked at and tie with the
    /// `k`-th: whoever orders ties by something else than the key can cut at `k` afterwards.
    pub neighbors: Vec<Neighbor>,
    /// Points that may belong to the neighbours, but whose vectors cannot be read: their records
    /// are damaged. They are missing above; upserting them again repairs them.
    pub unreadable: Vec<u64>,
}

/// Bytes in memory, by what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The 8-bit codes.
    pub codes: usize,
    /// The graph.
    pub links: usize,
    /// Keys, tables, and what is known of each code.
    pub keys: usize,
    /// Lists of points that wait or are free, and vectors that could not be written.
    pub waiting: usize,
    /// What searches use.
    pub other: usize,
}

impl Memory {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> usize {
        self.codes + self.links + self.keys + self.waiting + self.other
    }
}

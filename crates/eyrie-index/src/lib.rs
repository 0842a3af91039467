//! Nearest neighbours by cosine, for a million points in one small process.

mod check;
mod chunked;
mod codes;
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

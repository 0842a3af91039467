//! What can be chosen of an index.

use crate::error::IndexError;

/// The most candidates, while building and while searching.
const MAX_EF: usize = 100_000;

/// Parameters of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Links of a point on each layer but the lowest, which has twice as many; 2 to 255.
    pub m: usize,
    /// Candidates kept while a point is inserted, 1 to 100,000.
    pub ef_construction: usize,
    /// Candidates kept while searching, unless the search says otherwise; 1 to 100,000.
    pub ef_search: usize,
    /// Up to this many candidates (points, or points that a filter leaves) are scanned.
    pub exact_below: usize,
    /// Threads that link points, at least 1.
    pub threads: usize,
}

impl Params {
    /// Checks every range.
    ///
    /// # Errors
    /// [`IndexError::Parameter`] for the first that is outside.
    pub fn check(&self) -> Result<(), IndexError> {
        let check = |name, value: usize, low, high, allowed| {
            if (low..=high).contains(&value) { Ok(()) } else { Err(IndexError::Parameter { name, value, allowed }) }
        };
        check("m", self.m, 2, 255, "2 to 255")?;
        check("ef_construction", self.ef_construction, 1, MAX_EF, "1 to 100000")?;
        check("ef_search", self.ef_search, 1, MAX_EF, "1 to 100000")?;
        check("threads", self.threads, 1, 1024, "1 to 1024")
    }
}

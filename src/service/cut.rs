//! Which of the neighbours of a query a search is about.

/// Neighbours found beyond those of the page, to fill the places of images that are deleted during
/// the search.
pub(super) const SPARE: usize = 8;

/// Which part of the results a search is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) k: usize,
    pub(super) offset: usize,
    /// How many of the best are verified, whichever of them the page holds.
    pub(super) window: usize,
    /// How many are where none of these shows the same thing; not less.
    pub(super) reach: usize,
    /// Whether these are put in order by what was found, too.
    pub(super) expand: bool,
}

impl Cut {
    /// How many neighbours the backend is asked for, one more where the query finds itself.
    pub(super) fn with_spare(self, finds_itself: bool) -> usize {
        (self.offset + self.k).max(self.window) + SPARE + usize::from(finds_itself)
    }
}

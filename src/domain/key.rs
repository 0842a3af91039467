//! The internal name of an image.

use std::fmt;

/// What index, filters, change log and local features call an image. The database gives it once; it
/// is never used again, and no client sees it. A replaced image keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageKey(pub u64);

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

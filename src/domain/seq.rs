//! Places in the change log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The sequence number of a change. Numbers grow in the order of commits and may skip. The revision
/// of an image is the number of the change that last wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl Seq {
    /// Before the first change.
    pub const ZERO: Self = Self(0);
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! Where the ids of imported images come from.

use clap::ValueEnum;

use crate::service;

/// Where the id of an imported image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum IdFrom {
    /// A fresh one, in the order of time (UUIDv7)
    Random,
    /// The file's name without its extension; it must have only A-Z a-z 0-9 . _ - :
    Stem,
    /// The relative path, or that in the archive, with : for / and _ for characters that an id may
    /// not have
    Path,
    /// The SHA-256 of the bytes
    Hash,
}

impl From<IdFrom> for service::IdFrom {
    fn from(from: IdFrom) -> Self {
        match from {
            IdFrom::Random => Self::Random,
            IdFrom::Stem => Self::Stem,
            IdFrom::Path => Self::Path,
            IdFrom::Hash => Self::Hash,
        }
    }
}

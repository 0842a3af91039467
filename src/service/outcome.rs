//! What a write comes to, as far as all writes are alike.

use crate::domain::Seq;
use crate::store::{DeleteOutcome, InsertOutcome, WriteOutcome};

/// What became of a write.
pub(super) trait Outcome: Send + 'static {
    /// The change that was committed; `None` where nothing was.
    fn change(&self) -> Option<Seq>;

    /// Whether an image may have lost its original by it.
    fn discards(&self) -> bool {
        self.change().is_some()
    }
}

impl Outcome for InsertOutcome {
    fn discards(&self) -> bool {
        false
    }

    fn change(&self) -> Option<Seq> {
        match self {
            Self::Inserted(record) => Some(record.revision),
            Self::SameContent(_) | Self::IdTaken(_) | Self::OverQuota(_) | Self::UnknownCollection => None,
        }
    }
}

impl Outcome for WriteOutcome {
    fn change(&self) -> Option<Seq> {
        match self {
            Self::Created(record) | Self::Updated(record) => Some(record.revision),
            Self::PreconditionFailed | Self::OverQuota(_) | Self::UnknownImage | Self::UnknownCollection => None,
        }
    }
}

impl Outcome for DeleteOutcome {
    fn change(&self) -> Option<Seq> {
        match self {
            Self::Deleted(seq) => Some(*seq),
            Self::PreconditionFailed | Self::UnknownImage | Self::UnknownCollection => None,
        }
    }
}

impl Outcome for Option<Seq> {
    fn change(&self) -> Option<Seq> {
        *self
    }
}

//! In which order lists of images come.

use time::OffsetDateTime;

use super::{ImageId, ImageRecord};

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderBy {
    /// The id, by code point.
    #[default]
    Id,
    /// When the image was first stored; ties by id.
    Created,
    /// When it was last changed; ties by id.
    Updated,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// Whether the last comes first.
    pub descending: bool,
}

/// A place between two images of a list, where its next page begins. It stays one whatever is
/// stored and deleted meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The time that the list is ordered by, where it is ordered by one.
    pub time: Option<OffsetDateTime>,
    /// The id of the image behind which the place is.
    pub id: ImageId,
}

impl Order {
    /// The place behind an image.
    #[must_use]
    pub fn behind(self, record: &ImageRecord) -> Position {
        let time = match self.by {
            OrderBy::Id => None,
            OrderBy::Created => Some(record.created_at),
            OrderBy::Updated => Some(record.updated_at),
        };
        Position { time, id: record.id.clone() }
    }
}

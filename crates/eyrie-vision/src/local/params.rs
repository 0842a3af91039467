//! Numbers that several steps share.

/// Longest side of the picture on which features are looked for, in pixels.
pub const WORKING_SIDE: usize = 640;

/// Features to store of a picture.
pub const STORED_FEATURES: usize = 500;

/// Features to look for in a query: the object may fill a part of it only, and they are not stored.
pub const QUERY_FEATURES: usize = 1_000;

/// Most features of a picture.
pub const MAX_FEATURES: usize = 1_000;

/// Levels of the pyramid.
pub(super) const LEVELS: usize = 8;

/// Size of a level relative to the next, smaller one.
pub(super) const LEVEL_RATIO: f64 = 1.2;

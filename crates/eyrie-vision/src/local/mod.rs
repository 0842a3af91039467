//! Verification of a match by local features: whether two pictures show the same thing, and where.
//!
//! The descriptor of the whole picture finds what looks alike; here a short list of such candidates is checked spot by
//! spot. [`LocalFeatures::extract`] makes a few hundred features of a picture once, [`LocalFeatures::encode`] stores
//! them in about 19 KB, and [`match_pair`] compares two pictures in about a millisecond. What is stored is
//! computed in integers and is the same on every CPU. `docs/VERIFICATION.md` has the measurements.
//!
//! | file | what |
//! |---|---|
//! | `picture` | grey pictures: shrinking, smoothing |
//! | `detect`, `describe`, `angle` | blobs, their direction and their 256 bits |
//! | `features`, `codec` | the features of a picture, and their bytes |
//! | `matching`, `geometry`, `pair` | which features belong together, maps of the plane, what a pair shares |
//! | `verdict` | what it comes to |

mod angle;
mod codec;
mod describe;
mod detect;
mod features;
mod geometry;
mod levels;
mod matching;
mod pair;
mod picture;
#[cfg(test)]
mod tests;
mod verdict;

pub use codec::{DecodeError, VERSION};
pub use features::{ExtractError, LocalFeatures, MAX_SIDE};
pub use levels::{Levels, Verdict};
pub use pair::{MatchedRegion, Quad, VERIFIED_INLIERS, Verification, match_pair, order_by_verification};
pub use verdict::{NEAR_DUPLICATE_INLIERS, SAME_FRAME, verdict};

/// Longest side of the picture on which features are looked for, in pixels.
pub const WORKING_SIDE: usize = 640;

/// Features to store of a picture.
pub const STORED_FEATURES: usize = 500;

/// Features to look for in a query: the object may fill a part of it only, and they are not stored.
pub const QUERY_FEATURES: usize = 1_000;

/// Most features of a picture.
pub const MAX_FEATURES: usize = 1_000;

/// Levels of the pyramid.
const LEVELS: usize = 8;

/// Size of a level relative to the next, smaller one.
const LEVEL_RATIO: f64 = 1.2;

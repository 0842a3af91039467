//! Verification of a match by local features: whether two pictures show the same thing, and where.
//!
//! The descriptor of the whole picture finds what looks alike; here a short list of such candidates
//! is checked spot by spot. [`LocalFeatures::extract`] makes a few hundred features of a picture
//! once, [`LocalFeatures::encode`] stores them in up to 28 KB, and [`match_pair`] compares two
//! pictures in about a millisecond. What is stored is computed in integers and is the same on every
//! CPU. `docs/VERIFICATION.md` has the measurements.
//!
//! | file | what |
//! |---|---|
//! | `picture` | grey pictures: shrinking, smoothing |
//! | `detect`, `describe`, `angle` | blobs, their direction and their 256 bits |
//! | `features`, `codec` | the features of a picture, and their bytes |
//! | `hamming`, `matching`, `geometry`, `pair`, `region` | which features belong together, maps of the plane, what a pair shares |
//! | `cells` | what the network sees where, and how much of two pictures is alike in it |
//! | `pixels`, `agreement` | whether the pixels agree where features do |
//! | `contrast` | which of several variants of a design it is |
//! | `likelihood` | how sure a match is, and the order of verified results |
//! | `verdict` | what it comes to |

mod agreement;
mod angle;
mod cells;
mod codec;
mod contrast;
mod describe;
mod detect;
mod features;
mod geometry;
mod hamming;
mod levels;
mod likelihood;
mod matching;
mod pair;
mod params;
mod picture;
mod pixels;
mod region;
#[cfg(test)]
mod tests;
mod verdict;

pub use agreement::Agreement;
pub use cells::{BITS as CELL_BITS, Cell, Cells, MOST_CELLS};
pub use codec::{DecodeError, VERSION};
pub use contrast::{Contrasted, MOST_CONTRASTED, contrasts};
pub use features::{ExtractError, LocalFeatures, MAX_SIDE};
pub use levels::{Levels, Verdict};
pub use likelihood::rerank;
pub use pair::{Spot, VERIFIED_INLIERS, Verification, match_mirrored, match_pair, match_spots};
pub use params::{MAX_FEATURES, QUERY_FEATURES, STORED_FEATURES, WORKING_SIDE};
pub use region::{MatchedRegion, Quad};
pub use verdict::{NEAR_DUPLICATE_CONFIDENCE, NEAR_DUPLICATE_INLIERS, SAME_FRAME, verdict};

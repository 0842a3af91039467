//! The simulated chip: a VGG-16 with 2-bit weights and 5-bit activations in bit-exact integer
//! arithmetic.
//!
//! * [`ConvParams`], [`SoundConv`], [`NetworkParams`], [`Whitening`], [`ModelFile`]: the model as
//!   numbers, and as a file. Only what was checked becomes a [`NetworkParams`], and only that a
//!   [`Network`].
//! * [`Network`], [`Arena`], [`Team`]: the model packed for a CPU, the memory that passes need, and
//!   their threads.
//! * [`Layer`], [`run_layer`], [`max_pool_2x2`]: one layer at a time, for the quantiser.
//! * [`Kernels`], [`Isa`], [`Algorithm`]: which instructions do the work, and which way. The direct
//!   scalar kernel is the specification; the others equal it.
//! * [`Chip`], [`ChipSpec`], [`PassCost`]: chips to choose from, and what a pass would cost on one.
//!
//! Nothing here knows of images, or of the rest of the program.

pub mod arith;
mod chip;
mod codebook;
mod cost;
mod error;
mod feature_map;
mod kernels;
mod layers;
mod model_file;
mod network;
mod pack;
mod padded;
mod params;
mod random;
mod scratch;
mod spec;
mod team;
mod winograd;

pub use chip::{Chip, ChipError};
pub use cost::{LayerCost, PassCost, thousandths, thousandths_of_both};
pub use error::ModelError;
pub use feature_map::FeatureMap;
pub use kernels::{Isa, Kernels, UnknownIsa};
pub use layers::{Layer, max_pool_2x2, run_layer};
pub use model_file::{ModelFile, fingerprint};
pub use network::{Arena, Maps, Network};
pub use params::{ConvParams, LayerShape, NetworkParams, SoundConv, VGG16, Whitening};
pub use random::Random;
pub use spec::ChipSpec;
pub use team::{Team, TeamError};
pub use winograd::{Algorithm, UnknownAlgorithm};

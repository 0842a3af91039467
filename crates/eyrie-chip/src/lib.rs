//! The simulated chip: a VGG-16 with 2-bit weights and 5-bit activations in bit-exact integer arithmetic.
//!
//! * [`ConvParams`], [`NetworkParams`], [`Whitening`], [`ModelFile`]: the model as numbers and as a file.
//! * [`Network`], [`Arena`], [`Team`]: the model packed for a CPU, the memory that passes need, and their threads.
//! * [`Layer`], [`run_layer`], [`max_pool_2x2`]: one layer at a time, for the quantiser.
//! * [`Kernels`], [`Isa`]: which instructions do the work. The scalar kernel is the specification; the others equal it.
//! * [`ChipSpec`], [`CostReport`]: what a pass would cost on the chip.
//!
//! Nothing here knows of images, files on disk or the rest of the program.

pub mod arith;
mod codebook;
mod error;
mod feature_map;
mod kernels;
mod layers;
mod model_file;
mod network;
mod pack;
mod params;
mod spec;
mod team;

pub use error::ModelError;
pub use feature_map::FeatureMap;
pub use kernels::{Isa, Kernels, UnknownIsa};
pub use layers::{Layer, max_pool_2x2, run_layer};
pub use model_file::{ModelFile, fingerprint};
pub use network::{Arena, Maps, Network};
pub use params::{ConvParams, LayerShape, NetworkParams, VGG16, Whitening};
pub use spec::{ChipSpec, CostReport, LayerCost};
pub use team::{Team, TeamError};

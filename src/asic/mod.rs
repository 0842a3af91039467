//! The simulated chip: a VGG-16 with 2-bit weights and 5-bit activations in bit-exact integer arithmetic.
//!
//! Nothing here knows of images, files on disk or the rest of the program.

mod network;

pub use network::{ConvParams, FeatureMap, ModelError, NetworkParams, Whitening};

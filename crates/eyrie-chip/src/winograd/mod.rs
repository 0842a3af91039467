//! Winograd's minimal filtering over the chip's integers: the same sums as the direct convolution,
//! bit for bit, with less than half the products (S. Winograd, "Arithmetic Complexity of
//! Computations", 1980; A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
//! arXiv 1509.09308).
//!
//! * [`algebra`]: the transforms, as sums and differences of whatever can be added.
//! * [`proof`]: what is checked of a layer before its sums are computed this way, and the constants
//!   that follow from it.
//! * `runs`: what fits 16 bits, on x86-64.
//! * [`buffers`]: the memory that a thread needs.
//! * [`layer`]: a layer over the padded maps of a batch: tiles, their groups, and the blocks of
//!   output channels.
//!
//! Five-bit activations and 2-bit weights leave room in a byte: the transformed inputs and weights
//! are bytes again, the products are added in 32 bits, and nothing is rounded. docs/NUMERICS.md has
//! the whole argument.

pub(crate) mod algebra;
mod algorithm;
pub(crate) mod buffers;
pub(crate) mod layer;
pub(crate) mod proof;
#[cfg(target_arch = "x86_64")]
pub(crate) mod runs;

pub use algorithm::{Algorithm, UnknownAlgorithm};

//! Kernels for 64-bit Arm.

pub(super) mod neon;

use super::tiles::{each_pixel, tiles};
use super::{Isa, Kernels};

pub(super) const NEON: Kernels =
    Kernels { isa: Isa::Neon, expand: neon::expand, conv_block: neon::conv_block, bare_products: neon::bare_products };

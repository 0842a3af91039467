//! The functions of each set of instructions.

use super::neon;
use crate::kernels::isa::Isa;
use crate::kernels::table::Kernels;

pub(in crate::kernels) const NEON: Kernels =
    Kernels { isa: Isa::Neon, expand: neon::expand, conv_block: neon::conv_block, bare_products: neon::bare_products };

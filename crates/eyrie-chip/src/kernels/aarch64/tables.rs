//! The functions of each set of instructions.

use super::{neon, winograd};
use crate::kernels::isa::Isa;
use crate::kernels::table::Kernels;
use crate::winograd::Algorithm;

pub(in crate::kernels) const NEON: Kernels = Kernels {
    isa: Isa::Neon,
    expand: neon::expand,
    conv_block: neon::conv_block,
    bare_products: neon::bare_products,
    winograd: [Some(winograd::NARROW), Some(winograd::WIDE)],
    prefers_winograd: true,
    algorithm: Algorithm::Auto,
};

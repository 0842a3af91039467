//! The functions of each set of instructions.

use super::{amx, avx2, avx512vnni, avxvnni, winograd};
use crate::kernels::isa::Isa;
use crate::kernels::table::Kernels;
use crate::winograd::Algorithm;

macro_rules! kernels {
    ($isa:ident, $expand:path, $file:ident, $winograd:expr, $prefers_winograd:literal) => {
        Kernels {
            isa: Isa::$isa,
            expand: $expand,
            conv_block: $file::conv_block,
            bare_products: $file::bare_products,
            winograd: $winograd,
            prefers_winograd: $prefers_winograd,
            algorithm: Algorithm::Auto,
        }
    };
}

// Wide tiles leave room for one or two sums in 16 bits: not with AVX2.
pub(in crate::kernels) const AVX2: Kernels =
    kernels!(Avx2, avx2::expand, avx2, [Some(winograd::avx2::NARROW), None], true);
pub(in crate::kernels) const AVX_VNNI: Kernels =
    kernels!(AvxVnni, avx2::expand, avxvnni, [Some(winograd::avxvnni::NARROW), Some(winograd::avxvnni::WIDE)], true);
pub(in crate::kernels) const AVX512_VNNI: Kernels = kernels!(
    Avx512Vnni,
    avx512vnni::expand,
    avx512vnni,
    [Some(winograd::avx512vnni::NARROW), Some(winograd::avx512vnni::WIDE)],
    true
);
// A tile product does the work of sixteen vectors: fewer products by way of vectors are not faster.
pub(in crate::kernels) const AMX: Kernels =
    kernels!(Amx, amx::expand, amx, [Some(winograd::avx512vnni::NARROW), Some(winograd::avx512vnni::WIDE)], false);

//! The functions of each set of instructions.

use super::{amx, avx2, avx512vnni, avxvnni};
use crate::kernels::isa::Isa;
use crate::kernels::table::Kernels;

macro_rules! kernels {
    ($isa:ident, $expand:path, $file:ident) => {
        Kernels { isa: Isa::$isa, expand: $expand, conv_block: $file::conv_block, bare_products: $file::bare_products }
    };
}

pub(in crate::kernels) const AVX2: Kernels = kernels!(Avx2, avx2::expand, avx2);
pub(in crate::kernels) const AVX_VNNI: Kernels = kernels!(AvxVnni, avx2::expand, avxvnni);
pub(in crate::kernels) const AVX512_VNNI: Kernels = kernels!(Avx512Vnni, avx512vnni::expand, avx512vnni);
pub(in crate::kernels) const AMX: Kernels = kernels!(Amx, amx::expand, amx);

//! Kernels for x86-64.

pub(super) mod amx;
pub(super) mod avx2;
pub(super) mod avx512vnni;
pub(super) mod avxvnni;
#[cfg(all(test, target_os = "linux"))]
pub(super) mod emulator;

use super::{Isa, Kernels};

macro_rules! kernels {
    ($isa:ident, $expand:path, $file:ident) => {
        Kernels { isa: Isa::$isa, expand: $expand, conv_block: $file::conv_block, bare_products: $file::bare_products }
    };
}

pub(super) const AVX2: Kernels = kernels!(Avx2, avx2::expand, avx2);
pub(super) const AVX_VNNI: Kernels = kernels!(AvxVnni, avx2::expand, avxvnni);
pub(super) const AVX512_VNNI: Kernels = kernels!(Avx512Vnni, avx512vnni::expand, avx512vnni);
pub(super) const AMX: Kernels = kernels!(Amx, amx::expand, amx);

use super::tiles::{each_pixel, tiles};

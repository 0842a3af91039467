//! Which kernels there are on this CPU.

#[cfg(target_arch = "aarch64")]
use super::aarch64;
use super::isa::Isa;
use super::scalar;
use super::table::Kernels;
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use crate::winograd::Algorithm;

impl Kernels {
    /// The fastest that this CPU runs.
    pub fn detect() -> Self {
        Isa::ALL.into_iter().rev().find_map(Self::for_isa).unwrap_or(Self::scalar())
    }

    /// The portable ones.
    pub fn scalar() -> Self {
        Self {
            isa: Isa::Scalar,
            expand: scalar::expand,
            conv_block: scalar::conv_block,
            bare_products: scalar::bare_products,
            winograd: [scalar::NARROW, scalar::WIDE].map(Some),
            // The scalar kernel is the definition: it stays direct unless it is told otherwise.
            prefers_winograd: false,
            algorithm: Algorithm::Auto,
        }
    }

    /// Those of `isa`, if this CPU has it.
    pub fn for_isa(isa: Isa) -> Option<Self> {
        match isa {
            Isa::Scalar => Some(Self::scalar()),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::avx2::is_supported().then_some(x86_64::tables::AVX2),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => x86_64::avxvnni::is_supported().then_some(x86_64::tables::AVX_VNNI),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => x86_64::avx512vnni::is_supported().then_some(x86_64::tables::AVX512_VNNI),
            #[cfg(target_arch = "x86_64")]
            Isa::Amx => x86_64::amx::is_supported().then_some(x86_64::tables::AMX),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni | Isa::Amx => None,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => aarch64::neon::is_supported().then_some(aarch64::tables::NEON),
            #[cfg(not(target_arch = "aarch64"))]
            Isa::Neon => None,
        }
    }

    /// All that this CPU runs, slowest first; the first is scalar.
    pub fn available() -> Vec<Self> {
        Isa::ALL.into_iter().filter_map(Self::for_isa).collect()
    }
}

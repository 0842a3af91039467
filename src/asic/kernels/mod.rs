//! The inner loops, one file for each instruction set, all with the same functions.
//!
//! | ISA | file | how | needs |
//! |---|---|---|---|
//! | scalar | `scalar.rs` | the specification: plain loops over [`arith`](super::arith) | nothing |
//! | avx2 | `x86_64/avx2.rs` | tiles of 6 pixels x 16 channels, sums in 16 bits as far as they fit | AVX2 |
//! | avx512vnni | `x86_64/avx512vnni.rs` | tiles of 14 pixels x 32 channels, `vpdpbusd` | AVX-512 F, BW, VNNI |
//!
//! Which one runs is decided once, at start, by [`Kernels::detect`]; every one gives the same bytes.

mod scalar;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::fmt;
use std::str::FromStr;

use super::pack::PackedConv;

/// A set of instructions that has a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Portable code; the specification of all others.
    Scalar,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 F, BW and VNNI.
    Avx512Vnni,
}

impl Isa {
    /// All of them, slowest first.
    pub const ALL: [Isa; 3] = [Isa::Scalar, Isa::Avx2, Isa::Avx512Vnni];

    /// The name that [`FromStr`] reads: `scalar`, `avx2` or `avx512vnni`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512Vnni => "avx512vnni",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of an [`Isa`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no instruction set that has kernels; use scalar, avx2 or avx512vnni")]
pub struct UnknownIsa(pub String);

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| UnknownIsa(name.to_owned()))
    }
}

/// Convolves a band of rows.
///
/// * `panel`: scratch of at least `conv.panel_len()` bytes, best aligned to 64.
/// * `src`: the padded rows above, of and below the band: `(rows + 2) * (width + 2) * conv.cin` bytes.
/// * `dst`: `rows * (width + 2) * conv.cout` bytes; the first and last pixel of each row are left alone.
pub(crate) type ConvBand =
    fn(conv: &PackedConv, panel: &mut [i8], src: &[u8], rows: usize, width: usize, dst: &mut [u8]);

/// The functions of one instruction set. Cheap to copy; get one from [`Kernels::detect`].
#[derive(Debug, Clone, Copy)]
pub struct Kernels {
    isa: Isa,
    conv_band: ConvBand,
}

impl Kernels {
    /// The fastest that this CPU runs.
    pub fn detect() -> Self {
        Isa::ALL.into_iter().rev().find_map(Self::for_isa).unwrap_or(Self::scalar())
    }

    /// The portable ones.
    pub fn scalar() -> Self {
        Self { isa: Isa::Scalar, conv_band: scalar::conv_band }
    }

    /// Those of `isa`, if this CPU has it.
    pub fn for_isa(isa: Isa) -> Option<Self> {
        match isa {
            Isa::Scalar => Some(Self::scalar()),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::avx2::is_supported().then_some(Self { isa, conv_band: x86_64::avx2::conv_band }),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => {
                x86_64::avx512vnni::is_supported().then_some(Self { isa, conv_band: x86_64::avx512vnni::conv_band })
            }
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512Vnni => None,
        }
    }

    /// All that this CPU runs, slowest first; the first is scalar.
    pub fn available() -> Vec<Self> {
        Isa::ALL.into_iter().filter_map(Self::for_isa).collect()
    }

    /// What they need of the CPU.
    pub fn isa(self) -> Isa {
        self.isa
    }

    /// Checks the lengths that every kernel relies on, then convolves a band; see [`ConvBand`].
    pub(crate) fn conv_band(
        self,
        conv: &PackedConv,
        panel: &mut [i8],
        src: &[u8],
        rows: usize,
        width: usize,
        dst: &mut [u8],
    ) {
        assert_eq!(src.len(), (rows + 2) * (width + 2) * conv.cin, "padded input rows");
        assert_eq!(dst.len(), rows * (width + 2) * conv.cout, "output rows");
        let panel = &mut panel[..conv.panel_len()];
        (self.conv_band)(conv, panel, src, rows, width, dst);
    }
}

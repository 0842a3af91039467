//! The inner loops, one file for each instruction set, all with the same functions.
//!
//! | ISA | file | how | needs |
//! |---|---|---|---|
//! | scalar | `scalar.rs` | the specification: plain loops over [`arith`](super::arith) | nothing |
//! | avx2 | `x86_64/avx2.rs` | tiles of 6 pixels x 16 channels, sums in 16 bits as far as they fit | AVX2 |
//! | avxvnni | `x86_64/avxvnni.rs` | the same tiles, `vpdpbusd` | AVX2, AVX-VNNI |
//! | avx512vnni | `x86_64/avx512vnni.rs` | tiles of 14 pixels x 32 channels, `vpdpbusd` | AVX-512 F, BW, VNNI |
//! | amx | `x86_64/amx.rs` | tiles of 32 pixels x 32 channels, `tdpbusd` | AMX tiles and INT8, AVX-512 VNNI, Linux 5.16 |
//! | neon | `aarch64/neon.rs` | tiles of 6 pixels x 16 channels, `sdot` | NEON with the dot-product extension |
//!
//! Which one runs is decided once, at start, by [`Kernels::detect`]; every one gives the same bytes.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod scalar;
#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tiles;
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
    /// x86-64 with AVX2 and AVX-VNNI.
    AvxVnni,
    /// x86-64 with AVX-512 F, BW and VNNI.
    Avx512Vnni,
    /// x86-64 with AMX tiles of bytes and AVX-512 VNNI.
    Amx,
    /// 64-bit Arm with the dot-product extension.
    Neon,
}

impl Isa {
    /// All of them; those of one architecture slowest first.
    pub const ALL: [Isa; 6] = [Isa::Scalar, Isa::Avx2, Isa::AvxVnni, Isa::Avx512Vnni, Isa::Amx, Isa::Neon];

    /// The name that [`FromStr`] reads, such as `avx512vnni`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::AvxVnni => "avxvnni",
            Isa::Avx512Vnni => "avx512vnni",
            Isa::Amx => "amx",
            Isa::Neon => "neon",
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
#[error("{0:?} is no instruction set that has kernels; use one of {names}", names = Isa::ALL.map(Isa::name).join(", "))]
pub struct UnknownIsa(pub String);

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| UnknownIsa(name.to_owned()))
    }
}

/// Expands the codes of a block of [`BLOCK`](super::pack::BLOCK) output channels to levels: `conv.panel_len()` bytes of
/// `panel`, in an order that is the kernel's own.
type Expand = fn(conv: &PackedConv, block: usize, panel: &mut [i8]);

/// Convolves a band of rows with the block that [`Expand`] wrote to `panel` and writes the block's channels.
///
/// `sums` is scratch of [`SUMS`] integers for kernels whose sums do not fit their registers.
type ConvBlock = fn(conv: &PackedConv, block: usize, panel: &[i8], sums: &mut [i32], band: Band<'_>);

/// The products of a kernel's inner loop and nothing else, `steps` times: no addresses to compute, no memory beyond the
/// first-level cache. Returns the number of multiply-accumulates.
type BareProducts = fn(steps: u64) -> u64;

/// Integers of scratch that a kernel may use for sums.
pub(crate) const SUMS: usize = 512 * super::pack::BLOCK;

/// A band of neighbouring rows of a map.
#[derive(Debug)]
pub(crate) struct Band<'a> {
    /// The padded rows above, of and below the band: `(rows + 2) * (width + 2) * cin` bytes.
    pub(crate) src: &'a [u8],
    /// Rows.
    pub(crate) rows: usize,
    /// Pixels of a row, without the border.
    pub(crate) width: usize,
    /// `rows * (width + 2) * cout` bytes; the first and last pixel of each row are left alone.
    pub(crate) dst: &'a mut [u8],
}

/// The functions of one instruction set. Cheap to copy; get one from [`Kernels::detect`].
#[derive(Debug, Clone, Copy)]
pub struct Kernels {
    isa: Isa,
    expand: Expand,
    conv_block: ConvBlock,
    bare_products: BareProducts,
}

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
        }
    }

    /// Those of `isa`, if this CPU has it.
    pub fn for_isa(isa: Isa) -> Option<Self> {
        match isa {
            Isa::Scalar => Some(Self::scalar()),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::avx2::is_supported().then_some(x86_64::AVX2),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => x86_64::avxvnni::is_supported().then_some(x86_64::AVX_VNNI),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => x86_64::avx512vnni::is_supported().then_some(x86_64::AVX512_VNNI),
            #[cfg(target_arch = "x86_64")]
            Isa::Amx => x86_64::amx::is_supported().then_some(x86_64::AMX),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni | Isa::Amx => None,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => aarch64::neon::is_supported().then_some(aarch64::NEON),
            #[cfg(not(target_arch = "aarch64"))]
            Isa::Neon => None,
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

    /// Runs the products of the inner loop alone, `steps` times, on this thread and returns how many
    /// multiply-accumulates that were. Their number over the time they take is the roof of this CPU for this kernel: no
    /// convolution can be faster.
    pub fn bare_products(self, steps: u64) -> u64 {
        (self.bare_products)(steps)
    }

    /// See [`Expand`].
    pub(crate) fn expand(self, conv: &PackedConv, block: usize, panel: &mut [i8]) {
        (self.expand)(conv, block, &mut panel[..conv.panel_len()]);
    }

    /// Checks the lengths that every kernel relies on; see [`ConvBlock`].
    pub(crate) fn conv_block(self, conv: &PackedConv, block: usize, panel: &[i8], sums: &mut [i32], band: Band<'_>) {
        assert_eq!(band.src.len(), (band.rows + 2) * (band.width + 2) * conv.cin, "padded input rows");
        assert_eq!(band.dst.len(), band.rows * (band.width + 2) * conv.cout, "output rows");
        (self.conv_block)(conv, block, &panel[..conv.panel_len()], &mut sums[..SUMS], band);
    }
}

//! The inner loops, one file for each instruction set, all with the same functions.
//!
//! | ISA | file | how | needs |
//! |---|---|---|---|
//! | scalar | `scalar.rs` | the specification: plain loops over [`arith`](crate::arith) | nothing |
//! | avx2 | `x86_64/avx2.rs` | tiles of 6 pixels x 16 channels, sums in 16 bits as far as they fit | AVX2 |
//! | avxvnni | `x86_64/avxvnni.rs` | the same tiles, `vpdpbusd` | AVX2, AVX-VNNI |
//! | avx512vnni | `x86_64/avx512vnni.rs` | tiles of 14 pixels x 32 channels, `vpdpbusd` | AVX-512 F, BW, VNNI |
//! | amx | `x86_64/amx.rs` | tiles of 32 pixels x 32 channels, `tdpbusd` | AMX tiles and INT8, AVX-512 VNNI, Linux 5.16 |
//! | neon | `aarch64/neon.rs` | tiles of 6 pixels x 16 channels, `sdot` | NEON with the dot-product extension |
//!
//! Beside its inner loop each has vectors for Winograd's tiles, whose bodies are written once for
//! all, in `winograd.rs`. AMX has none of its own: asked for tiles, it takes those of AVX-512 VNNI.
//!
//! Which one runs is decided once, at start, by [`Kernels::detect`]; every one gives the same
//! bytes.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod choice;
mod isa;
mod scalar;
mod table;
#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tiles;
pub(crate) mod winograd;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use isa::{Isa, UnknownIsa};
pub use table::Kernels;
pub(crate) use table::{Band, SUMS};

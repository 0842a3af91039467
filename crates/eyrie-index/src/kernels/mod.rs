//! The inner loop: dot products of one code with others.
//!
//! | ISA | file | how | needs |
//! |---|---|---|---|
//! | scalar | `scalar.rs` | the specification: a plain loop | nothing |
//! | avx2 | `x86_64/avx2.rs` | `vpmaddubsw` of magnitudes and signed values | AVX2 |
//! | avxvnni | `x86_64/avxvnni.rs` | `vpdpbusd` of the same | AVX2, AVX-VNNI |
//! | avx512vnni | `x86_64/avx512vnni.rs` | `vpdpbusd` of values moved by 128 | AVX-512 F, BW, VNNI |
//! | neon | `aarch64/neon.rs` | `sdot` | NEON with the dot-product extension |
//!
//! Four codes are taken at a time, and the lines of the next four are fetched from memory
//! meanwhile. Which kernel runs is decided once, at start; every one gives the same integers.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod scalar;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// Codes are padded with zeros to a multiple of this many bytes, a line of the cache.
pub(crate) const LINE: usize = 64;

/// The most values a code has: no sum of products overflows 32 bits.
pub(crate) const MAX_VALUES: usize = 1 << 16;

/// Writes the dot product of `query` with each of `codes` to `sums`. All codes have the length of
/// the query, a multiple of [`LINE`]; no value is -128; there are as many sums as codes.
type Dots = fn(query: &[i8], codes: &[&[i8]], sums: &mut [i32]);

/// The functions of one instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Kernels {
    isa: &'static str,
    dots: Dots,
}

impl Kernels {
    /// The fastest that this CPU runs.
    pub(crate) fn detect() -> Self {
        Self::available().pop().unwrap_or(scalar::KERNELS)
    }

    /// All that this CPU runs, slowest first; the first is scalar.
    pub(crate) fn available() -> Vec<Self> {
        let all = [
            Some(scalar::KERNELS),
            #[cfg(target_arch = "x86_64")]
            x86_64::avx2::is_supported().then_some(x86_64::avx2::KERNELS),
            #[cfg(target_arch = "x86_64")]
            x86_64::avxvnni::is_supported().then_some(x86_64::avxvnni::KERNELS),
            #[cfg(target_arch = "x86_64")]
            x86_64::avx512vnni::is_supported().then_some(x86_64::avx512vnni::KERNELS),
            #[cfg(target_arch = "aarch64")]
            aarch64::neon::is_supported().then_some(aarch64::neon::KERNELS),
        ];
        all.into_iter().flatten().collect()
    }

    /// What they need of the CPU.
    pub(crate) fn isa(self) -> &'static str {
        self.isa
    }

    /// See [`Dots`]; checks the lengths that every kernel relies on.
    #[inline]
    pub(crate) fn dots(self, query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
        assert!(query.len().is_multiple_of(LINE) && query.len() <= MAX_VALUES, "whole lines");
        assert!(codes.iter().all(|code| code.len() == query.len()), "codes of one length");
        (self.dots)(query, codes, &mut sums[..codes.len()]);
    }
}

impl std::fmt::Debug for Kernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.isa)
    }
}

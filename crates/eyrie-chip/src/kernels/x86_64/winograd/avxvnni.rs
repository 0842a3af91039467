//! AVX-VNNI: the vectors of AVX2 with `vpdpbusd`, whose sums have 32 bits.
#![expect(unsafe_code, reason = "vector instructions, and the call into code for a CPU that was detected")]

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32, _mm256_setzero_si256,
};

use super::avx2::{Bytes, Sums, TILES};
use crate::codebook::Codebook;
use crate::kernels::tiles::each_pixel;
use crate::kernels::winograd::{LANES, Simd, Winograd, Work};
use crate::kernels::x86_64::avx2::Epilogue;
use crate::pack::PackedConv;

pub(in crate::kernels) const NARROW: Winograd = Winograd { tiles: TILES, run: narrow };
pub(in crate::kernels) const WIDE: Winograd = Winograd { tiles: TILES, run: wide };

fn narrow(work: Work<'_>) {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { narrow_tiles(work) }
}

fn wide(work: Work<'_>) {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { wide_tiles(work) }
}

#[target_feature(enable = "avx2,avxvnni")]
fn narrow_tiles(work: Work<'_>) {
    work.run::<AvxVnni, false>();
}

#[target_feature(enable = "avx2,avxvnni")]
fn wide_tiles(work: Work<'_>) {
    work.run::<AvxVnni, true>();
}

struct AvxVnni;

impl Simd for AvxVnni {
    type Bytes = Bytes;
    type Sums = Sums;
    type Products = [[__m256i; 2]; TILES];
    type Epilogue = Epilogue;

    const WIDTH: usize = Bytes::WIDTH;
    const TILES: usize = TILES;
    const CHANNELS: usize = LANES;

    super::shared!();

    #[inline(always)]
    fn zero() -> Self::Products {
        // SAFETY: called on CPUs with AVX2 alone.
        [[unsafe { _mm256_setzero_si256() }; 2]; TILES]
    }

    #[inline(always)]
    fn add_products(mut acc: Self::Products, v: &[u8], weights: &[i8], cin: usize, _run: usize) -> Self::Products {
        assert!(cin.is_multiple_of(4) && v.len() >= TILES * cin && weights.len() >= cin * LANES);
        let (mut inputs, mut weights) = (v.as_ptr(), weights.as_ptr());
        // SAFETY: on a CPU with AVX2 and AVX-VNNI. A step takes 64 bytes of weights and four bytes
        // of each tile's `cin`; asserted above.
        unsafe {
            for _ in 0..cin / 4 {
                let low = _mm256_loadu_si256(weights.cast::<__m256i>());
                let high = _mm256_loadu_si256(weights.wrapping_add(32).cast::<__m256i>());
                each_pixel!(TILES, tile => {
                    let four = _mm256_set1_epi32(inputs.wrapping_add(tile * cin).cast::<i32>().read_unaligned());
                    acc[tile][0] = _mm256_dpbusd_avx_epi32(acc[tile][0], four, low);
                    acc[tile][1] = _mm256_dpbusd_avx_epi32(acc[tile][1], four, high);
                });
                weights = weights.wrapping_add(4 * LANES);
                inputs = inputs.wrapping_add(4);
            }
        }
        acc
    }
}

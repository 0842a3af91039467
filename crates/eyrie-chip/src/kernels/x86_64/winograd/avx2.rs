//! AVX2: groups of 6 tiles by 16 channels, products added in 16 bits as far as the weights of each
//! place allow ([`runs`](crate::winograd::runs)).
#![expect(unsafe_code, reason = "vector instructions, and the call into code for a CPU that was detected")]

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, __m256i, _mm_storeu_si128, _mm256_add_epi8, _mm256_add_epi16, _mm256_add_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_epi32, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_srai_epi32, _mm256_storeu_si256, _mm256_sub_epi8, _mm256_sub_epi32,
};
use std::ops::{Add, Sub};

use crate::codebook::Codebook;
use crate::kernels::tiles::each_pixel;
use crate::kernels::winograd::{LANES, Simd, Winograd, Work};
use crate::kernels::x86_64::avx2::{self, Epilogue};
use crate::pack::PackedConv;

/// Tiles of a group.
pub(super) const TILES: usize = 6;

pub(in crate::kernels) const NARROW: Winograd = Winograd { tiles: TILES, run: narrow };

fn narrow(work: Work<'_>) {
    assert!(avx2::is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { narrow_tiles(work) }
}

#[target_feature(enable = "avx2")]
fn narrow_tiles(work: Work<'_>) {
    work.run::<Avx2, false>();
}

/// 32 bytes.
#[derive(Clone, Copy)]
pub(super) struct Bytes(__m256i);

impl Add for Bytes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX2 alone.
        Self(unsafe { _mm256_add_epi8(self.0, other.0) })
    }
}

impl Sub for Bytes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX2 alone.
        Self(unsafe { _mm256_sub_epi8(self.0, other.0) })
    }
}

impl Bytes {
    pub(super) const WIDTH: usize = 32;

    #[inline(always)]
    pub(super) fn splat(byte: u8) -> Self {
        // SAFETY: called on CPUs with AVX2 alone.
        Self(unsafe { _mm256_set1_epi8(byte.cast_signed()) })
    }

    #[inline(always)]
    pub(super) fn load(bytes: &[u8]) -> Self {
        let bytes = &bytes[..Self::WIDTH];
        // SAFETY: 32 bytes, on a CPU with AVX2.
        Self(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast::<__m256i>()) })
    }

    #[inline(always)]
    pub(super) fn store(self, bytes: &mut [u8]) {
        let bytes = &mut bytes[..Self::WIDTH];
        // SAFETY: 32 bytes that are ours to write, on a CPU with AVX2.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast::<__m256i>(), self.0) };
    }

    #[inline(always)]
    pub(super) fn store_levels(self, levels: &mut [i8]) {
        let levels = &mut levels[..Self::WIDTH];
        // SAFETY: 32 bytes that are ours to write, on a CPU with AVX2.
        unsafe { _mm256_storeu_si256(levels.as_mut_ptr().cast::<__m256i>(), self.0) };
    }

    #[inline(always)]
    pub(super) fn levels(codebook: Codebook, codes: &[u8]) -> Self {
        let (codes, _) = codes.as_chunks::<{ Self::WIDTH / 4 }>();
        // SAFETY: called on CPUs with AVX2 alone.
        Self(unsafe { avx2::eight_levels(avx2::level_table(codebook), &codes[0]) })
    }
}

/// Sixteen sums.
#[derive(Clone, Copy)]
pub(super) struct Sums([__m256i; 2]);

impl Add for Sums {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX2 alone.
        Self(unsafe { [_mm256_add_epi32(self.0[0], other.0[0]), _mm256_add_epi32(self.0[1], other.0[1])] })
    }
}

impl Sub for Sums {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX2 alone.
        Self(unsafe { [_mm256_sub_epi32(self.0[0], other.0[0]), _mm256_sub_epi32(self.0[1], other.0[1])] })
    }
}

impl Sums {
    /// The products of a tile by sixteen channels.
    #[inline(always)]
    pub(super) fn parts(products: [__m256i; 2]) -> [Self; 1] {
        [Self(products)]
    }

    #[inline(always)]
    pub(super) fn load(sums: &[i32]) -> Self {
        let sums = sums[..LANES].as_ptr();
        // SAFETY: sixteen integers, eight in each half, on a CPU with AVX2.
        Self(unsafe {
            [_mm256_loadu_si256(sums.cast::<__m256i>()), _mm256_loadu_si256(sums.wrapping_add(8).cast::<__m256i>())]
        })
    }

    #[inline(always)]
    pub(super) fn store(self, sums: &mut [i32]) {
        let sums = sums[..LANES].as_mut_ptr();
        // SAFETY: sixteen integers that are ours to write, eight in each half, on a CPU with AVX2.
        unsafe {
            _mm256_storeu_si256(sums.cast::<__m256i>(), self.0[0]);
            _mm256_storeu_si256(sums.wrapping_add(8).cast::<__m256i>(), self.0[1]);
        }
    }

    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX2 alone.
        Self(unsafe { [_mm256_max_epi32(self.0[0], other.0[0]), _mm256_max_epi32(self.0[1], other.0[1])] })
    }

    #[inline(always)]
    pub(super) fn shift<const WIDE: bool>(self) -> Self {
        let [low, high] = self.0;
        // SAFETY: vectors are made and used on CPUs with AVX2 alone.
        Self(unsafe {
            if WIDE {
                [_mm256_srai_epi32::<3>(low), _mm256_srai_epi32::<3>(high)]
            } else {
                [_mm256_srai_epi32::<2>(low), _mm256_srai_epi32::<2>(high)]
            }
        })
    }

    #[inline(always)]
    pub(super) fn activate(self, epilogue: &Epilogue, to: &mut [u8]) {
        let to = &mut to[..LANES];
        // SAFETY: sixteen bytes that are ours to write, on a CPU with AVX2.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast::<__m128i>(), epilogue.apply(self.0)) };
    }
}

struct Avx2;

impl Simd for Avx2 {
    type Bytes = Bytes;
    type Sums = Sums;
    type Products = [[__m256i; 2]; TILES];
    type Epilogue = Epilogue;

    const WIDTH: usize = Bytes::WIDTH;
    const TILES: usize = TILES;
    const CHANNELS: usize = LANES;
    const IN_RUNS: bool = true;

    super::shared!();

    #[inline(always)]
    fn zero() -> Self::Products {
        // SAFETY: called on CPUs with AVX2 alone.
        [[unsafe { _mm256_setzero_si256() }; 2]; TILES]
    }

    #[inline(always)]
    fn add_products(mut acc: Self::Products, v: &[u8], weights: &[i8], cin: usize, run: usize) -> Self::Products {
        assert!(cin.is_multiple_of(4) && v.len() >= TILES * cin && weights.len() >= cin * LANES);
        assert!(run > 0);
        let (mut inputs, mut weights) = (v.as_ptr(), weights.as_ptr());
        // SAFETY: on a CPU with AVX2. All runs together are `cin / 4` groups, and a group is 64
        // bytes of weights and four bytes of each tile's `cin`; asserted above.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut left = cin / 4;
            while left > 0 {
                let steps = left.min(run);
                left -= steps;
                let mut sums = [[_mm256_setzero_si256(); 2]; TILES];
                for _ in 0..steps {
                    let low = _mm256_loadu_si256(weights.cast::<__m256i>());
                    let high = _mm256_loadu_si256(weights.wrapping_add(32).cast::<__m256i>());
                    each_pixel!(TILES, tile => {
                        let four = _mm256_set1_epi32(inputs.wrapping_add(tile * cin).cast::<i32>().read_unaligned());
                        sums[tile][0] = _mm256_add_epi16(sums[tile][0], _mm256_maddubs_epi16(four, low));
                        sums[tile][1] = _mm256_add_epi16(sums[tile][1], _mm256_maddubs_epi16(four, high));
                    });
                    weights = weights.wrapping_add(4 * LANES);
                    inputs = inputs.wrapping_add(4);
                }
                each_pixel!(TILES, tile => {
                    acc[tile][0] = _mm256_add_epi32(acc[tile][0], _mm256_madd_epi16(sums[tile][0], ones));
                    acc[tile][1] = _mm256_add_epi32(acc[tile][1], _mm256_madd_epi16(sums[tile][1], ones));
                });
            }
        }
        acc
    }
}

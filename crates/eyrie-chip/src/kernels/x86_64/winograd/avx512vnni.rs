//! AVX-512 VNNI: groups of 7 tiles by the 32 channels of a block. The sums of one row of
//! transformed inputs go on while those of another are begun, so that half of the 32 registers is
//! what a group may fill.
#![expect(unsafe_code, reason = "vector instructions, and the call into code for a CPU that was detected")]

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, __m512i, _mm_storeu_si128, _mm512_add_epi8, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_max_epi32, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_srai_epi32,
    _mm512_storeu_si512, _mm512_sub_epi8, _mm512_sub_epi32,
};
use std::ops::{Add, Sub};

use crate::codebook::Codebook;
use crate::kernels::tiles::each_pixel;
use crate::kernels::winograd::{LANES, Simd, Winograd, Work};
use crate::kernels::x86_64::avx512vnni::{self, Epilogue};
use crate::pack::{BLOCK, PackedConv};

/// Tiles of a group.
const TILES: usize = 7;

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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn narrow_tiles(work: Work<'_>) {
    work.run::<Avx512Vnni, false>();
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn wide_tiles(work: Work<'_>) {
    work.run::<Avx512Vnni, true>();
}

/// 64 bytes.
#[derive(Clone, Copy)]
struct Bytes(__m512i);

impl Add for Bytes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX-512 alone.
        Self(unsafe { _mm512_add_epi8(self.0, other.0) })
    }
}

impl Sub for Bytes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX-512 alone.
        Self(unsafe { _mm512_sub_epi8(self.0, other.0) })
    }
}

impl Bytes {
    const WIDTH: usize = 64;

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: called on CPUs with AVX-512 alone.
        Self(unsafe { _mm512_set1_epi8(byte.cast_signed()) })
    }

    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        let bytes = &bytes[..Self::WIDTH];
        // SAFETY: 64 bytes, on a CPU with AVX-512.
        Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast::<__m512i>()) })
    }

    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        let bytes = &mut bytes[..Self::WIDTH];
        // SAFETY: 64 bytes that are ours to write, on a CPU with AVX-512.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast::<__m512i>(), self.0) };
    }

    #[inline(always)]
    fn store_levels(self, levels: &mut [i8]) {
        let levels = &mut levels[..Self::WIDTH];
        // SAFETY: 64 bytes that are ours to write, on a CPU with AVX-512.
        unsafe { _mm512_storeu_si512(levels.as_mut_ptr().cast::<__m512i>(), self.0) };
    }

    #[inline(always)]
    fn levels(codebook: Codebook, codes: &[u8]) -> Self {
        let (codes, _) = codes.as_chunks::<{ Self::WIDTH / 4 }>();
        // SAFETY: called on CPUs with AVX-512 alone.
        Self(unsafe { avx512vnni::sixteen_levels(avx512vnni::level_table(codebook), &codes[0]) })
    }
}

/// Sixteen sums.
#[derive(Clone, Copy)]
struct Sums(__m512i);

impl Add for Sums {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX-512 alone.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }
}

impl Sub for Sums {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX-512 alone.
        Self(unsafe { _mm512_sub_epi32(self.0, other.0) })
    }
}

impl Sums {
    /// The products of a tile by the 32 channels of a block.
    #[inline(always)]
    fn parts(products: [__m512i; 2]) -> [Self; 2] {
        [Self(products[0]), Self(products[1])]
    }

    #[inline(always)]
    fn load(sums: &[i32]) -> Self {
        let sums = sums[..LANES].as_ptr();
        // SAFETY: sixteen integers, on a CPU with AVX-512.
        Self(unsafe { _mm512_loadu_si512(sums.cast::<__m512i>()) })
    }

    #[inline(always)]
    fn store(self, sums: &mut [i32]) {
        let sums = sums[..LANES].as_mut_ptr();
        // SAFETY: sixteen integers that are ours to write, on a CPU with AVX-512.
        unsafe { _mm512_storeu_si512(sums.cast::<__m512i>(), self.0) };
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX-512 alone.
        Self(unsafe { _mm512_max_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn shift<const WIDE: bool>(self) -> Self {
        // SAFETY: vectors are made and used on CPUs with AVX-512 alone.
        Self(unsafe { if WIDE { _mm512_srai_epi32::<3>(self.0) } else { _mm512_srai_epi32::<2>(self.0) } })
    }

    #[inline(always)]
    fn activate(self, epilogue: &Epilogue, to: &mut [u8]) {
        let to = &mut to[..LANES];
        // SAFETY: sixteen bytes that are ours to write, on a CPU with AVX-512.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast::<__m128i>(), epilogue.apply(self.0)) };
    }
}

struct Avx512Vnni;

impl Simd for Avx512Vnni {
    type Bytes = Bytes;
    type Sums = Sums;
    type Products = [[__m512i; 2]; TILES];
    type Epilogue = Epilogue;

    const WIDTH: usize = Bytes::WIDTH;
    const TILES: usize = TILES;
    const CHANNELS: usize = BLOCK;

    super::shared!();

    #[inline(always)]
    fn zero() -> Self::Products {
        // SAFETY: called on CPUs with AVX-512 alone.
        [[unsafe { _mm512_setzero_si512() }; 2]; TILES]
    }

    #[inline(always)]
    fn add_products(mut acc: Self::Products, v: &[u8], weights: &[i8], cin: usize, _run: usize) -> Self::Products {
        assert!(cin.is_multiple_of(4) && v.len() >= TILES * cin && weights.len() >= cin * BLOCK);
        let (mut inputs, mut weights) = (v.as_ptr(), weights.as_ptr());
        // SAFETY: on a CPU with AVX-512 VNNI. A step takes 128 bytes of weights and four bytes of
        // each tile's `cin`; asserted above.
        unsafe {
            for _ in 0..cin / 4 {
                let low = _mm512_loadu_si512(weights.cast::<__m512i>());
                let high = _mm512_loadu_si512(weights.wrapping_add(64).cast::<__m512i>());
                each_pixel!(TILES, tile => {
                    let four = _mm512_set1_epi32(inputs.wrapping_add(tile * cin).cast::<i32>().read_unaligned());
                    acc[tile][0] = _mm512_dpbusd_epi32(acc[tile][0], four, low);
                    acc[tile][1] = _mm512_dpbusd_epi32(acc[tile][1], four, high);
                });
                weights = weights.wrapping_add(4 * BLOCK);
                inputs = inputs.wrapping_add(4);
            }
        }
        acc
    }
}

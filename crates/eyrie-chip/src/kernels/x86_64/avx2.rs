//! AVX2: `vpmaddubsw` adds two products in 16 bits, and as many such sums as provably fit are added
//! before widening.
//!
//! A tile is up to 6 neighbouring pixels of a row by 16 of the 32 output channels of a block: 12
//! accumulators of 16-bit lanes, two vectors of weights, a broadcast of four inputs and a product
//! fill the 16 registers. How many sums fit follows from the codebook and the largest input; where
//! not even one does (levels beyond 64 on an image), the two products of a pair are taken one at a
//! time, which always fits.
#![expect(unsafe_code, reason = "vector loads and stores, and the call into code for a CPU that was detected")]

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, __m256i, _mm_cvtsi32_si128, _mm_loadl_epi64, _mm_packus_epi16, _mm_storeu_si128, _mm256_add_epi16,
    _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256, _mm256_castsi256_si128, _mm256_cvtepu8_epi32,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_epi32,
    _mm256_min_epi32, _mm256_mullo_epi32, _mm256_or_si256, _mm256_packs_epi32, _mm256_permute4x64_epi64,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi32, _mm256_sra_epi32, _mm256_storeu_si256,
};
use std::hint::black_box;

use crate::arith::{ACTIVATION_MAX, rounding};
use crate::codebook::Codebook;
use crate::kernels::table::Band;
use crate::kernels::tiles::{each_pixel, tiles};
use crate::pack::{BLOCK, PackedConv};

/// Pixels of a full tile.
pub(super) const TILE: usize = 6;

/// Output channels of a tile: half a block.
pub(super) const HALF: usize = BLOCK / 2;

/// Whether this CPU runs [`conv_block`].
pub(in super::super) fn is_supported() -> bool {
    is_x86_feature_detected!("avx2")
}

/// See [`Expand`](crate::kernels::table::Expand).
pub(in super::super) fn expand(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    assert!(is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { levels(conv.codebook, conv.block_codes(block), panel) }
}

/// See [`ConvBlock`](crate::kernels::table::ConvBlock).
pub(in super::super) fn conv_block(conv: &PackedConv, block: usize, panel: &[i8], _sums: &mut [i32], band: Band<'_>) {
    assert!(is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { tiled(conv, block, panel, band) }
}

#[target_feature(enable = "avx2")]
fn tiled(conv: &PackedConv, block: usize, panel: &[i8], band: Band<'_>) {
    let Band { src, rows, width, dst } = band;
    let (cin, cout) = (conv.cin, conv.cout);
    let (src_row, dst_row) = ((width + 2) * cin, (width + 2) * cout);
    let fit = conv.codebook.pairs_in_16_bits(conv.input_max);
    for half in 0..2 {
        let channel = block * BLOCK + half * HALF;
        let epilogue = Epilogue::new(conv, channel);
        let panel = &panel[half * 4 * HALF..];
        for y in 0..rows {
            for (x, pixels) in tiles(width, TILE) {
                let src = &src[y * src_row + x * cin..];
                let dst = &mut dst[y * dst_row + (x + 1) * cout + channel..];
                if fit == 0 {
                    dispatch::<true>(pixels, panel, src, src_row, cin, 1, &epilogue, dst, cout);
                } else {
                    dispatch::<false>(pixels, panel, src, src_row, cin, fit, &epilogue, dst, cout);
                }
            }
        }
    }
}

/// Expands packed codes to levels: eight bytes become eight lanes of four levels.
#[target_feature(enable = "avx2")]
fn levels(codebook: Codebook, codes: &[u8], panel: &mut [i8]) {
    let table = level_table(codebook);
    for (codes, levels) in codes.as_chunks::<8>().0.iter().zip(panel.as_chunks_mut::<32>().0) {
        // SAFETY: `levels` is an exclusive reference to 32 bytes.
        unsafe { _mm256_storeu_si256(levels.as_mut_ptr().cast::<__m256i>(), eight_levels(table, codes)) };
    }
}

/// The four levels, again and again.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn level_table(codebook: Codebook) -> __m256i {
    _mm256_set1_epi32(i32::from_le_bytes(codebook.0.map(|level| level as u8)))
}

/// Four levels for each of eight packed bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn eight_levels(table: __m256i, codes: &[u8; 8]) -> __m256i {
    // SAFETY: `codes` is a reference to eight bytes.
    let bytes = unsafe { _mm_loadl_epi64(codes.as_ptr().cast::<__m128i>()) };
    let lanes = _mm256_cvtepu8_epi32(bytes);
    // Byte i of a lane gets the codes at its bits 2i and up; what else lands there is masked off.
    let low = _mm256_or_si256(lanes, _mm256_slli_epi32::<6>(lanes));
    let high = _mm256_or_si256(_mm256_slli_epi32::<12>(lanes), _mm256_slli_epi32::<18>(lanes));
    let indices = _mm256_and_si256(_mm256_or_si256(low, high), _mm256_set1_epi8(3));
    _mm256_shuffle_epi8(table, indices)
}

/// The constants that turn the sums of sixteen channels into activations.
pub(super) struct Epilogue {
    multiplier: [__m256i; 2],
    bias: [__m256i; 2],
    rounding: __m256i,
    shift: __m128i,
}

impl Epilogue {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(conv: &PackedConv, channel: usize) -> Self {
        let load = |values: &[i32]| {
            let (eights, _) = values[channel..].as_chunks::<8>();
            // SAFETY: a reference to eight 32-bit integers.
            [0, 1].map(|half| unsafe { _mm256_loadu_si256(eights[half].as_ptr().cast::<__m256i>()) })
        };
        Self {
            multiplier: load(&conv.multiplier),
            bias: load(&conv.bias),
            rounding: _mm256_set1_epi32(rounding(conv.shift)),
            shift: _mm_cvtsi32_si128(conv.shift.cast_signed()),
        }
    }

    /// [`requantise`](crate::arith::requantise) for sixteen channels.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn apply(&self, acc: [__m256i; 2]) -> __m128i {
        let mut clamped = acc;
        for (half, acc) in clamped.iter_mut().enumerate() {
            let scaled = _mm256_mullo_epi32(*acc, self.multiplier[half]);
            let sum = _mm256_add_epi32(_mm256_add_epi32(scaled, self.bias[half]), self.rounding);
            let shifted = _mm256_sra_epi32(sum, self.shift);
            *acc = _mm256_min_epi32(
                _mm256_max_epi32(shifted, _mm256_setzero_si256()),
                _mm256_set1_epi32(i32::from(ACTIVATION_MAX)),
            );
        }
        // Packing works within 128-bit halves: quarters come out as 0 2 1 3 and are put in order.
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(clamped[0], clamped[1]));
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
    }
}

/// Calls [`tile`] for 1 to [`TILE`] pixels.
#[expect(clippy::too_many_arguments, reason = "the operands of an inner loop; a struct would only rename them")]
#[inline]
#[target_feature(enable = "avx2")]
fn dispatch<const WIDE: bool>(
    pixels: usize,
    panel: &[i8],
    src: &[u8],
    src_row: usize,
    cin: usize,
    fit: usize,
    epilogue: &Epilogue,
    dst: &mut [u8],
    cout: usize,
) {
    match pixels {
        1 => tile::<1, WIDE>(panel, src, src_row, cin, fit, epilogue, dst, cout),
        2 => tile::<2, WIDE>(panel, src, src_row, cin, fit, epilogue, dst, cout),
        3 => tile::<3, WIDE>(panel, src, src_row, cin, fit, epilogue, dst, cout),
        4 => tile::<4, WIDE>(panel, src, src_row, cin, fit, epilogue, dst, cout),
        5 => tile::<5, WIDE>(panel, src, src_row, cin, fit, epilogue, dst, cout),
        _ => tile::<TILE, WIDE>(panel, src, src_row, cin, fit, epilogue, dst, cout),
    }
}

/// `PIXELS` pixels of a row by 16 channels. `src` starts at the window of the first pixel, `dst` at
/// its output; `fit` sums of two products fit 16 bits, or, with `WIDE`, none does.
#[expect(clippy::too_many_arguments, reason = "the operands of an inner loop; a struct would only rename them")]
#[target_feature(enable = "avx2")]
fn tile<const PIXELS: usize, const WIDE: bool>(
    panel: &[i8],
    src: &[u8],
    src_row: usize,
    cin: usize,
    fit: usize,
    epilogue: &Epilogue,
    dst: &mut [u8],
    cout: usize,
) {
    let groups = 3 * cin / 4;
    assert!(cin.is_multiple_of(4) && panel.len() + 4 * HALF >= 3 * groups * 4 * BLOCK);
    assert!(src.len() >= 2 * src_row + (PIXELS - 1) * cin + 3 * cin);
    assert!(dst.len() >= (PIXELS - 1) * cout + HALF);

    let ones = _mm256_set1_epi16(1);
    let mut acc = [[_mm256_setzero_si256(); 2]; PIXELS];
    let mut weights = panel.as_ptr();
    for ky in 0..3 {
        let mut inputs = src.as_ptr().wrapping_add(ky * src_row);
        let mut left = groups;
        while left > 0 {
            let steps = left.min(fit);
            left -= steps;
            let mut sums = [[_mm256_setzero_si256(); 2]; PIXELS];
            for _ in 0..steps {
                // SAFETY: the panel holds 128 bytes a group, the last group of a second half 64;
                // asserted above.
                let low = unsafe { _mm256_loadu_si256(weights.cast::<__m256i>()) };
                // SAFETY: as above, the second 32 of this half's 64 bytes.
                let high = unsafe { _mm256_loadu_si256(weights.wrapping_add(32).cast::<__m256i>()) };
                each_pixel!(PIXELS, pixel => {
                    // SAFETY: bytes of pixel `pixel`'s run in row `ky`, which ends within `src`;
                    // asserted above.
                    let four = unsafe { inputs.wrapping_add(pixel * cin).cast::<i32>().read_unaligned() };
                    let four = _mm256_set1_epi32(four);
                    if WIDE {
                        acc[pixel][0] = _mm256_add_epi32(acc[pixel][0], one_at_a_time(four, low));
                        acc[pixel][1] = _mm256_add_epi32(acc[pixel][1], one_at_a_time(four, high));
                    } else {
                        sums[pixel][0] = _mm256_add_epi16(sums[pixel][0], _mm256_maddubs_epi16(four, low));
                        sums[pixel][1] = _mm256_add_epi16(sums[pixel][1], _mm256_maddubs_epi16(four, high));
                    }
                });
                weights = weights.wrapping_add(4 * BLOCK);
                inputs = inputs.wrapping_add(4);
            }
            each_pixel!(PIXELS, pixel => {
                acc[pixel][0] = _mm256_add_epi32(acc[pixel][0], _mm256_madd_epi16(sums[pixel][0], ones));
                acc[pixel][1] = _mm256_add_epi32(acc[pixel][1], _mm256_madd_epi16(sums[pixel][1], ones));
            });
        }
    }
    each_pixel!(PIXELS, pixel => {
        let out = dst[pixel * cout..].as_mut_ptr();
        // SAFETY: this pixel's 16 channels, within `dst`; asserted above.
        unsafe { _mm_storeu_si128(out.cast::<__m128i>(), epilogue.apply(acc[pixel])) };
    });
}

/// Sums of four products with only one product in a 16-bit lane at a time: at most 255 * 128, which
/// fits.
#[inline]
#[target_feature(enable = "avx2")]
fn one_at_a_time(four: __m256i, levels: __m256i) -> __m256i {
    let (even, ones) = (_mm256_set1_epi16(0x00ff), _mm256_set1_epi16(1));
    let evens = _mm256_maddubs_epi16(_mm256_and_si256(four, even), levels);
    let odds = _mm256_maddubs_epi16(_mm256_andnot_si256(even, four), levels);
    _mm256_add_epi32(_mm256_madd_epi16(evens, ones), _mm256_madd_epi16(odds, ones))
}

/// See [`BareProducts`](crate::kernels::table::BareProducts).
pub(in super::super) fn bare_products(steps: u64) -> u64 {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { bare(steps) }
}

#[target_feature(enable = "avx2")]
fn bare(steps: u64) -> u64 {
    let [mut input, low, high] = black_box([0x1f1f_1f1f, 0x0301_ff03, 0x0101_fd03]).map(|four| _mm256_set1_epi32(four));
    let mut sums = [[_mm256_setzero_si256(); 2]; TILE];
    for _ in 0..steps {
        each_pixel!(TILE, pixel => {
            // SAFETY: an empty instruction, behind which the compiler does not know that all
            // products are the same.
            unsafe { asm!("/* {input} */", input = inout(ymm_reg) input, options(nomem, nostack, preserves_flags)) };
            sums[pixel][0] = _mm256_add_epi16(sums[pixel][0], _mm256_maddubs_epi16(input, low));
            sums[pixel][1] = _mm256_add_epi16(sums[pixel][1], _mm256_maddubs_epi16(input, high));
        });
    }
    black_box(sums);
    steps * (TILE * HALF * 4) as u64
}

//! AVX-VNNI: `vpdpbusd` on 256-bit vectors, for CPUs that have it without AVX-512.
//!
//! Tiles, panels and epilogue are those of the AVX2 kernel; the sums stay in 32 bits throughout, so
//! neither the codebook nor the input changes the loop.
#![expect(unsafe_code, reason = "vector loads and stores, and the call into code for a CPU that was detected")]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_storeu_si128, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32,
    _mm256_setzero_si256,
};
use std::hint::black_box;

use super::avx2::{Epilogue, HALF, TILE};
use crate::kernels::table::Band;
use crate::kernels::tiles::{each_pixel, tiles};
use crate::pack::{BLOCK, PackedConv};

/// Whether this CPU runs [`conv_block`].
pub(in super::super) fn is_supported() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni")
}

/// See [`ConvBlock`](crate::kernels::table::ConvBlock); the panel is that of the AVX2 kernel.
pub(in super::super) fn conv_block(conv: &PackedConv, block: usize, panel: &[i8], _sums: &mut [i32], band: Band<'_>) {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { tiled(conv, block, panel, band) }
}

#[target_feature(enable = "avx2,avxvnni")]
fn tiled(conv: &PackedConv, block: usize, panel: &[i8], band: Band<'_>) {
    let Band { src, rows, width, dst } = band;
    let (cin, cout) = (conv.cin, conv.cout);
    let (src_row, dst_row) = ((width + 2) * cin, (width + 2) * cout);
    for half in 0..2 {
        let channel = block * BLOCK + half * HALF;
        let epilogue = Epilogue::new(conv, channel);
        let panel = &panel[half * 4 * HALF..];
        for y in 0..rows {
            for (x, pixels) in tiles(width, TILE) {
                let src = &src[y * src_row + x * cin..];
                let dst = &mut dst[y * dst_row + (x + 1) * cout + channel..];
                match pixels {
                    1 => tile::<1>(panel, src, src_row, cin, &epilogue, dst, cout),
                    2 => tile::<2>(panel, src, src_row, cin, &epilogue, dst, cout),
                    3 => tile::<3>(panel, src, src_row, cin, &epilogue, dst, cout),
                    4 => tile::<4>(panel, src, src_row, cin, &epilogue, dst, cout),
                    5 => tile::<5>(panel, src, src_row, cin, &epilogue, dst, cout),
                    _ => tile::<TILE>(panel, src, src_row, cin, &epilogue, dst, cout),
                }
            }
        }
    }
}

/// `PIXELS` pixels of a row by 16 channels. `src` starts at the window of the first pixel, `dst` at
/// its output.
#[target_feature(enable = "avx2,avxvnni")]
fn tile<const PIXELS: usize>(
    panel: &[i8],
    src: &[u8],
    src_row: usize,
    cin: usize,
    epilogue: &Epilogue,
    dst: &mut [u8],
    cout: usize,
) {
    let groups = 3 * cin / 4;
    assert!(cin.is_multiple_of(4) && panel.len() + 4 * HALF >= 3 * groups * 4 * BLOCK);
    assert!(src.len() >= 2 * src_row + (PIXELS - 1) * cin + 3 * cin);
    assert!(dst.len() >= (PIXELS - 1) * cout + HALF);

    let mut acc = [[_mm256_setzero_si256(); 2]; PIXELS];
    let mut weights = panel.as_ptr();
    for ky in 0..3 {
        let mut inputs = src.as_ptr().wrapping_add(ky * src_row);
        for _ in 0..groups {
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
                acc[pixel][0] = _mm256_dpbusd_avx_epi32(acc[pixel][0], four, low);
                acc[pixel][1] = _mm256_dpbusd_avx_epi32(acc[pixel][1], four, high);
            });
            weights = weights.wrapping_add(4 * BLOCK);
            inputs = inputs.wrapping_add(4);
        }
    }
    each_pixel!(PIXELS, pixel => {
        let out = dst[pixel * cout..].as_mut_ptr();
        // SAFETY: this pixel's 16 channels, within `dst`; asserted above.
        unsafe { _mm_storeu_si128(out.cast::<__m128i>(), epilogue.apply(acc[pixel])) };
    });
}

/// See [`BareProducts`](crate::kernels::table::BareProducts).
pub(in super::super) fn bare_products(steps: u64) -> u64 {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { bare(steps) }
}

#[target_feature(enable = "avx2,avxvnni")]
fn bare(steps: u64) -> u64 {
    let [input, low, high] = black_box([0x1f1f_1f1f, 0x0301_ff03, 0x0101_fd03]).map(|four| _mm256_set1_epi32(four));
    let mut acc = [[_mm256_setzero_si256(); 2]; TILE];
    for _ in 0..steps {
        each_pixel!(TILE, pixel => {
            acc[pixel][0] = _mm256_dpbusd_avx_epi32(acc[pixel][0], input, low);
            acc[pixel][1] = _mm256_dpbusd_avx_epi32(acc[pixel][1], input, high);
        });
    }
    black_box(acc);
    steps * (TILE * HALF * 4) as u64
}

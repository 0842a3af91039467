//! AVX-512 VNNI: 64 products an instruction, four of each lane added exactly in 32 bits.
//!
//! A tile is up to 14 neighbouring pixels of a row by the 32 output channels of a block: 28
//! accumulators, two vectors of weights and one broadcast of four inputs fill the 32 registers.
//!
//! ```text
//!                 w0: channels 0-15    w1: channels 16-31      of the panel, 4 inputs a channel
//! pixel 0  4 inputs   acc[0][0]            acc[0][1]
//! pixel 1  4 inputs   acc[1][0]            acc[1][1]           one vpbroadcastd a row,
//!   ...                  ...                  ...              one vpdpbusd a field
//! pixel 13 4 inputs   acc[13][0]           acc[13][1]
//! ```
#![expect(unsafe_code, reason = "vector loads and stores, and the call into code for a CPU that was detected")]

use std::arch::x86_64::{
    __m128i, __m512i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm_storeu_si128, _mm512_add_epi32, _mm512_and_si512,
    _mm512_cvtepi32_epi8, _mm512_cvtepu8_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_max_epi32,
    _mm512_min_epi32, _mm512_mullo_epi32, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_slli_epi32, _mm512_sra_epi32, _mm512_storeu_si512,
};
use std::hint::black_box;

use crate::arith::{ACTIVATION_MAX, rounding};
use crate::codebook::Codebook;
use crate::kernels::table::Band;
use crate::kernels::tiles::{each_pixel, tiles};
use crate::pack::{BLOCK, PackedConv};

/// Pixels of a full tile.
const TILE: usize = 14;

/// Whether this CPU runs [`conv_block`].
pub(in super::super) fn is_supported() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// See [`Expand`](crate::kernels::table::Expand).
pub(in super::super) fn expand(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { levels(conv.codebook, conv.block_codes(block), panel) }
}

/// See [`ConvBlock`](crate::kernels::table::ConvBlock).
pub(in super::super) fn conv_block(conv: &PackedConv, block: usize, panel: &[i8], _sums: &mut [i32], band: Band<'_>) {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { tiled(conv, block, panel, band) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn tiled(conv: &PackedConv, block: usize, panel: &[i8], band: Band<'_>) {
    let Band { src, rows, width, dst } = band;
    let (cin, cout) = (conv.cin, conv.cout);
    let (src_row, dst_row) = ((width + 2) * cin, (width + 2) * cout);
    let epilogue = Epilogue::of_block(conv, block);
    for y in 0..rows {
        for (x, pixels) in tiles(width, TILE) {
            let src = &src[y * src_row + x * cin..];
            let dst = &mut dst[y * dst_row + (x + 1) * cout + block * BLOCK..];
            match pixels {
                1 => tile::<1>(panel, src, src_row, cin, &epilogue, dst, cout),
                2 => tile::<2>(panel, src, src_row, cin, &epilogue, dst, cout),
                3 => tile::<3>(panel, src, src_row, cin, &epilogue, dst, cout),
                4 => tile::<4>(panel, src, src_row, cin, &epilogue, dst, cout),
                5 => tile::<5>(panel, src, src_row, cin, &epilogue, dst, cout),
                6 => tile::<6>(panel, src, src_row, cin, &epilogue, dst, cout),
                7 => tile::<7>(panel, src, src_row, cin, &epilogue, dst, cout),
                8 => tile::<8>(panel, src, src_row, cin, &epilogue, dst, cout),
                9 => tile::<9>(panel, src, src_row, cin, &epilogue, dst, cout),
                10 => tile::<10>(panel, src, src_row, cin, &epilogue, dst, cout),
                11 => tile::<11>(panel, src, src_row, cin, &epilogue, dst, cout),
                12 => tile::<12>(panel, src, src_row, cin, &epilogue, dst, cout),
                13 => tile::<13>(panel, src, src_row, cin, &epilogue, dst, cout),
                _ => tile::<TILE>(panel, src, src_row, cin, &epilogue, dst, cout),
            }
        }
    }
}

/// Expands packed codes to levels: sixteen bytes become sixteen lanes of four levels.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn levels(codebook: Codebook, codes: &[u8], panel: &mut [i8]) {
    let table = level_table(codebook);
    for (codes, levels) in codes.as_chunks::<16>().0.iter().zip(panel.as_chunks_mut::<64>().0) {
        // SAFETY: `levels` is an exclusive reference to 64 bytes.
        unsafe { _mm512_storeu_si512(levels.as_mut_ptr().cast::<__m512i>(), sixteen_levels(table, codes)) };
    }
}

/// The four levels, again and again.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn level_table(codebook: Codebook) -> __m512i {
    _mm512_set1_epi32(i32::from_le_bytes(codebook.0.map(|level| level as u8)))
}

/// Four levels for each of sixteen packed bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn sixteen_levels(table: __m512i, codes: &[u8; 16]) -> __m512i {
    // SAFETY: `codes` is a reference to sixteen bytes.
    let bytes = unsafe { _mm_loadu_si128(codes.as_ptr().cast::<__m128i>()) };
    let lanes = _mm512_cvtepu8_epi32(bytes);
    // Byte i of a lane gets the codes at its bits 2i and up; what else lands there is masked off.
    let low = _mm512_or_si512(lanes, _mm512_slli_epi32::<6>(lanes));
    let high = _mm512_or_si512(_mm512_slli_epi32::<12>(lanes), _mm512_slli_epi32::<18>(lanes));
    let indices = _mm512_and_si512(_mm512_or_si512(low, high), _mm512_set1_epi8(3));
    _mm512_shuffle_epi8(table, indices)
}

/// The constants that turn the sums of sixteen channels into activations.
pub(super) struct Epilogue {
    multiplier: __m512i,
    bias: __m512i,
    rounding: __m512i,
    shift: __m128i,
}

impl Epilogue {
    /// For the channels from `channel` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn new(conv: &PackedConv, channel: usize) -> Self {
        let load = |values: &[i32]| {
            let (sixteens, _) = values[channel..].as_chunks::<16>();
            // SAFETY: a reference to sixteen 32-bit integers.
            unsafe { _mm512_loadu_si512(sixteens[0].as_ptr().cast::<__m512i>()) }
        };
        Self {
            multiplier: load(&conv.multiplier),
            bias: load(&conv.bias),
            rounding: _mm512_set1_epi32(rounding(conv.shift)),
            shift: _mm_cvtsi32_si128(conv.shift.cast_signed()),
        }
    }

    /// For both halves of a block.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn of_block(conv: &PackedConv, block: usize) -> [Self; 2] {
        [Self::new(conv, block * BLOCK), Self::new(conv, block * BLOCK + BLOCK / 2)]
    }

    /// [`requantise`](crate::arith::requantise) for sixteen channels.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn apply(&self, acc: __m512i) -> __m128i {
        let scaled = _mm512_mullo_epi32(acc, self.multiplier);
        let sum = _mm512_add_epi32(_mm512_add_epi32(scaled, self.bias), self.rounding);
        let shifted = _mm512_sra_epi32(sum, self.shift);
        let clamped = _mm512_min_epi32(
            _mm512_max_epi32(shifted, _mm512_setzero_si512()),
            _mm512_set1_epi32(i32::from(ACTIVATION_MAX)),
        );
        _mm512_cvtepi32_epi8(clamped)
    }
}

/// `PIXELS` pixels of a row by 32 channels. `src` starts at the window of the first pixel, `dst` at
/// its output.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn tile<const PIXELS: usize>(
    panel: &[i8],
    src: &[u8],
    src_row: usize,
    cin: usize,
    epilogue: &[Epilogue; 2],
    dst: &mut [u8],
    cout: usize,
) {
    let run = 3 * cin;
    assert!(cin.is_multiple_of(4) && panel.len() >= 3 * run * BLOCK);
    assert!(src.len() >= 2 * src_row + (PIXELS - 1) * cin + run);
    assert!(dst.len() >= (PIXELS - 1) * cout + BLOCK);

    let mut acc = [[_mm512_setzero_si512(); 2]; PIXELS];
    let mut weights = panel.as_ptr();
    for ky in 0..3 {
        let mut inputs = src.as_ptr().wrapping_add(ky * src_row);
        for _ in 0..run / 4 {
            // SAFETY: the panel holds 3 * run * 32 bytes, of which this step takes the next 128;
            // asserted above.
            let low = unsafe { _mm512_loadu_si512(weights.cast::<__m512i>()) };
            // SAFETY: as above, the second half of the 128 bytes.
            let high = unsafe { _mm512_loadu_si512(weights.wrapping_add(64).cast::<__m512i>()) };
            each_pixel!(PIXELS, pixel => {
                // SAFETY: bytes of pixel `pixel`'s run in row `ky`, which ends within `src`;
                // asserted above.
                let four = unsafe { inputs.wrapping_add(pixel * cin).cast::<i32>().read_unaligned() };
                let four = _mm512_set1_epi32(four);
                acc[pixel][0] = _mm512_dpbusd_epi32(acc[pixel][0], four, low);
                acc[pixel][1] = _mm512_dpbusd_epi32(acc[pixel][1], four, high);
            });
            weights = weights.wrapping_add(4 * BLOCK);
            inputs = inputs.wrapping_add(4);
        }
    }
    each_pixel!(PIXELS, pixel => {
        let out = dst[pixel * cout..].as_mut_ptr();
        // SAFETY: the first sixteen bytes of this pixel's 32 channels, within `dst`; asserted
        // above.
        unsafe { _mm_storeu_si128(out.cast::<__m128i>(), epilogue[0].apply(acc[pixel][0])) };
        // SAFETY: as above, the last sixteen bytes.
        unsafe { _mm_storeu_si128(out.wrapping_add(16).cast::<__m128i>(), epilogue[1].apply(acc[pixel][1])) };
    });
}

/// See [`BareProducts`](crate::kernels::table::BareProducts).
pub(in super::super) fn bare_products(steps: u64) -> u64 {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { bare(steps) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn bare(steps: u64) -> u64 {
    let [input, low, high] = black_box([0x1f1f_1f1f, 0x0301_ff03, 0x0101_fd03]).map(|four| _mm512_set1_epi32(four));
    let mut acc = [[_mm512_setzero_si512(); 2]; TILE];
    for _ in 0..steps {
        each_pixel!(TILE, pixel => {
            acc[pixel][0] = _mm512_dpbusd_epi32(acc[pixel][0], input, low);
            acc[pixel][1] = _mm512_dpbusd_epi32(acc[pixel][1], input, high);
        });
    }
    black_box(acc);
    steps * (TILE * BLOCK * 4) as u64
}

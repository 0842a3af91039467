//! NEON with the dot-product extension: `sdot` adds four products of signed bytes exactly in each
//! 32-bit lane.
//!
//! A tile is up to 6 neighbouring pixels of a row by 16 of the 32 output channels of a block: 24
//! accumulators, a vector of 16 inputs for each pixel and one or two vectors of weights fill the 32
//! registers. `sdot` takes four of the sixteen inputs by their number, so that an input is loaded
//! once for four steps.
//!
//! ```text
//!                       w0: channels 0-3   w1: 4-7      w2: 8-11     w3: 12-15     of the panel, 4 inputs a channel
//! pixel 0  16 inputs    acc[0][0]          acc[0][1]    acc[0][2]    acc[0][3]
//!   ...       ...          ...                ...          ...          ...        one sdot a field, four times
//! pixel 5  16 inputs    acc[5][0]          acc[5][1]    acc[5][2]    acc[5][3]
//! ```
//!
//! A panel lies in the order `[half of the channels][tap][cin / 4][16 output channels][4]`: each
//! half is one stream.
//!
//! # Inputs above 127
//!
//! Activations (0 to 31) are signed bytes as they are. The bytes of an image are not: with its top
//! bit flipped a byte `x` reads as `x - 128`, and since
//!
//! ```text
//! sum of x * level = sum of (x - 128) * level + 128 * sum of level
//! ```
//!
//! the accumulators of the first layer start at the last term, over all levels of the channel's
//! panel (those of the fourth, empty input channel too: its zeros turn into -128 like every other).
//! No sum overflows on the way: the window of an image is 36 products, each of at most 128 * 128,
//! on top of a start of at most 36 * 128 * 128, so that every partial sum is at most 1,179,648. In
//! the other layers partial sums are those whose bound the validation of the model proves.
#![expect(unsafe_code, reason = "vector loads and stores, sdot, and the call into code for a CPU that was detected")]

use std::arch::aarch64::{
    int8x16_t, int8x16x4_t, int32x4_t, uint8x16_t, vandq_u8, vcombine_u8, vcombine_u16, vdupq_n_s8, vdupq_n_s32,
    vdupq_n_u8, veorq_u8, vld1q_s8, vld1q_s32, vld1q_u8, vminq_u8, vmlaq_s32, vqmovn_u16, vqmovun_s32, vqtbl1q_s8,
    vreinterpretq_s8_s32, vreinterpretq_s8_u8, vreinterpretq_u8_s32, vrshlq_s32, vshlq_n_s32, vshrq_n_u8, vst1q_u8,
    vst4q_s8,
};
use std::arch::{asm, is_aarch64_feature_detected};
use std::hint::black_box;

use crate::arith::{ACTIVATION_MAX, PIXEL_MAX};
use crate::kernels::table::Band;
use crate::kernels::tiles::{each_pixel, tiles};
use crate::pack::{BLOCK, PackedConv};

/// Pixels of a full tile.
const TILE: usize = 6;

/// Output channels of a tile: half a block.
const HALF: usize = BLOCK / 2;

/// The top bit of a byte, and what flipping it takes away.
const TOP: u8 = 128;

/// Whether this CPU runs [`conv_block`].
pub(in super::super) fn is_supported() -> bool {
    is_aarch64_feature_detected!("dotprod")
}

/// See [`Expand`](crate::kernels::table::Expand).
pub(in super::super) fn expand(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    assert!(is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { levels(conv, block, panel) }
}

/// See [`ConvBlock`](crate::kernels::table::ConvBlock).
pub(in super::super) fn conv_block(conv: &PackedConv, block: usize, panel: &[i8], _sums: &mut [i32], band: Band<'_>) {
    assert!(is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe {
        if conv.input_max == PIXEL_MAX {
            tiled::<true>(conv, block, panel, band);
        } else {
            tiled::<false>(conv, block, panel, band);
        }
    }
}

#[target_feature(enable = "neon,dotprod")]
fn tiled<const FLIP: bool>(conv: &PackedConv, block: usize, panel: &[i8], band: Band<'_>) {
    let Band { src, rows, width, dst } = band;
    let (cin, cout) = (conv.cin, conv.cout);
    let (src_row, dst_row) = ((width + 2) * cin, (width + 2) * cout);
    for (half, panel) in panel.chunks_exact(9 * cin * HALF).enumerate() {
        let channel = block * BLOCK + half * HALF;
        let start = if FLIP { top_of_every_input(panel) } else { [vdupq_n_s32(0); 4] };
        let epilogue = Epilogue::new(conv, channel);
        for y in 0..rows {
            for (x, pixels) in tiles(width, TILE) {
                let src = &src[y * src_row + x * cin..];
                let dst = &mut dst[y * dst_row + (x + 1) * cout + channel..];
                match pixels {
                    1 => tile::<1, FLIP>(panel, src, src_row, cin, start, &epilogue, dst, cout),
                    2 => tile::<2, FLIP>(panel, src, src_row, cin, start, &epilogue, dst, cout),
                    3 => tile::<3, FLIP>(panel, src, src_row, cin, start, &epilogue, dst, cout),
                    4 => tile::<4, FLIP>(panel, src, src_row, cin, start, &epilogue, dst, cout),
                    5 => tile::<5, FLIP>(panel, src, src_row, cin, start, &epilogue, dst, cout),
                    _ => tile::<TILE, FLIP>(panel, src, src_row, cin, start, &epilogue, dst, cout),
                }
            }
        }
    }
}

/// Expands the codes of a block to levels: sixteen packed bytes become four levels for each of
/// sixteen channels.
#[target_feature(enable = "neon,dotprod")]
fn levels(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    let table = vreinterpretq_s8_s32(vdupq_n_s32(i32::from_le_bytes(conv.codebook.0.map(|level| level as u8))));
    let two_bits = vdupq_n_u8(3);
    let (low, high) = panel.split_at_mut(9 * conv.cin * HALF);
    let groups = low.as_chunks_mut::<{ 4 * HALF }>().0.iter_mut().zip(high.as_chunks_mut::<{ 4 * HALF }>().0);
    for (codes, (low, high)) in conv.block_codes(block).as_chunks::<BLOCK>().0.iter().zip(groups) {
        for (codes, levels) in codes.as_chunks::<HALF>().0.iter().zip([low, high]) {
            // SAFETY: `codes` is a reference to sixteen bytes.
            let bytes = unsafe { vld1q_u8(codes.as_ptr()) };
            let fours = int8x16x4_t(
                vqtbl1q_s8(table, vandq_u8(bytes, two_bits)),
                vqtbl1q_s8(table, vandq_u8(vshrq_n_u8::<2>(bytes), two_bits)),
                vqtbl1q_s8(table, vandq_u8(vshrq_n_u8::<4>(bytes), two_bits)),
                vqtbl1q_s8(table, vshrq_n_u8::<6>(bytes)),
            );
            // SAFETY: `levels` is an exclusive reference to 64 bytes; the four vectors are stored
            // byte by byte in turn.
            unsafe { vst4q_s8(levels.as_mut_ptr(), fours) };
        }
    }
}

/// What flipping the top bit of every input takes away from the sums of sixteen channels: 128 times
/// their levels.
#[target_feature(enable = "neon,dotprod")]
fn top_of_every_input(panel: &[i8]) -> [int32x4_t; 4] {
    let ones = vdupq_n_s8(1);
    let mut sums = [vdupq_n_s32(0); 4];
    for levels in panel.as_chunks::<{ 4 * HALF }>().0 {
        for (sum, levels) in sums.iter_mut().zip(levels.as_chunks::<16>().0) {
            // SAFETY: `levels` is a reference to sixteen bytes.
            let levels = unsafe { vld1q_s8(levels.as_ptr()) };
            *sum = sdot::<0>(*sum, levels, ones);
        }
    }
    sums.map(|sum| vshlq_n_s32::<{ TOP.ilog2() as i32 }>(sum))
}

/// The constants that turn the sums of sixteen channels into activations.
pub(super) struct Epilogue {
    multiplier: [int32x4_t; 4],
    bias: [int32x4_t; 4],
    /// Negative: NEON shifts to the left.
    shift: int32x4_t,
}

impl Epilogue {
    #[target_feature(enable = "neon,dotprod")]
    pub(super) fn new(conv: &PackedConv, channel: usize) -> Self {
        let load = |values: &[i32]| {
            let (fours, _) = values[channel..].as_chunks::<4>();
            // SAFETY: a reference to four 32-bit integers.
            [0, 1, 2, 3].map(|quarter| unsafe { vld1q_s32(fours[quarter].as_ptr()) })
        };
        Self {
            multiplier: load(&conv.multiplier),
            bias: load(&conv.bias),
            shift: vdupq_n_s32(-conv.shift.cast_signed()),
        }
    }

    /// [`requantise`](crate::arith::requantise) for sixteen channels. `srshl` adds the rounding
    /// half itself, and the two narrowings stop at 0 and 255.
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    pub(super) fn apply(&self, acc: [int32x4_t; 4]) -> uint8x16_t {
        let quarter = |quarter: usize| {
            let sum = vmlaq_s32(self.bias[quarter], acc[quarter], self.multiplier[quarter]);
            vqmovun_s32(vrshlq_s32(sum, self.shift))
        };
        let low = vqmovn_u16(vcombine_u16(quarter(0), quarter(1)));
        let high = vqmovn_u16(vcombine_u16(quarter(2), quarter(3)));
        vminq_u8(vcombine_u8(low, high), vdupq_n_u8(ACTIVATION_MAX))
    }
}

/// Adds to each lane of `acc` the four products of its `levels` with the inputs `4 * GROUP` to `4 *
/// GROUP + 3`.
///
/// In assembly because the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(super) fn sdot<const GROUP: usize>(mut acc: int32x4_t, levels: int8x16_t, inputs: int8x16_t) -> int32x4_t {
    // SAFETY: reads and writes the named registers only, and this function requires the extension
    // it belongs to.
    unsafe {
        asm!(
            "sdot {acc:v}.4s, {levels:v}.16b, {inputs:v}.4b[{group}]",
            acc = inout(vreg) acc,
            levels = in(vreg) levels,
            inputs = in(vreg) inputs,
            group = const GROUP,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    acc
}

/// Bytes of a map as signed bytes, less 128 with `FLIP`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn signed<const FLIP: bool>(inputs: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(if FLIP { veorq_u8(inputs, vdupq_n_u8(TOP)) } else { inputs })
}

/// `PIXELS` pixels of a row by 16 channels, whose sums begin at `start`. `src` starts at the window
/// of the first pixel, `dst` at its output.
#[expect(clippy::too_many_arguments, reason = "the operands of an inner loop; a struct would only rename them")]
#[target_feature(enable = "neon,dotprod")]
fn tile<const PIXELS: usize, const FLIP: bool>(
    panel: &[i8],
    src: &[u8],
    src_row: usize,
    cin: usize,
    start: [int32x4_t; 4],
    epilogue: &Epilogue,
    dst: &mut [u8],
    cout: usize,
) {
    let run = 3 * cin;
    assert!(cin.is_multiple_of(4) && panel.len() >= 3 * run * HALF);
    assert!(src.len() >= 2 * src_row + (PIXELS - 1) * cin + run);
    assert!(dst.len() >= (PIXELS - 1) * cout + HALF);

    let mut acc = [start; PIXELS];
    let mut weights = panel.as_ptr();
    let mut inputs = [vdupq_n_s8(0); PIXELS];
    // The products of four inputs of each pixel, those of group `$group` in its vector.
    macro_rules! four_inputs {
        ($group:literal) => {
            each_pixel!(4, quarter => {
                // SAFETY: the panel holds 3 * run * 16 bytes, of which four inputs take the next
                // 64; asserted above.
                let levels = unsafe { vld1q_s8(weights.wrapping_add(16 * quarter)) };
                each_pixel!(PIXELS, pixel => {
                    acc[pixel][quarter] = sdot::<$group>(acc[pixel][quarter], levels, inputs[pixel]);
                });
            });
            weights = weights.wrapping_add(4 * HALF);
        };
    }
    for ky in 0..3 {
        let mut row = src.as_ptr().wrapping_add(ky * src_row);
        for _ in 0..run / 16 {
            each_pixel!(PIXELS, pixel => {
                // SAFETY: bytes of pixel `pixel`'s run in row `ky`, which ends within `src`;
                // asserted above.
                inputs[pixel] = signed::<FLIP>(unsafe { vld1q_u8(row.wrapping_add(pixel * cin)) });
            });
            four_inputs!(0);
            four_inputs!(1);
            four_inputs!(2);
            four_inputs!(3);
            row = row.wrapping_add(16);
        }
        // The run of an image is twelve bytes.
        for _ in 0..run % 16 / 4 {
            each_pixel!(PIXELS, pixel => {
                // SAFETY: as above, and at least four bytes of the run are left.
                let four = unsafe { row.wrapping_add(pixel * cin).cast::<i32>().read_unaligned() };
                inputs[pixel] = signed::<FLIP>(vreinterpretq_u8_s32(vdupq_n_s32(four)));
            });
            four_inputs!(0);
            row = row.wrapping_add(4);
        }
    }
    each_pixel!(PIXELS, pixel => {
        let out = dst[pixel * cout..].as_mut_ptr();
        // SAFETY: this pixel's 16 channels, within `dst`; asserted above.
        unsafe { vst1q_u8(out, epilogue.apply(acc[pixel])) };
    });
}

/// See [`BareProducts`](crate::kernels::table::BareProducts).
pub(in super::super) fn bare_products(steps: u64) -> u64 {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { bare(steps) }
}

#[target_feature(enable = "neon,dotprod")]
fn bare(steps: u64) -> u64 {
    let [inputs, levels] = black_box([31, -3]).map(|value| vdupq_n_s8(value));
    let mut acc = [[vdupq_n_s32(0); 4]; TILE];
    for _ in 0..steps {
        each_pixel!(TILE, pixel => {
            acc[pixel][0] = sdot::<0>(acc[pixel][0], levels, inputs);
            acc[pixel][1] = sdot::<1>(acc[pixel][1], levels, inputs);
            acc[pixel][2] = sdot::<2>(acc[pixel][2], levels, inputs);
            acc[pixel][3] = sdot::<3>(acc[pixel][3], levels, inputs);
        });
    }
    black_box(acc);
    steps * (TILE * HALF * 4) as u64
}

//! The specification: plain loops, the same on every CPU.

use std::hint::black_box;

use super::table::Band;
use crate::pack::{BLOCK, PackedConv};

/// See [`ConvBlock`](super::table::ConvBlock).
pub(super) fn conv_block(conv: &PackedConv, block: usize, panel: &[i8], _sums: &mut [i32], band: Band<'_>) {
    let Band { src, rows, width, dst } = band;
    let (cin, cout) = (conv.cin, conv.cout);
    let row_len = (width + 2) * cin;
    let first = block * BLOCK;
    for y in 0..rows {
        for x in 0..width {
            let mut acc = [0i32; BLOCK];
            for (ky, levels) in panel.chunks_exact(3 * cin * BLOCK).enumerate() {
                // The three pixels of a window's row are neighbours, in `src` as in the panel.
                let run = &src[(y + ky) * row_len + x * cin..][..3 * cin];
                for (&input, levels) in run.iter().zip(levels.as_chunks::<BLOCK>().0) {
                    for (acc, &level) in acc.iter_mut().zip(levels) {
                        // At most 255 * 128, which sixteen bits hold.
                        *acc += i32::from(i16::from(input) * i16::from(level));
                    }
                }
            }
            let out = &mut dst[(y * (width + 2) + x + 1) * cout + first..][..BLOCK];
            for (lane, (out, acc)) in out.iter_mut().zip(acc).enumerate() {
                *out = conv.requantise(acc, first + lane);
            }
        }
    }
}

/// See [`Expand`](super::table::Expand); in the order `[tap][cin][32 output channels]`.
pub(super) fn expand(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    let groups = panel.as_chunks_mut::<{ 4 * BLOCK }>().0.iter_mut();
    for (levels, codes) in groups.zip(conv.block_codes(block).as_chunks::<BLOCK>().0) {
        for (channel, &byte) in codes.iter().enumerate() {
            for (input, level) in conv.codebook.expand(byte).into_iter().enumerate() {
                levels[input * BLOCK + channel] = level;
            }
        }
    }
}

/// See [`BareProducts`](super::table::BareProducts).
pub(super) fn bare_products(steps: u64) -> u64 {
    let (input, levels) = black_box((31u8, [3i8; BLOCK]));
    let mut acc = [0i32; BLOCK];
    for _ in 0..steps {
        for (acc, &level) in acc.iter_mut().zip(&black_box(levels)) {
            *acc = acc.wrapping_add(i32::from(i16::from(input) * i16::from(level)));
        }
    }
    black_box(acc);
    steps * BLOCK as u64
}

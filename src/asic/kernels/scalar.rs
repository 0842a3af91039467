//! The specification: plain loops, the same on every CPU.

use super::super::pack::{BLOCK, PackedConv};

/// See [`ConvBand`](super::ConvBand).
pub(super) fn conv_band(conv: &PackedConv, panel: &mut [i8], src: &[u8], rows: usize, width: usize, dst: &mut [u8]) {
    let (cin, cout) = (conv.cin, conv.cout);
    let row_len = (width + 2) * cin;
    for block in 0..conv.blocks() {
        for (levels, &byte) in panel.chunks_exact_mut(4).zip(conv.block_codes(block)) {
            levels.copy_from_slice(&conv.codebook.expand(byte));
        }
        for y in 0..rows {
            for x in 0..width {
                let mut acc = [0i32; BLOCK];
                for (ky, taps) in panel.chunks_exact(3 * cin * BLOCK).enumerate() {
                    let run = &src[(y + ky) * row_len + x * cin..][..3 * cin];
                    for (inputs, group) in run.chunks_exact(4).zip(taps.chunks_exact(4 * BLOCK)) {
                        for (acc, levels) in acc.iter_mut().zip(group.chunks_exact(4)) {
                            for (&input, &level) in inputs.iter().zip(levels) {
                                *acc += i32::from(input) * i32::from(level);
                            }
                        }
                    }
                }
                let first = block * BLOCK;
                let out = &mut dst[(y * (width + 2) + x + 1) * cout + first..][..BLOCK];
                for (lane, (out, acc)) in out.iter_mut().zip(acc).enumerate() {
                    *out = conv.requantise(acc, first + lane);
                }
            }
        }
    }
}

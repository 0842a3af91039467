//! The specification: plain loops, the same on every CPU.

use std::array;
use std::hint::black_box;
use std::num::Wrapping;
use std::ops::{Add, Sub};

use super::table::Band;
use super::winograd::{LANES, Simd, Winograd};
use crate::arith::requantise;
use crate::codebook::Codebook;
use crate::pack::{BLOCK, PackedConv};
use crate::winograd::algebra::{Tile, input_value};

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

/// Winograd's tiles in plain loops: what the vectors of [`winograd`](super::winograd) do, one
/// number after the other.
pub(super) const NARROW: Winograd = Winograd { tiles: Scalar::TILES, run: |work| work.run::<Scalar, false>() };
pub(super) const WIDE: Winograd = Winograd { tiles: Scalar::TILES, run: |work| work.run::<Scalar, true>() };

struct Scalar;

/// Numbers that are added and subtracted one by one and wrap around.
#[derive(Clone, Copy)]
struct Row<T, const N: usize>([T; N]);

impl<T: Copy, const N: usize> Add for Row<T, N>
where
    Wrapping<T>: Add<Output = Wrapping<T>>,
{
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(array::from_fn(|i| (Wrapping(self.0[i]) + Wrapping(other.0[i])).0))
    }
}

impl<T: Copy, const N: usize> Sub for Row<T, N>
where
    Wrapping<T>: Sub<Output = Wrapping<T>>,
{
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(array::from_fn(|i| (Wrapping(self.0[i]) - Wrapping(other.0[i])).0))
    }
}

impl Simd for Scalar {
    type Bytes = Row<u8, 16>;
    type Sums = Row<i32, LANES>;
    type Products = [Row<i32, BLOCK>; 4];
    /// Multiplier, bias and shift of each channel.
    type Epilogue = [(i32, i32, u32); LANES];

    const WIDTH: usize = 16;
    const TILES: usize = 4;
    const CHANNELS: usize = BLOCK;

    fn splat(byte: u8) -> Self::Bytes {
        Row([byte; 16])
    }

    fn load(bytes: &[u8]) -> Self::Bytes {
        Row(array::from_fn(|i| bytes[i]))
    }

    fn store(value: Self::Bytes, bytes: &mut [u8]) {
        bytes[..16].copy_from_slice(&value.0);
    }

    fn store_levels(value: Self::Bytes, levels: &mut [i8]) {
        for (level, byte) in levels.iter_mut().zip(value.0) {
            *level = byte.cast_signed();
        }
    }

    fn levels(codebook: Codebook, codes: &[u8]) -> Self::Bytes {
        Row(array::from_fn(|i| codebook.expand(codes[i / 4])[i % 4].cast_unsigned()))
    }

    fn zero() -> Self::Products {
        [Row([0; BLOCK]); 4]
    }

    fn add_products(mut sums: Self::Products, v: &[u8], weights: &[i8], cin: usize, _run: usize) -> Self::Products {
        for (sums, v) in sums.iter_mut().zip(v.chunks_exact(cin)) {
            for (weights, inputs) in weights.as_chunks::<{ 4 * BLOCK }>().0.iter().zip(v.as_chunks::<4>().0) {
                for (sum, weights) in sums.0.iter_mut().zip(weights.as_chunks::<4>().0) {
                    for (&input, &weight) in inputs.iter().zip(weights) {
                        *sum = sum.wrapping_add(input_value(input) * i32::from(weight));
                    }
                }
            }
        }
        sums
    }

    fn put(sums: Self::Products, to: &mut [i32]) {
        for (to, sums) in to.as_chunks_mut::<BLOCK>().0.iter_mut().zip(sums) {
            *to = sums.0;
        }
    }

    fn put_sum(sums: Self::Products, to: &mut [i32]) {
        for (to, sums) in to.as_chunks_mut::<BLOCK>().0.iter_mut().zip(sums) {
            *to = (Row(*to) + sums).0;
        }
    }

    fn put_difference(sums: Self::Products, to: &mut [i32]) {
        for (to, sums) in to.as_chunks_mut::<BLOCK>().0.iter_mut().zip(sums) {
            *to = (Row(*to) - sums).0;
        }
    }

    fn load_sums(sums: &[i32]) -> Self::Sums {
        Row(array::from_fn(|i| sums[i]))
    }

    fn max(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        Row(array::from_fn(|i| a.0[i].max(b.0[i])))
    }

    fn shift<const WIDE: bool>(sums: Self::Sums) -> Self::Sums {
        Row(sums.0.map(|sum| sum >> Tile::of(WIDE).shift()))
    }

    fn epilogue(conv: &PackedConv, channel: usize) -> Self::Epilogue {
        array::from_fn(|i| (conv.multiplier[channel + i], conv.bias[channel + i], conv.shift))
    }

    fn activate(epilogue: &Self::Epilogue, sums: Self::Sums, to: &mut [u8]) {
        for ((to, sum), &(multiplier, bias, shift)) in to.iter_mut().zip(sums.0).zip(epilogue) {
            *to = requantise(sum, multiplier, bias, shift);
        }
    }
}

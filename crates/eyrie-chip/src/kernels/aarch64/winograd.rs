//! Winograd's tiles in NEON with the dot-product extension: groups of 6 tiles by 16 channels, as in
//! the direct kernel. The transformed inputs are signed bytes
//! ([`Tile::offset`](crate::winograd::algebra::Tile::offset)).
#![expect(unsafe_code, reason = "vector instructions, and the call into code for a CPU that was detected")]

use std::arch::aarch64::{
    int32x4_t, uint8x16_t, vaddq_s32, vaddq_u8, vandq_u8, vdupq_n_s8, vdupq_n_s32, vdupq_n_u8, vdupq_n_u32, vld1q_s8,
    vld1q_s32, vld1q_u8, vmaxq_s32, vqtbl1q_u8, vreinterpretq_u8_u32, vshlq_u8, vshrq_n_s32, vst1q_s32, vst1q_u8,
    vsubq_s32, vsubq_u8,
};
use std::arch::asm;
use std::ops::{Add, Sub};

use super::neon::{self, Epilogue, sdot};
use crate::codebook::Codebook;
use crate::kernels::tiles::each_pixel;
use crate::kernels::winograd::{LANES, Simd, Winograd, Work};
use crate::pack::PackedConv;

/// Tiles of a group.
const TILES: usize = 6;

pub(in crate::kernels) const NARROW: Winograd = Winograd { tiles: TILES, run: narrow };
pub(in crate::kernels) const WIDE: Winograd = Winograd { tiles: TILES, run: wide };

fn narrow(work: Work<'_>) {
    assert!(neon::is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { narrow_tiles(work) }
}

fn wide(work: Work<'_>) {
    assert!(neon::is_supported());
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { wide_tiles(work) }
}

#[target_feature(enable = "neon,dotprod")]
fn narrow_tiles(work: Work<'_>) {
    work.run::<Neon, false>();
}

#[target_feature(enable = "neon,dotprod")]
fn wide_tiles(work: Work<'_>) {
    work.run::<Neon, true>();
}

/// 16 bytes.
#[derive(Clone, Copy)]
struct Bytes(uint8x16_t);

impl Add for Bytes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: every 64-bit Arm has NEON.
        Self(unsafe { vaddq_u8(self.0, other.0) })
    }
}

impl Sub for Bytes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: every 64-bit Arm has NEON.
        Self(unsafe { vsubq_u8(self.0, other.0) })
    }
}

/// Sixteen sums.
#[derive(Clone, Copy)]
struct Sums([int32x4_t; 4]);

impl Add for Sums {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        // SAFETY: every 64-bit Arm has NEON.
        Self(unsafe { [vaddq_s32(a, e), vaddq_s32(b, f), vaddq_s32(c, g), vaddq_s32(d, h)] })
    }
}

impl Sub for Sums {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        // SAFETY: every 64-bit Arm has NEON.
        Self(unsafe { [vsubq_s32(a, e), vsubq_s32(b, f), vsubq_s32(c, g), vsubq_s32(d, h)] })
    }
}

impl Sums {
    #[inline(always)]
    fn load(sums: &[i32]) -> Self {
        let sums = sums[..LANES].as_ptr();
        // SAFETY: sixteen integers, four for each vector.
        Self(unsafe {
            [
                vld1q_s32(sums),
                vld1q_s32(sums.wrapping_add(4)),
                vld1q_s32(sums.wrapping_add(8)),
                vld1q_s32(sums.wrapping_add(12)),
            ]
        })
    }

    #[inline(always)]
    fn store(self, sums: &mut [i32]) {
        let sums = sums[..LANES].as_mut_ptr();
        // SAFETY: sixteen integers that are ours to write, four for each vector.
        unsafe {
            vst1q_s32(sums, self.0[0]);
            vst1q_s32(sums.wrapping_add(4), self.0[1]);
            vst1q_s32(sums.wrapping_add(8), self.0[2]);
            vst1q_s32(sums.wrapping_add(12), self.0[3]);
        }
    }
}

struct Neon;

impl Simd for Neon {
    type Bytes = Bytes;
    type Sums = Sums;
    type Products = [[int32x4_t; 4]; TILES];
    type Epilogue = Epilogue;

    const WIDTH: usize = 16;
    const TILES: usize = TILES;
    const CHANNELS: usize = LANES;

    #[inline(always)]
    fn splat(byte: u8) -> Bytes {
        // SAFETY: every 64-bit Arm has NEON.
        Bytes(unsafe { vdupq_n_u8(byte) })
    }

    #[inline(always)]
    fn load(bytes: &[u8]) -> Bytes {
        let bytes = &bytes[..Self::WIDTH];
        // SAFETY: sixteen bytes.
        Bytes(unsafe { vld1q_u8(bytes.as_ptr()) })
    }

    #[inline(always)]
    fn store(value: Bytes, bytes: &mut [u8]) {
        let bytes = &mut bytes[..Self::WIDTH];
        // SAFETY: sixteen bytes that are ours to write.
        unsafe { vst1q_u8(bytes.as_mut_ptr(), value.0) };
    }

    #[inline(always)]
    fn store_levels(value: Bytes, levels: &mut [i8]) {
        let levels = &mut levels[..Self::WIDTH];
        // SAFETY: sixteen bytes that are ours to write.
        unsafe { vst1q_u8(levels.as_mut_ptr().cast::<u8>(), value.0) };
    }

    #[inline(always)]
    fn levels(codebook: Codebook, codes: &[u8]) -> Bytes {
        let (codes, _) = codes.as_chunks::<4>();
        // SAFETY: called on CPUs with the features alone.
        Bytes(unsafe { four_levels(codebook, codes[0]) })
    }

    #[inline(always)]
    fn zero() -> Self::Products {
        // SAFETY: every 64-bit Arm has NEON.
        [[unsafe { vdupq_n_s32(0) }; 4]; TILES]
    }

    #[inline(always)]
    fn add_products(mut acc: Self::Products, v: &[u8], weights: &[i8], cin: usize, _run: usize) -> Self::Products {
        // The inputs of a layer with tiles are a multiple of 64.
        assert!(cin.is_multiple_of(16) && v.len() >= TILES * cin && weights.len() >= cin * LANES);
        let (mut row, mut weights) = (v.as_ptr().cast::<i8>(), weights.as_ptr());
        // SAFETY: called on CPUs with the features alone. A step takes sixteen inputs of each
        // tile's `cin` and sixteen weights for each of sixteen channels; asserted above.
        unsafe {
            let mut inputs = [vdupq_n_s8(0); TILES];
            macro_rules! four_inputs {
                ($group:literal) => {
                    each_pixel!(4, quarter => {
                        let levels = vld1q_s8(weights.wrapping_add(16 * quarter));
                        each_pixel!(TILES, tile => {
                            acc[tile][quarter] = sdot::<$group>(acc[tile][quarter], levels, inputs[tile]);
                        });
                    });
                    weights = weights.wrapping_add(4 * LANES);
                };
            }
            for _ in 0..cin / 16 {
                each_pixel!(TILES, tile => {
                    inputs[tile] = vld1q_s8(row.wrapping_add(tile * cin));
                });
                four_inputs!(0);
                four_inputs!(1);
                four_inputs!(2);
                four_inputs!(3);
                row = row.wrapping_add(16);
            }
        }
        acc
    }

    #[inline(always)]
    fn put(products: Self::Products, to: &mut [i32]) {
        each_pixel!(TILES, tile => {
            Sums(products[tile]).store(&mut to[tile * LANES..]);
        });
        // SAFETY: an empty instruction that might touch all memory: what is read again then comes
        // from there and not from registers that the products need.
        unsafe { asm!("", options(nostack, preserves_flags)) };
    }

    #[inline(always)]
    fn put_sum(products: Self::Products, to: &mut [i32]) {
        each_pixel!(TILES, tile => {
            let to = &mut to[tile * LANES..];
            (Sums::load(to) + Sums(products[tile])).store(to);
        });
    }

    #[inline(always)]
    fn put_difference(products: Self::Products, to: &mut [i32]) {
        each_pixel!(TILES, tile => {
            let to = &mut to[tile * LANES..];
            (Sums::load(to) - Sums(products[tile])).store(to);
        });
    }

    #[inline(always)]
    fn load_sums(sums: &[i32]) -> Sums {
        Sums::load(sums)
    }

    #[inline(always)]
    fn max(a: Sums, b: Sums) -> Sums {
        let ([a, b, c, d], [e, f, g, h]) = (a.0, b.0);
        // SAFETY: every 64-bit Arm has NEON.
        Sums(unsafe { [vmaxq_s32(a, e), vmaxq_s32(b, f), vmaxq_s32(c, g), vmaxq_s32(d, h)] })
    }

    #[inline(always)]
    fn shift<const WIDE: bool>(sums: Sums) -> Sums {
        let [a, b, c, d] = sums.0;
        // SAFETY: every 64-bit Arm has NEON.
        Sums(unsafe {
            if WIDE {
                [vshrq_n_s32::<3>(a), vshrq_n_s32::<3>(b), vshrq_n_s32::<3>(c), vshrq_n_s32::<3>(d)]
            } else {
                [vshrq_n_s32::<2>(a), vshrq_n_s32::<2>(b), vshrq_n_s32::<2>(c), vshrq_n_s32::<2>(d)]
            }
        })
    }

    #[inline(always)]
    fn epilogue(conv: &PackedConv, channel: usize) -> Epilogue {
        // SAFETY: called on CPUs with the features alone.
        unsafe { Epilogue::new(conv, channel) }
    }

    #[inline(always)]
    fn activate(epilogue: &Epilogue, sums: Sums, to: &mut [u8]) {
        let to = &mut to[..LANES];
        // SAFETY: sixteen bytes that are ours to write, on a CPU with the features.
        unsafe { vst1q_u8(to.as_mut_ptr(), epilogue.apply(sums.0)) };
    }
}

/// Four levels for each of four packed bytes.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn four_levels(codebook: Codebook, codes: [u8; 4]) -> uint8x16_t {
    // Byte i of each lane gets the lane's packed byte, shifted to the right by 2i.
    const CHANNEL: [u8; 16] = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3];
    const DOWN: [i8; 16] = [0, -2, -4, -6, 0, -2, -4, -6, 0, -2, -4, -6, 0, -2, -4, -6];
    let table = vreinterpretq_u8_u32(vdupq_n_u32(u32::from_le_bytes(codebook.0.map(i8::cast_unsigned))));
    let bytes = vreinterpretq_u8_u32(vdupq_n_u32(u32::from_le_bytes(codes)));
    // SAFETY: both are references to sixteen bytes.
    let (channel, down) = unsafe { (vld1q_u8(CHANNEL.as_ptr()), vld1q_s8(DOWN.as_ptr())) };
    let indices = vandq_u8(vshlq_u8(vqtbl1q_u8(bytes, channel), down), vdupq_n_u8(3));
    vqtbl1q_u8(table, indices)
}

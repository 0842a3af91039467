//! AMX: products of tiles of 16 rows by 64 bytes, 16,384 multiply-accumulates an instruction.
//!
//! Two tiles of 16 pixels by two of 16 channels give four tiles of sums, so that four loads feed
//! four products:
//!
//! ```text
//!                        tmm6: channels 0-15   tmm7: channels 16-31     64 inputs of one tap
//! tmm4: pixels 0-15            tmm0                  tmm1
//! tmm5: pixels 16-31           tmm2                  tmm3
//! ```
//!
//! The rows of a band lie one after the other with their borders, so a tile takes the next 16
//! positions whether or not a row ends among them; the sums at the two border positions of a row
//! are thrown away.
//!
//! The loop over chunks of 64 input channels is outside the loop over pixels: the nine taps of a
//! chunk are 18 KB of weights, which stay in the first-level cache, while the sums of a strip of
//! pixels wait in the second-level cache. Layers whose channels are no multiple of 64 (the first
//! one) run on AVX-512 VNNI.
//!
//! The instructions are written as assembly, since Rust has no stable intrinsics for them. The
//! compiler itself never uses a tile register, so what one block of assembly leaves in them is
//! there in the next.
#![expect(unsafe_code, reason = "assembly, and the call into code for a CPU that was detected")]

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, __m512i, _mm_storeu_si128, _mm512_loadu_si512};
use std::sync::OnceLock;

use super::avx512vnni::{self, Epilogue};
use crate::kernels::table::{Band, SUMS};
use crate::pack::{BLOCK, PackedConv};

/// Bytes of a tile's row, and input channels of a chunk.
const CHUNK: usize = 64;

/// Rows of a tile.
const ROWS: usize = 16;

/// Positions of a pair of tiles.
const PAIR: usize = 2 * ROWS;

/// Bytes of the levels of one tap in a chunk.
const TAP: usize = CHUNK * BLOCK;

/// Positions whose sums fit the scratch.
const STRIP: usize = SUMS / BLOCK;

/// Whether this CPU has the instructions and the operating system lets this process use them.
pub(in super::super) fn is_supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| avx512vnni::is_supported() && has_instructions() && has_permission())
}

/// Whether the CPU has tiles and their byte products.
fn has_instructions() -> bool {
    const TILE: u32 = 1 << 24;
    const INT8: u32 = 1 << 25;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & (TILE | INT8) == TILE | INT8
}

/// Asks the kernel for the tile registers, once for all threads of the process; without that the
/// first use ends it. A kernel that does not know of them (before 5.16) refuses.
#[cfg(target_os = "linux")]
fn has_permission() -> bool {
    const ARCH_PRCTL: isize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: a system call that takes two numbers and touches no memory; it overwrites rcx and
    // r11, which is declared.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// How other systems grant the tile registers is not known here.
#[cfg(not(target_os = "linux"))]
fn has_permission() -> bool {
    false
}

/// See [`Expand`](crate::kernels::table::Expand); in the order `[cin / 64][tap][16 groups][32
/// output channels][4]`.
pub(in super::super) fn expand(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    if !conv.cin.is_multiple_of(CHUNK) {
        return avx512vnni::expand(conv, block, panel);
    }
    let taps = conv.block_codes(block).chunks_exact(conv.cin / 4 * BLOCK);
    for (tap, codes) in taps.enumerate() {
        for (chunk, codes) in codes.chunks_exact(TAP / 4).enumerate() {
            let levels = &mut panel[(chunk * 9 + tap) * TAP..][..TAP];
            // SAFETY: this kernel is handed out only where AVX-512 VNNI was found too.
            unsafe { avx512vnni::levels(conv.codebook, codes, levels) };
        }
    }
}

/// See [`ConvBlock`](crate::kernels::table::ConvBlock).
pub(in super::super) fn conv_block(conv: &PackedConv, block: usize, panel: &[i8], sums: &mut [i32], band: Band<'_>) {
    if !conv.cin.is_multiple_of(CHUNK) {
        return avx512vnni::conv_block(conv, block, panel, sums, band);
    }
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { tiled(conv, block, panel, sums, band) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn tiled(conv: &PackedConv, block: usize, panel: &[i8], sums: &mut [i32], band: Band<'_>) {
    let Band { src, rows, width, dst } = band;
    let (row, cout) = (width + 2, conv.cout);
    // From the first pixel of the first row to the last pixel of the last.
    let positions = (rows * row).saturating_sub(2);
    let epilogue = Epilogue::of_block(conv, block);
    let chunks = conv.cin / CHUNK;
    let full = Config::new(PAIR);
    full.load();
    for strip in (0..positions).step_by(STRIP) {
        let end = positions.min(strip + STRIP);
        for chunk in 0..chunks {
            let weights = &panel[chunk * 9 * TAP..][..9 * TAP];
            for first in (strip..end).step_by(PAIR) {
                let count = PAIR.min(end - first);
                let sums = &mut sums[(first - strip) * BLOCK..][..PAIR * BLOCK];
                let input = &src[first * conv.cin + chunk * CHUNK..];
                if count < PAIR {
                    Config::new(count).load();
                }
                products(count, input, conv.cin, row, weights, sums, chunk > 0);
                if count < PAIR {
                    full.load();
                }
                if chunk + 1 == chunks {
                    for (position, sums) in (first..first + count).zip(sums.as_chunks::<BLOCK>().0) {
                        if position % row < width {
                            activate(&epilogue, sums, &mut dst[(position + 1) * cout + block * BLOCK..][..BLOCK]);
                        }
                    }
                }
            }
        }
    }
    release();
}

/// Adds the products of one chunk for `count` (1 to 32) positions to `sums`, or with `go_on` false
/// writes them there.
///
/// `input` starts at the chunk's channels of the first position's window; a pixel has `cin`
/// channels, a row `row` pixels. The loaded [`Config`] must be that of `count`.
fn products(count: usize, input: &[u8], cin: usize, row: usize, weights: &[i8], sums: &mut [i32], go_on: bool) {
    assert!((1..=PAIR).contains(&count) && weights.len() == 9 * TAP && sums.len() == PAIR * BLOCK);
    assert!(input.len() >= (2 * row + 2 + count - 1) * cin + CHUNK);
    let two = count > ROWS;
    let sums = sums.as_mut_ptr();
    if go_on {
        // SAFETY: rows 0 to `count` of the 32 rows of 32 integers in `sums`, as many as the
        // configuration says.
        unsafe { load_sums(sums, two) };
    } else {
        zero_sums();
    }
    for ky in 0..3 {
        for kx in 0..3 {
            let input = input.as_ptr().wrapping_add((ky * row + kx) * cin);
            let weights = weights.as_ptr().wrapping_add((3 * ky + kx) * TAP);
            // SAFETY: `count` rows of 64 bytes, `cin` apart, of which the last ends within `input`,
            // and 16 rows of 128 bytes, which are this tap's; both asserted above.
            unsafe { step(input, cin, weights, two) };
        }
    }
    // SAFETY: as for the load.
    unsafe { store_sums(sums, two) };
}

/// The sums of one position turned into 32 activations.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn activate(epilogue: &[Epilogue; 2], sums: &[i32; BLOCK], out: &mut [u8]) {
    for (epilogue, (sums, out)) in epilogue.iter().zip(sums.as_chunks::<16>().0.iter().zip(out.as_chunks_mut::<16>().0))
    {
        // SAFETY: a reference to sixteen 32-bit integers.
        let sums = unsafe { _mm512_loadu_si512(sums.as_ptr().cast::<__m512i>()) };
        // SAFETY: an exclusive reference to sixteen bytes.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), epilogue.apply(sums)) };
    }
}

/// The shapes of the tiles, as `ldtilecfg` takes them.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Config {
    /// For pairs of `positions` (1 to 32) positions; the second tile of a pair that does not reach
    /// it has one row.
    fn new(positions: usize) -> Self {
        let (upper, lower) = (positions.min(ROWS) as u8, positions.saturating_sub(ROWS).max(1) as u8);
        let mut rows = [0; 16];
        rows[..8].copy_from_slice(&[upper, upper, lower, lower, upper, lower, ROWS as u8, ROWS as u8]);
        let mut row_bytes = [0; 16];
        row_bytes[..8].fill(CHUNK as u16);
        Self { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
    }

    /// Makes the tiles have these shapes, and zeroes them.
    fn load(&self) {
        // SAFETY: reads 64 bytes of `self`, a valid configuration of palette 1; tiles are used in
        // this file alone.
        unsafe { asm!("ldtilecfg [{}]", in(reg) self, options(nostack, preserves_flags, readonly)) };
    }
}

/// Gives the tile registers back, so that the system need not keep them for this thread.
fn release() {
    // SAFETY: tiles are used in this file alone, and nothing reads them before the next
    // configuration.
    unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
}

fn zero_sums() {
    // SAFETY: changes tile registers alone, which are configured.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            options(nostack, preserves_flags, nomem)
        );
    }
}

/// Loads the sums of one (`two` false) or two tiles of positions, 128 bytes a position.
///
/// # Safety
/// `sums` must point to as many rows as the configuration gives the tiles.
#[inline]
unsafe fn load_sums(sums: *const i32, two: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!(
            "tileloadd tmm0, [{sums} + {stride}]",
            "tileloadd tmm1, [{sums} + {stride} + 64]",
            sums = in(reg) sums, stride = in(reg) 4 * BLOCK, options(nostack, preserves_flags, readonly),
        );
        if two {
            asm!(
                "tileloadd tmm2, [{sums} + {stride}]",
                "tileloadd tmm3, [{sums} + {stride} + 64]",
                sums = in(reg) sums.wrapping_add(ROWS * BLOCK), stride = in(reg) 4 * BLOCK,
                options(nostack, preserves_flags, readonly),
            );
        }
    }
}

/// The opposite of [`load_sums`].
///
/// # Safety
/// As there, and the rows must be writable.
#[inline]
unsafe fn store_sums(sums: *mut i32, two: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!(
            "tilestored [{sums} + {stride}], tmm0",
            "tilestored [{sums} + {stride} + 64], tmm1",
            sums = in(reg) sums, stride = in(reg) 4 * BLOCK, options(nostack, preserves_flags),
        );
        if two {
            asm!(
                "tilestored [{sums} + {stride}], tmm2",
                "tilestored [{sums} + {stride} + 64], tmm3",
                sums = in(reg) sums.wrapping_add(ROWS * BLOCK), stride = in(reg) 4 * BLOCK,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// One tap: 64 inputs of one (`two` false) or two tiles of positions, `cin` bytes apart, by 32
/// channels.
///
/// # Safety
/// `input` must point to as many rows of 64 bytes as the configuration gives the tiles, `weights`
/// to 16 of 128 bytes.
#[inline]
unsafe fn step(input: *const u8, cin: usize, weights: *const i8, two: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        if two {
            asm!(
                "tileloadd tmm6, [{weights} + {stride}]",
                "tileloadd tmm4, [{input} + {cin}]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{weights} + {stride} + 64]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + {cin}]",
                "tdpbusd tmm2, tmm5, tmm6",
                "tdpbusd tmm3, tmm5, tmm7",
                weights = in(reg) weights, stride = in(reg) 4 * BLOCK,
                input = in(reg) input, lower = in(reg) input.wrapping_add(ROWS * cin), cin = in(reg) cin,
                options(nostack, preserves_flags, readonly),
            );
        } else {
            asm!(
                "tileloadd tmm6, [{weights} + {stride}]",
                "tileloadd tmm4, [{input} + {cin}]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{weights} + {stride} + 64]",
                "tdpbusd tmm1, tmm4, tmm7",
                weights = in(reg) weights, stride = in(reg) 4 * BLOCK,
                input = in(reg) input, cin = in(reg) cin,
                options(nostack, preserves_flags, readonly),
            );
        }
    }
}

/// See [`BareProducts`](crate::kernels::table::BareProducts).
pub(in super::super) fn bare_products(steps: u64) -> u64 {
    // SAFETY: the table of kernels hands this function out only where `is_supported` found the
    // features.
    unsafe { bare(steps) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn bare(steps: u64) -> u64 {
    let (input, weights) = ([31u8; PAIR * CHUNK], [3i8; TAP]);
    Config::new(PAIR).load();
    zero_sums();
    for _ in 0..steps {
        // SAFETY: 32 rows of 64 bytes, and 16 of 128.
        unsafe { step(input.as_ptr(), CHUNK, weights.as_ptr(), true) };
    }
    release();
    steps * (PAIR * BLOCK * CHUNK) as u64
}

//! NEON with the dot-product extension: `sdot` adds four products of signed bytes exactly in each
//! 32-bit lane.
#![expect(unsafe_code, reason = "vector loads, sdot, and the call into code for a CPU that was detected")]

use std::arch::aarch64::{int8x16_t, int32x4_t, vaddvq_s32, vdupq_n_s32, vld1q_s8};
use std::arch::{asm, is_aarch64_feature_detected};

use crate::kernels::Kernels;

// What would fetch the next codes ahead is not stable on this architecture.
pub(in crate::kernels) const KERNELS: Kernels = Kernels { isa: "neon", dots };

/// Bytes of a vector.
const STEP: usize = 16;

/// Whether this CPU runs [`dots`].
pub(in crate::kernels) fn is_supported() -> bool {
    is_aarch64_feature_detected!("dotprod")
}

fn dots(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    debug_assert!(is_supported());
    // SAFETY: the kernels are handed out only where `is_supported` found the features.
    unsafe { in_groups(query, codes, sums) }
}

#[target_feature(enable = "neon,dotprod")]
fn in_groups(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    let (codes, last_codes) = codes.as_chunks::<4>();
    let (sums, last_sums) = sums.as_chunks_mut::<4>();
    for (codes, sums) in codes.iter().zip(sums) {
        *sums = group_of(query, codes);
    }
    for (code, sum) in last_codes.iter().zip(last_sums) {
        [*sum] = group_of(query, &[*code]);
    }
}

#[target_feature(enable = "neon,dotprod")]
fn group_of<const CODES: usize>(query: &[i8], codes: &[&[i8]; CODES]) -> [i32; CODES] {
    assert!(query.len().is_multiple_of(2 * STEP) && codes.iter().all(|code| code.len() == query.len()));
    let mut acc = [[vdupq_n_s32(0); 2]; CODES];
    for at in (0..query.len()).step_by(2 * STEP) {
        for half in 0..2 {
            let at = at + half * STEP;
            // SAFETY: `at` is a multiple of 16 below the length, which is one too.
            let query = unsafe { vld1q_s8(query.as_ptr().wrapping_add(at)) };
            for (acc, code) in acc.iter_mut().zip(codes) {
                // SAFETY: the code is as long as the query; asserted above.
                let code = unsafe { vld1q_s8(code.as_ptr().wrapping_add(at)) };
                acc[half] = sdot(acc[half], query, code);
            }
        }
    }
    acc.map(|[even, odd]| vaddvq_s32(even) + vaddvq_s32(odd))
}

/// Adds four products to each lane. The intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut acc: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these three registers alone; `dotprod` is enabled.
    unsafe {
        asm!(
            "sdot {acc:v}.4s, {a:v}.16b, {b:v}.16b",
            acc = inout(vreg) acc, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}

//! AVX-VNNI: `vpdpbusd` on 256-bit vectors, for CPUs that have it without AVX-512.
//!
//! Magnitudes and signs are divided as in the AVX2 kernel; four products are added exactly in 32
//! bits.
#![expect(unsafe_code, reason = "vector loads, and the call into code for a CPU that was detected")]

use std::arch::x86_64::{
    __m256i, _mm256_abs_epi8, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_setzero_si256, _mm256_sign_epi8,
};

use super::avx2::{fetch, lanes};
use crate::kernels::{Kernels, LINE};

pub(in crate::kernels) const KERNELS: Kernels = Kernels { isa: "avxvnni", dots };

/// Bytes of a vector.
const STEP: usize = 32;

/// Whether this CPU runs [`dots`].
pub(in crate::kernels) fn is_supported() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni")
}

fn dots(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    debug_assert!(is_supported());
    // SAFETY: the kernels are handed out only where `is_supported` found the features.
    unsafe { in_groups(query, codes, sums) }
}

#[target_feature(enable = "avx2,avxvnni")]
fn in_groups(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    let (codes, last_codes) = codes.as_chunks::<4>();
    let (sums, last_sums) = sums.as_chunks_mut::<4>();
    for (group, (these, sums)) in codes.iter().zip(sums).enumerate() {
        *sums = group_of(query, these, codes.get(group + 1).map_or(last_codes, |next| next));
    }
    for (code, sum) in last_codes.iter().zip(last_sums) {
        [*sum, ..] = group_of(query, &[*code], &[]);
    }
}

/// The sums of up to four codes; the others are zero. Fetches the next ones from memory meanwhile.
#[target_feature(enable = "avx2,avxvnni")]
fn group_of<const CODES: usize>(query: &[i8], codes: &[&[i8]; CODES], next: &[&[i8]]) -> [i32; 4] {
    assert!(CODES <= 4 && query.len().is_multiple_of(STEP) && codes.iter().all(|code| code.len() == query.len()));
    let mut acc = [_mm256_setzero_si256(); 4];
    for at in (0..query.len()).step_by(STEP) {
        if at.is_multiple_of(LINE) {
            fetch(next, at);
        }
        // SAFETY: `at` is a multiple of 32 below the length, which is one too.
        let query = unsafe { _mm256_loadu_si256(query.as_ptr().wrapping_add(at).cast::<__m256i>()) };
        let magnitude = _mm256_abs_epi8(query);
        for (acc, code) in acc.iter_mut().zip(codes) {
            // SAFETY: the code is as long as the query; asserted above.
            let code = unsafe { _mm256_loadu_si256(code.as_ptr().wrapping_add(at).cast::<__m256i>()) };
            *acc = _mm256_dpbusd_avx_epi32(*acc, magnitude, _mm256_sign_epi8(code, query));
        }
    }
    lanes(acc)
}

//! AVX2: `vpmaddubsw` multiplies unsigned by signed bytes and adds two products in 16 bits.
//!
//! The unsigned side is the magnitude of the query's value; its sign goes to the other side. Two
//! products of at most 127 * 127 fit 16 bits, so nothing saturates.
#![expect(unsafe_code, reason = "vector loads and stores, and the call into code for a CPU that was detected")]

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_prefetch, _mm_storeu_si128, _mm256_abs_epi8, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8,
};

use crate::kernels::{Kernels, LINE};

pub(in crate::kernels) const KERNELS: Kernels = Kernels { isa: "avx2", dots };

/// Bytes of a vector.
const STEP: usize = 32;

/// Whether this CPU runs [`dots`].
pub(in crate::kernels) fn is_supported() -> bool {
    is_x86_feature_detected!("avx2")
}

fn dots(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    debug_assert!(is_supported());
    // SAFETY: the kernels are handed out only where `is_supported` found the features.
    unsafe { in_groups(query, codes, sums) }
}

/// Starts to fetch the line at `at` of each of these codes from memory.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn fetch(codes: &[&[i8]], at: usize) {
    for code in codes {
        _mm_prefetch::<_MM_HINT_T0>(code.as_ptr().wrapping_add(at));
    }
}

#[target_feature(enable = "avx2")]
fn in_groups(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    let (codes, last_codes) = codes.as_chunks::<4>();
    let (sums, last_sums) = sums.as_chunks_mut::<4>();
    for (group, (these, sums)) in codes.iter().zip(sums).enumerate() {
        *sums = group_of(query, these, codes.get(group + 1).map_or(last_codes, |next| next));
    }
    match (last_codes, last_sums) {
        ([a], [x]) => [*x, ..] = group_of(query, &[*a], &[]),
        ([a, b], [x, y]) => [*x, *y, ..] = group_of(query, &[*a, b], &[]),
        ([a, b, c], [x, y, z]) => [*x, *y, *z, _] = group_of(query, &[*a, b, c], &[]),
        _ => {}
    }
}

/// The sums of up to four codes; the others are zero. Fetches the next ones from memory meanwhile.
#[target_feature(enable = "avx2")]
fn group_of<const CODES: usize>(query: &[i8], codes: &[&[i8]; CODES], next: &[&[i8]]) -> [i32; 4] {
    assert!(CODES <= 4 && query.len().is_multiple_of(STEP) && codes.iter().all(|code| code.len() == query.len()));
    let ones = _mm256_set1_epi16(1);
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
            let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(code, query));
            *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(pairs, ones));
        }
    }
    lanes(acc)
}

/// The sum of the lanes of each vector.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn lanes(acc: [__m256i; 4]) -> [i32; 4] {
    let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(acc[0], acc[1]), _mm256_hadd_epi32(acc[2], acc[3]));
    let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let mut out = [0; 4];
    // SAFETY: `out` holds 16 bytes.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast::<__m128i>(), sums) };
    out
}

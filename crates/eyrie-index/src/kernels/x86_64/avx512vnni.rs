//! AVX-512 VNNI: `vpdpbusd`, 64 products an instruction, added exactly in 32 bits.
//!
//! There is no instruction for signs here. The code's bytes become unsigned by flipping the top
//! bit, which adds 128 to each, and since
//!
//! ```text
//! sum of (c + 128) * q = sum of c * q + 128 * sum of q
//! ```
//!
//! the sums start at the last term, taken away. It is at most 128 * 127 for a value: far from
//! overflow.
#![expect(unsafe_code, reason = "vector loads, and the call into code for a CPU that was detected")]

use std::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512,
    _mm512_xor_si512,
};

use super::avx2::fetch;
use crate::kernels::{Kernels, LINE};

pub(in crate::kernels) const KERNELS: Kernels = Kernels { isa: "avx512vnni", dots };

/// Whether this CPU runs [`dots`].
pub(in crate::kernels) fn is_supported() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

fn dots(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    debug_assert!(is_supported());
    // SAFETY: the kernels are handed out only where `is_supported` found the features.
    unsafe { in_groups(query, codes, sums) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn in_groups(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    let (codes, last_codes) = codes.as_chunks::<4>();
    let (sums, last_sums) = sums.as_chunks_mut::<4>();
    for (group, (these, sums)) in codes.iter().zip(sums).enumerate() {
        *sums = group_of(query, these, codes.get(group + 1).map_or(last_codes, |next| next));
    }
    for (code, sum) in last_codes.iter().zip(last_sums) {
        [*sum] = group_of(query, &[*code], &[]);
    }
}

/// The sums of some codes. Fetches the next ones from memory meanwhile.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn group_of<const CODES: usize>(query: &[i8], codes: &[&[i8]; CODES], next: &[&[i8]]) -> [i32; CODES] {
    assert!(query.len().is_multiple_of(LINE) && codes.iter().all(|code| code.len() == query.len()));
    let top = _mm512_set1_epi8(i8::MIN);
    let mut acc = [_mm512_setzero_si512(); CODES];
    let mut of_query = _mm512_setzero_si512();
    for at in (0..query.len()).step_by(LINE) {
        fetch(next, at);
        // SAFETY: `at` is a multiple of 64 below the length, which is one too.
        let query = unsafe { _mm512_loadu_si512(query.as_ptr().wrapping_add(at).cast::<__m512i>()) };
        // The top bit as an unsigned byte is 128.
        of_query = _mm512_dpbusd_epi32(of_query, top, query);
        for (acc, code) in acc.iter_mut().zip(codes) {
            // SAFETY: the code is as long as the query; asserted above.
            let code = unsafe { _mm512_loadu_si512(code.as_ptr().wrapping_add(at).cast::<__m512i>()) };
            *acc = _mm512_dpbusd_epi32(*acc, _mm512_xor_si512(code, top), query);
        }
    }
    let of_query = _mm512_reduce_add_epi32(of_query);
    acc.map(|acc| _mm512_reduce_add_epi32(acc) - of_query)
}

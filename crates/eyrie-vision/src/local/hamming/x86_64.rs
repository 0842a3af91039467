//! The loop of the distances, compiled for what counts bits on x86-64. The least CPU of this
//! architecture has no instruction for it.
#![expect(unsafe_code, reason = "the call into code for a CPU that was detected")]

use super::count;

/// See [`Descriptors::distances`](super::Descriptors::distances).
pub(super) fn distances(words: [&[u64]; 4], bits: [u64; 4], out: &mut [u16]) -> u16 {
    if is_x86_feature_detected!("avx512vpopcntdq") {
        // SAFETY: the CPU has it.
        unsafe { avx512(words, bits, out) }
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has it.
        unsafe { avx2(words, bits, out) }
    } else {
        count(words, bits, out)
    }
}

/// One instruction counts eight words.
#[target_feature(enable = "avx512vpopcntdq")]
fn avx512(words: [&[u64]; 4], bits: [u64; 4], out: &mut [u16]) -> u16 {
    count(words, bits, out)
}

/// A table of the bits of half a byte, for 32 bytes at once.
#[target_feature(enable = "avx2")]
fn avx2(words: [&[u64]; 4], bits: [u64; 4], out: &mut [u16]) -> u16 {
    count(words, bits, out)
}

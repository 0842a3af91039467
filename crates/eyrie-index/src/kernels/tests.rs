//! Every kernel equals the scalar one.

use proptest::prelude::*;

use super::{Kernels, LINE, scalar};

const ALL: [&str; 5] = ["scalar", "avx2", "avxvnni", "avx512vnni", "neon"];

fn noise(seed: u64, len: usize) -> Vec<i8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % 255) as i16 - 127
    };
    (0..len).map(|_| next() as i8).collect()
}

fn assert_equal(query: &[i8], codes: &[Vec<i8>]) {
    let codes: Vec<&[i8]> = codes.iter().map(Vec::as_slice).collect();
    let mut expected = vec![0; codes.len()];
    scalar::KERNELS.dots(query, &codes, &mut expected);
    for kernels in Kernels::available() {
        let mut sums = vec![7; codes.len()];
        kernels.dots(query, &codes, &mut sums);
        assert_eq!(sums, expected, "{kernels:?}, {} values", query.len());
    }
}

#[test]
fn this_cpu_runs_these_kernels() {
    let names: Vec<_> = Kernels::available().into_iter().map(Kernels::isa).collect();
    let lacking: Vec<_> = ALL.into_iter().filter(|isa| !names.contains(isa)).collect();
    println!("runs {names:?}; not tested for want of the CPU: {lacking:?}");
    assert_eq!(names[0], "scalar");
    assert_eq!(Kernels::detect().isa(), names[names.len() - 1]);
    if let Ok(expected) = std::env::var("EYRIE_TEST_ISA") {
        assert_eq!(Kernels::detect().isa(), expected);
    }
}

#[test]
fn the_extremes_do_not_saturate() {
    for len in [LINE, 768, 4096, super::MAX_VALUES] {
        for (q, c) in [(127, 127), (127, -127), (-127, 127), (-127, -127), (0, -127), (-127, 0)] {
            assert_equal(&vec![q; len], &vec![vec![c; len]; 7]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_equals_the_scalar_one(lines in 0..16_usize, codes in 0..13_usize, seed in any::<u32>()) {
        let seed = u64::from(seed);
        let codes: Vec<_> = (0..codes as u64).map(|n| noise(seed + n + 1, lines * LINE)).collect();
        assert_equal(&noise(seed, lines * LINE), &codes);
    }
}

//! Every kernel equals the scalar one, byte for byte, on the shapes and values where kernels go
//! wrong; and the scalar one equals the definition of a convolution, written down a second time
//! with 64-bit integers and bounds checks.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::{Isa, Kernels};
use crate::pack::PackedConv;
use crate::padded::Padded;
use crate::winograd::algebra::Tile;
use crate::{
    Algorithm, Arena, ConvParams, FeatureMap, Layer, Network, NetworkParams, SoundConv, Team, VGG16, max_pool_2x2,
    run_layer,
};

/// A tail of every length in tiles of 6 and 14; one pixel; one row; one column; two full tiles and
/// one more.
const SHAPES: [(usize, usize); 15] = [
    (1, 1),
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 1),
    (2, 6),
    (3, 7),
    (2, 8),
    (1, 9),
    (4, 13),
    (3, 14),
    (2, 15),
    (1, 28),
    (2, 29),
];

/// The usual one, rising faster, wide, the widest that Winograd's wide and narrow tiles are proven
/// for whatever the codes, as wide as bytes, and one-sided.
const CODEBOOKS: [[i8; 4]; 9] = [
    [-3, -1, 1, 3],
    [-4, -1, 1, 4],
    [-7, -2, 2, 7],
    [-7, 5, 6, 7],
    [-14, -13, -12, 14],
    [-15, -1, 1, 15],
    [-128, -1, 1, 127],
    [-128, -127, -126, -125],
    [0, 1, 2, 127],
];

/// What the kernels must equal: nested loops over the definition.
fn definition(layer: &ConvParams, input: &FeatureMap, padding: [u8; 3]) -> FeatureMap {
    let mut out = FeatureMap::zeros(input.height, input.width, layer.cout);
    let at = |y: usize, x: usize, c: usize| {
        let inside = (1..=input.height).contains(&y) && (1..=input.width).contains(&x);
        let value = if inside { input.pixel(y - 1, x - 1)[c] } else { padding.get(c).map_or(0, |&byte| byte) };
        i64::from(if !inside && layer.cin != 3 { 0 } else { value })
    };
    for y in 0..input.height {
        for x in 0..input.width {
            for o in 0..layer.cout {
                let mut acc = 0i64;
                for ky in 0..3 {
                    for kx in 0..3 {
                        for c in 0..layer.cin {
                            let code = layer.codes[((o * 3 + ky) * 3 + kx) * layer.cin + c];
                            acc += at(y + ky, x + kx, c) * i64::from(layer.codebook[usize::from(code)]);
                        }
                    }
                }
                let sum = acc * i64::from(layer.multiplier[o]) + i64::from(layer.bias[o]) + (1 << (layer.shift - 1));
                out.data[(y * input.width + x) * layer.cout + o] = (sum >> layer.shift).clamp(0, 31) as u8;
            }
        }
    }
    out
}

/// Reproducible noise.
fn noise(seed: u64, len: usize) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
    .take(len)
}

/// A layer whose multipliers and biases go to the limits that the proof of no overflow allows.
fn layer(seed: u64, cin: usize, cout: usize, codebook: [i8; 4], extreme: bool) -> SoundConv {
    let window = 9 * cin;
    let mut codes: Vec<u8> = noise(seed, window * cout).map(|n| (n % 4) as u8).collect();
    // Channels of one code alone reach the largest sums; with both outer codes a pair of products
    // saturates first.
    for (channel, codes) in codes.chunks_exact_mut(window).take(4).enumerate() {
        codes.fill(channel as u8);
    }
    let mut params = ConvParams {
        name: "conv".into(),
        cin,
        cout,
        codebook,
        codes,
        multiplier: vec![1; cout],
        shift: 1,
        bias: vec![0; cout],
        output_scale: 1.0,
        pool: false,
    };
    let acc = params.bound() - 1;
    let multiplier = (i64::from(i32::MAX / 2) / acc).clamp(1, 4095) as u16;
    params.shift = if extreme { 30 } else { (acc * i64::from(multiplier) / 40).ilog2().clamp(1, 30) };
    for (channel, (m, bias)) in params.multiplier.iter_mut().zip(&mut params.bias).enumerate() {
        *m = if channel % 3 == 0 { multiplier } else { 1 + multiplier / 2 };
        let room = i64::from(i32::MAX) - acc * i64::from(*m) - (1 << (params.shift - 1));
        let size = if extreme { room } else { room.min(20 << params.shift) } as i32;
        *bias = [0, size, -size, size / 3, -size / 2][channel % 5];
    }
    SoundConv::new(params).expect("a sound layer")
}

fn input(seed: u64, (height, width): (usize, usize), channels: usize, max: u8) -> FeatureMap {
    let data = noise(seed, height * width * channels).map(|n| (n % (u64::from(max) + 1)) as u8).collect();
    FeatureMap { height, width, channels, data }
}

fn full(shape: (usize, usize), channels: usize, value: u8) -> FeatureMap {
    FeatureMap { data: vec![value; shape.0 * shape.1 * channels], ..FeatureMap::zeros(shape.0, shape.1, channels) }
}

/// Teams of one to three threads, made once.
fn team(threads: usize) -> Arc<Team> {
    static TEAMS: LazyLock<[Arc<Team>; 3]> =
        LazyLock::new(|| [1, 2, 3].map(|threads| Arc::new(Team::new(threads).expect("threads"))));
    Arc::clone(&TEAMS[threads - 1])
}

/// Kernels whose instructions this CPU lacks, run by an emulator of these instructions: right, and
/// slow.
fn emulated() -> Vec<Kernels> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    return super::x86_64::emulator::kernels();
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    return Vec::new();
}

/// Whether what is emulated of these kernels are products of whole tiles, of which there are few.
fn by_tile_products(kernels: Kernels) -> bool {
    kernels.isa() == Isa::Amx
        && kernels.algorithm() != Algorithm::Winograd
        && Kernels::for_isa(Isa::Avx512Vnni).is_some()
}

/// Each of them direct and by Winograd's tiles wherever these are proven; which of the two `auto`
/// takes is another test's matter.
fn each_way(kernels: impl IntoIterator<Item = Kernels>) -> impl Iterator<Item = Kernels> {
    let both = [Algorithm::Direct, Algorithm::Winograd];
    kernels.into_iter().flat_map(move |kernels| both.map(|algorithm| kernels.with_algorithm(algorithm)))
}

/// Says which kernels are not tested here: those of other kinds of CPU, and without an emulator
/// those this one lacks.
fn report_absent() {
    let mut tested = Kernels::available();
    tested.extend(emulated());
    let absent: Vec<_> = Isa::ALL.into_iter().filter(|&isa| tested.iter().all(|k| k.isa() != isa)).collect();
    if absent.is_empty() {
        println!("all kernels are tested");
    } else {
        println!("NOT TESTED, this CPU lacks them: {absent:?}");
    }
}

fn assert_all_equal(params: &SoundConv, input: &FeatureMap, padding: [u8; 3], expected: &FeatureMap) {
    let packed = Layer::new(params);
    let ways: Vec<_> = each_way(Kernels::available()).collect();
    // An image is never taken by tiles: two ways would be one.
    let ways = if input.channels == 3 { Kernels::available() } else { ways };
    for kernels in ways {
        for threads in 1..=3 {
            let got = run_layer(kernels, &packed, input, padding, &team(threads));
            assert!(
                got == *expected,
                "{} {} with {threads} threads on {}x{}x{} with {:?}",
                kernels.isa(),
                kernels.algorithm(),
                input.height,
                input.width,
                input.channels,
                params.codebook
            );
        }
    }
}

#[test]
fn every_kernel_equals_the_scalar_one_on_edge_shapes_and_extremes() {
    report_absent();
    for (channels, max) in [(3, 255), (64, 31), (128, 31)] {
        for cout in [64, 128] {
            // More blocks of channels do not depend on the levels: one codebook is enough for them.
            for codebook in CODEBOOKS.into_iter().take(if cout == 64 { CODEBOOKS.len() } else { 1 }) {
                for extreme in [false, true] {
                    let params = layer(channels as u64 + cout as u64, channels, cout, codebook, extreme);
                    let packed = Layer::new(&params);
                    let padding = [255, 0, 131];
                    for shape in SHAPES {
                        for input in [input(7, shape, channels, max), full(shape, channels, max)] {
                            let expected = run_layer(Kernels::scalar(), &packed, &input, padding, &Team::ALONE);
                            assert_all_equal(&params, &input, padding, &expected);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn kernels_for_other_cpus_equal_the_scalar_one_under_emulation() {
    // Positions that end within the first tile of a pair, at its end, within the second, and in a
    // second strip.
    let shapes = [(1, 1), (1, 5), (2, 7), (1, 16), (1, 17), (3, 8), (2, 15), (14, 14), (9, 61)];
    for kernels in each_way(emulated()) {
        for (channels, cout, codebook) in
            [(3, 64, CODEBOOKS[6]), (64, 64, CODEBOOKS[0]), (64, 64, CODEBOOKS[6]), (192, 64, CODEBOOKS[1])]
        {
            let max = if channels == 3 { 255 } else { 31 };
            for extreme in [false, true] {
                let params = layer(channels as u64, channels, cout, codebook, extreme);
                let packed = Layer::new(&params);
                for shape in shapes {
                    // Where the emulator stops at each vector: a few small shapes alone.
                    if !by_tile_products(kernels) && (channels > 64 || ![(1, 5), (2, 7), (3, 8)].contains(&shape)) {
                        continue;
                    }
                    for input in [input(7, shape, channels, max), full(shape, channels, max)] {
                        let expected = run_layer(Kernels::scalar(), &packed, &input, [9, 0, 255], &Team::ALONE);
                        let got = run_layer(kernels, &packed, &input, [9, 0, 255], &team(1 + usize::from(extreme)));
                        let algorithm = kernels.algorithm();
                        assert!(got == expected, "{} {algorithm} {shape:?} {channels} {codebook:?}", kernels.isa());
                    }
                }
            }
        }
    }
}

#[test]
fn pooling_behind_tiles_takes_the_largest_of_four_and_drops_an_odd_row_and_column() {
    for (params, sizes) in [
        // conv1_1 and conv1_2, and the two behind them.
        (&VGG16[..2], [(2, 2), (3, 5), (5, 8), (4, 6)].as_slice()),
        (&VGG16[..4], [(5, 11), (14, 6)].as_slice()),
    ]
    .map(|(shapes, sizes)| (NetworkParams::pseudo_random(5, shapes).expect("sound"), sizes))
    {
        let network = Network::new(&params);
        for &(height, width) in sizes {
            let image = input(21, (height, width), 3, 255);
            let mut expected = image.clone();
            for layer in params.layers() {
                expected = run_layer(Kernels::scalar(), &Layer::new(layer), &expected, params.padding(), &Team::ALONE);
                expected = if layer.pool { max_pool_2x2(&expected) } else { expected };
            }
            let emulated = emulated().into_iter().filter(|_| params.layers().len() == 2);
            for kernels in each_way(Kernels::available().into_iter().chain(emulated)) {
                let mut arena = Arena::new(&network, height, width, 2, team(2));
                let got = network.run(kernels, &mut arena, &image.data.repeat(2), height, width);
                let (isa, algorithm) = (kernels.isa(), kernels.algorithm());
                assert!(got.last == [expected.clone(), expected.clone()], "{isa} {algorithm} {height}x{width}");
            }
        }
    }
}

#[test]
fn tiles_are_chosen_by_their_products_and_only_where_they_are_proven_and_pay() {
    let chosen = |kernels: Kernels, cin: usize, codebook: [i8; 4], (height, width): (usize, usize), pooled: bool| {
        let conv = PackedConv::new(&layer(3, cin, 64, codebook, false));
        kernels.winograd(&conv, Padded { height, width, channels: conv.cin }, pooled).map(|(tile, _)| tile)
    };
    let (usual, forced) = (CODEBOOKS[0], Kernels::scalar().with_algorithm(Algorithm::Winograd));
    assert_eq!(chosen(forced, 64, usual, (28, 28), false), Some(Tile::Wide));
    assert_eq!(chosen(forced, 64, usual, (14, 14), false), Some(Tile::Narrow), "fourteen columns fill narrow tiles");
    assert_eq!(chosen(forced, 64, [-14, -1, 1, 14], (28, 28), false), Some(Tile::Narrow), "wide ones are not proven");
    assert_eq!(chosen(forced, 64, CODEBOOKS[5], (28, 28), false), None, "none are");
    assert_eq!(chosen(forced, 3, usual, (28, 28), false), None, "an image");
    assert_eq!(chosen(forced, 64, usual, (1, 1), false), Some(Tile::Narrow));
    assert_eq!(chosen(forced, 64, usual, (5, 5), true), Some(Tile::Wide), "four of five columns are pooled");
    for kernels in Kernels::available() {
        assert_eq!(chosen(kernels.with_algorithm(Algorithm::Direct), 64, usual, (28, 28), false), None);
        let auto = chosen(kernels, 64, usual, (28, 28), false);
        let has_vectors = !matches!(kernels.isa(), Isa::Scalar | Isa::Amx);
        assert_eq!(auto.is_some(), has_vectors, "{}", kernels.isa());
        assert_eq!(chosen(kernels, 64, usual, (1, 1), false), None, "{}: a tile for one pixel", kernels.isa());
    }
}

#[test]
fn every_kernel_equals_the_scalar_one_on_images_of_one_value() {
    // The ends of bytes and of signed bytes, under a border of the other end.
    for (value, padding) in [(0, 0), (0, 255), (127, 128), (128, 127), (255, 255), (255, 0)] {
        for codebook in CODEBOOKS {
            for extreme in [false, true] {
                let params = layer(13, 3, 64, codebook, extreme);
                let packed = Layer::new(&params);
                let input = full((2, 7), 3, value);
                let expected = run_layer(Kernels::scalar(), &packed, &input, [padding; 3], &Team::ALONE);
                assert_all_equal(&params, &input, [padding; 3], &expected);
            }
        }
    }
}

#[test]
fn the_bare_loops_count_what_they_multiply() {
    for kernels in Kernels::available().into_iter().chain(emulated()) {
        let one = kernels.bare_products(1);
        assert!(one > 0 && one.is_multiple_of(4), "{}: {one}", kernels.isa());
        assert_eq!(kernels.bare_products(7), 7 * one, "{}", kernels.isa());
    }
}

#[test]
fn every_kernel_equals_the_scalar_one_on_the_widest_layers() {
    // Sixteen blocks of channels, and a window of 4608 inputs: the most that sums are kept in 16
    // bits is passed within a row.
    for (cin, cout) in [(256, 512), (512, 64), (512, 512)] {
        let params = layer(17, cin, cout, CODEBOOKS[0], true);
        let packed = Layer::new(&params);
        for input in [input(19, (2, 7), cin, 31), full((1, 3), cin, 31)] {
            let expected = run_layer(Kernels::scalar(), &packed, &input, [0; 3], &Team::ALONE);
            assert_all_equal(&params, &input, [0; 3], &expected);
        }
    }
}

#[test]
fn scalar_equals_the_definition_of_a_convolution() {
    for (channels, max) in [(3, 255), (64, 31)] {
        for codebook in CODEBOOKS {
            for extreme in [false, true] {
                let params = layer(11, channels, 64, codebook, extreme);
                let packed = Layer::new(&params);
                for shape in [(1, 1), (1, 4), (3, 2), (4, 5)] {
                    for input in [input(5, shape, channels, max), full(shape, channels, max)] {
                        let padding = [200, 100, 0];
                        let got = run_layer(Kernels::scalar(), &packed, &input, padding, &Team::ALONE);
                        assert!(got == definition(&params, &input, padding), "{shape:?} {codebook:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn outputs_of_the_test_layers_use_their_range() {
    for codebook in CODEBOOKS {
        let params = layer(1, 64, 64, codebook, false);
        let out = run_layer(Kernels::scalar(), &Layer::new(&params), &input(3, (6, 6), 64, 31), [0; 3], &Team::ALONE);
        let distinct: std::collections::BTreeSet<u8> = out.data.iter().copied().collect();
        assert!(distinct.len() >= 6, "{codebook:?} gives only {distinct:?}");
    }
}

#[test]
fn a_whole_network_gives_the_same_map_on_every_kernel_and_thread_count() {
    report_absent();
    let shapes: Vec<_> = VGG16.into_iter().take(7).collect();
    let params = NetworkParams::pseudo_random(3, &shapes).expect("sound");
    let network = Network::new(&params);
    for (height, width) in [(32, 32), (33, 47), (64, 40)] {
        let image = input(9, (height, width), 3, 255);
        let (mut expected, mut middle) = (image.clone(), None);
        for (number, layer) in params.layers().iter().enumerate() {
            expected = run_layer(Kernels::scalar(), &Layer::new(layer), &expected, params.padding(), &Team::ALONE);
            if layer.pool {
                expected = max_pool_2x2(&expected);
            }
            // conv2_2 is the last that pools before the seventh layer, conv3_3.
            middle = (number == 3).then(|| expected.clone()).or(middle);
        }
        let middle = middle.expect("four layers");
        assert_eq!(network.middle_shape(height, width), Some((middle.height, middle.width, middle.channels)));
        assert_eq!(
            network.output_shape(height, width),
            (expected.height, expected.width, expected.channels),
            "{height}x{width}"
        );
        let other = input(10, (height, width), 3, 255);
        // One small image is enough for the emulator.
        let emulated = emulated().into_iter().filter(|&kernels| by_tile_products(kernels) && height == width);
        let kernels = each_way(Kernels::available()).chain(emulated);
        for kernels in kernels.chain(Kernels::available()) {
            for (threads, batch) in [(1, 1), (2, 1), (3, 2), (2, 3), (1, 5)] {
                let mut arena = Arena::new(&network, 64, 48, 5, team(threads));
                // What an earlier, larger batch left behind must not matter; any kernel leaves the
                // same.
                network.run(Kernels::detect(), &mut arena, &vec![255; 5 * 64 * 48 * 3], 64, 48);
                // The image is the last of its batch, behind others.
                let images = [other.data.repeat(batch - 1), image.data.clone()].concat();
                let got = network.run(kernels, &mut arena, &images, height, width);
                assert_eq!((got.middle.len(), got.last.len()), (batch, batch));
                let isa = format!("{} {}", kernels.isa(), kernels.algorithm());
                assert!(got.middle[batch - 1] == middle, "the middle, {isa}, {threads} threads, batch {batch}");
                assert!(got.last[batch - 1] == expected, "{isa}, {threads} threads, batch {batch}, {height}x{width}");
            }
        }
    }
}

#[test]
fn max_pooling_takes_the_largest_of_four_and_drops_an_odd_row_and_column() {
    let map = FeatureMap { height: 3, width: 5, channels: 1, data: (0..15).rev().collect() };
    let pooled = max_pool_2x2(&map);
    assert_eq!(pooled, FeatureMap { height: 1, width: 2, channels: 1, data: vec![14, 12] });
    assert_eq!(max_pool_2x2(&FeatureMap::zeros(4, 1, 64)).data.len(), 0);
    assert_eq!(max_pool_2x2(&FeatureMap::zeros(1, 4, 64)).data.len(), 0);
}

#[test]
fn names_of_instruction_sets_and_algorithms_are_read_back_and_others_refused() {
    for isa in Isa::ALL {
        assert_eq!(isa.to_string().parse(), Ok(isa));
    }
    assert!("AVX2".parse::<Isa>().unwrap_err().to_string().contains("scalar, avx2, avxvnni, avx512vnni, amx, neon"));
    assert!("auto".parse::<Isa>().is_err());
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
    }
    assert!("Direct".parse::<Algorithm>().unwrap_err().to_string().contains("auto, direct, winograd"));
}

#[test]
fn detection_picks_the_last_of_those_available() {
    let available = Kernels::available();
    assert_eq!(available[0].isa(), Isa::Scalar);
    assert_eq!(available.last().unwrap().isa(), Kernels::detect().isa());
}

/// An emulator knows which processor it was told to be: `EYRIE_TEST_ISA` is what must be found
/// then.
#[test]
fn detection_finds_what_the_environment_says_the_cpu_has() {
    let detected = Kernels::detect().isa();
    println!("detected: {detected}");
    if let Ok(expected) = std::env::var("EYRIE_TEST_ISA") {
        assert_eq!(detected.name(), expected);
    }
    #[cfg(target_arch = "aarch64")]
    assert_eq!(Kernels::for_isa(Isa::Neon).is_some(), std::arch::is_aarch64_feature_detected!("dotprod"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_kernel_equals_the_scalar_one_on_random_layers(
        seed in any::<u64>(),
        height in 1usize..6,
        width in 1usize..32,
        channels in prop::sample::select(vec![3usize, 64, 128]),
        levels in prop::collection::btree_set(any::<i8>(), 4),
        extreme in any::<bool>(),
    ) {
        let codebook: Vec<i8> = levels.into_iter().collect();
        let codebook: [i8; 4] = codebook.try_into().expect("four levels");
        let params = layer(seed, channels, 64, codebook, extreme);
        let max = if channels == 3 { 255 } else { 31 };
        let input = input(seed ^ 1, (height, width), channels, max);
        let packed = Layer::new(&params);
        let expected = run_layer(Kernels::scalar(), &packed, &input, [1, 128, 255], &Team::ALONE);
        assert_all_equal(&params, &input, [1, 128, 255], &expected);
    }
}

//! Round trips, sizes, the loss of the whitenings, and files that somebody damaged or made up.

use proptest::prelude::*;

use super::*;
use crate::VGG16;

/// Three layers and two whitenings: small enough to damage at every byte.
fn small() -> ModelFile {
    let network = NetworkParams::pseudo_random(5, &VGG16[..3]).expect("sound");
    let whitening = |name: &str, seed: u32| Whitening {
        name: name.into(),
        mean: (0..128).map(|i| i as f32 / 7.0).collect(),
        components: noise(seed).take(4 * 128).collect(),
    };
    ModelFile {
        network,
        whitenings: vec![whitening("fast", 1), whitening("nip", 2)],
        card: "{\"name\": \"Tëst\"}".into(),
    }
}

/// Values of -1 to 1.
fn noise(mut state: u32) -> impl Iterator<Item = f32> {
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    })
}

/// Gives changed content a checksum that fits, so that the decoder has to look further.
fn resealed(mut file: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    file.truncate(file.len() - CHECKSUM);
    change(&mut file);
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    file
}

fn find(file: &[u8], needle: &[u8]) -> usize {
    file.windows(needle.len()).position(|window| window == needle).expect("the needle")
}

fn refusal(file: &[u8]) -> String {
    ModelFile::decode(file).expect_err("must be refused").to_string()
}

#[test]
fn a_file_gives_back_the_network_and_the_card_and_encodes_to_the_same_bytes() {
    let model = small();
    let file = model.encode();
    assert_eq!(file, model.encode(), "encoding is deterministic");
    let decoded = ModelFile::decode(&file).expect("a good file");
    assert_eq!(decoded.network, model.network);
    assert_eq!(decoded.card, model.card);
    assert_eq!(decoded.encode(), file, "decoded values survive another round exactly");
}

#[test]
fn a_stored_vgg16_with_three_whitenings_stays_within_its_size() {
    let network = NetworkParams::pseudo_random(1, &VGG16).expect("sound");
    let bare = ModelFile { network, whitenings: vec![], card: "{}".into() };
    let len = bare.encode().len();
    assert!((3_700_000..3_900_000).contains(&len), "{len} bytes without whitenings");
    let whitening = |name: &str| Whitening {
        name: name.into(),
        mean: vec![0.0; 512],
        components: noise(9).take(256 * 512).collect(),
    };
    let full = ModelFile { whitenings: vec![whitening("a"), whitening("b"), whitening("c")], ..bare };
    let len = full.encode().len();
    assert!(len < 4_500_000, "{len} bytes with three whitenings");
}

#[test]
fn the_embedded_model_decodes_to_a_sound_network() {
    let file = include_bytes!("../../../../models/vgg16-2bit.eyrie");
    assert!(file.len() < 4_500_000);
    let model = ModelFile::decode(file).expect("a good file");
    assert_eq!(model.network.layers().len(), VGG16.len());
    for (layer, shape) in model.network.layers().iter().zip(VGG16) {
        let found = (layer.name.as_str(), layer.cin, layer.cout, layer.pool);
        assert_eq!(found, (shape.name.as_ref(), shape.cin, shape.cout, shape.pool));
    }
    assert_eq!(model.encode(), file, "the file is what its content encodes to");
}

#[test]
fn whitened_vectors_keep_their_direction_when_the_components_become_bytes() {
    // Rows as a whitening has them: the k-th divided by a deviation that falls, from strong to weak
    // directions.
    const INPUTS: usize = 512;
    const OUTPUTS: usize = 256;
    let deviation = |k: usize| 1.0 / (1.0 + k as f32 / 16.0);
    let mut values = noise(3);
    let components: Vec<f32> = (0..OUTPUTS)
        .flat_map(|k| {
            let row: Vec<f32> = values.by_ref().take(INPUTS).collect();
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.into_iter().map(move |v| v / norm / deviation(k)).collect::<Vec<_>>()
        })
        .collect();
    let whitening = Whitening { name: "w".into(), mean: vec![0.25; INPUTS], components };
    let decoded = decode_whitening(&mut Reader { rest: &encode_whitening(&whitening) }).expect("a good section");
    assert_eq!(decoded.mean, whitening.mean, "the mean is exact");
    let mut worst = 1.0f64;
    for seed in 0..20 {
        let x: Vec<f32> = noise(100 + seed).take(INPUTS).collect();
        let project = |whitening: &Whitening| -> Vec<f64> {
            let centred: Vec<f64> = x.iter().zip(&whitening.mean).map(|(x, mean)| f64::from(x - mean)).collect();
            let rows = whitening.components.chunks_exact(INPUTS);
            rows.map(|row| row.iter().zip(&centred).map(|(&c, x)| f64::from(c) * x).sum()).collect()
        };
        let (exact, stored) = (project(&whitening), project(&decoded));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        worst = worst.min(dot(&exact, &stored) / (dot(&exact, &exact) * dot(&stored, &stored)).sqrt());
    }
    assert!(worst > 0.9999, "cosine {worst}");
}

#[test]
fn a_row_of_zeros_and_a_row_of_tiny_values_are_stored() {
    let components = vec![0.0, 0.0, 1e-44, -1e-44, 3.4e38, -3.4e38];
    let whitening = Whitening { name: "w".into(), mean: vec![0.0; 2], components };
    let bytes = encode_whitening(&whitening);
    let decoded = decode_whitening(&mut Reader { rest: &bytes }).expect("finite values");
    assert_eq!(decoded.components[..4], [0.0; 4]);
    assert!((decoded.components[4] / 3.4e38 - 1.0).abs() < 1e-4);
    assert_eq!(encode_whitening(&decoded), bytes);
}

#[test]
fn fingerprints_are_sixteen_digits_of_the_sha_256() {
    assert_eq!(fingerprint(b"abc"), "ba7816bf8f01cfea");
    assert_eq!(fingerprint(b""), "e3b0c44298fc1c14");
}

#[test]
fn every_truncation_is_refused() {
    let file = small().encode();
    for len in (0..file.len()).step_by(997).chain(0..200).chain(file.len() - 200..file.len()) {
        assert!(matches!(ModelFile::decode(&file[..len]), Err(ModelError::Format(_))), "{len} bytes");
    }
    let mut longer = file;
    longer.push(0);
    assert!(ModelFile::decode(&longer).is_err());
}

#[test]
fn other_files_and_other_versions_are_told_apart() {
    assert!(refusal(b"").contains("too short"));
    assert!(refusal(&[0; 100]).contains("does not start as one"));
    let newer = resealed(small().encode(), |file| file[8] = 2);
    assert!(refusal(&newer).contains("version 2, this program reads version 1"));
    let mut damaged = small().encode();
    damaged[5000] ^= 1;
    assert!(refusal(&damaged).contains("checksum"));
}

#[test]
fn nonsense_under_a_right_checksum_is_refused_with_its_reason() {
    type Change = fn(&mut Vec<u8>);
    fn after(file: &[u8], needle: &[u8]) -> usize {
        find(file, needle) + needle.len()
    }
    let cases: [(Change, &str); 13] = [
        (|f| f[12] = 65, "sections, 64 are allowed"),
        (|f| f[12] = 3, "more than its headers state"),
        (|f| f[12] = 5, "ends too early"),
        (
            |f| {
                let at = find(f, b"network");
                f[at] = b'N';
            },
            "unknown or out of place",
        ),
        (
            |f| {
                let at = after(f, b"network");
                f[at..at + 8].fill(255);
            },
            "ends too early",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1");
                f[at..at + 8].fill(255);
            },
            "ends too early",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1");
                f[at] = 5;
            },
            "",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1");
                f[at + 8] = 127;
            },
            "do not rise",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1");
                f[at + 12] = 0;
            },
            "a shift of 0",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1");
                f[at + 13] = 2;
            },
            "neither pooling",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1");
                f[at + 17] = 255;
            },
            "an output scale",
        ),
        (
            |f| {
                let at = after(f, b"conv1_1") + 18 + 2 * 64;
                f[at..at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
            },
            "more than 32 bits hold",
        ),
        (
            |f| {
                let at = f.len() - 3;
                f[at] = 0xff;
            },
            "not UTF-8",
        ),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        let reason = refusal(&resealed(small().encode(), change));
        assert!(reason.contains(expected), "case {index}: {reason}");
    }
}

#[test]
fn a_whitening_that_would_encode_to_other_bytes_is_refused() {
    let file = small().encode();
    // Name, two counts and the means lie before the scales of four rows, and these before the
    // components.
    let scales = find(&file, b"\x04fast") + 5 + 8 + 4 * 128;
    let row = scales + 4 * 4;
    let finer_scale = resealed(file.clone(), |f| f[scales] = 1);
    let negative_scale = resealed(file.clone(), |f| f[scales + 3] |= 0x80);
    let lower_than_a_byte_is_written = resealed(file.clone(), |f| f[row] = 0x80);
    let no_byte_at_the_end = resealed(file, |f| {
        for byte in f[row..][..128].iter_mut().filter(|byte| (**byte as i8).unsigned_abs() == 127) {
            *byte = 126;
        }
    });
    for file in [finer_scale, negative_scale, lower_than_a_byte_is_written, no_byte_at_the_end] {
        let reason = refusal(&file);
        assert!(reason.contains("the scales of whitening \"fast\""), "{reason}");
    }
}

#[test]
fn whitenings_that_are_unsound_or_share_a_name_are_refused() {
    let mut model = small();
    model.whitenings[1].name = "fast".into();
    assert!(refusal(&model.encode()).contains("two whitenings are called \"fast\""));
    let mut model = small();
    model.whitenings[0].mean[3] = f32::INFINITY;
    assert!(refusal(&model.encode()).contains("not finite"));
    let mut model = small();
    model.whitenings[0].components.clear();
    assert!(refusal(&model.encode()).contains("is empty"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_anywhere_is_refused(position in any::<prop::sample::Index>(), bit in 0u32..8) {
        let mut file = small().encode();
        let at = position.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(matches!(ModelFile::decode(&file), Err(ModelError::Format(_))));
    }

    #[test]
    fn changed_bytes_under_a_right_checksum_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), head in any::<bool>(),
    ) {
        let file = resealed(small().encode(), |file| {
            // Headers are few among many codes: half of the cases change nothing else.
            let len = if head { 120 } else { file.len() };
            for (position, value) in changes {
                let at = position.index(len);
                file[at] = value;
            }
        });
        if let Ok(model) = ModelFile::decode(&file) {
            let again = ModelFile::decode(&model.encode()).expect("a good file");
            prop_assert_eq!((again.network, again.card), (model.network, model.card));
        }
    }

    #[test]
    fn made_up_content_under_a_right_checksum_never_panics(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = small().encode();
        file.truncate(16 + CHECKSUM);
        let file = resealed(file, |file| file.extend_from_slice(&content));
        prop_assert!(ModelFile::decode(&file).is_err());
    }

    #[test]
    fn any_network_and_whitening_survive_the_file(seed in any::<u64>(), scale in -30i32..30, rows in 1usize..5) {
        let model = ModelFile {
            network: NetworkParams::pseudo_random(seed, &VGG16[..2]).expect("sound"),
            whitenings: vec![Whitening {
                name: "w".into(),
                mean: noise(seed as u32).take(64).collect(),
                components: noise(!seed as u32).take(64 * rows).map(|v| v * 10f32.powi(scale)).collect(),
            }],
            card: String::new(),
        };
        let file = model.encode();
        let decoded = ModelFile::decode(&file).expect("a good file");
        prop_assert_eq!(&decoded.network, &model.network);
        prop_assert_eq!(decoded.encode(), file);
        for (stored, exact) in decoded.whitenings[0].components.chunks(64).zip(model.whitenings[0].components.chunks(64)) {
            let largest = exact.iter().fold(0f32, |l, v| l.max(v.abs()));
            for (stored, exact) in stored.iter().zip(exact) {
                prop_assert!((stored - exact).abs() <= largest / 127.0 * 0.51);
            }
        }
    }
}

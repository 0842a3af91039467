//! No bytes make [`ModelFile::decode`] panic, and what it accepts encodes to the very same bytes.
//!
//! The input is tried three ways: as a file, as a file without its checksum, and as changes to a
//! sound file, three bytes each: where (16 bits) and what.

#![no_main]

use std::sync::LazyLock;

use eyrie_chip::{ModelFile, NetworkParams, VGG16, Whitening};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

/// A sound file of one layer and two whitenings, without its checksum.
static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let network = NetworkParams::pseudo_random(1, &VGG16[..1]).expect("a sound network");
    let whitening = |name: &str| Whitening {
        name: name.to_owned(),
        mean: vec![0.5; 64],
        components: (0..2 * 64).map(|n| (n as f32 - 60.0) / 7.0).collect(),
    };
    let whitenings = vec![whitening("nip"), whitening("rnip")];
    let mut file = ModelFile { network, whitenings, card: "{}".to_owned() }.encode();
    file.truncate(file.len() - 32);
    file
});

fn check(file: &[u8]) {
    if let Ok(model) = ModelFile::decode(file) {
        assert!(model.encode() == file, "a file that decodes is the file that its model encodes to");
    }
}

fn with_checksum(mut content: Vec<u8>) -> Vec<u8> {
    let checksum = Sha256::digest(&content);
    content.extend_from_slice(&checksum);
    content
}

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&with_checksum(data.to_vec()));
    let mut changed = SOUND.clone();
    for &[low, high, value] in data.as_chunks().0 {
        let at = usize::from(u16::from_le_bytes([low, high])) % changed.len();
        changed[at] = value;
    }
    check(&with_checksum(changed));
});

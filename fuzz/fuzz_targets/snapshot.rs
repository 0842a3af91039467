//! No bytes make [`Index::open`] panic, and what it accepts answers searches and takes changes.
//!
//! The input is tried as a file, and as changes to a sound file, three bytes each: where (16 bits)
//! and what; its checksums are mended in a second try, so that what lies behind them is reached.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use eyrie_index::{Index, Params, SearchParams, cosines};
use libfuzzer_sys::fuzz_target;

const DIMENSION: usize = 3;
const PARAMS: Params = Params { m: 4, ef_construction: 16, ef_search: 16, exact_below: 10, threads: 1 };

/// A folder with a snapshot of 60 points, most of them in the graph, and the snapshot itself.
static SOUND: LazyLock<(PathBuf, Vec<u8>)> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("eyrie-fuzz-snapshot-{}", std::process::id()));
    let index = Index::create(&folder, "fuzz", DIMENSION, PARAMS, cosines).expect("a folder");
    for key in 0..60 {
        index.upsert(&[(key, &vector(key)), (key + 100, &vector(key % 7))]).expect("sound");
    }
    index.settle();
    (0..9).for_each(|key| _ = index.remove(key));
    index.save(1).expect("room on the disk");
    drop(index);
    let bytes = fs::read(folder.join("graph")).expect("a file");
    (folder, bytes)
});

fn vector(key: u64) -> [f32; 3] {
    let angle = key as f32;
    [angle.sin() * 0.8, angle.cos() * 0.8, 0.6]
}

fn check(bytes: &[u8]) {
    let folder = &SOUND.0;
    fs::write(folder.join("graph"), bytes).expect("a file");
    let Ok(opened) = Index::open(folder, "fuzz", DIMENSION, PARAMS, cosines) else { return };
    let index = opened.index;
    for exact in [false, true] {
        let params = SearchParams { k: 5, ef: None, exact };
        let _ = index.search(&vector(3), params, None).expect("an answer");
    }
    index.upsert(&[(7, &vector(1000)), (8, &vector(1001))]).expect("sound");
    index.remove(20);
    index.settle();
}

fuzz_target!(|data: &[u8]| {
    check(data);
    let mut changed = SOUND.1.clone();
    for &[low, high, value] in data.as_chunks().0 {
        let at = usize::from(u16::from_le_bytes([low, high])) % changed.len();
        changed[at] = value;
    }
    check(&changed);
    eyrie_index::mend_checksums(&mut changed);
    check(&changed);
});

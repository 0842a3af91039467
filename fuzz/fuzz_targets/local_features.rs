//! No pixels make the extraction of local features panic, and no features that can be stored make
//! their comparison do so; what is extracted is read back as it was, and compared with itself in
//! either order it gives what lies in the pictures.

#![no_main]

use eyrie_vision::local::{Cell, Cells, LocalFeatures, MOST_CELLS, VERSION, Verification, match_pair};
use libfuzzer_sys::fuzz_target;

/// Sides of the canvas that cells lie on.
const CANVAS: u16 = 500;

/// A picture of these bytes, repeated, each round turned by another value.
fn picture(data: &[u8], width: usize, height: usize) -> LocalFeatures {
    let pixels: Vec<u8> = (0..width * height)
        .map(|n| data[n % data.len()].wrapping_add(((n / data.len()) as u8).wrapping_mul(91)))
        .collect();
    LocalFeatures::extract(&pixels, width, height, 60).expect("a picture")
}

/// Whatever these bytes say, as features and cells: with a checksum that fits.
fn stored(data: &[u8]) -> Option<LocalFeatures> {
    let (head, rest) = data.split_at_checked(4)?;
    let count = rest.len() / 2 / 38;
    let (features, cells) = rest.split_at(38 * count);
    let mut bytes = [&b"EYLF"[..], &[VERSION, 0]].concat();
    for side in head.as_chunks::<2>().0 {
        bytes.extend((1 + u16::from_le_bytes(*side) % 640).to_le_bytes());
    }
    bytes.extend((count as u16).to_le_bytes());
    bytes.extend(features);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let number = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let cell = |bytes: &[u8; 36]| Cell {
        x: number(bytes, 0) % CANVAS,
        y: number(bytes, 2) % CANVAS,
        bits: std::array::from_fn(|word| u64::from_le_bytes(bytes[4..].as_chunks::<8>().0[word])),
    };
    let cells = cells.as_chunks::<36>().0.iter().take(MOST_CELLS).map(cell).collect();
    let cells = Cells::new(1, [CANVAS; 2], cells).expect("on the canvas");
    Some(LocalFeatures::decode(&bytes).ok()?.with_cells(Some(cells)))
}

fn check(found: &Verification) {
    assert_eq!(found.verified(), found.region.is_some());
    if let Some(region) = found.region {
        let numbers = region.homography.into_iter().chain(region.quad_in_query.into_iter().flatten());
        assert!(numbers.chain(region.quad_in_candidate.into_iter().flatten()).all(f64::is_finite));
        let _ = region.candidate_outline_in_query();
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = LocalFeatures::decode(data);
    let &[width, height, ref pixels @ ..] = data else { return };
    if pixels.is_empty() {
        return;
    }
    let (width, height) = (1 + usize::from(width), 1 + usize::from(height));
    let (first, second) = (picture(pixels, width, height), picture(pixels, height, width));
    for features in [&first, &second] {
        assert_eq!(LocalFeatures::decode(&features.encode()).as_ref(), Ok(features));
    }
    let (a, b) = pixels.split_at(pixels.len() / 2);
    let others = [stored(a), stored(b), stored(pixels)];
    let all: Vec<&LocalFeatures> = [&first, &second].into_iter().chain(others.iter().flatten()).collect();
    for query in &all {
        for candidate in &all {
            check(&match_pair(query, candidate));
        }
    }
});

//! Pictures made here, seen through known homographies; damage to stored features; maps that must
//! not be believed.

use proptest::prelude::*;

use super::geometry::{Map, Point, homography, is_plausible, is_spread};
use super::pair::{Link, best_map};
use super::params::LEVELS;
use super::picture::Grey;
use super::*;
use crate::picture::{Decoded, ImageFormat, QueryRegion};

/// Numbers from a fixed start (xorshift64*).
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end
    }
}

/// Rectangles and discs of many sizes on grey ground: another picture for every `start`.
fn picture(start: u64, width: usize, height: usize) -> Grey {
    let mut numbers = Numbers(start.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut pixels = vec![128_u8; width * height];
    for shape in 0..220 {
        let size = 4 + numbers.below(if shape < 40 { 60 } else { 16 });
        let (cx, cy) = (numbers.below(width), numbers.below(height));
        let (half_width, grey) = (1 + numbers.below(size), numbers.below(256) as u8);
        for y in cy.saturating_sub(size)..(cy + size).min(height) {
            for x in cx.saturating_sub(half_width)..(cx + half_width).min(width) {
                let (dx, dy) = (x.abs_diff(cx), y.abs_diff(cy));
                if shape % 2 == 0 || dx * dx + dy * dy < size * size {
                    pixels[y * width + x] = grey;
                }
            }
        }
    }
    Grey { width, height, pixels }
}

/// What a camera sees: `ground` with `object` laid on it, `to_object` taking pixels of the view to
/// pixels of the object.
fn view(object: &Grey, ground: &Grey, to_object: &Map) -> Grey {
    let mut seen = ground.clone();
    for y in 0..seen.height {
        for x in 0..seen.width {
            let Some((u, v)) = to_object.apply((x as f64, y as f64)) else { continue };
            let is_inside = u >= 0.0 && v >= 0.0 && u < object.width as f64 - 1.0 && v < object.height as f64 - 1.0;
            if is_inside {
                let (column, row) = (u as usize, v as usize);
                let (right, down) = (u.fract(), v.fract());
                let at = |x: usize, y: usize| f64::from(object.pixels[y * object.width + x]);
                let above = at(column, row) * (1.0 - right) + at(column + 1, row) * right;
                let below = at(column, row + 1) * (1.0 - right) + at(column + 1, row + 1) * right;
                seen.pixels[y * seen.width + x] = (above * (1.0 - down) + below * down) as u8;
            }
        }
    }
    seen
}

fn features(picture: &Grey) -> LocalFeatures {
    LocalFeatures::extract(&picture.pixels, picture.width, picture.height, STORED_FEATURES).expect("a valid picture")
}

const OBJECT: (usize, usize) = (420, 300);
const VIEW: (usize, usize) = (640, 480);

/// The map that takes the object's corners (clockwise from the upper left) to four points of the
/// view.
fn placed(corners: [Point; 4]) -> Map {
    let (w, h) = (OBJECT.0 as f64, OBJECT.1 as f64);
    let from = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)];
    let pairs: Vec<(Point, Point)> = from.into_iter().zip(corners).collect();
    let start = Map([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    homography(&pairs, &start).expect("four corners")
}

/// Photographs the object so that its corners lie as given, matches it, and returns the verdict and
/// how far the corners that it reports are from the true ones, in pixels of the view.
fn recover(corners: [Point; 4], spoil: impl Fn(&mut Grey)) -> (Verification, f64) {
    let object = picture(1, OBJECT.0, OBJECT.1);
    let (w, h) = (OBJECT.0 as f64, OBJECT.1 as f64);
    let pairs: Vec<(Point, Point)> = corners.into_iter().zip([(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]).collect();
    let start = Map([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let to_object = homography(&pairs, &start).expect("four corners");
    let mut seen = view(&object, &picture(2, VIEW.0, VIEW.1), &to_object);
    spoil(&mut seen);
    let verdict = match_pair(&features(&seen), &features(&object));
    let found = verdict.region.and_then(|r| r.candidate_outline_in_query());
    let distance = found.map_or(f64::INFINITY, |quad| {
        quad.iter()
            .zip(corners)
            .map(|(&[x, y], (u, v))| (x * VIEW.0 as f64 - u).hypot(y * VIEW.1 as f64 - v))
            .fold(0.0, f64::max)
    });
    (verdict, distance)
}

fn blur(picture: &mut Grey) {
    picture.pixels = picture.smoothed().into_iter().map(|v| (v >> 4) as u8).collect();
}

fn noise(picture: &mut Grey) {
    let mut numbers = Numbers(77);
    for pixel in &mut picture.pixels {
        *pixel = (usize::from(*pixel) + numbers.below(25)).saturating_sub(12).min(255) as u8;
    }
}

#[test]
fn a_picture_matches_itself_in_place() {
    let own = features(&picture(1, OBJECT.0, OBJECT.1));
    let verdict = match_pair(&own, &own);
    assert!(verdict.inliers > 100, "{}", verdict.inliers);
    let outline = verdict.region.and_then(|r| r.candidate_outline_in_query()).expect("verified");
    for (found, expected) in outline.as_flattened().iter().zip([0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]) {
        assert!((found - expected).abs() < 1e-6, "{outline:?}");
    }
}

#[test]
fn an_object_is_found_in_perspective_within_pixels() {
    let (verdict, distance) = recover([(120.0, 90.0), (520.0, 60.0), (560.0, 400.0), (90.0, 340.0)], |_| ());
    assert!(verdict.inliers > 40 && distance < 3.0, "{} inliers, {distance} pixels off", verdict.inliers);
}

#[test]
fn an_object_is_found_whichever_way_it_is_turned() {
    let (w, h) = (OBJECT.0 as f64, OBJECT.1 as f64);
    for degrees in [0_i32, 30, 75, 90, 180, 200, 300] {
        let (s, c) = f64::from(degrees).to_radians().sin_cos();
        let corner = |x: f64, y: f64| {
            let (x, y) = ((x - w / 2.0) * 0.9, (y - h / 2.0) * 0.9);
            (320.0 + c * x - s * y, 240.0 + s * x + c * y)
        };
        let (verdict, distance) = recover([corner(0.0, 0.0), corner(w, 0.0), corner(w, h), corner(0.0, h)], |_| ());
        let inliers = verdict.inliers;
        assert!(inliers > 40 && distance < 3.0, "{degrees} degrees: {inliers} inliers, {distance} pixels off");
    }
}

#[test]
fn an_object_is_found_at_half_the_size() {
    let (verdict, distance) = recover([(200.0, 150.0), (410.0, 150.0), (410.0, 300.0), (200.0, 300.0)], |_| ());
    assert!(verdict.inliers >= 15 && distance < 3.0, "{} inliers, {distance} pixels off", verdict.inliers);
}

#[test]
fn an_object_is_found_blurred_dimmed_and_in_noise() {
    let (verdict, distance) = recover([(120.0, 90.0), (500.0, 80.0), (540.0, 380.0), (100.0, 350.0)], |seen| {
        blur(seen);
        blur(seen);
        for pixel in &mut seen.pixels {
            *pixel = *pixel / 2 + 30;
        }
        noise(seen);
    });
    assert!(verdict.inliers >= 20 && distance < 4.0, "{} inliers, {distance} pixels off", verdict.inliers);
}

#[test]
fn the_region_is_the_same_in_both_pictures() {
    let corners = [(120.0, 90.0), (520.0, 60.0), (560.0, 400.0), (90.0, 340.0)];
    let region = recover(corners, |_| ()).0.region.expect("verified");
    let map = Map(region.homography);
    let [[left, top], _, [right, bottom], _] = region.quad_in_candidate;
    let [.., a, b, c] = region.homography;
    assert!((a * (left + right) / 2.0 + b * (top + bottom) / 2.0 + c - 1.0).abs() < 1e-9);
    let truth = placed(corners);
    for (&[x, y], &[u, v]) in region.quad_in_candidate.iter().zip(&region.quad_in_query) {
        let mapped = map.apply((x, y)).expect("in view");
        assert!((mapped.0 - u).abs() < 1e-9 && (mapped.1 - v).abs() < 1e-9);
        let there = truth.apply((x * OBJECT.0 as f64, y * OBJECT.1 as f64)).expect("in view");
        let (dx, dy) = (u * VIEW.0 as f64 - there.0, v * VIEW.1 as f64 - there.1);
        assert!(dx.hypot(dy) < 3.0, "{dx} {dy}");
    }
}

#[test]
fn a_match_of_a_part_of_the_query_has_its_place_in_the_whole() {
    let found = recover([(120.0, 90.0), (520.0, 60.0), (560.0, 400.0), (90.0, 340.0)], |_| ()).0;
    let part = QueryRegion::new([0.5, 0.2, 0.25, 0.6]).expect("inside");
    let whole = found.in_whole_query(part);
    assert_eq!(whole.inliers, found.inliers);
    let (found, whole) = (found.region.expect("verified"), whole.region.expect("verified"));
    assert_eq!(whole.quad_in_candidate, found.quad_in_candidate);
    assert_eq!(whole.quad_in_query, found.quad_in_query.map(|corner| part.to_whole(corner)));
    let [found, whole] = [found, whole].map(|region| region.candidate_outline_in_query().expect("in view"));
    for (found, whole) in found.into_iter().zip(whole) {
        let [x, y] = part.to_whole(found);
        assert!((whole[0] - x).abs() < 1e-9 && (whole[1] - y).abs() < 1e-9, "{whole:?} and {x}, {y}");
    }
    assert_eq!(Verification::NOTHING.in_whole_query(part), Verification::NOTHING);
}

#[test]
fn different_pictures_are_not_verified() {
    let all: Vec<LocalFeatures> = (10..22).map(|start| features(&picture(start, 400, 300))).collect();
    for (i, query) in all.iter().enumerate() {
        for (j, candidate) in all.iter().enumerate().filter(|&(j, _)| i != j) {
            let verdict = match_pair(query, candidate);
            assert!(verdict.inliers + 2 < VERIFIED_INLIERS, "{i} and {j}: {} inliers", verdict.inliers);
        }
    }
}

#[test]
fn a_mirrored_picture_is_not_verified() {
    let own = picture(1, OBJECT.0, OBJECT.1);
    let mut mirrored = own.clone();
    mirrored.pixels.chunks_exact_mut(own.width).for_each(<[u8]>::reverse);
    assert!(!match_pair(&features(&mirrored), &features(&own)).verified());
}

#[test]
fn flat_and_tiny_pictures_have_no_features_and_match_nothing() {
    let whole = features(&picture(1, OBJECT.0, OBJECT.1));
    for (width, height) in [(1, 1), (1, 700), (700, 1), (5, 5), (20, 20), (21, 21), (33, 9), (640, 480)] {
        let flat = features(&Grey { width, height, pixels: vec![200; width * height] });
        assert!(flat.is_empty());
        for (a, b) in [(&flat, &whole), (&whole, &flat), (&flat, &flat)] {
            assert_eq!(match_pair(a, b), Verification::NOTHING);
        }
    }
}

#[test]
fn pictures_without_features_are_told_apart_by_their_pixels() {
    let flat = |value: u8, width: usize| {
        let picture = Grey { width, height: 50, pixels: vec![value; width * 50] };
        features(&picture).with_pixels(&vec![value; width * 150], width as u32)
    };
    let white = flat(255, 60);
    for (other, differ) in [(flat(255, 60), false), (flat(254, 60), true), (flat(255, 61), true)] {
        let other = LocalFeatures::decode(&other.encode()).expect("what was encoded");
        assert_eq!(match_pair(&white, &other), Verification { differing_blanks: differ, ..Verification::NOTHING });
    }
    let seen = features(&picture(1, OBJECT.0, OBJECT.1));
    assert_eq!(seen.clone().with_pixels(&[0; 3], 1), seen);
}

#[test]
fn noise_in_small_pictures_is_extracted_without_harm() {
    for side in 1..70 {
        let mut numbers = Numbers(side as u64);
        let pixels: Vec<u8> = (0..side * 70).map(|_| (numbers.below(2) * 255) as u8).collect();
        for (width, height) in [(side, 70), (70, side)] {
            let own = features(&Grey { width, height, pixels: pixels.clone() });
            assert!(own.len() <= STORED_FEATURES);
            let _ = match_pair(&own, &own);
        }
    }
}

#[test]
fn a_chessboard_is_not_taken_for_another_part_of_itself() {
    let board = |shift: usize, field: usize| {
        let field_of = |v: usize| (v + shift) / field;
        let pixels = (0..400 * 400).map(|i| if (field_of(i / 400) + field_of(i % 400)) % 2 == 0 { 30 } else { 220 });
        features(&Grey { width: 400, height: 400, pixels: pixels.collect() })
    };
    let own = board(0, 25);
    for (shift, field) in [(0, 20), (7, 25), (12, 25), (13, 31)] {
        assert!(!match_pair(&own, &board(shift, field)).verified(), "shift {shift}, field {field}");
    }
}

#[test]
fn the_number_of_features_is_bounded() {
    let own = picture(1, 640, 480);
    for limit in [1, 7, 100, MAX_FEATURES] {
        let found = LocalFeatures::extract(&own.pixels, 640, 480, limit).expect("a valid picture").len();
        assert!(found <= limit && found * 2 > limit, "{found} of {limit}");
    }
    let of = |pixels: &[u8], width, height, limit| LocalFeatures::extract(pixels, width, height, limit);
    assert_eq!(of(&[], 0, 1, 500), Err(ExtractError::Size { width: 0, height: 1 }));
    assert_eq!(of(&[], MAX_SIDE + 1, 1, 500), Err(ExtractError::Size { width: MAX_SIDE + 1, height: 1 }));
    assert_eq!(of(&[0; 5], 2, 3, 500), Err(ExtractError::Length { expected: 6, actual: 5 }));
    assert_eq!(of(&[0; 6], 2, 3, 0), Err(ExtractError::Limit { limit: 0 }));
    assert_eq!(of(&[0; 6], 2, 3, MAX_FEATURES + 1), Err(ExtractError::Limit { limit: MAX_FEATURES + 1 }));
}

#[test]
fn a_large_picture_is_worked_on_at_the_working_size() {
    let own = picture(3, 1_500, 1_000);
    let large = features(&own);
    assert_eq!((large.width, large.height), (640, 427));
    let small = features(&own.shrunk(700, 467));
    assert!(match_pair(&large, &small).verified());
}

#[test]
fn the_longest_picture_is_shrunk_without_overflow() {
    for (width, height) in [(MAX_SIDE, 1), (1, MAX_SIDE), (65_535, 16), (3, 141_421)] {
        let long = width.max(height);
        let white = Grey { width, height, pixels: vec![255; width * height] };
        let working = super::features::fitted(white);
        assert_eq!(working.width.max(working.height), WORKING_SIDE);
        assert!(working.pixels.iter().all(|&pixel| pixel == 255), "{width}x{height}");
        // The first half black, the other white: so it stays.
        let at = |i: usize| if width > height { i % width } else { i / width };
        let pixels = (0..width * height).map(|i| if at(i) < long / 2 { 0 } else { 255 }).collect();
        let working = super::features::fitted(Grey { width, height, pixels });
        let at = |i: usize| if width > height { i % working.width } else { i / working.width };
        // The seam may lie within a pixel on either side of the middle.
        let seam = WORKING_SIDE / 2 - 1..=WORKING_SIDE / 2;
        for (i, &pixel) in working.pixels.iter().enumerate().filter(|&(i, _)| !seam.contains(&at(i))) {
            assert_eq!(pixel, if at(i) < *seam.start() { 0 } else { 255 }, "{width}x{height}, {i}");
        }
        assert!(LocalFeatures::extract(&vec![9; width * height], width, height, STORED_FEATURES).is_ok());
    }
}

#[test]
fn the_same_pixels_give_the_recorded_bytes() {
    let bytes = features(&picture(5, 700, 500)).encode();
    let checksum = bytes.last_chunk::<4>().map(|c| u32::from_le_bytes(*c));
    assert_eq!((bytes.len(), checksum), (16 + 38 * 500, Some(2_481_184_378)));
}

#[test]
fn the_checksum_is_the_crc_of_the_standard() {
    assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
    let bytes = features(&picture(1, 300, 200)).encode();
    let (content, checksum) = bytes.split_at(bytes.len() - 4);
    assert_eq!(checksum, crc32fast::hash(content).to_le_bytes());
}

#[test]
fn features_come_back_from_their_bytes() {
    for own in [features(&picture(1, 300, 200)), features(&picture(1, 3, 2))] {
        let bytes = own.encode();
        assert_eq!(bytes.len(), 16 + 38 * own.len());
        assert_eq!(LocalFeatures::decode(&bytes), Ok(own));
    }
}

/// Three cells on a canvas of 448 by 336.
fn cells() -> Cells {
    let cell = |i: u16| Cell { x: 100 * i, y: 335 - i, bits: [u64::from(i), 7, u64::MAX, 1 << 63] };
    Cells::new(0x0123_4567_89AB_CDEF, [448, 336], (0..3).map(cell).collect()).expect("on the canvas")
}

#[test]
fn cells_come_back_from_their_bytes_and_those_off_the_canvas_are_refused() {
    assert_eq!(Cells::decode(&cells().encode()), Ok(cells()));
    for own in [features(&picture(1, 300, 200)), features(&picture(1, 3, 2))] {
        let plain = own.encode().len();
        let own = own.with_cells(Some(cells()));
        let bytes = own.encode();
        assert_eq!(bytes.len(), plain + 14 + 3 * 36);
        assert_eq!(LocalFeatures::decode(&bytes), Ok(own));
    }
    let bytes = cells().encode();
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at] = value;
        Cells::decode(&changed)
    };
    assert_eq!(with(9, 0xFF), Err(DecodeError::Value), "width");
    assert_eq!(with(15, 2), Err(DecodeError::Value), "x of the first cell");
    assert_eq!(with(12, 4), Err(DecodeError::Length), "number");
    assert_eq!(Cells::decode(&bytes[..13]), Err(DecodeError::Length));
}

#[test]
fn cells_are_counted_where_nothing_is_verified() {
    let grid = |shift: u16| {
        let cell = |i: u16| Cell { x: i % 8 * 30 + shift, y: i / 8 * 30 + shift, bits: [!0 << i, !0 << i, 1 << i, 0] };
        Cells::new(1, [448, 336], (0..64).map(cell).collect())
    };
    let of = |start: u64, shift: u16| features(&picture(start, 300, 200)).with_cells(grid(shift));
    let unlike = match_pair(&of(1, 0), &of(2, 40));
    assert_eq!((unlike.verified(), unlike.cells), (false, 64));
    let alike = match_pair(&of(1, 0), &of(1, 40));
    assert_eq!((alike.verified(), alike.cells), (true, 0));
    assert_eq!(match_pair(&of(1, 0), &of(2, 40).with_cells(None)).cells, 0);
    let bare = match_pair(&of(1, 0), &of(2, 40).with_cells(None));
    assert!(unlike.is_more_than(&bare) && !bare.is_more_than(&unlike) && alike.is_more_than(&unlike));
}

#[test]
fn other_versions_and_other_bytes_are_refused() {
    let bytes = features(&picture(1, 100, 100)).encode();
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at] = value;
        LocalFeatures::decode(&changed)
    };
    assert_eq!(with(0, b'X'), Err(DecodeError::Magic));
    assert_eq!(with(4, VERSION + 1), Err(DecodeError::Version { found: VERSION + 1 }));
    assert_eq!(with(10, bytes[10] ^ 1), Err(DecodeError::Length));
    assert_eq!(with(12, bytes[12] ^ 1), Err(DecodeError::Checksum));
    assert_eq!(LocalFeatures::decode(&[]), Err(DecodeError::Length));
    // A right checksum over values that are never written.
    let sealed = |at: usize, value: u8| {
        let mut changed = bytes[..bytes.len() - 4].to_vec();
        changed[at] = value;
        changed.extend(crc32fast::hash(&changed).to_le_bytes());
        LocalFeatures::decode(&changed)
    };
    assert!(sealed(12, bytes[12] ^ 1).is_ok());
    assert_eq!(sealed(5, 1), Err(DecodeError::Value));
    assert_eq!(sealed(7, 0xFF), Err(DecodeError::Value), "width");
    assert_eq!(sealed(16, LEVELS as u8), Err(DecodeError::Value), "level");
}

#[test]
fn links_on_a_line_carry_no_map() {
    let link = |x: f64, y: f64| Link { from: (x, y), to: (x + 10.0, y + 5.0), turn: 0, levels: 0 };
    let line: Vec<Link> = (0..40).map(|i| link(f64::from(i) * 9.0, f64::from(i) * 4.0)).collect();
    assert!(best_map(&line).is_none());
    let point: Vec<Link> = (0..40).map(|_| link(50.0, 50.0)).collect();
    assert!(best_map(&point).is_none());
    let grid: Vec<Link> = (0..40).map(|i| link(f64::from(i % 8) * 30.0, f64::from(i / 8) * 30.0)).collect();
    let found = best_map(&grid).expect("a plane full of links");
    assert_eq!((found.inliers.len(), found.followers.len()), (40, 40));
    let (x, y) = found.map.apply((70.0, 20.0)).expect("in view");
    assert!((x - 80.0).abs() < 1e-6 && (y - 25.0).abs() < 1e-6);
}

fn flipped(picture: &Grey) -> Grey {
    let pixels = picture.pixels.chunks_exact(picture.width).flat_map(|row| row.iter().rev().copied()).collect();
    Grey { pixels, ..*picture }
}

#[test]
fn mirrored_features_are_nearly_those_of_the_mirrored_picture() {
    let own = picture(1, OBJECT.0, OBJECT.1);
    let (mirror, there) = (features(&own).mirror(), features(&flipped(&own)));
    let close = |a: &super::features::Feature| {
        there.features.iter().any(|b| {
            let differing: u32 = a.bits.iter().zip(&b.bits).map(|(a, b)| (a ^ b).count_ones()).sum();
            a.level == b.level && a.x.abs_diff(b.x) < 200 && a.y.abs_diff(b.y) < 200 && differing < 20
        })
    };
    let found = mirror.features.iter().filter(|feature| close(feature)).count();
    assert!(found * 10 > mirror.len() * 9, "{found} of {}", mirror.len());
    assert_eq!(mirror.mirror(), features(&own), "and back");
}

#[test]
fn a_mirrored_copy_is_found_and_says_so() {
    let own = picture(1, OBJECT.0, OBJECT.1);
    let (query, copy) = (features(&own), features(&flipped(&own)));
    assert!(!match_pair(&query, &copy).verified());
    let found = match_mirrored(&query, &copy);
    assert!(found.mirrored && found.inliers > 100, "{found:?}");
    let outline = found.region.and_then(|region| region.candidate_outline_in_query()).expect("an outline");
    let corners = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
    for (at, corner) in outline.iter().flatten().zip(corners.iter().flatten()) {
        assert!((at - corner).abs() < 0.01, "{outline:?}");
    }
    let (same, spots) = match_spots(&query, &copy);
    assert_eq!((same, spots.len()), (found, found.inliers));
    assert!(spots.iter().all(|spot| (spot.in_query[0] + spot.in_candidate[0] - 1.0).abs() < 0.03), "{spots:?}");
    let unmirrored = match_mirrored(&query, &features(&own));
    assert!(unmirrored.verified() && !unmirrored.mirrored);
    assert!(!match_mirrored(&query, &features(&picture(2, 420, 300))).verified());
}

/// A grey picture as one in colours.
fn in_colours(picture: &Grey) -> Decoded {
    let rgb = picture.pixels.iter().flat_map(|&grey| [grey; 3]).collect();
    Decoded { rgb, format: ImageFormat::Png, width: picture.width as u32, height: picture.height as u32 }
}

#[test]
fn a_caption_or_a_frame_alone_makes_no_near_duplicate() {
    let captioned = |number: u64, caption: bool, frame: bool| {
        let (mut whole, strip) = (picture(number, OBJECT.0, OBJECT.1), picture(9, OBJECT.0, OBJECT.1));
        for (at, pixel) in whole.pixels.iter_mut().enumerate() {
            let (x, y) = (at % OBJECT.0, at / OBJECT.0);
            let edge = x.min(y).min(OBJECT.0 - 1 - x).min(OBJECT.1 - 1 - y);
            if (caption && y < OBJECT.1 / 5) || (frame && edge < 36) {
                *pixel = strip.pixels[at];
            }
        }
        whole
    };
    let compared = |query: &Grey, candidate: &Grey| {
        let found = match_pair(&features(query), &features(candidate));
        found.looked_at(&in_colours(query), &in_colours(candidate)).expect("whole pictures")
    };
    let plain = captioned(1, false, false);
    for (caption, frame) in [(true, false), (false, true), (true, true)] {
        let own = captioned(1, caption, frame);
        let shared = compared(&own, &captioned(2, caption, frame));
        assert!(shared.inliers >= NEAR_DUPLICATE_INLIERS, "{shared:?}");
        assert_eq!(
            verdict(0.4, Some(&shared), &Levels::NONE),
            Verdict::Similar,
            "{:?} {shared:?}",
            shared.confidence()
        );
        let written_over = compared(&own, &plain);
        assert_eq!(verdict(0.4, Some(&written_over), &Levels::NONE), Verdict::Same, "{written_over:?}");
    }
}

#[test]
fn links_of_one_spot_count_once() {
    let link = |x: f64, y: f64| Link { from: (x, y), to: (x, y), turn: 0, levels: 0 };
    let links: Vec<Link> =
        (0..60).map(|i| link(f64::from(i % 3) * 80.0 + f64::from(i / 9) * 0.3, f64::from(i / 3 % 3) * 80.0)).collect();
    assert_eq!(best_map(&links).expect("nine spots").inliers.len(), 9);
}

#[test]
fn unbelievable_maps_are_refused() {
    let square = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)];
    let linear = |a: f64, b: f64, c: f64, d: f64| Map([a, b, 0.0, c, d, 0.0, 0.0, 0.0, 1.0]);
    assert!(is_plausible(&square, &linear(0.8, 0.6, -0.6, 0.8)));
    assert!(!is_plausible(&square, &linear(-1.0, 0.0, 0.0, 1.0)), "mirrored");
    assert!(!is_plausible(&square, &linear(0.1, 0.0, 0.0, 0.1)), "tiny");
    assert!(!is_plausible(&square, &linear(9.0, 0.0, 0.0, 9.0)), "huge");
    assert!(!is_plausible(&square, &linear(1.0, 1.0, 1.0, 1.0)), "flattened");
    let tilted = |tilt: f64| Map([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, tilt, 0.0, 1.0]);
    assert!(is_plausible(&square, &tilted(0.005)));
    assert!(!is_plausible(&square, &tilted(0.05)), "far side shorter than a quarter");
    assert!(!is_plausible(&square, &tilted(-0.02)), "beyond the horizon");
    assert!(is_spread(square.into_iter()));
    assert!(!is_spread(square.into_iter().map(|(x, y)| (x, y / 50.0))));
    assert!(!is_spread(std::iter::empty()));
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused(at in 0_usize..1_000, flip in 1_u8..=255, cut in 0_usize..1_000) {
        let bytes = features(&picture(1, 60, 60)).encode();
        let mut changed = bytes.clone();
        changed[at % bytes.len()] ^= flip;
        prop_assert!(LocalFeatures::decode(&changed).is_err());
        prop_assert!(LocalFeatures::decode(&bytes[..cut % bytes.len()]).is_err());
    }

    #[test]
    fn any_bytes_are_refused_or_come_back(mut bytes in prop::collection::vec(any::<u8>(), 0..400), seal: bool) {
        if seal && bytes.len() >= 12 {
            // Make it past the first checks: a right header, length and checksum.
            let count = (bytes.len() - 12) / 38;
            bytes.truncate(12 + 38 * count);
            bytes[..6].copy_from_slice(&[b'E', b'Y', b'L', b'F', VERSION, 0]);
            (bytes[7], bytes[9]) = (1, 1);
            bytes[10..12].copy_from_slice(&(count as u16).to_le_bytes());
            for feature in bytes[12..].chunks_exact_mut(38) {
                feature[4] &= 0x87;
            }
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        }
        let decoded = LocalFeatures::decode(&bytes);
        prop_assert!(!seal || bytes.len() < 16 || decoded.is_ok());
        if let Ok(own) = decoded {
            prop_assert_eq!(own.encode(), bytes);
            let _ = match_pair(&own, &own);
        }
    }

    #[test]
    fn angles_are_the_nearest_step_or_hardly_farther(x in -1_000_000_i64..1_000_000, y in -1_000_000_i64..1_000_000) {
        prop_assume!(x * x + y * y > 100);
        let exact = (y as f64).atan2(x as f64) / std::f64::consts::TAU * 256.0;
        let found = f64::from(super::angle::angle_of(x, y));
        let off = (exact - found).rem_euclid(256.0);
        prop_assert!(off.min(256.0 - off) < 0.54, "{exact} {found}");
    }
}

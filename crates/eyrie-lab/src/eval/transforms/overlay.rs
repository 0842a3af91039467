//! Transforms that put something over or around the picture.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use eyrie_chip::Random;

const WHITE: Rgb<u8> = Rgb([255; 3]);
const INK: Rgb<u8> = Rgb([20; 3]);

/// Letters of 5x7 dots, a byte a row, the leftmost column in bit 4.
const LETTERS: [(char, [u8; 7]); 8] = [
    ('S', [0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e]),
    ('A', [0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11]),
    ('M', [0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11]),
    ('P', [0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10]),
    ('L', [0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f]),
    ('E', [0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f]),
    ('2', [0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f]),
    ('!', [0x04, 0x04, 0x04, 0x04, 0x04, 0x00, 0x04]),
];
const WORDS: &str = "SAMPLE 2!";
/// Columns that a letter takes, the gap included.
const ADVANCE: u32 = 6;

/// Whether a dot of the words is set; columns and rows count from the first letter's upper left.
fn dot(column: i64, row: i64) -> bool {
    let (Ok(column), Ok(row)) = (u32::try_from(column), usize::try_from(row)) else { return false };
    let letter = WORDS.chars().nth((column / ADVANCE) as usize);
    let rows = letter.and_then(|letter| LETTERS.iter().find(|(c, _)| *c == letter)).map(|(_, rows)| rows);
    let in_letter = column % ADVANCE;
    in_letter < 5 && rows.and_then(|rows| rows.get(row)).is_some_and(|bits| bits >> (4 - in_letter) & 1 == 1)
}

/// White letters with dark edges over nine tenths of the width, above, in the middle or below.
pub(super) fn text(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let columns = WORDS.chars().count() as u32 * ADVANCE - 1;
    let size = (f64::from(picture.width()) * 0.9 / f64::from(columns)).max(1.0);
    let left = (f64::from(picture.width()) - size * f64::from(columns)) / 2.0;
    let room = f64::from(picture.height()) - size * 7.0;
    let top = room * [0.08, 0.5, 0.92][random.below(3)];
    let edge = 0.35 * size;
    let inside = |x: f64, y: f64| dot(((x - left) / size).floor() as i64, ((y - top) / size).floor() as i64);
    let mut copy = picture.clone();
    for (x, y, pixel) in copy.enumerate_pixels_mut() {
        let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
        if inside(x, y) {
            *pixel = WHITE;
        } else if [-edge, 0.0, edge].iter().any(|dx| [-edge, 0.0, edge].iter().any(|dy| inside(x + dx, y + dy))) {
            *pixel = INK;
        }
    }
    copy
}

/// A ring with a bar in it, 70 % opaque, in one of the corners.
pub(super) fn logo(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let radius = width.min(height) / 6.0;
    let margin = radius * 1.2;
    let centre = [
        if random.below(2) == 0 { margin } else { width - margin },
        if random.below(2) == 0 { margin } else { height - margin },
    ];
    let mut copy = picture.clone();
    for (x, y, pixel) in copy.enumerate_pixels_mut() {
        let (dx, dy) = (f64::from(x) + 0.5 - centre[0], f64::from(y) + 0.5 - centre[1]);
        let distance = dx.hypot(dy) / radius;
        let colour = if distance > 1.0 {
            continue;
        } else if distance > 0.75 || dx.abs() < 0.15 * radius {
            [220.0, 30.0, 40.0]
        } else {
            [250.0, 250.0, 250.0]
        };
        let old = pixel.0;
        *pixel = Rgb(std::array::from_fn(|c| (0.7 * colour[c] + 0.3 * f64::from(old[c])).round() as u8));
    }
    copy
}

/// A white border of a tenth of the shorter side.
pub(super) fn border(picture: &RgbImage) -> RgbImage {
    let wide = (picture.width().min(picture.height()) / 10).max(1);
    let mut copy = RgbImage::from_pixel(picture.width() + 2 * wide, picture.height() + 2 * wide, WHITE);
    imageops::replace(&mut copy, picture, i64::from(wide), i64::from(wide));
    copy
}

/// A page of 1.2 times the width: a dark bar above, the picture with margins, grey lines of writing
/// below.
pub(super) fn screenshot(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let unit = (picture.width() / 20).max(2);
    let width = picture.width() + 4 * unit;
    let (bar, lines) = (2 * unit, 4);
    let height = bar + 2 * unit + picture.height() + 2 * unit * lines;
    let mut page = RgbImage::from_pixel(width, height, Rgb([246; 3]));
    fill(&mut page, 0, 0, width, bar, Rgb([40, 44, 60]));
    for dot in 0..3 {
        fill(&mut page, unit / 2 + dot * unit, bar / 3, unit / 2, bar / 3, Rgb([230, 180, 70]));
    }
    // As a screen shows it: not at the size of the file.
    let shown = imageops::resize(picture, picture.width(), picture.height(), FilterType::Triangle);
    imageops::replace(&mut page, &shown, i64::from(2 * unit), i64::from(bar + unit));
    for line in 0..lines {
        let length = (f64::from(picture.width()) * random.between(0.4, 1.0)) as u32;
        let y = bar + 2 * unit + picture.height() + 2 * unit * line;
        fill(&mut page, 2 * unit, y, length, unit / 2, Rgb([150; 3]));
    }
    page
}

fn fill(picture: &mut RgbImage, x: u32, y: u32, width: u32, height: u32, colour: Rgb<u8>) {
    for row in y..(y + height).min(picture.height()) {
        for column in x..(x + width).min(picture.width()) {
            picture.put_pixel(column, row, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_words_has_dots() {
        assert!(WORDS.chars().all(|c| c == ' ' || LETTERS.iter().any(|(letter, _)| *letter == c)));
        assert!(dot(1, 0) && !dot(0, 0) && !dot(5, 3) && !dot(-1, 0) && !dot(0, 7));
    }

    #[test]
    fn an_emblem_changes_one_corner_only() {
        let black = RgbImage::new(120, 90);
        let copy = logo(&black, &mut Random::new(3));
        let changed: Vec<(u32, u32)> =
            copy.enumerate_pixels().filter(|(_, _, p)| p.0 != [0; 3]).map(|(x, y, _)| (x, y)).collect();
        assert!((500..900).contains(&changed.len()), "{}", changed.len());
        let same_side = |of: fn(&(u32, u32)) -> u32, middle| {
            changed.iter().all(|c| of(c) < middle) || changed.iter().all(|c| of(c) >= middle)
        };
        assert!(same_side(|c| c.0, 60) && same_side(|c| c.1, 45));
    }

    #[test]
    fn a_border_keeps_the_picture_in_its_middle() {
        let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8, y as u8, 0]));
        let copy = border(&picture);
        assert_eq!(copy.dimensions(), (46, 36));
        assert_eq!(copy.get_pixel(2, 2), &WHITE);
        assert_eq!(imageops::crop_imm(&copy, 3, 3, 40, 30).to_image(), picture);
    }
}

//! Transforms that move pixels.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use eyrie_chip::Random;

const BLACK: [f64; 3] = [0.0; 3];
/// What surrounds a picture that is seen at an angle: a wall.
const WALL: [f64; 3] = [128.0; 3];

/// Scales both sides, to one pixel at least.
pub(super) fn scale(picture: &RgbImage, factor: f64) -> RgbImage {
    let side = |pixels: u32| ((f64::from(pixels) * factor).round() as u32).max(1);
    imageops::resize(picture, side(picture.width()), side(picture.height()), FilterType::CatmullRom)
}

/// A part of the picture with its shape and `share` of its area, anywhere.
pub(super) fn crop(picture: &RgbImage, share: f64, random: &mut Random) -> RgbImage {
    let side = |pixels: u32| ((f64::from(pixels) * share.sqrt()).round() as u32).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    let mut from = |room: u32| random.below(room as usize + 1) as u32;
    let (x, y) = (from(picture.width() - width), from(picture.height() - height));
    imageops::crop_imm(picture, x, y, width, height).to_image()
}

/// Turns the picture clockwise about its middle; the ground, black, is as large as the turned
/// picture needs.
pub(super) fn rotate(picture: &RgbImage, degrees: f64) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let out_width = (width * cos.abs() + height * sin.abs()).round().max(1.0);
    let out_height = (width * sin.abs() + height * cos.abs()).round().max(1.0);
    RgbImage::from_fn(out_width as u32, out_height as u32, |x, y| {
        let (dx, dy) = (f64::from(x) + 0.5 - out_width / 2.0, f64::from(y) + 0.5 - out_height / 2.0);
        sample(picture, width / 2.0 + dx * cos + dy * sin, height / 2.0 - dx * sin + dy * cos, BLACK)
    })
}

/// The picture as a camera sees it from the side: what fills the frame is a slanted part of picture
/// and wall.
pub(super) fn perspective(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let mut corner = |x: f64, y: f64| {
        let mut by = || random.between(-0.12, 0.12);
        [(x + by()) * width, (y + by()) * height]
    };
    let quad = [corner(0.0, 0.0), corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)];
    let map = square_to_quad(quad);
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (u, v) = ((f64::from(x) + 0.5) / width, (f64::from(y) + 0.5) / height);
        let w = map[6] * u + map[7] * v + 1.0;
        let (sx, sy) = ((map[0] * u + map[1] * v + map[2]) / w, (map[3] * u + map[4] * v + map[5]) / w);
        sample(picture, sx, sy, WALL)
    })
}

/// The projective map `[a b c; d e f; g h 1]` that takes the corners (0,0) (1,0) (1,1) (0,1) to
/// those of a quadrilateral (P. Heckbert, "Fundamentals of Texture Mapping and Image Warping",
/// 1989, section 2.2.3).
fn square_to_quad([p0, p1, p2, p3]: [[f64; 2]; 4]) -> [f64; 8] {
    let sum = [p0[0] - p1[0] + p2[0] - p3[0], p0[1] - p1[1] + p2[1] - p3[1]];
    let (d1, d2) = ([p1[0] - p2[0], p1[1] - p2[1]], [p3[0] - p2[0], p3[1] - p2[1]]);
    let area = d1[0] * d2[1] - d2[0] * d1[1];
    let g = (sum[0] * d2[1] - d2[0] * sum[1]) / area;
    let h = (d1[0] * sum[1] - sum[0] * d1[1]) / area;
    [
        p1[0] - p0[0] + g * p1[0],
        p3[0] - p0[0] + h * p3[0],
        p0[0],
        p1[1] - p0[1] + g * p1[1],
        p3[1] - p0[1] + h * p3[1],
        p0[1],
        g,
        h,
    ]
}

/// The colour at a point (pixel centres lie at halves), between the four pixels around it; `ground`
/// outside.
fn sample(picture: &RgbImage, x: f64, y: f64, ground: [f64; 3]) -> Rgb<u8> {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let mut colour = [0.0; 3];
    for (dx, dy, weight) in [
        (0.0, 0.0, (1.0 - fx) * (1.0 - fy)),
        (1.0, 0.0, fx * (1.0 - fy)),
        (0.0, 1.0, (1.0 - fx) * fy),
        (1.0, 1.0, fx * fy),
    ] {
        let (px, py) = (left + dx, top + dy);
        let inside = px >= 0.0 && py >= 0.0 && px < f64::from(picture.width()) && py < f64::from(picture.height());
        let from = if inside { picture.get_pixel(px as u32, py as u32).0.map(f64::from) } else { ground };
        for (sum, value) in colour.iter_mut().zip(from) {
            *sum += weight * value;
        }
    }
    Rgb(colour.map(|value| value.round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projective_map_takes_corners_to_corners() {
        let quad = [[1.0, 2.0], [9.0, 1.0], [8.0, 7.0], [0.5, 6.0]];
        let m = square_to_quad(quad);
        for ([u, v], [x, y]) in [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].into_iter().zip(quad) {
            let w = m[6] * u + m[7] * v + 1.0;
            assert!(((m[0] * u + m[1] * v + m[2]) / w - x).abs() < 1e-9);
            assert!(((m[3] * u + m[4] * v + m[5]) / w - y).abs() < 1e-9);
        }
    }

    #[test]
    fn a_turn_by_ninety_degrees_is_the_quarter_turn() {
        let picture = RgbImage::from_fn(6, 4, |x, y| Rgb([(x * 40) as u8, (y * 60) as u8, 7]));
        assert_eq!(rotate(&picture, 90.0), imageops::rotate90(&picture));
        assert_eq!(rotate(&picture, 0.0), picture);
    }

    #[test]
    fn half_way_between_two_pixels_lies_their_mean() {
        let picture = RgbImage::from_fn(2, 1, |x, _| Rgb([(x * 100) as u8, 0, 0]));
        assert_eq!(sample(&picture, 1.0, 0.5, BLACK), Rgb([50, 0, 0]));
        assert_eq!(sample(&picture, -3.0, 0.5, WALL), Rgb([128; 3]));
    }
}

//! Pictures that the tests make themselves.

use std::io::Cursor;

use image::imageops::overlay;
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage};

/// A picture of coloured shapes; each seed has other ones.
fn shapes(seed: u32, width: u32, height: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut colour = || Rgb([next(256) as u8, next(256) as u8, next(256) as u8]);
    let mut picture = RgbImage::from_pixel(width, height, colour());
    for _ in 0..6 {
        let fill = colour();
        let [left, top, right] = colour().0.map(u32::from);
        let (left, top) = (left * width / 256, top * height / 256);
        let size = 8 + right * width / 512;
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            let inside = if seed.is_multiple_of(2) {
                x.abs_diff(left) < size / 2 && y.abs_diff(top) < size / 2
            } else {
                x.abs_diff(left).pow(2) + y.abs_diff(top).pow(2) < (size / 2).pow(2)
            };
            if inside {
                *pixel = fill;
            }
        }
    }
    picture
}

/// A picture of 480x360 pixels with much to see; each seed has another content.
pub(crate) fn scene(seed: u32) -> RgbImage {
    const WIDTH: u32 = 480;
    const HEIGHT: u32 = 360;
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(77);
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 10) % below
    };
    let mut picture = RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([128, 120, 110]));
    for shape in 0..180 {
        let fill = Rgb([next(256) as u8, next(256) as u8, next(256) as u8]);
        let (x, y) = (i64::from(next(WIDTH)), i64::from(next(HEIGHT)));
        let (wide, high) = (3 + i64::from(next(26)), 3 + i64::from(next(26)));
        for row in (y - high).max(0)..(y + high).min(i64::from(HEIGHT)) {
            for column in (x - wide).max(0)..(x + wide).min(i64::from(WIDTH)) {
                let inside = (column - x).pow(2) * high * high + (row - y).pow(2) * wide * wide;
                if shape % 3 == 0 || inside <= wide * wide * high * high {
                    picture.put_pixel(column as u32, row as u32, fill);
                }
            }
        }
    }
    picture
}

/// Two pictures of one height in one picture, the first on the left.
pub(crate) fn side_by_side(left: &RgbImage, right: &RgbImage) -> RgbImage {
    let mut both = RgbImage::new(left.width() + right.width(), left.height());
    overlay(&mut both, left, 0, 0);
    overlay(&mut both, right, left.width().into(), 0);
    both
}

/// A picture as PNG.
pub(crate) fn as_png(picture: RgbImage) -> Vec<u8> {
    encode(picture, ImageFormat::Png)
}

fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

/// A PNG of 96x80 pixels; each seed has another content.
pub(crate) fn png(seed: u32) -> Vec<u8> {
    encode(shapes(seed, 96, 80), ImageFormat::Png)
}

/// The same picture as [`png`] of that seed, as JPEG.
pub(crate) fn jpeg(seed: u32) -> Vec<u8> {
    encode(shapes(seed, 96, 80), ImageFormat::Jpeg)
}

/// A black PNG of any size: many pixels in few bytes.
pub(crate) fn black_png(width: u32, height: u32) -> Vec<u8> {
    encode(GrayImage::new(width, height), ImageFormat::Png)
}

/// A PNG whose header states a width of 0.
pub(crate) fn zero_sized_png() -> Vec<u8> {
    let mut bytes = png(1);
    bytes[16..20].fill(0);
    bytes
}

/// The head of a HEIC file.
pub(crate) fn heic() -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec();
    bytes.resize(400, 7);
    bytes
}

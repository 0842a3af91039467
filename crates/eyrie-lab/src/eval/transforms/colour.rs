//! Transforms that change colours and sharpness.

use image::{Rgb, RgbImage};

use eyrie_chip::Random;

/// Each channel through a curve over 0 to 255, rounded and clamped.
pub(super) fn by_table(picture: &RgbImage, curve: impl Fn(f64) -> f64) -> RgbImage {
    let table: Vec<u8> = (0..=255_u8).map(|value| curve(f64::from(value)).round().clamp(0.0, 255.0) as u8).collect();
    let mut copy = picture.clone();
    copy.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
    copy
}

/// Luma of ITU-R BT.601 on all channels.
pub(super) fn grey(picture: &RgbImage) -> RgbImage {
    let mut copy = picture.clone();
    for pixel in copy.pixels_mut() {
        let [r, g, b] = pixel.0.map(u32::from);
        *pixel = Rgb([((299 * r + 587 * g + 114 * b + 500) / 1000) as u8; 3]);
    }
    copy
}

/// Gaussian blur, deviation 1/150 of the shorter side and at least one pixel.
pub(super) fn blur(picture: &RgbImage) -> RgbImage {
    let sigma = (picture.width().min(picture.height()) as f32 / 150.0).max(1.0);
    image::imageops::blur(picture, sigma)
}

/// Noise that is nearly normal (the sum of twelve uniform values less six) on each channel.
pub(super) fn noise(picture: &RgbImage, deviation: f64, random: &mut Random) -> RgbImage {
    let mut copy = picture.clone();
    for value in copy.iter_mut() {
        let normal = (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
        *value = (f64::from(*value) + deviation * normal).round().clamp(0.0, 255.0) as u8;
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_rounded_and_clamped() {
        let picture = RgbImage::from_pixel(1, 1, Rgb([0, 100, 250]));
        assert_eq!(by_table(&picture, |v| v * 1.006 + 50.0).get_pixel(0, 0).0, [50, 151, 255]);
    }

    #[test]
    fn grey_weighs_green_most() {
        let of = |pixel| grey(&RgbImage::from_pixel(1, 1, Rgb(pixel))).get_pixel(0, 0).0;
        assert_eq!([of([255, 0, 0]), of([0, 255, 0]), of([0, 0, 255])], [[76; 3], [150; 3], [29; 3]]);
        assert_eq!(of([200; 3]), [200; 3]);
    }

    #[test]
    fn noise_has_the_deviation_it_says() {
        let grey = RgbImage::from_pixel(100, 100, Rgb([128; 3]));
        let copy = noise(&grey, 20.0, &mut Random::new(1));
        let differences: Vec<f64> = copy.iter().map(|v| f64::from(*v) - 128.0).collect();
        let mean = differences.iter().sum::<f64>() / 30_000.0;
        let deviation = (differences.iter().map(|d| d * d).sum::<f64>() / 30_000.0).sqrt();
        assert!(mean.abs() < 0.5 && (deviation - 20.0).abs() < 0.5, "{mean} {deviation}");
    }
}

//! The grey picture in which local features are looked for.

use super::decode::Decoded;

/// The luma of every pixel, row by row: `(77 R + 150 G + 29 B + 128) / 256`, the weights of ITU-R
/// BT.601 in whole numbers, so that the same pixels give the same bytes on every CPU.
#[must_use]
pub fn luma(image: &Decoded) -> Vec<u8> {
    let (pixels, _) = image.rgb.as_chunks::<3>();
    pixels
        .iter()
        .map(|&[red, green, blue]| {
            let sum = 77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue) + 128;
            (sum >> 8) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ImageFormat;

    #[test]
    fn grey_stays_as_it_is_and_green_is_the_brightest() {
        let rgb = vec![0, 0, 0, 127, 127, 127, 255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255];
        let image = Decoded { rgb, format: ImageFormat::Png, width: 3, height: 2 };
        assert_eq!(luma(&image), [0, 127, 255, 77, 149, 29]);
    }
}

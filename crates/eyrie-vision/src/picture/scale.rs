//! From a picture of any size to the bytes that the network sees: scaling, cutting and turning.
//!
//! Scaling is a separable triangle filter that widens when it shrinks (antialiasing), in integers
//! with rounding to bytes after each direction. Weights are computed in `f64` by additions,
//! multiplications and divisions alone, and the SIMD paths of the library give the same bytes as
//! its portable one (docs/NUMERICS.md).

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::decode::Decoded;
use super::error::PictureError;

/// Width and height of the network's input.
pub const INPUT_SIDE: usize = 224;
/// Bytes of the network's input.
pub const INPUT_BYTES: usize = INPUT_SIDE * INPUT_SIDE * 3;

/// Scales images; keeps its buffers between calls.
#[derive(Debug, Default)]
pub struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// Scales to exactly `width` x `height` pixels and writes them to `out`, whatever it held
    /// before.
    ///
    /// # Errors
    /// [`PictureError::Internal`] when `image.rgb` does not have the length that its sides say.
    pub fn scale(&mut self, image: &Decoded, width: u32, height: u32, out: &mut Vec<u8>) -> Result<(), PictureError> {
        out.clear();
        out.resize(width as usize * height as usize * 3, 0);
        self.scale_into(image, width, height, out)
    }

    /// Like [`Scaler::scale`], into a slice of `width * height * 3` bytes.
    ///
    /// # Errors
    /// [`PictureError::Internal`] when `image.rgb` or `out` does not have the length that its sides
    /// say.
    pub fn scale_into(&mut self, image: &Decoded, width: u32, height: u32, out: &mut [u8]) -> Result<(), PictureError> {
        let internal = |error: &dyn std::fmt::Display| PictureError::Internal(format!("resize: {error}"));
        // Typed: `Resizer::resize` would bring the code for every type of pixel, minutes to compile.
        let source =
            TypedImageRef::<U8x3>::from_buffer(image.width, image.height, &image.rgb).map_err(|e| internal(&e))?;
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, out).map_err(|e| internal(&e))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer.resize_typed(&source, &mut target, &options).map_err(|e| internal(&e))
    }
}

/// The whole image squeezed to 224x224 (its aspect is not kept): what the network sees in the
/// profiles `fast` and `nip`.
///
/// # Errors
/// Those of [`Scaler::scale`].
pub fn whole_image_224(image: &Decoded) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::new();
    Scaler::default().scale(image, INPUT_SIDE as u32, INPUT_SIDE as u32, &mut out)?;
    Ok(out)
}

/// Copies the box of `width` columns whose upper left corner is at (`x`, `y`) out of a canvas of
/// `canvas_width` columns; `out` has as many rows as are copied.
///
/// # Panics
/// If the box leaves the canvas, or `out` is not whole rows of `width` pixels.
pub fn cut(canvas: &[u8], canvas_width: usize, x: usize, y: usize, width: usize, out: &mut [u8]) {
    assert!(out.len().is_multiple_of(width * 3), "bytes of whole rows");
    let rows = canvas.chunks_exact(canvas_width * 3).skip(y);
    assert!(rows.len() >= out.len() / (width * 3), "the box is inside the canvas");
    for (row, out) in rows.zip(out.chunks_exact_mut(width * 3)) {
        out.copy_from_slice(&row[x * 3..(x + width) * 3]);
    }
}

/// Turns a square image by 90 degrees clockwise, exactly.
///
/// # Panics
/// If `image` or `out` is not `side * side` pixels.
pub fn turn(image: &[u8], side: usize, out: &mut [u8]) {
    assert!(image.len() == side * side * 3 && out.len() == image.len(), "bytes of a square image");
    let (image, _) = image.as_chunks::<3>();
    for (y, out) in out.as_chunks_mut::<3>().0.chunks_exact_mut(side).enumerate() {
        for (x, out) in out.iter_mut().enumerate() {
            // The row y from the top is the column y from the left, read upwards.
            *out = image[(side - 1 - x) * side + y];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ImageFormat;

    fn gradient(width: u32, height: u32) -> Decoded {
        let rgb = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [(x * 3 + y) as u8, (y * 5) as u8, (x ^ y) as u8]))
            .collect();
        Decoded { rgb, format: ImageFormat::Png, width, height }
    }

    #[test]
    fn the_output_has_the_size_asked_for_at_every_ratio() {
        let mut scaler = Scaler::default();
        let mut out = vec![9; 5];
        for (width, height) in [(1, 1), (1, 300), (300, 1), (3, 7), (640, 480), (224, 224)] {
            scaler.scale(&gradient(width, height), 61, 43, &mut out).expect("scales");
            assert_eq!(out.len(), 61 * 43 * 3);
        }
    }

    #[test]
    fn an_image_of_the_right_size_is_left_as_it_is() {
        let image = gradient(224, 224);
        assert_eq!(whole_image_224(&image).expect("scales"), image.rgb);
    }

    #[test]
    fn an_even_colour_stays_even() {
        let image = Decoded { rgb: [200, 100, 7].repeat(333 * 77), format: ImageFormat::Png, width: 333, height: 77 };
        assert_eq!(whole_image_224(&image).expect("scales"), [200, 100, 7].repeat(224 * 224));
    }

    #[test]
    fn shrinking_averages_instead_of_picking() {
        // Columns of black and white in turn: a picking filter would give one of them, antialiasing
        // gives grey.
        let rgb = (0..900 * 900).flat_map(|i| if i % 2 == 0 { [0; 3] } else { [255; 3] }).collect();
        let image = Decoded { rgb, format: ImageFormat::Png, width: 900, height: 900 };
        let out = whole_image_224(&image).expect("scales");
        assert!(out.iter().all(|&v| (100..=155).contains(&v)));
    }

    #[test]
    fn the_same_image_gives_the_same_bytes_in_a_used_and_in_a_fresh_scaler() {
        let image = gradient(333, 257);
        let mut scaler = Scaler::default();
        let mut out = Vec::new();
        scaler.scale(&gradient(50, 900), 448, 600, &mut out).expect("scales");
        scaler.scale(&image, 224, 224, &mut out).expect("scales");
        assert_eq!(out, whole_image_224(&image).expect("scales"));
    }

    #[test]
    fn wrong_lengths_are_an_internal_error() {
        let image = Decoded { rgb: vec![0; 10], format: ImageFormat::Png, width: 2, height: 2 };
        assert!(matches!(whole_image_224(&image), Err(PictureError::Internal(_))));
    }

    #[test]
    fn a_turn_moves_the_left_upper_corner_to_the_right_and_four_turns_change_nothing() {
        let image: Vec<u8> = (0..27).collect();
        let (mut a, mut b) = (vec![0; 27], vec![0; 27]);
        turn(&image, 3, &mut a);
        assert_eq!(&a[6..9], &image[..3]);
        assert_eq!(&a[..3], &image[18..21]);
        for _ in 0..3 {
            turn(&a, 3, &mut b);
            std::mem::swap(&mut a, &mut b);
        }
        assert_eq!(a, image);
    }

    #[test]
    fn a_cut_is_the_box_at_its_place() {
        let image = gradient(5, 4);
        let mut out = vec![0; 12];
        cut(&image.rgb, 5, 2, 1, 2, &mut out);
        let pixel = |x: usize, y: usize| &image.rgb[(y * 5 + x) * 3..][..3];
        assert_eq!(out, [pixel(2, 1), pixel(3, 1), pixel(2, 2), pixel(3, 2)].concat());
        cut(&image.rgb, 5, 1, 3, 4, &mut out);
        assert_eq!(out, image.rgb[16 * 3..]);
    }
}

//! The part of a picture that a search is for.

use super::decode::Decoded;
use super::error::PictureError;
use super::limits::DecodeLimits;
use super::reading::check_size;
use super::region::QueryRegion;
use super::scale::cut;

/// The pixels of `image` in a region whose borders are rounded to whole pixels, and the region as
/// rounded.
///
/// What is left has to be a picture that the decoder would take: at least one pixel each way, and
/// not too elongated.
///
/// # Errors
/// [`PictureError::RegionTooSmall`].
pub fn crop(image: Decoded, region: QueryRegion, limits: DecodeLimits) -> Result<(Decoded, QueryRegion), PictureError> {
    let [x, y, width, height] = region.to_array();
    let (left, columns) = span(x, width, image.width);
    let (top, rows) = span(y, height, image.height);
    let too_small = PictureError::RegionTooSmall { width: columns, height: rows, max_ratio: limits.max_aspect_ratio };
    if check_size(columns, rows, limits).is_err() {
        return Err(too_small);
    }
    let mut rgb = vec![0; columns as usize * rows as usize * 3];
    cut(&image.rgb, image.width as usize, left as usize, top as usize, columns as usize, &mut rgb);
    let part = |pixels: u32, side: u32| f64::from(pixels) / f64::from(side);
    let [x, width] = [left, columns].map(|pixels| part(pixels, image.width));
    let [y, height] = [top, rows].map(|pixels| part(pixels, image.height));
    let rounded = QueryRegion::new([x, y, width, height])
        .map_err(|error| PictureError::Internal(format!("a region of {columns}x{rows} pixels: {error}")))?;
    Ok((Decoded { rgb, format: image.format, width: columns, height: rows }, rounded))
}

/// The first pixel and the number of pixels of `side` between two fractions of it.
fn span(from: f64, length: f64, side: u32) -> (u32, u32) {
    let edge = |at: f64| ((at * f64::from(side)).round() as u32).min(side);
    let first = edge(from);
    (first, edge(from + length) - first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ImageFormat;

    const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 10_000, max_aspect_ratio: 4 };

    fn numbered(width: u32, height: u32) -> Decoded {
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        Decoded { rgb, format: ImageFormat::Png, width, height }
    }

    fn of(image: &Decoded, region: [f64; 4]) -> Result<(Decoded, [f64; 4]), PictureError> {
        let region = QueryRegion::new(region).expect("inside");
        crop(image.clone(), region, LIMITS).map(|(part, rounded)| (part, rounded.to_array()))
    }

    #[test]
    fn the_pixels_are_those_of_the_box_to_the_nearest_whole_ones() {
        let image = numbered(10, 8);
        // 2.9 to 5.2 columns, 2 to 6 rows.
        let (part, rounded) = of(&image, [0.29, 0.25, 0.23, 0.5]).expect("crops");
        assert_eq!((part.width, part.height), (2, 4));
        let expected: Vec<u8> = (2..6).flat_map(|y| [[3, y, 7], [4, y, 7]]).flatten().collect();
        assert_eq!(part.rgb, expected);
        assert_eq!(rounded, [0.3, 0.25, 0.2, 0.5]);
    }

    #[test]
    fn the_whole_picture_is_a_box_too() {
        for (width, height) in [(1, 1), (3, 2), (97, 31)] {
            let image = numbered(width, height);
            assert_eq!(of(&image, [0.0, 0.0, 1.0, 1.0]).expect("crops"), (image, [0.0, 0.0, 1.0, 1.0]));
        }
    }

    #[test]
    fn every_border_of_every_pixel_is_met_in_fractions() {
        let image = numbered(97, 31);
        for x in 0..97 {
            let (part, rounded) = of(&image, [f64::from(x) / 97.0, 0.0, 1.0 / 97.0, 4.0 / 31.0]).expect("crops");
            assert_eq!((part.width, part.height, part.rgb[0]), (1, 4, x as u8));
            let again = of(&image, rounded).expect("crops");
            assert_eq!(again, (part, rounded));
        }
    }

    #[test]
    fn a_box_of_no_pixels_and_one_of_a_thin_line_are_too_small() {
        let image = numbered(40, 40);
        for (region, size) in [
            ([0.5, 0.5, 0.01, 0.5], (0, 20)),
            ([0.5, 0.5, 0.5, 1e-300], (20, 0)),
            ([1.0 - 1e-9, 0.0, 1e-9, 1.0], (0, 40)),
            ([0.0, 0.0, 1.0, 0.225], (40, 9)),
        ] {
            let Err(PictureError::RegionTooSmall { width, height, max_ratio: 4 }) = of(&image, region) else {
                panic!("{region:?} is not refused")
            };
            assert_eq!((width, height), size);
        }
        assert!(of(&image, [0.0, 0.0, 1.0, 0.25]).is_ok());
        assert!(of(&image, [0.5, 0.5, 0.025, 0.025]).is_ok(), "one pixel is a picture");
    }
}

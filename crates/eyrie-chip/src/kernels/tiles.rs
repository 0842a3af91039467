//! How a row is cut into tiles, and how a tile's loop over pixels is written; for the kernels that
//! use vectors.

/// Repeats a block of code for each pixel of a tile, with the number of the pixel a constant.
///
/// A loop would do the same if the compiler always unrolled it before it decides which arrays live
/// in registers; at the lower levels of optimisation it does not, and the accumulators go through
/// memory.
macro_rules! each_pixel {
    ($pixels:expr, $pixel:ident => $body:block) => {
        each_pixel!(@ $pixels, $pixel => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $pixels:expr, $pixel:ident => $body:block, $($number:literal)*) => {
        $(if $number < $pixels {
            let $pixel = $number;
            $body
        })*
    };
}
pub(super) use each_pixel;

/// Cuts a row of `width` pixels into the fewest tiles of at most `max` pixels, as equal as can be:
/// `(first, pixels)`.
///
/// Equal tiles beat full ones with a remainder: a tile of one pixel loads as many weights as one of
/// fourteen.
pub(super) fn tiles(width: usize, max: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = width.div_ceil(max);
    (0..count).map(move |tile| {
        let (first, end) = (width * tile / count, width * (tile + 1) / count);
        (first, end - first)
    })
}

#[cfg(test)]
mod tests {
    use super::tiles;

    #[test]
    fn tiles_cover_every_width_once_and_differ_by_at_most_one_pixel() {
        for max in [6, 14] {
            for width in 1..=300 {
                let mut next = 0;
                let sizes: Vec<usize> = tiles(width, max)
                    .map(|(first, pixels)| {
                        assert_eq!(first, next);
                        next += pixels;
                        pixels
                    })
                    .collect();
                assert_eq!(next, width);
                let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
                assert!(*least >= 1 && *most <= max && most - least <= 1, "{width}: {sizes:?}");
            }
        }
    }
}

//! Where the sub-images of the profile `rnip` lie, and the details that a model is learned from.
//! Pure arithmetic on whole numbers.
//!
//! The chip takes squares of `side` pixels at most, so a larger version of the picture is described
//! in pieces:
//!
//! 1. The canvas: the picture scaled, up or down alike, so that its short side has one and a half
//!    times `side` pixels and the aspect is kept. A picture more elongated than 2:1 is scaled so
//!    that its long side has `3 * side`; one more elongated than 3:1 is squeezed along its length
//!    to `3 * side` by `side`.
//! 2. The grid: along each axis the fewest squares that cover it with at least three eighths of a
//!    square shared by neighbours, spread evenly.
//!
//! | aspect | canvas at 224 | squares |
//! |---|---|---|
//! | 1:1 | 336x336 | 2x2 |
//! | 4:3, 3:2 | 448x336, 504x336 | 3x2 |
//! | 16:9 | 598x336 | 4x2 |
//! | 2:1 | 672x336 | 5x2 |
//! | 3:1 and more | 672x224 | 5x1 |
//!
//! Few large squares that overlap much find a thing again better than many small ones, and cost
//! less. To learn a whitening from, and to calibrate the network with, smaller ones are better:
//! these are the details, squares of a canvas of twice `side` (at most four times `side` long),
//! neighbours sharing at least a seventh. `docs/benchmarks/` has what other canvases and overlaps
//! gave.
//!
//! Canvas sides differ from `side` by an even number, so that a middle square lies in the middle
//! and the plan is its own mirror image.

use serde::Serialize;

use super::profile::Profile;

/// A sub-image, by its upper left corner on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubImage {
    /// Columns left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
}

/// Which squares of which canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionPlan {
    /// Columns of the canvas that the picture is scaled to.
    pub canvas_width: u32,
    /// Rows of the canvas.
    pub canvas_height: u32,
    /// The squares, row by row.
    pub sub_images: Vec<SubImage>,
    /// Width and height of each square.
    pub size: u32,
}

impl RegionPlan {
    /// The plan for a picture of `width` x `height` pixels (at least one each; zero counts as one)
    /// on a chip whose largest input is a square of `side` pixels (224 for the default chip; an odd
    /// number is rounded down).
    ///
    /// # Panics
    /// If `side` is below 8 or above 2^20.
    pub fn new(width: u32, height: u32, side: u32) -> Self {
        Self::with(width, height, side, Grid { canvas: (3, 2), stride: (5, 8) })
    }

    /// The plan of the details, for learning.
    ///
    /// # Panics
    /// Those of [`RegionPlan::new`].
    pub fn detail(width: u32, height: u32, side: u32) -> Self {
        Self::with(width, height, side, Grid { canvas: (2, 1), stride: (6, 7) })
    }

    fn with(width: u32, height: u32, side: u32, grid: Grid) -> Self {
        assert!((8..=1 << 20).contains(&side), "a chip's input has 8 to 2^20 pixels a side");
        let side = side & !1;
        let (width, height) = (width.max(1), height.max(1));
        let (short, long) = grid.canvas(width.min(height), width.max(height), side);
        let (canvas_width, canvas_height) = if width < height { (short, long) } else { (long, short) };
        let columns = grid.positions(canvas_width, side);
        let rows = grid.positions(canvas_height, side);
        let sub_images = rows.iter().flat_map(|&y| columns.iter().map(move |&x| SubImage { x, y })).collect();
        Self { canvas_width, canvas_height, sub_images, size: side }
    }

    /// Passes of the network that describing the picture with `profile` takes.
    pub fn passes(&self, profile: Profile) -> u32 {
        match profile {
            Profile::Fast => 1,
            Profile::Nip => 4,
            Profile::Rnip => 4 + u32::try_from(self.sub_images.len()).unwrap_or(u32::MAX - 4),
        }
    }
}

/// How finely a picture is cut up. Both are fractions of the chip's side.
struct Grid {
    /// The short side of the canvas; the long one is at most twice that.
    canvas: (u32, u32),
    /// The most from one square to the next.
    stride: (u32, u32),
}

impl Grid {
    /// Short and long side of the canvas.
    fn canvas(&self, short: u32, long: u32, side: u32) -> (u32, u32) {
        let (times, of) = (u64::from(self.canvas.0) * u64::from(side), u64::from(self.canvas.1));
        let (short, long) = (u64::from(short), u64::from(long));
        let longest = even_step(2 * times, of, side);
        if long <= 2 * short {
            (even_step(times, of, side), even_step(times * long, of * short, side).min(longest))
        } else {
            (even_step(2 * times * short, of * long, side), longest)
        }
    }

    /// Where the squares start along an axis of `length` pixels.
    fn positions(&self, length: u32, side: u32) -> Vec<u32> {
        let span = length - side;
        let steps = span.div_ceil(side * self.stride.0 / self.stride.1);
        // Rounded down in the first half and mirrored in the second, so that the plan is symmetric.
        (0..=steps)
            .map(|i| if 2 * i <= steps { span * i / steps.max(1) } else { span - span * (steps - i) / steps })
            .collect()
    }
}

/// `numerator / denominator`, rounded to a number that differs from `side` by an even one.
fn even_step(numerator: u64, denominator: u64, side: u32) -> u32 {
    let doubled = 2 * denominator;
    let Some(beyond) = numerator.checked_sub(u64::from(side) * denominator) else {
        return side;
    };
    let steps = (beyond + denominator) / doubled;
    side + 2 * u32::try_from(steps).unwrap_or(side)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(width: u32, height: u32) -> (u32, u32, usize) {
        let plan = RegionPlan::new(width, height, 224);
        (plan.canvas_width, plan.canvas_height, plan.sub_images.len())
    }

    #[test]
    fn the_table_of_the_module_is_true() {
        assert_eq!(shape(1000, 1000), (336, 336, 4));
        assert_eq!(shape(4000, 3000), (448, 336, 6));
        assert_eq!(shape(3000, 4000), (336, 448, 6));
        assert_eq!(shape(3000, 2000), (504, 336, 6));
        assert_eq!(shape(1920, 1080), (598, 336, 8));
        assert_eq!(shape(2000, 1000), (672, 336, 10));
        assert_eq!(shape(2500, 1000), (672, 268, 10));
        assert_eq!(shape(3000, 1000), (672, 224, 5));
        assert_eq!(shape(1000, 50), (672, 224, 5));
    }

    #[test]
    fn details_are_smaller_and_more() {
        let shape = |width, height| {
            let plan = RegionPlan::detail(width, height, 224);
            (plan.canvas_width, plan.canvas_height, plan.sub_images.len())
        };
        assert_eq!([shape(1000, 1000), shape(4000, 3000)], [(448, 448, 9), (598, 448, 9)]);
        assert_eq!([shape(3000, 2000), shape(1920, 1080)], [(672, 448, 12), (796, 448, 12)]);
        assert_eq!([shape(2000, 1000), shape(3000, 1000)], [(896, 448, 15), (896, 298, 10)]);
        assert_eq!([shape(4000, 1000), shape(1000, 50)], [(896, 224, 5), (896, 224, 5)]);
    }

    #[test]
    fn a_picture_of_one_pixel_has_a_plan() {
        assert_eq!(shape(1, 1), (336, 336, 4));
        assert_eq!(shape(1, u32::MAX), (224, 672, 5));
    }

    #[test]
    fn the_squares_of_a_square_picture_overlap_by_half() {
        let plan = RegionPlan::new(10, 10, 224);
        let corners: Vec<(u32, u32)> = plan.sub_images.iter().map(|r| (r.x, r.y)).collect();
        assert_eq!(corners, [(0, 0), (112, 0), (0, 112), (112, 112)]);
    }

    proptest! {
        #[test]
        fn squares_cover_the_canvas_stay_inside_and_are_few(
            width in 1u32..70_000, height in 1u32..70_000, side in 8u32..500,
        ) {
            let plans = [RegionPlan::new(width, height, side), RegionPlan::detail(width, height, side)];
            for (plan, most) in plans.into_iter().zip([10, 15]) {
                let side = plan.size;
                prop_assert!(plan.sub_images.len() <= most);
                for (length, starts) in [
                    (plan.canvas_width, plan.sub_images.iter().map(|r| r.x).collect::<Vec<_>>()),
                    (plan.canvas_height, plan.sub_images.iter().map(|r| r.y).collect()),
                ] {
                    let mut starts = starts;
                    starts.sort_unstable();
                    starts.dedup();
                    prop_assert_eq!(starts[0], 0);
                    prop_assert_eq!(starts[starts.len() - 1] + side, length);
                    prop_assert!(starts.windows(2).all(|pair| pair[1] - pair[0] <= side));
                }
            }
        }

        #[test]
        fn a_plan_is_its_own_mirror_image(width in 1u32..9000, height in 1u32..9000, side in 8u32..500) {
            let plan = RegionPlan::new(width, height, side);
            let side = plan.size;
            let mut mirrored: Vec<SubImage> = plan
                .sub_images
                .iter()
                .map(|r| SubImage { x: plan.canvas_width - side - r.x, y: plan.canvas_height - side - r.y })
                .collect();
            mirrored.reverse();
            prop_assert_eq!(mirrored, plan.sub_images);
        }

        #[test]
        fn turning_the_picture_turns_the_plan(width in 1u32..9000, height in 1u32..9000) {
            prop_assume!(width != height);
            let (plan, turned) = (RegionPlan::new(width, height, 224), RegionPlan::new(height, width, 224));
            prop_assert_eq!((plan.canvas_width, plan.canvas_height), (turned.canvas_height, turned.canvas_width));
            let found = plan.sub_images.iter().all(|r| turned.sub_images.contains(&SubImage { x: r.y, y: r.x }));
            prop_assert!(found);
        }

        #[test]
        fn the_canvas_keeps_the_aspect_up_to_three_to_one(width in 100u32..5000, height in 100u32..5000) {
            let ratio = f64::from(width) / f64::from(height);
            prop_assume!((1.0 / 3.0..=3.0).contains(&ratio));
            let plan = RegionPlan::new(width, height, 224);
            let canvas = f64::from(plan.canvas_width) / f64::from(plan.canvas_height);
            prop_assert!((canvas / ratio - 1.0).abs() < 0.006, "{} {}", canvas, ratio);
        }
    }
}

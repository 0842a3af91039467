//! A picture of a comparison: both pictures side by side, the outline of each in the other, and
//! lines between the spots that both show.

use super::Comparison;
use crate::local::{Quad, WORKING_SIDE};
use crate::picture::{Decoded, ImageFormat};

/// The longer side at which pictures are drawn: that on which their features are looked for.
pub const VIEW_SIDE: u32 = WORKING_SIDE as u32;

/// Pixels between the two pictures.
const GAP: u32 = 8;
/// Between the pictures, and below the lower one.
const GROUND: [u8; 3] = [32, 32, 32];
/// Of outlines.
const OUTLINE: [u8; 3] = [255, 196, 0];
const OUTLINE_WIDTH: f64 = 3.0;
/// Of the lines between spots, one after the other, so that neighbours can be told apart.
const LINES: [[u8; 3]; 6] =
    [[230, 25, 75], [60, 180, 75], [0, 130, 200], [245, 130, 48], [145, 30, 180], [70, 240, 240]];
const LINE_WIDTH: f64 = 1.3;

/// Draws a comparison of the first picture with the second one. The pictures are drawn as they are
/// given: whole, at any size.
#[must_use]
pub fn overlay(a: &Decoded, b: &Decoded, comparison: &Comparison) -> Decoded {
    let left = Panel { x: 0, width: a.width, height: a.height };
    let right = Panel { x: a.width + GAP, width: b.width, height: b.height };
    let mut canvas = Canvas::new(right.x + right.width, a.height.max(b.height));
    canvas.put(a, left);
    canvas.put(b, right);
    let region = comparison.verification.and_then(|found| found.region);
    let outlines = [
        (left, region.and_then(|region| region.candidate_outline_in_query())),
        (right, region.and_then(|region| region.query_outline_in_candidate())),
    ];
    for (panel, outline) in outlines {
        if let Some(outline) = outline {
            canvas.outline(panel, outline);
        }
    }
    for (spot, colour) in comparison.spots.iter().zip(LINES.iter().cycle()) {
        canvas.line([left.at(spot.in_query), right.at(spot.in_candidate)], LINE_WIDTH, *colour, canvas.whole());
    }
    Decoded { rgb: canvas.rgb, format: ImageFormat::Png, width: canvas.width, height: canvas.height }
}

/// Where a picture is on the canvas.
#[derive(Debug, Clone, Copy)]
struct Panel {
    x: u32,
    width: u32,
    height: u32,
}

impl Panel {
    /// A place in fractions of the picture's sides.
    fn at(self, [x, y]: [f64; 2]) -> [f64; 2] {
        [f64::from(self.x) + x * f64::from(self.width), y * f64::from(self.height)]
    }
}

struct Canvas {
    rgb: Vec<u8>,
    width: u32,
    height: u32,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        Self { rgb: GROUND.repeat(width as usize * height as usize), width, height }
    }

    fn whole(&self) -> Panel {
        Panel { x: 0, width: self.width, height: self.height }
    }

    fn put(&mut self, picture: &Decoded, panel: Panel) {
        let row = picture.width as usize * 3;
        for (y, pixels) in picture.rgb.chunks_exact(row).enumerate() {
            let start = (y * self.width as usize + panel.x as usize) * 3;
            self.rgb[start..start + row].copy_from_slice(pixels);
        }
    }

    fn outline(&mut self, panel: Panel, quad: Quad) {
        for corner in 0..4 {
            let ends = [panel.at(quad[corner]), panel.at(quad[(corner + 1) % 4])];
            self.line(ends, OUTLINE_WIDTH, OUTLINE, panel);
        }
    }

    /// A line of this width, what lies in the panel of it, with smooth borders.
    fn line(&mut self, [from, to]: [[f64; 2]; 2], width: f64, colour: [u8; 3], panel: Panel) {
        // Along the axis on which it is longer, every column (or row) has a piece of it.
        let steep = (to[1] - from[1]).abs() > (to[0] - from[0]).abs();
        let (along, across) = if steep { (1, 0) } else { (0, 1) };
        let (first, last) = if from[along] <= to[along] { (from, to) } else { (to, from) };
        let slope = (last[across] - first[across]) / (last[along] - first[along]).max(1e-9);
        let cosine = 1.0 / slope.hypot(1.0);
        let starts = [f64::from(panel.x), 0.0];
        let ends = [f64::from(panel.x + panel.width), f64::from(panel.height)];
        let reach = (width / 2.0 + 0.5) / cosine;
        let within = |value: f64, axis: usize| value.clamp(starts[axis], ends[axis]) as u32;
        for step in within(first[along].floor(), along)..within(last[along].ceil(), along) {
            let middle = first[across] + (f64::from(step) + 0.5 - first[along]) * slope;
            for side in within((middle - reach).floor(), across)..within((middle + reach).ceil(), across) {
                let distance = (f64::from(side) + 0.5 - middle).abs() * cosine;
                let cover = (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0);
                let (x, y) = if steep { (side, step) } else { (step, side) };
                self.blend(x, y, colour, cover);
            }
        }
    }

    fn blend(&mut self, x: u32, y: u32, colour: [u8; 3], cover: f64) {
        let start = (y as usize * self.width as usize + x as usize) * 3;
        for (pixel, channel) in self.rgb[start..start + 3].iter_mut().zip(colour) {
            *pixel = (f64::from(*pixel) * (1.0 - cover) + f64::from(channel) * cover).round() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{MatchedRegion, Spot, Verdict, Verification};

    fn grey(width: u32, height: u32, value: u8) -> Decoded {
        Decoded { rgb: vec![value; (width * height * 3) as usize], format: ImageFormat::Png, width, height }
    }

    fn pixel(picture: &Decoded, x: u32, y: u32) -> [u8; 3] {
        let start = ((y * picture.width + x) * 3) as usize;
        [picture.rgb[start], picture.rgb[start + 1], picture.rgb[start + 2]]
    }

    fn comparison(homography: [f64; 9], spots: Vec<Spot>) -> Comparison {
        let quad = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let region = MatchedRegion { homography, quad_in_candidate: quad, quad_in_query: quad };
        let verification = Verification { inliers: spots.len(), region: Some(region), ..Verification::NOTHING };
        Comparison { score: 0.9, verdict: Verdict::NearDuplicate, verification: Some(verification), spots }
    }

    #[test]
    fn both_pictures_stand_side_by_side_and_unchanged_where_nothing_is_drawn() {
        let nothing = Comparison { score: 0.0, verdict: Verdict::Different, verification: None, spots: Vec::new() };
        let drawn = overlay(&grey(40, 30, 100), &grey(20, 50, 200), &nothing);
        assert_eq!((drawn.width, drawn.height), (40 + GAP + 20, 50));
        assert_eq!(pixel(&drawn, 39, 29), [100; 3]);
        assert_eq!(pixel(&drawn, 40 + GAP, 49), [200; 3]);
        assert_eq!((pixel(&drawn, 41, 10), pixel(&drawn, 10, 40)), (GROUND, GROUND));
    }

    #[test]
    fn outlines_lie_where_the_map_takes_the_corners_and_lines_join_the_spots() {
        // The candidate is the right half of the query.
        let half = [0.5, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let spot = Spot { in_query: [0.75, 0.5], in_candidate: [0.5, 0.5] };
        let drawn = overlay(&grey(100, 80, 0), &grey(100, 80, 0), &comparison(half, vec![spot]));
        assert_eq!(pixel(&drawn, 50, 20), OUTLINE, "the left border of the candidate in the query");
        assert_eq!(pixel(&drawn, 25, 20), [0; 3]);
        assert_ne!(pixel(&drawn, 90, 40), [0; 3], "between the spots");
        assert_ne!(pixel(&drawn, 100 + GAP + 30, 40), [0; 3]);
        assert_eq!(pixel(&drawn, 60, 40), [0; 3], "before the first spot");
        // The left border of the query is outside of the candidate; nothing of it is drawn elsewhere.
        assert_eq!(pixel(&drawn, 100 + GAP + 50, 20), [0; 3]);
    }

    #[test]
    fn what_lies_far_outside_is_cut_off() {
        let huge = [1e9, 0.0, -1e9, 0.0, 1e9, -1e9, 0.0, 0.0, 1.0];
        let drawn = overlay(&grey(10, 10, 0), &grey(10, 10, 0), &comparison(huge, Vec::new()));
        assert_eq!(drawn.rgb.len(), 28 * 10 * 3);
    }
}

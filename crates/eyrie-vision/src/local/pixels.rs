//! Pixels of pictures that are laid onto each other: brought to one resolution, read between their
//! grid, and freed of what light does to them.

use super::geometry::Point;
use super::region::{MatchedRegion, Quad, area_of};
use crate::picture::{Decoded, PictureError, Scaler, fitted};

/// Grey levels that count as noise: flat parts do not agree by chance.
pub(super) const NOISE: f64 = 3.0;

/// Pixels of the longer side.
pub(super) fn side(picture: &Decoded) -> f64 {
    f64::from(picture.width.max(picture.height))
}

/// Pixels of the query for one of the candidate, along a line in a matched region. `None` where the
/// region has no area.
pub(super) fn scale(query: &Decoded, candidate: &Decoded, region: &MatchedRegion) -> Option<f64> {
    let area = |quad: &Quad, picture: &Decoded| area_of(quad) * f64::from(picture.width) * f64::from(picture.height);
    let scale = (area(&region.quad_in_query, query) / area(&region.quad_in_candidate, candidate)).sqrt();
    (scale.is_finite() && scale > 0.0).then_some(scale)
}

/// A picture with its sides multiplied by `factor`; never larger than it is.
///
/// # Errors
/// [`PictureError::Internal`] when pixels do not have the length that their sides say.
pub(super) fn shrunk(picture: &Decoded, factor: f64) -> Result<Decoded, PictureError> {
    fitted(picture, (side(picture) * factor.min(1.0)).round().max(1.0) as u32, &mut Scaler::default())
}

/// The upright rectangle around the inliers in a candidate with its sides multiplied by `growth`:
/// left, top, right and bottom in fractions of the candidate's sides, some of them outside of it.
pub(super) fn grown(region: &MatchedRegion, growth: f64) -> [f64; 4] {
    let [[left, top], _, [right, bottom], _] = region.quad_in_candidate;
    let grown = |low: f64, high: f64| {
        let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0 * growth);
        (middle - half, middle + half)
    };
    let ((left, right), (top, bottom)) = (grown(left, right), grown(top, bottom));
    [left, top, right, bottom]
}

/// The pixels of a picture in a box, whose borders are fractions of its sides: column and row of
/// each, row by row.
pub(super) fn within(picture: &Decoded, [left, top, right, bottom]: [f64; 4]) -> impl Iterator<Item = (usize, usize)> {
    let range = |low: f64, high: f64, side: u32| {
        let at = |fraction: f64| (fraction * f64::from(side)).round().clamp(0.0, f64::from(side)) as usize;
        at(low)..at(high)
    };
    let columns = range(left, right, picture.width);
    range(top, bottom, picture.height).flat_map(move |y| columns.clone().map(move |x| (x, y)))
}

/// Where the middle of a pixel is, in fractions of the picture's sides.
pub(super) fn middle_of((x, y): (usize, usize), picture: &Decoded) -> Point {
    ((x as f64 + 0.5) / f64::from(picture.width), (y as f64 + 0.5) / f64::from(picture.height))
}

/// The colour of a pixel.
pub(super) fn colour_of((x, y): (usize, usize), picture: &Decoded) -> [f64; 3] {
    let at = (y * picture.width as usize + x) * 3;
    [0, 1, 2].map(|c| f64::from(picture.rgb[at + c]))
}

/// The colour of a picture at a position in fractions of its sides, between the four pixels around
/// it; `None` outside.
pub(super) fn colour_at((x, y): Point, picture: &Decoded) -> Option<[f64; 3]> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (x, y) = (x * width as f64 - 0.5, y * height as f64 - 0.5);
    if !(x >= 0.0 && y >= 0.0 && x < (width - 1) as f64 && y < (height - 1) as f64) {
        return None;
    }
    let (right, down) = (x.fract(), y.fract());
    let at = (y as usize * width + x as usize) * 3;
    let value = |at: usize| f64::from(picture.rgb[at]);
    Some([0, 1, 2].map(|c| {
        let row = |at: usize| value(at + c) * (1.0 - right) + value(at + 3 + c) * right;
        row(at) * (1.0 - down) + row(at + width * 3) * down
    }))
}

pub(super) fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count().max(1);
    values.sum::<f64>() / count as f64
}

/// Mean and standard deviation.
pub(super) fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let middle = mean(values.clone());
    (middle, mean(values.map(|v| (v - middle) * (v - middle))).sqrt())
}

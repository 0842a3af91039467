//! Where two pictures show the same thing.

use super::geometry::Map;
use crate::picture::QueryRegion;

/// Four corners in order around the region, (x, y) in fractions of the picture's width and height.
pub type Quad = [[f64; 2]; 4];

/// The part of the picture that is inside, where the region does not reach beyond it.
pub(super) fn area_of(quad: &Quad) -> f64 {
    let twice = (0..4).map(|i| quad[i][0] * quad[(i + 1) % 4][1] - quad[(i + 1) % 4][0] * quad[i][1]);
    (twice.sum::<f64>() / 2.0).abs()
}

/// Where two pictures show the same thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchedRegion {
    /// Row by row, the map from the candidate to the query, both in fractions of width and height:
    /// (x, y) goes to ((h0 x + h1 y + h2) / w, (h3 x + h4 y + h5) / w) with w = h6 x + h7 y + h8.
    /// Where w is not positive, a point of the candidate has no place in the query; in the middle
    /// of the region w is 1.
    pub homography: [f64; 9],
    /// The upright rectangle around the inliers in the candidate: clockwise from the upper left.
    pub quad_in_candidate: Quad,
    /// The same region in the query; convex, the corners in the same order.
    pub quad_in_query: Quad,
}

impl MatchedRegion {
    /// The outline of the whole candidate as it lies in the query, which may reach beyond the
    /// query's border; `None` where the map cannot be continued that far.
    #[must_use]
    pub fn candidate_outline_in_query(&self) -> Option<Quad> {
        outline(&Map(self.homography))
    }

    /// The outline of the whole query as it lies in the candidate, which may reach beyond the
    /// candidate's border; `None` where the map cannot be continued that far.
    #[must_use]
    pub fn query_outline_in_candidate(&self) -> Option<Quad> {
        outline(&Map(self.homography).inverse()?)
    }

    /// The same with left and right of the query exchanged.
    pub(super) fn in_mirrored_query(self) -> Self {
        let [a, b, c, d, e, f, g, h, i] = self.homography;
        Self {
            homography: [g - a, h - b, i - c, d, e, f, g, h, i],
            quad_in_query: self.quad_in_query.map(|[x, y]| [1.0 - x, y]),
            quad_in_candidate: self.quad_in_candidate,
        }
    }

    /// The same, where the query was the part `region` of a picture: as it lies in that whole
    /// picture.
    pub(super) fn in_whole_query(self, region: QueryRegion) -> Self {
        let [x, y, width, height] = region.to_array();
        let h = self.homography;
        // Scaled and shifted: in homogeneous coordinates the shift goes with the denominator.
        let place = |h: [f64; 3], w: [f64; 3], length: f64, from: f64| [0, 1, 2].map(|i| length * h[i] + from * w[i]);
        let bottom = [h[6], h[7], h[8]];
        let [a, b, c] = place([h[0], h[1], h[2]], bottom, width, x);
        let [d, e, f] = place([h[3], h[4], h[5]], bottom, height, y);
        Self {
            homography: [a, b, c, d, e, f, h[6], h[7], h[8]],
            quad_in_query: self.quad_in_query.map(|corner| region.to_whole(corner)),
            quad_in_candidate: self.quad_in_candidate,
        }
    }
}

/// Where the corners of a whole picture go.
fn outline(map: &Map) -> Option<Quad> {
    let mut quad = [[0.0; 2]; 4];
    for (to, from) in quad.iter_mut().zip([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]) {
        let (x, y) = map.apply(from)?;
        *to = [x, y];
    }
    Some(quad)
}

//! Two pictures compared with each other, by the same measures and levels as a search compares its
//! query with what is stored.

mod overlay;

use crate::describe::{Descriptor, likeness, looks};
use crate::local::{Levels, LocalFeatures, Quad, Spot, Verdict, Verification, match_spots, verdict};
use crate::picture::Decoded;

pub use overlay::{VIEW_SIDE, overlay};

/// What is known of a picture that is compared.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it looks like; of the same version as that of the other picture.
    pub descriptor: &'a Descriptor,
    /// Its sub-images, which a search by it looks for too; none of what is stored.
    pub parts: &'a [Descriptor],
    /// Its local features, where it has some.
    pub features: Option<&'a LocalFeatures>,
    /// Its thumbnail, where it can be read.
    pub thumbnail: Option<&'a Decoded>,
}

/// What two pictures have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The largest cosine of a look of the first picture with the second one, -1 to 1; 1 is
    /// identical.
    pub score: f32,
    /// What score and local features come to.
    pub verdict: Verdict,
    /// What the local features gave, the first picture as the query; `None` where one picture has
    /// none.
    pub verification: Option<Verification>,
    /// The spots that both show; none where they are not verified.
    pub spots: Vec<Spot>,
}

/// Compares a picture with another one, as a search by the first compares it with the second.
#[must_use]
pub fn compare(a: Subject<'_>, b: Subject<'_>, levels: &Levels) -> Comparison {
    let score = likeness(&looks(a.descriptor, a.parts), b.descriptor);
    let (verification, spots) = match (a.features, b.features) {
        (Some(query), Some(candidate)) => {
            let (found, spots) = match_spots(query, candidate);
            let looked_at = match (a.thumbnail, b.thumbnail) {
                (Some(a), Some(b)) => found.looked_at(a, b).unwrap_or(found),
                (Some(_) | None, _) => found,
            };
            (Some(looked_at), spots)
        }
        (Some(_) | None, _) => (None, Vec::new()),
    };
    Comparison { score, verdict: verdict(score, verification.as_ref(), levels), verification, spots }
}

impl Comparison {
    /// The outline of the whole first picture in pixels of the second one, which may reach beyond
    /// it; `size` is the width and the height of the second picture.
    #[must_use]
    pub fn outline_of_a(&self, size: (u32, u32)) -> Option<Quad> {
        self.verification?.region?.query_outline_in_candidate().map(|quad| in_pixels(quad, size))
    }

    /// The outline of the whole second picture in pixels of the first one, which may reach beyond
    /// it; `size` is the width and the height of the first picture.
    #[must_use]
    pub fn outline_of_b(&self, size: (u32, u32)) -> Option<Quad> {
        self.verification?.region?.candidate_outline_in_query().map(|quad| in_pixels(quad, size))
    }
}

/// To the tenth of a pixel; the match itself is no finer.
fn in_pixels(quad: Quad, (width, height): (u32, u32)) -> Quad {
    // Zero is added for the sign of a zero.
    let rounded = |value: f64| (value * 10.0).round() / 10.0 + 0.0;
    quad.map(|[x, y]| [rounded(x * f64::from(width)), rounded(y * f64::from(height))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::MatchedRegion;

    const CORNERS: [[f64; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

    fn with_map(homography: [f64; 9]) -> Comparison {
        let region = MatchedRegion { homography, quad_in_candidate: CORNERS, quad_in_query: CORNERS };
        let verification = Verification { inliers: 20, region: Some(region), ..Verification::NOTHING };
        Comparison { score: 0.9, verdict: Verdict::NearDuplicate, verification: Some(verification), spots: Vec::new() }
    }

    #[test]
    fn outlines_are_those_of_whole_pictures_in_pixels_of_the_other_one() {
        // The second picture is the right half of the first one.
        let half = with_map([0.5, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let expected = [[500.0, 0.0], [1000.0, 0.0], [1000.0, 400.0], [500.0, 400.0]];
        assert_eq!(half.outline_of_b((1000, 400)), Some(expected));
        let expected = [[-500.0, 0.0], [500.0, 0.0], [500.0, 400.0], [-500.0, 400.0]];
        assert_eq!(half.outline_of_a((500, 400)), Some(expected));
        let unverified = Comparison { verification: Some(Verification::NOTHING), ..half };
        assert_eq!((unverified.outline_of_a((9, 9)), unverified.outline_of_b((9, 9))), (None, None));
    }

    #[test]
    fn the_outline_of_the_first_picture_leads_back_to_its_corners() {
        let h = [0.5, 0.05, 0.4, -0.02, 1.1, -0.05, 0.02, 0.1, 0.95];
        let outline = with_map(h).outline_of_a((1_000_000, 1_000_000)).expect("an outline");
        for ([x, y], corner) in outline.into_iter().zip(CORNERS) {
            let (x, y) = (x / 1e6, y / 1e6);
            let w = h[6] * x + h[7] * y + h[8];
            let back = [(h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w];
            assert!((back[0] - corner[0]).abs() < 1e-6 && (back[1] - corner[1]).abs() < 1e-6, "{back:?} {corner:?}");
        }
    }
}

//! From measurements on a pair of pictures to a verdict.

use super::levels::{Levels, Verdict};
use super::pair::Verification;

/// From this confidence on a match makes a near-duplicate.
///
/// Chosen by measurement, see `docs/VERIFICATION.md`; less is what variants of one design give.
pub const NEAR_DUPLICATE_CONFIDENCE: f64 = 0.9;

/// So many inliers make a near-duplicate of a match whose pixels were not compared.
///
/// Chosen on calibration pictures, see `docs/VERIFICATION.md`; fewer are what a logo or a detail
/// gives.
pub const NEAR_DUPLICATE_INLIERS: usize = 15;

/// For the verdict `same`, each corner of the candidate lies this near to the query's own, in
/// fractions of the sides.
pub const SAME_FRAME: f64 = 0.02;

/// From this cosine on two descriptors are as good as equal.
const EQUAL: f32 = 0.9999;

/// The verdict on a pair: `score` is the cosine of the descriptors, `found` what comparing the
/// pictures gave (`None` where they were not compared), `levels` what cosines of these descriptors
/// mean.
///
/// * `same`: the match is close and the frames coincide; or the
///   descriptors are as good as equal and no match says that the frames differ (those of a turned
///   picture can be equal), unless both pictures are blank and their pixels differ.
/// * `near_duplicate`: the match is close, wherever; or the cosine is at its level and
///   comparing did not speak against it (pictures in one style can be that much alike and show
///   different things, or variants of one).
/// * `similar`: the cosine is at its level, or the match is verified at all.
///
/// A match is close from [`NEAR_DUPLICATE_CONFIDENCE`] on, or where pixels were not compared with
/// [`NEAR_DUPLICATE_INLIERS`].
#[must_use]
pub fn verdict(score: f32, found: Option<&Verification>, levels: &Levels) -> Verdict {
    let verified = found.filter(|found| found.verified());
    let close = verified.filter(|found| match found.confidence() {
        Some(confidence) => confidence >= NEAR_DUPLICATE_CONFIDENCE,
        None => found.inliers >= NEAR_DUPLICATE_INLIERS,
    });
    let doubted = found.is_some() && verified.is_none_or(|found| found.confidence().is_some());
    let differing_blanks = found.is_some_and(|found| found.differing_blanks);
    if (score >= EQUAL && verified.is_none() && !differing_blanks) || close.is_some_and(has_same_frame) {
        Verdict::Same
    } else if close.is_some() || (score >= levels.near_duplicate && !doubted) {
        Verdict::NearDuplicate
    } else if score >= levels.similar || verified.is_some() {
        Verdict::Similar
    } else {
        Verdict::Different
    }
}

/// Whether the whole candidate lies just where the whole query is.
fn has_same_frame(found: &Verification) -> bool {
    let outline = found.region.and_then(|region| region.candidate_outline_in_query());
    let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    outline.is_some_and(|outline| {
        let pairs = outline.iter().flatten().zip(corners.iter().flatten());
        pairs.into_iter().all(|(at, corner)| (at - corner).abs() <= SAME_FRAME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::MatchedRegion;

    const LEVELS: Levels = Levels { near_duplicate: 0.8, similar: 0.5 };

    /// A match with so many inliers whose candidate is shifted by `shift` of the query's width.
    fn found(inliers: usize, shift: f64) -> Verification {
        let quad = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]];
        let homography = [1.0, 0.0, shift, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let region = MatchedRegion { homography, quad_in_candidate: quad, quad_in_query: quad };
        Verification { inliers, region: Some(region), ..Verification::NOTHING }
    }

    #[test]
    fn the_score_decides_where_nothing_was_compared() {
        assert_eq!([1.0, 0.8, 0.5, 0.49].map(|score| verdict(score, None, &LEVELS)), Verdict::ALL);
        assert_eq!(verdict(0.99, None, &Levels::NONE), Verdict::Different);
    }

    #[test]
    fn a_comparison_in_vain_makes_no_near_duplicate() {
        let verdicts = [1.0, 0.8, 0.5, 0.49].map(|score| verdict(score, Some(&Verification::NOTHING), &LEVELS));
        assert_eq!(verdicts, [Verdict::Same, Verdict::Similar, Verdict::Similar, Verdict::Different]);
    }

    #[test]
    fn blank_pictures_are_the_same_only_if_their_pixels_are() {
        let blanks = |differing_blanks| Verification { differing_blanks, ..Verification::NOTHING };
        let verdicts = [false, true].map(|differ| verdict(1.0, Some(&blanks(differ)), &LEVELS));
        assert_eq!(verdicts, [Verdict::Same, Verdict::Similar]);
    }

    #[test]
    fn inliers_and_place_decide_where_something_was() {
        let of = |found: Verification| verdict(0.0, Some(&found), &LEVELS);
        assert_eq!(of(found(NEAR_DUPLICATE_INLIERS, 0.01)), Verdict::Same);
        assert_eq!(of(found(NEAR_DUPLICATE_INLIERS, 0.03)), Verdict::NearDuplicate);
        assert_eq!(of(found(NEAR_DUPLICATE_INLIERS - 1, 0.0)), Verdict::Similar);
        assert_eq!(of(Verification { inliers: 99, ..Verification::NOTHING }), Verdict::Different);
        assert_eq!(verdict(1.0, Some(&found(NEAR_DUPLICATE_INLIERS, 0.5)), &LEVELS), Verdict::NearDuplicate);
    }
}

//! How likely a verified pair shows one and the same thing, and the order that comes of it.
//!
//! Three logistic models (D. R. Cox, "The Regression Analysis of Binary Sequences", 1958) of the same
//! measurements, for three ways to be wrong; the least sure one counts. `docs/VERIFICATION.md` says on
//! which pictures they were fitted and how right they are.

use super::agreement::Agreement;
use super::pair::{VERIFIED_INLIERS, Verification};
use super::region::area_of;

/// The weights of the measurements in the log-odds.
struct Weights {
    constant: f64,
    /// For each factor of e in inliers above [`VERIFIED_INLIERS`], up to [`MOST_INLIERS`].
    inliers: f64,
    /// For a correlation of 1.
    structure: f64,
    /// For each factor of e by which the correlation is nearer to [`PERFECT`].
    closeness: f64,
    /// For each factor of e in one grey level more than the difference of colours.
    colour: f64,
    /// For each factor of e in the part of the candidate in which inliers lie.
    area: f64,
}

/// One thing against variants of its design, which share many spots and differ in a colour or a
/// word.
const DESIGN: Weights =
    Weights { constant: 6.67, inliers: 0.43, structure: 6.96, closeness: 0.0, colour: -2.65, area: 1.72 };

/// One thing against others of its kind, such as faces or motorcycles in one pose, which share few
/// spots.
const KIND: Weights =
    Weights { constant: -3.19, inliers: 5.0, structure: 0.0, closeness: 1.28, colour: -0.64, area: 0.35 };

/// One thing against others with the same part, such as a caption, an emblem or a frame: there two
/// pictures agree all but perfectly, and in the rest by chance. Two views of one thing agree less
/// everywhere. So what counts is how much more the two differ in the mean than where they agree
/// best. The log-odds where they differ alike.
const PART: f64 = 22.6;
/// For each factor of e by which they differ more.
const PART_MORE: f64 = 15.0;
/// Added to what they differ by where they agree best: what compressing them again changes.
const PART_NOISE: f64 = 0.1;
/// The least that two pictures differ by.
const LEAST_DIFFERENCE: f64 = 0.02;
/// For each factor of e by which the part that matches is smaller than this part of the picture in
/// which it is larger: smaller ones are captions and emblems.
const PART_AREA: f64 = 5.0;
const SMALL: f64 = 0.1;

/// More inliers count as so many: what they do not show, more of them do not show either.
const MOST_INLIERS: usize = 4 * VERIFIED_INLIERS;
/// A little more than the correlation of a picture with itself. Others of a kind reach 0.9, copies
/// 0.98.
const PERFECT: f64 = 1.03;
/// Smaller parts of the candidate count as this one.
const LEAST_AREA: f64 = 0.01;

/// What pixels that were not compared count as: a pair that nothing more is known of.
const USUAL: Agreement = Agreement { structure: 0.5, colour: 9.0, extent: 0.5, closest: 0.5 };

/// How much of it counts that the query looks more like another candidate than like this one, where
/// these two differ: a copy that was written over is a copy, though it is not the nearest one.
const LOST: f64 = 0.25;

/// In an order, a cosine counts as so much of the log-odds: of two variants of one design the one
/// that looks more like the query as a whole comes first.
const SCORE: f64 = 10.0;

impl Verification {
    /// How likely the two pictures show one and the same thing, not variants of it or things with
    /// the same logo: 0 to 1, to the thousandth, since what comes after it is noise. Of several
    /// candidates that were weighed against each other ([`super::contrasts`]) the one that the query
    /// looks like is the more likely for it. `None` where they are not verified, or their pixels
    /// were not compared.
    #[must_use]
    pub fn confidence(&self) -> Option<f64> {
        self.agreement?;
        let odds = self.log_odds()? + self.contrast.max(LOST * self.contrast);
        Some((1e3 / (1.0 + (-odds).exp())).round() / 1e3)
    }

    /// The logarithm of the odds; `None` where they are not verified.
    fn log_odds(&self) -> Option<f64> {
        let region = self.region?;
        let Agreement { structure, colour, extent, closest } = self.agreement.unwrap_or(USUAL);
        let inliers = self.inliers.min(MOST_INLIERS) as f64 / VERIFIED_INLIERS as f64;
        let area = area_of(&region.quad_in_candidate).max(LEAST_AREA);
        let odds = |weights: &Weights| {
            weights.constant + weights.inliers * inliers.ln() + weights.structure * structure
                - weights.closeness * (PERFECT - structure.min(1.0)).ln()
                + weights.colour * (colour + 1.0).ln()
                + weights.area * area.ln()
        };
        let at_best = 1.0 - structure.max(closest).min(1.0) + PART_NOISE;
        let differ = (1.0 - extent).max(LEAST_DIFFERENCE) / at_best;
        let larger = area.max(area_of(&region.quad_in_query)).min(SMALL) / SMALL;
        let part = PART - PART_MORE * differ.ln() + PART_AREA * larger.ln();
        Some(odds(&DESIGN).min(odds(&KIND)).min(part))
    }
}

/// What cells that are alike add to a cosine where nothing is verified, for each factor of e in one
/// more than their number.
///
/// Chosen by measurement, see `docs/VERIFICATION.md`.
const CELLS: f64 = 0.05;

/// Two pictures of different things that look alike have fewer cells in common, mostly.
const ALIKE_CELLS: usize = 12;

impl Verification {
    /// What is added to a cosine in an order of candidates that are not verified.
    #[must_use]
    pub fn bonus(&self) -> f32 {
        (CELLS * (self.cells as f64).ln_1p()) as f32
    }

    /// Whether they are verified or have many cells in common. That is not enough for a verdict.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.verified() || self.cells >= ALIKE_CELLS
    }
}

/// Puts the first candidates of a ranking into their final order: those that are verified come
/// first, by falling likelihood, score and contrast; the rest follows, by scores and how many cells are
/// alike. What is equal in this keeps its order. `found` tells the score of a candidate, and what
/// comparing it with the query gave, `None` where it was not compared.
pub fn rerank<T>(candidates: &mut [T], found: impl Fn(&T) -> (f32, Option<Verification>)) {
    // The verified ones before the others.
    let rank = |candidate: &T| {
        let (score, found) = found(candidate);
        match found.and_then(|found| found.log_odds()) {
            Some(odds) => (true, odds + SCORE * f64::from(score) + found.map_or(0.0, |found| found.contrast)),
            None => (false, f64::from(score + found.map_or(0.0, |found| found.bonus()))),
        }
    };
    candidates.sort_by(|a, b| {
        let ((a_verified, a), (b_verified, b)) = (rank(a), rank(b));
        b_verified.cmp(&a_verified).then(b.total_cmp(&a))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::MatchedRegion;

    /// A match whose inliers fill the middle of the candidate.
    fn found(inliers: usize, agreement: Option<Agreement>) -> Verification {
        let quad = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]];
        let homography = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let region = MatchedRegion { homography, quad_in_candidate: quad, quad_in_query: quad };
        Verification { inliers, region: Some(region), agreement, ..Verification::NOTHING }
    }

    const ALIKE: Agreement = Agreement { structure: 0.95, colour: 2.0, extent: 0.9, closest: 0.99 };
    const OTHER_COLOURS: Agreement = Agreement { structure: 0.95, colour: 25.0, extent: 0.9, closest: 0.99 };
    const OTHER_WORDS: Agreement = Agreement { structure: 0.0, colour: 4.0, extent: 0.5, closest: 0.8 };
    const OTHER_AROUND: Agreement = Agreement { structure: 0.99, colour: 2.0, extent: 0.35, closest: 0.95 };

    #[test]
    fn other_colours_and_other_words_make_a_match_less_likely() {
        let [alike, colours, words] =
            [ALIKE, OTHER_COLOURS, OTHER_WORDS].map(|pixels| found(20, Some(pixels)).confidence().expect("verified"));
        assert!(alike > 0.9, "{alike}");
        assert!(colours < alike && words < alike, "{alike} {colours} {words}");
        assert!(words < 0.85, "{words}");
    }

    #[test]
    fn a_part_that_is_shared_is_no_thing_that_is_shared() {
        let sure = |pixels| found(36, Some(pixels)).confidence().expect("verified");
        assert!(sure(ALIKE) > 0.9);
        assert!(sure(OTHER_AROUND) < 0.2, "{}", sure(OTHER_AROUND));
        // The less, the smaller the part.
        let part_of = |side: f64| {
            let small = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]];
            let whole = found(36, Some(Agreement { extent: 0.6, ..OTHER_AROUND }));
            let region =
                whole.region.map(|region| MatchedRegion { quad_in_candidate: small, quad_in_query: small, ..region });
            Verification { region, ..whole }.confidence().expect("verified")
        };
        assert!(part_of(0.6) > 0.9 && part_of(0.2) < 0.8, "{} {}", part_of(0.6), part_of(0.2));
        // Blur and another side of a thing lower both.
        let blurred = Agreement { structure: 0.7, extent: 0.5, closest: 0.8, ..ALIKE };
        assert_eq!(sure(blurred), sure(Agreement { extent: 0.7, ..blurred }));
    }

    #[test]
    fn the_variant_that_the_query_shows_is_likelier_and_another_a_little_less_likely() {
        let alone = found(12, Some(ALIKE));
        let [lost, none, won] =
            [-2.0, 0.0, 2.0].map(|contrast| Verification { contrast, ..alone }.confidence().expect("verified"));
        let odds = |p: f64| (p / (1.0 - p)).ln();
        assert!((odds(won) - odds(none) - 2.0).abs() < 0.02, "{none} {won}");
        assert!((odds(none) - odds(lost) - 0.5).abs() < 0.02, "{none} {lost}");
    }

    #[test]
    fn nothing_is_said_without_a_match_or_without_pixels() {
        assert_eq!(found(20, None).confidence(), None);
        assert_eq!(Verification { agreement: Some(ALIKE), ..Verification::NOTHING }.confidence(), None);
    }

    #[test]
    fn what_is_verified_comes_first_and_equals_keep_their_order() {
        let chance = Verification { inliers: 5, ..Verification::NOTHING };
        let mut ranking = [
            ('a', 0.9, Some(Verification::NOTHING)),
            ('b', 0.8, Some(chance)),
            ('i', 0.7, Some(Verification { cells: 20, ..Verification::NOTHING })),
            ('c', 0.7, Some(found(20, Some(OTHER_WORDS)))),
            ('d', 0.6, Some(found(15, Some(ALIKE)))),
            ('e', 0.5, Some(found(15, Some(ALIKE)))),
            ('f', 0.5, None),
            ('g', 0.4, Some(found(30, None))),
            ('h', 0.4, Some(found(40, None))),
        ];
        rerank(&mut ranking, |&(_, score, found)| (score, found));
        assert_eq!(ranking.iter().map(|(name, ..)| *name).collect::<String>(), "dhecgaibf");
    }
}

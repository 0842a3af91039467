//! A ranking by what was found, not by the query alone.

use super::descriptor::Descriptor;
use crate::local::Verification;

/// How many of its nearest among the candidates tell what a candidate shows, at most and as a part
/// of the candidates: of a few, most are something else.
const NEAREST: usize = 10;
const NEAREST_OF: usize = 10;

/// A candidate that is alike in its cells alone shows what the query shows if their cosine is so
/// much at least.
///
/// Chosen by measurement, see `docs/VERIFICATION.md`.
const LEAST_LIKENESS: f32 = 0.2;

/// What is known of a candidate.
#[derive(Debug, Clone)]
pub struct Known {
    /// What comparing it with the query gave.
    pub found: Verification,
    /// Its descriptor, as many values as the query's; where that is missing, it comes last.
    pub descriptor: Option<Descriptor>,
}

/// Puts the candidates of a search that are not verified in the order of their cosine to the mean of
/// the query and those that show the same, by spots or by cells ([`Verification::is_alike`]): another
/// view of a thing is often nearer to one of its other views than to the query (O. Chum et al.,
/// "Total Recall: Automatic Query Expansion with a Generative Feature Model for Object Retrieval",
/// 2007). Cells that are alike count in it as they do in the order before ([`Verification::bonus`]).
///
/// What is compared with that mean is not a candidate's own descriptor, but the mean of it and of
/// its nearest among the candidates, weighted by the cube of their cosines: several pictures of a
/// thing vouch for each other (R. Arandjelovic and A. Zisserman, "Three things everyone should know
/// to improve object retrieval", 2012, augment the whole database so).
///
/// `candidates` are in order, those that are verified first. What is equal keeps its order, and
/// nothing changes where no candidate shows the same, or all are verified. Takes a cosine for each
/// pair of candidates.
pub fn expand<T>(query: &Descriptor, mut candidates: Vec<T>, known: impl Fn(&T) -> Known) -> Vec<T> {
    let known: Vec<Known> = candidates.iter().map(known).collect();
    let verified = known.iter().take_while(|known| known.found.verified()).count();
    let shows_it = |found: &Verification, own: &Descriptor| {
        found.verified() || (found.is_alike() && query.cosine(own) >= LEAST_LIKENESS)
    };
    let same =
        known.iter().filter_map(|Known { found, descriptor }| descriptor.as_ref().filter(|own| shows_it(found, own)));
    let same: Vec<&Descriptor> = std::iter::once(query).chain(same).collect();
    if same.len() == 1 || verified == candidates.len() {
        return candidates;
    }
    // Opposite descriptors have no mean.
    let Ok(mean) = Descriptor::mean(same) else { return candidates };
    let cosines = Cosines::of(&known);
    let likeness = |at: usize| match &known[at].descriptor {
        Some(own) => mean.cosine(&augmented(own, &known, |other| cosines.between(at, other))) + known[at].found.bonus(),
        None => f32::NEG_INFINITY,
    };
    let rest = candidates.split_off(verified);
    let mut rest: Vec<(f32, T)> = (verified..known.len()).map(likeness).zip(rest).collect();
    rest.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    candidates.extend(rest.into_iter().map(|(_, candidate)| candidate));
    candidates
}

/// The cosines of all pairs of candidates that have a descriptor, each computed once.
struct Cosines(Vec<Vec<f32>>);

impl Cosines {
    fn of(known: &[Known]) -> Self {
        let descriptors: Vec<Option<&Descriptor>> = known.iter().map(|known| known.descriptor.as_ref()).collect();
        let cosine = |a: Option<&Descriptor>, b: Option<&Descriptor>| a.zip(b).map_or(0.0, |(a, b)| a.cosine(b));
        let row = |at: usize| descriptors[..=at].iter().map(|other| cosine(descriptors[at], *other)).collect();
        Self((0..known.len()).map(row).collect())
    }

    fn between(&self, a: usize, b: usize) -> f32 {
        self.0[a.max(b)][a.min(b)]
    }
}

/// The mean of a descriptor and its nearest among all, of which it is one; `cosine` tells that to each
/// by its place.
fn augmented(own: &Descriptor, known: &[Known], cosine: impl Fn(usize) -> f32) -> Descriptor {
    let descriptors = known.iter().enumerate().filter_map(|(at, known)| Some((cosine(at), known.descriptor.as_ref()?)));
    let mut near: Vec<(f32, &Descriptor)> = descriptors.collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.truncate(1 + NEAREST.min(known.len() / NEAREST_OF));
    let weighted = near.into_iter().map(|(cosine, other)| (cosine.max(0.0).powi(3), other));
    // It is one of them with a weight of one, so that the sum is not nothing.
    Descriptor::weighted_mean(weighted).unwrap_or_else(|_| own.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::MatchedRegion;

    fn at(degrees: f32) -> Descriptor {
        Descriptor::new(vec![degrees.to_radians().cos(), degrees.to_radians().sin()], 2).expect("valid")
    }

    /// What is known of a candidate that is verified, or not.
    fn known(is_verified: bool, descriptor: Option<Descriptor>) -> Known {
        let unit = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let homography = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let region = MatchedRegion { homography, quad_in_candidate: unit, quad_in_query: unit };
        Known { found: Verification { region: is_verified.then_some(region), ..Verification::NOTHING }, descriptor }
    }

    /// Candidates at these angles to a query at none, the first `shown` of which are verified.
    fn expanded(angles: &[f32], shown: usize) -> Vec<f32> {
        let candidates: Vec<(usize, f32)> = angles.iter().copied().enumerate().collect();
        let candidates = expand(&at(0.0), candidates, |&(place, angle)| known(place < shown, Some(at(angle))));
        candidates.into_iter().map(|(_, angle)| angle).collect()
    }

    /// Candidates at these angles with so many cells that are alike, none of them verified.
    fn expanded_by_cells(candidates: &[(f32, usize)]) -> Vec<f32> {
        let of = |&(angle, cells): &(f32, usize)| {
            let nothing = known(false, Some(at(angle)));
            Known { found: Verification { cells, ..nothing.found }, ..nothing }
        };
        expand(&at(0.0), candidates.to_vec(), of).into_iter().map(|(angle, _)| angle).collect()
    }

    #[test]
    fn a_candidate_with_many_cells_alike_speaks_for_others_without_being_put_first() {
        // The mean of 0 and 78 degrees is at 39: 35 is nearer to it than 78 is, whose cells count too.
        assert_eq!(expanded_by_cells(&[(-10.0, 0), (78.0, 12), (35.0, 0)]), [35.0, 78.0, -10.0]);
        assert_eq!(expanded_by_cells(&[(-10.0, 0), (78.0, 11), (35.0, 0)]), [-10.0, 78.0, 35.0], "too few");
        assert_eq!(expanded_by_cells(&[(-10.0, 0), (79.0, 12), (35.0, 0)]), [-10.0, 79.0, 35.0], "too far off");
    }

    #[test]
    fn what_is_near_to_what_was_found_comes_before_what_is_near_to_the_query() {
        // The mean of 0 and 60 degrees is at 30.
        assert_eq!(expanded(&[60.0, -10.0, 65.0, 20.0, -80.0], 1), [60.0, 20.0, 65.0, -10.0, -80.0]);
    }

    #[test]
    fn what_is_near_to_others_that_come_first_comes_sooner() {
        // Between 0 and -55 degrees there are two that tell that the way is not far; of twenty
        // candidates two are asked, of five none.
        let near = [0.0, 50.0, -55.0, -20.0, -21.0];
        assert_eq!(expanded(&near, 1), [0.0, -20.0, -21.0, 50.0, -55.0]);
        let far = (150_u8..165).map(f32::from);
        let order = expanded(&near.into_iter().chain(far).collect::<Vec<_>>(), 1);
        assert_eq!(order[..5], [0.0, -20.0, -21.0, -55.0, 50.0]);
    }

    #[test]
    fn without_anything_found_or_anything_left_nothing_moves() {
        assert_eq!(expanded(&[50.0, -10.0, 65.0], 0), [50.0, -10.0, 65.0]);
        assert_eq!(expanded(&[50.0, -10.0, 65.0], 3), [50.0, -10.0, 65.0]);
        assert_eq!(expanded(&[], 0), [0.0; 0]);
    }

    #[test]
    fn opposites_have_no_mean_and_move_nothing() {
        let exactly = |x: f32, y: f32| Descriptor::new(vec![x, y], 2).expect("valid");
        let candidates = vec![(-1.0, 0.0), (0.6, 0.8), (0.8, 0.6)];
        let expanded = expand(&exactly(1.0, 0.0), candidates.clone(), |&(x, y)| known(x < 0.0, Some(exactly(x, y))));
        assert_eq!(expanded, candidates);
    }

    #[test]
    fn what_has_no_descriptor_comes_last_and_equals_keep_their_order() {
        let candidates = vec![(0, Some(at(1.0))), (1, None), (2, Some(at(9.0))), (3, Some(at(9.0)))];
        let candidates = expand(&at(0.0), candidates, |(name, descriptor)| known(*name == 0, descriptor.clone()));
        assert_eq!(candidates.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), [0, 2, 3, 1]);
    }
}

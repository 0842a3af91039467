//! Queries against a gallery: at which ranks the right answers stand.

use std::cmp::Ordering;
use std::collections::HashSet;

use eyrie_vision::describe::{Descriptor, likeness};
use rayon::prelude::*;

use super::error::EvalError;
use super::metrics::Outcome;

/// The best wrong answers that are kept of each query.
pub const WRONG_KEPT: usize = 3;

/// A picture of the gallery as an answer to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place in the gallery.
    pub place: usize,
    /// The largest cosine to a look of the query, -1 to 1; 1 is identical.
    pub score: f32,
}

/// A question with known answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its name, unique in a run; the same in every run, so that runs can be compared query by
    /// query.
    pub name: String,
    /// The row of the report it counts in, besides the row of all.
    pub group: String,
    /// Places of the right answers in the gallery: at least one.
    pub right: Vec<usize>,
    /// Places of what is neither right nor wrong: left out of the ranking (J. Philbin et al.,
    /// 2007).
    pub junk: Vec<usize>,
}

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What the figures are computed from.
    pub outcome: Outcome,
    /// The best of the right answers.
    pub right: Candidate,
    /// The best wrong answers, [`WRONG_KEPT`] at most, best first.
    pub wrong: Vec<Candidate>,
}

/// A second look at a ranking: takes the number of the query and the whole ranking, puts the
/// ranking into its final order and returns how sure the first answer is (any scale on which more
/// is surer).
pub type SecondLook<'a> = &'a (dyn Fn(usize, &mut Vec<Candidate>) -> f32 + Sync);

/// Ranks the whole gallery for every query, whose looks ([`eyrie_vision::describe::looks()`], at least
/// one) are given in the same order.
///
/// The order is falling score and then rising place: between equal scores the place decides, so a
/// caller who wants ties to count against the right answers gives them the later places. Where
/// there is a second look, it has the last word on the order, and its certainty stands for the
/// score of the first answer.
///
/// # Errors
/// [`EvalError::Count`], [`EvalError::NoRightAnswer`].
pub fn evaluate(
    gallery: &[Descriptor],
    queries: &[Query],
    looks: &[Vec<Descriptor>],
    second_look: Option<SecondLook<'_>>,
) -> Result<Vec<Finding>, EvalError> {
    if queries.len() != looks.len() {
        return Err(EvalError::Count { queries: queries.len(), descriptors: looks.len() });
    }
    let numbered = queries.par_iter().zip(looks).enumerate();
    numbered
        .map(|(number, (query, looks))| {
            let mut ranked = rank(gallery, looks);
            ranked.retain(|candidate| !query.junk.contains(&candidate.place));
            let certainty = second_look.map(|look| look(number, &mut ranked));
            answer(query, &ranked, certainty)
        })
        .collect()
}

/// The whole gallery by falling score, then by rising place.
fn rank(gallery: &[Descriptor], looks: &[Descriptor]) -> Vec<Candidate> {
    let scored = gallery.iter().enumerate();
    let scored = scored.map(|(place, other)| Candidate { place, score: likeness(looks, other) });
    let mut ranked: Vec<Candidate> = scored.collect();
    // Stable, so equal scores keep the order of places. Scores are finite.
    ranked.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal));
    ranked
}

fn answer(query: &Query, ranked: &[Candidate], certainty: Option<f32>) -> Result<Finding, EvalError> {
    let right: HashSet<usize> = query.right.iter().copied().collect();
    let missing = || EvalError::NoRightAnswer(query.name.clone());
    let ranks: Vec<usize> =
        ranked.iter().enumerate().filter(|(_, n)| right.contains(&n.place)).map(|(at, _)| at + 1).collect();
    if ranks.len() != right.len() {
        return Err(missing());
    }
    let best = *ranks.first().ok_or_else(missing)?;
    Ok(Finding {
        right: ranked[best - 1],
        wrong: ranked.iter().filter(|n| !right.contains(&n.place)).take(WRONG_KEPT).copied().collect(),
        outcome: Outcome { ranks, top_score: certainty.unwrap_or(ranked[0].score) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Descriptor {
        Descriptor::new(vec![degrees.to_radians().cos(), degrees.to_radians().sin()], 2).expect("valid")
    }

    fn query(right: &[usize]) -> Query {
        Query { name: "q".into(), group: "g".into(), right: right.to_vec(), junk: Vec::new() }
    }

    #[test]
    fn ranks_follow_the_angle() {
        let gallery = [10.0, 20.0, 30.0, 40.0, 50.0].map(at);
        let answered = evaluate(&gallery, &[query(&[1, 3])], &[vec![at(12.0)]], None).expect("answers");
        assert_eq!(answered[0].outcome.ranks, [2, 4]);
        assert_eq!(answered[0].right.place, 1);
        assert_eq!(answered[0].wrong.iter().map(|n| n.place).collect::<Vec<_>>(), [0, 2, 4]);
        assert!((answered[0].outcome.top_score - 2.0_f32.to_radians().cos()).abs() < 1e-6);
    }

    #[test]
    fn junk_counts_neither_for_nor_against() {
        let gallery = [10.0, 20.0, 30.0].map(at);
        let query = Query { junk: vec![0], ..query(&[1]) };
        let answered = evaluate(&gallery, &[query], &[vec![at(10.0)]], None).expect("answers");
        assert_eq!((&answered[0].outcome.ranks, answered[0].wrong.len()), (&vec![1], 1));
    }

    #[test]
    fn a_second_look_has_the_last_word() {
        let gallery = [10.0, 20.0, 30.0].map(at);
        let last_first = |number: usize, ranked: &mut Vec<Candidate>| {
            assert_eq!(number, 0);
            ranked.rotate_right(1);
            7.0
        };
        let answered = evaluate(&gallery, &[query(&[2])], &[vec![at(10.0)]], Some(&last_first)).expect("answers");
        assert_eq!(answered[0].outcome, Outcome { ranks: vec![1], top_score: 7.0 });
        assert_eq!(answered[0].wrong[0].place, 0);
    }

    #[test]
    fn between_equal_scores_the_earlier_place_comes_first() {
        let gallery = [5.0, 5.0, 5.0].map(at);
        assert_eq!(evaluate(&gallery, &[query(&[2])], &[vec![at(5.0)]], None).expect("answers")[0].outcome.ranks, [3]);
    }

    #[test]
    fn a_right_answer_that_is_not_in_the_gallery_is_an_error() {
        let gallery = [at(0.0)];
        for right in [&[7][..], &[0, 7], &[]] {
            let error = evaluate(&gallery, &[query(right)], &[vec![at(0.0)]], None).expect_err("missing");
            assert!(matches!(error, EvalError::NoRightAnswer(name) if name == "q"), "{right:?}");
        }
        assert!(matches!(
            evaluate(&gallery, &[], &[vec![at(0.0)]], None),
            Err(EvalError::Count { queries: 0, descriptors: 1 })
        ));
    }
}

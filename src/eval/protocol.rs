//! Queries against an index: at which ranks the right answers stand.

use std::collections::HashSet;

use rayon::prelude::*;

use super::EvalError;
use super::metrics::Outcome;
use crate::domain::{Descriptor, ImageId, Neighbor};
use crate::index::{FlatIndex, SearchParams, VectorIndex};

/// The best wrong answers that are kept of each query.
pub const WRONG_KEPT: usize = 3;

/// A question with known answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its name, unique in a run; the same in every run, so that runs can be compared query by query.
    pub name: String,
    /// The row of the report it counts in, besides the row of all.
    pub group: String,
    /// The right answers: at least one.
    pub right: Vec<ImageId>,
}

/// What an index answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// What the figures are computed from.
    pub outcome: Outcome,
    /// The best of the right answers.
    pub right: Neighbor,
    /// The best wrong answers, [`WRONG_KEPT`] at most, best first.
    pub wrong: Vec<Neighbor>,
}

/// A second look at a ranking: takes the number of the query and the whole ranking, puts the ranking into its final order and
/// returns how sure the first answer is (any scale on which more is surer).
pub type SecondLook<'a> = &'a (dyn Fn(usize, &mut Vec<Neighbor>) -> f32 + Sync);

/// Ranks the whole index for every query, whose descriptors are given in the same order.
///
/// The order is that of the index, falling score and then rising id: between equal scores the id decides, so a caller who
/// wants ties to count against the right answers gives them the higher ids. Where there is a second look, it has the last
/// word on the order, and its certainty stands for the score of the first answer.
///
/// # Errors
/// [`EvalError::Count`], [`EvalError::NoRightAnswer`], [`EvalError::Index`].
pub fn evaluate(
    index: &dyn VectorIndex,
    queries: &[Query],
    descriptors: &[Descriptor],
    second_look: Option<SecondLook<'_>>,
) -> Result<Vec<Answered>, EvalError> {
    if queries.len() != descriptors.len() {
        return Err(EvalError::Count { queries: queries.len(), descriptors: descriptors.len() });
    }
    let asked = queries.par_iter().zip(descriptors).enumerate();
    asked
        .map(|(at, (query, descriptor))| {
            answer(index, query, descriptor, second_look.map(|look| move |ranked: &mut Vec<Neighbor>| look(at, ranked)))
        })
        .collect()
}

/// [`evaluate`] over an exact index of these points.
///
/// # Errors
/// Those of [`evaluate`].
pub fn evaluate_exactly(
    points: Vec<(ImageId, Descriptor)>,
    queries: &[Query],
    descriptors: &[Descriptor],
    second_look: Option<SecondLook<'_>>,
) -> Result<Vec<Answered>, EvalError> {
    let index = FlatIndex::new(points.first().map_or(0, |(_, descriptor)| descriptor.dimension()));
    index.upsert(points)?;
    evaluate(&index, queries, descriptors, second_look)
}

fn answer(
    index: &dyn VectorIndex,
    query: &Query,
    descriptor: &Descriptor,
    second_look: Option<impl Fn(&mut Vec<Neighbor>) -> f32>,
) -> Result<Answered, EvalError> {
    let everything = SearchParams { k: index.len(), ef: None, exact: true };
    let mut ranked = index.search(descriptor, everything, None)?;
    let certainty = second_look.map(|look| look(&mut ranked));
    let right: HashSet<&ImageId> = query.right.iter().collect();
    let missing = || EvalError::NoRightAnswer(query.name.clone());
    let ranks: Vec<usize> =
        ranked.iter().enumerate().filter(|(_, n)| right.contains(&n.id)).map(|(at, _)| at + 1).collect();
    if ranks.len() != right.len() {
        return Err(missing());
    }
    let best = *ranks.first().ok_or_else(missing)?;
    Ok(Answered {
        right: ranked[best - 1].clone(),
        wrong: ranked.iter().filter(|n| !right.contains(&n.id)).take(WRONG_KEPT).cloned().collect(),
        outcome: Outcome { ranks, top_score: certainty.unwrap_or(ranked[0].score) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ImageId {
        ImageId::new(text).expect("valid")
    }

    fn at(degrees: f32) -> Descriptor {
        Descriptor::new(vec![degrees.to_radians().cos(), degrees.to_radians().sin()], 2).expect("valid")
    }

    fn query(right: &[&str]) -> Query {
        Query { name: "q".into(), group: "g".into(), right: right.iter().map(|r| id(r)).collect() }
    }

    fn index(points: &[(&str, f32)]) -> FlatIndex {
        let index = FlatIndex::new(2);
        index.upsert(points.iter().map(|(name, degrees)| (id(name), at(*degrees))).collect()).expect("fits");
        index
    }

    #[test]
    fn ranks_follow_the_angle() {
        let index = index(&[("a", 10.0), ("b", 20.0), ("c", 30.0), ("d", 40.0), ("e", 50.0)]);
        let answered = evaluate(&index, &[query(&["b", "d"])], &[at(12.0)], None).expect("answers");
        assert_eq!(answered[0].outcome.ranks, [2, 4]);
        assert_eq!(answered[0].right.id, id("b"));
        assert_eq!(answered[0].wrong.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), ["a", "c", "e"]);
        assert!((answered[0].outcome.top_score - 2.0_f32.to_radians().cos()).abs() < 1e-6);
    }

    #[test]
    fn a_second_look_has_the_last_word() {
        let index = index(&[("a", 10.0), ("b", 20.0), ("c", 30.0)]);
        let last_first = |at: usize, ranked: &mut Vec<Neighbor>| {
            assert_eq!(at, 0);
            ranked.rotate_right(1);
            7.0
        };
        let answered = evaluate(&index, &[query(&["c"])], &[at(10.0)], Some(&last_first)).expect("answers");
        assert_eq!(answered[0].outcome, Outcome { ranks: vec![1], top_score: 7.0 });
        assert_eq!(answered[0].wrong[0].id, id("a"));
    }

    #[test]
    fn between_equal_scores_the_lower_id_comes_first() {
        let index = index(&[("d1", 5.0), ("r1", 5.0), ("d2", 5.0)]);
        assert_eq!(evaluate(&index, &[query(&["r1"])], &[at(5.0)], None).expect("answers")[0].outcome.ranks, [3]);
    }

    #[test]
    fn a_right_answer_that_is_not_in_the_index_is_an_error() {
        let index = index(&[("a", 0.0)]);
        for right in [&["z"][..], &["a", "z"], &[]] {
            let error = evaluate(&index, &[query(right)], &[at(0.0)], None).expect_err("missing");
            assert!(matches!(error, EvalError::NoRightAnswer(name) if name == "q"), "{right:?}");
        }
        assert!(matches!(
            evaluate(&index, &[], &[at(0.0)], None),
            Err(EvalError::Count { queries: 0, descriptors: 1 })
        ));
    }
}

//! What a run yields, as data: it is written as JSON, shown as a table and as a page, and compared
//! with later runs.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::error::EvalError;
use super::metrics::{Figures, Outcome, recall_at};
use super::protocol::{Candidate, Finding, Query};
use super::resample::{Interval, Paired, intervals, paired};
use eyrie_vision::local::Verdict;

/// The `k` of the recall curve.
pub const RECALL_AT: [usize; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// `instance` or `copy`.
    pub protocol: String,
    /// Right answers and other references (originals) in the index.
    pub references: usize,
    /// Pictures in the index that answer no query.
    pub distractors: usize,
    /// One for each system that was measured.
    pub systems: Vec<SystemReport>,
    /// Paired tests.
    pub comparisons: Vec<Comparison>,
}

/// One way to describe pictures, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemReport {
    /// Its name, unique in a run, for example `rnip` or `rnip, float, unwhitened`.
    pub name: String,
    /// Version of the descriptors, or what stands for it where they are not the service's.
    pub version: String,
    /// Values of a descriptor.
    pub dimension: usize,
    /// All queries.
    pub all: GroupReport,
    /// The queries of each group, in the order of the protocol.
    pub groups: Vec<GroupReport>,
    /// What the verdicts on the pairs were that were verified; empty where none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<VerdictCount>,
    /// The wrong pairs among them that were called `same` or `near_duplicate`, in the order of the
    /// queries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub false_matches: Vec<FalseMatch>,
    /// How often pairs of a confidence were right; empty where none were verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<CalibrationBin>,
    /// [`roc`] of the verified pairs by their confidence; empty where none were verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roc: Vec<(usize, f64)>,
    /// `[k, R@k]` for the `k` of [`RECALL_AT`] that the index is large enough for.
    pub recall_curve: Vec<(usize, f64)>,
    /// Every query.
    pub queries: Vec<QueryReport>,
}

/// How often a verdict was given to pairs of a query and one of its first results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCount {
    /// The verdict.
    pub verdict: Verdict,
    /// Pairs whose result is a right answer to the query.
    pub right: usize,
    /// Pairs whose result is not.
    pub wrong: usize,
}

/// Verified pairs of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The least confidence of the bin; the next bin's is the end of this one.
    pub from: f64,
    /// How many pairs.
    pub pairs: usize,
    /// Pairs whose result is a right answer.
    pub right: usize,
    /// What their confidence promises: its mean.
    pub confidence: f64,
}

/// The bins of [`calibration`].
const BINS: usize = 10;

/// Pairs of a confidence (0 to 1) and whether they are right, in ten bins of equal width; bins of
/// no pair are left out.
#[must_use]
pub fn calibration(pairs: &[(f64, bool)]) -> Vec<CalibrationBin> {
    let mut bins = [(0_usize, 0_usize, 0.0); BINS];
    for &(confidence, right) in pairs {
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        *bin = (bin.0 + 1, bin.1 + usize::from(right), bin.2 + confidence);
    }
    let bin = |(at, (pairs, right, sum)): (usize, (usize, usize, f64))| CalibrationBin {
        from: at as f64 / BINS as f64,
        pairs,
        right,
        confidence: sum / pairs as f64,
    };
    bins.into_iter().enumerate().filter(|(_, (pairs, ..))| *pairs > 0).map(bin).collect()
}

/// `[k, share]` for the `k` of [`RECALL_AT`]: how many of all `right` pairs are surer than the
/// `k`-th wrong one. That is the receiver operating characteristic of telling right pairs from
/// wrong ones, with wrong pairs counted: there are too many in an index for a rate that says
/// anything.
///
/// `pairs` have a confidence and whether they are right; those that are not among them are sure of
/// nothing.
#[must_use]
pub fn roc(pairs: &[(f64, bool)], right: usize) -> Vec<(usize, f64)> {
    let mut wrong: Vec<f64> = pairs.iter().filter(|(_, right)| !right).map(|(confidence, _)| *confidence).collect();
    wrong.sort_by(|a, b| b.total_cmp(a));
    let share = |k: usize| {
        let bound = wrong.get(k - 1).copied().unwrap_or(f64::NEG_INFINITY);
        pairs.iter().filter(|(confidence, right)| *right && *confidence > bound).count() as f64 / right.max(1) as f64
    };
    RECALL_AT.map(|k| (k, share(k))).to_vec()
}

/// A query and a result that is no right answer to it, called `same` or `near_duplicate` all the
/// same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FalseMatch {
    /// Name of the query.
    pub query: String,
    /// The result.
    pub answer: Answer,
    /// What it was called.
    pub verdict: Verdict,
    /// Spots of the two pictures that look alike and lie alike.
    pub inliers: usize,
}

/// The figures of some queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// `all`, or the name of the group.
    pub name: String,
    /// How many queries.
    pub queries: usize,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Their 95 % bootstrap intervals, by the same names.
    pub intervals: Intervals,
    /// The mean rank of the first wrong answer.
    #[serde(default)]
    pub first_miss: f64,
}

/// 95 % intervals of [`Figures`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Of the mean average precision.
    #[serde(rename = "mAP")]
    pub map: Interval,
    /// Of R@1.
    #[serde(rename = "R@1")]
    pub recall_1: Interval,
    /// Of R@10.
    #[serde(rename = "R@10")]
    pub recall_10: Interval,
    /// Of the recall at precision 1.
    #[serde(rename = "R@P1")]
    pub recall_full_precision: Interval,
}

/// One answered query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryReport {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Average precision.
    pub ap: f64,
    /// Ranks of the right answers, rising, from 1.
    pub ranks: Vec<usize>,
    /// The best right answer.
    pub right: Answer,
    /// The best wrong answers, best first.
    pub wrong: Vec<Answer>,
}

/// A picture of the index as an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its file, relative to the folder that was named.
    pub name: String,
    /// The cosine, -1 to 1.
    pub score: f32,
}

/// A paired test between two systems on the queries that both answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The one system.
    pub first: String,
    /// The other.
    pub second: String,
    /// The result: positive differences speak for the first.
    #[serde(flatten)]
    pub test: Paired,
}

impl QueryReport {
    /// The rank of the best right answer, from 1.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.ranks.first().copied().unwrap_or(usize::MAX)
    }
}

/// The report of one system. `names` tells the file of each place of the gallery; the groups appear
/// in the order of their first query.
#[must_use]
pub fn system_report(
    name: &str,
    version: &str,
    dimension: usize,
    queries: &[Query],
    answered: &[Finding],
    names: &[String],
) -> SystemReport {
    let mut order: Vec<&str> = Vec::new();
    let mut by_group: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for (query, answered) in queries.iter().zip(answered) {
        by_group.entry(&query.group).or_insert_with(|| {
            order.push(&query.group);
            Vec::new()
        });
        by_group.entry(&query.group).or_default().push(&answered.outcome);
    }
    let named = |candidate: &Candidate| Answer { name: names[candidate.place].clone(), score: candidate.score };
    let ranks: Vec<usize> = answered.iter().map(|a| a.outcome.rank()).collect();
    let all: Vec<&Outcome> = answered.iter().map(|a| &a.outcome).collect();
    SystemReport {
        name: name.to_owned(),
        version: version.to_owned(),
        dimension,
        all: group_report("all", &all),
        groups: order.iter().map(|group| group_report(group, &by_group[group])).collect(),
        verdicts: Vec::new(),
        false_matches: Vec::new(),
        calibration: Vec::new(),
        roc: Vec::new(),
        recall_curve: RECALL_AT.iter().filter(|k| **k <= names.len()).map(|&k| (k, recall_at(&ranks, k))).collect(),
        queries: queries
            .iter()
            .zip(answered)
            .map(|(query, answered)| QueryReport {
                name: query.name.clone(),
                group: query.group.clone(),
                ap: answered.outcome.average_precision(),
                ranks: answered.outcome.ranks.clone(),
                right: named(&answered.right),
                wrong: answered.wrong.iter().map(named).collect(),
            })
            .collect(),
    }
}

fn group_report(name: &str, outcomes: &[&Outcome]) -> GroupReport {
    let [map, recall_1, recall_10, recall_full_precision] = intervals(outcomes);
    GroupReport {
        name: name.to_owned(),
        queries: outcomes.len(),
        figures: Figures::of(outcomes.iter().copied()),
        intervals: Intervals { map, recall_1, recall_10, recall_full_precision },
        first_miss: outcomes.iter().map(|o| o.first_miss() as f64).sum::<f64>() / outcomes.len().max(1) as f64,
    }
}

/// The paired test of two systems on the queries that have the same names; `first` and `second` are
/// what to call them.
///
/// # Errors
/// [`EvalError::NothingInCommon`].
pub fn compare(first: (&str, &SystemReport), second: (&str, &SystemReport)) -> Result<Comparison, EvalError> {
    let others: HashMap<&str, f64> = second.1.queries.iter().map(|q| (q.name.as_str(), q.ap)).collect();
    let differences: Vec<f64> = (first.1.queries.iter())
        .filter_map(|query| others.get(query.name.as_str()).map(|other| query.ap - other))
        .collect();
    if differences.is_empty() {
        return Err(EvalError::NothingInCommon(first.0.to_owned(), second.0.to_owned()));
    }
    Ok(Comparison { first: first.0.to_owned(), second: second.0.to_owned(), test: paired(&differences) })
}

/// The queries with the lowest AP whose first answer is wrong, worst first, ties by name; `count`
/// of them at most.
#[must_use]
pub fn worst(system: &SystemReport, count: usize) -> Vec<&QueryReport> {
    let mut failed: Vec<&QueryReport> = system.queries.iter().filter(|q| q.rank() > 1).collect();
    failed.sort_by(|a, b| a.ap.total_cmp(&b.ap).then_with(|| a.name.cmp(&b.name)));
    failed.truncate(count);
    failed
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two groups of two queries with the right answer at the given ranks.
    pub(in crate::eval) fn sample(name: &str, ranks: [usize; 4]) -> SystemReport {
        let names: Vec<String> = (0..20).map(|i| format!("<{i}>.jpg")).collect();
        let query = |i: usize| Query {
            name: format!("q{i}"),
            group: ["b", "a"][i / 2].to_owned(),
            right: vec![i],
            junk: Vec::new(),
        };
        let answer = |i: usize| Finding {
            outcome: Outcome { ranks: vec![ranks[i]], top_score: 0.75 },
            right: Candidate { place: i, score: 0.5 },
            wrong: vec![Candidate { place: 9, score: 0.75 }],
        };
        let queries: Vec<Query> = (0..4).map(query).collect();
        let answered: Vec<Finding> = (0..4).map(answer).collect();
        system_report(name, "0123/rnip", 256, &queries, &answered, &names)
    }

    pub(in crate::eval) fn sample_report() -> EvalReport {
        let systems = vec![sample("rnip", [1, 1, 2, 4]), sample("fast", [1, 2, 4, 8])];
        let comparisons = vec![compare(("rnip", &systems[0]), ("fast", &systems[1])).expect("the same queries")];
        EvalReport { protocol: "instance".into(), references: 4, distractors: 16, systems, comparisons }
    }

    #[test]
    fn groups_come_in_the_order_of_their_queries_with_their_figures() {
        let system = sample("rnip", [1, 1, 2, 4]);
        let shown: Vec<_> = system.groups.iter().map(|g| (g.name.as_str(), g.queries, g.figures.map)).collect();
        assert_eq!(shown, [("b", 2, 1.0), ("a", 2, 0.375)]);
        assert_eq!((system.all.queries, system.all.figures.map), (4, 0.6875));
        assert_eq!(system.recall_curve, [(1, 0.5), (2, 0.75), (5, 1.0), (10, 1.0), (20, 1.0)]);
    }

    #[test]
    fn pairs_are_counted_by_their_confidence() {
        let bins = calibration(&[(0.95, true), (1.0, true), (0.91, false), (0.2, false), (0.29, true)]);
        let shown: Vec<_> = bins.iter().map(|b| (b.from, b.pairs, b.right, (b.confidence * 1e3).round())).collect();
        assert_eq!(shown, [(0.2, 2, 1, 245.0), (0.9, 3, 2, 953.0)]);
        assert!(calibration(&[]).is_empty());
    }

    #[test]
    fn right_pairs_are_counted_before_each_wrong_one() {
        let pairs = [(0.5, true), (0.9, true), (0.8, false), (0.5, false), (0.1, true), (0.95, true)];
        let shares = roc(&pairs, 8);
        // As sure as the second wrong one is not surer.
        assert_eq!(shares[..3], [(1, 0.25), (2, 0.25), (5, 0.5)]);
        assert_eq!(shares.last(), Some(&(500, 0.5)));
    }

    #[test]
    fn a_report_reads_back_from_its_json() {
        let report = sample_report();
        let text = serde_json::to_string(&report).expect("JSON");
        assert_eq!(serde_json::from_str::<EvalReport>(&text).expect("a report"), report);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let system = &value["systems"][0];
        assert_eq!(system["all"]["mAP"], 0.6875);
        assert_eq!(system["all"]["R@1"], 0.5);
        assert_eq!(system["all"]["intervals"]["R@10"], serde_json::json!([1.0, 1.0]));
        assert_eq!(system["queries"][3]["ranks"], serde_json::json!([4]));
        assert_eq!(system["queries"][3]["right"], serde_json::json!({"name": "<3>.jpg", "score": 0.5}));
        // Differences 0, 1/2, 1/4, 1/8: the exact test of three signs.
        assert_eq!(value["comparisons"][0]["p_value"], 0.25);
        assert_eq!(value["comparisons"][0]["difference"], 0.21875);
    }

    #[test]
    fn systems_without_a_common_query_are_not_compared() {
        let mut other = sample("other", [1; 4]);
        other.queries.clear();
        assert!(matches!(
            compare(("a", &sample("a", [1; 4])), ("other", &other)),
            Err(EvalError::NothingInCommon(a, b)) if a == "a" && b == "other"
        ));
    }

    #[test]
    fn the_worst_failures_come_first_and_successes_never() {
        let system = sample("rnip", [1, 4, 2, 4]);
        let names: Vec<&str> = worst(&system, 10).iter().map(|q| q.name.as_str()).collect();
        assert_eq!(names, ["q1", "q3", "q2"]);
        assert_eq!(worst(&system, 1).len(), 1);
    }
}

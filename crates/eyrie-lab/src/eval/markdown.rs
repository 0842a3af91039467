//! A report as Markdown.

use std::fmt::Write as _;

use super::report::{CalibrationBin, EvalReport, GroupReport, VerdictCount};
use super::resample::{Interval, interval_of_share};

/// Tables of the figures with their intervals, and of the paired tests.
#[must_use]
pub fn markdown(report: &EvalReport) -> String {
    let mut text = format!(
        "{}: {} queries, {} references, {} distractors\n\n",
        heading(report),
        report.systems.first().map_or(0, |s| s.all.queries),
        report.references,
        report.distractors
    );
    text.push_str(
        "| system | group | queries | mAP | R@1 | R@10 | R@P1 | first miss |\n|---|---|---|---|---|---|---|---|\n",
    );
    for system in &report.systems {
        row(&mut text, &system.name, &system.all);
        if system.groups.len() > 1 {
            system.groups.iter().for_each(|group| row(&mut text, &system.name, group));
        }
    }
    if report.systems.iter().any(|system| !system.verdicts.is_empty()) {
        text.push_str(
            "\n| system | verdict | right pairs | wrong pairs | precision of it or closer |\n|---|---|---|---|---|\n",
        );
    }
    for system in &report.systems {
        for (count, precision) in system.verdicts.iter().zip(precisions(&system.verdicts)) {
            let (name, verdict, (precision, [low, high])) = (cell(&system.name), count.verdict, precision);
            let _infallible = writeln!(
                text,
                "| {name} | {verdict} | {} | {} | {precision:.4} ({low:.4} to {high:.4}) |",
                count.right, count.wrong
            );
        }
    }
    if report.systems.iter().any(|system| !system.calibration.is_empty()) {
        text.push_str("\n| system | confidence | pairs | mean | right |\n|---|---|---|---|---|\n");
    }
    for system in &report.systems {
        for bin in &system.calibration {
            let (name, CalibrationBin { from, pairs, right, confidence }) = (cell(&system.name), *bin);
            let (to, share) = (from + 0.1, right as f64 / pairs as f64);
            let _infallible =
                writeln!(text, "| {name} | {from:.1} to {to:.1} | {pairs} | {confidence:.3} | {share:.3} |");
        }
    }
    let systems = report.systems.iter().filter(|system| !system.roc.is_empty());
    for (at, system) in systems.enumerate() {
        let row = |first: &str, cells: Vec<String>| format!("| {first} | {} |\n", cells.join(" | "));
        if at == 0 {
            let head =
                row("right pairs surer than wrong pair", system.roc.iter().map(|(k, _)| k.to_string()).collect());
            let _infallible = write!(text, "\n{head}|{}\n", "---|".repeat(system.roc.len() + 1));
        }
        text.push_str(&row(&cell(&system.name), system.roc.iter().map(|(_, share)| format!("{share:.3}")).collect()));
    }
    if !report.comparisons.is_empty() {
        text.push_str(
            "\n| first | second | queries | mAP difference | better / worse | p |\n|---|---|---|---|---|---|\n",
        );
    }
    for comparison in &report.comparisons {
        let test = &comparison.test;
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {:+.3} ({:+.3} to {:+.3}) | {} / {} | {} |",
            cell(&comparison.first),
            cell(&comparison.second),
            test.queries,
            test.difference,
            test.interval[0],
            test.interval[1],
            test.better_worse[0],
            test.better_worse[1],
            p_value(test.p_value),
        );
    }
    text
}

/// What a protocol is called.
pub(super) fn heading(report: &EvalReport) -> &'static str {
    if report.protocol == "copy" { "Copy detection" } else { "Instance retrieval" }
}

/// A p-value: below 0.001 only its bound.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// Of pairs with each verdict or a closer one, the part that is right, and its interval.
pub(super) fn precisions(verdicts: &[VerdictCount]) -> impl Iterator<Item = (f64, Interval)> {
    verdicts.iter().scan((0, 0), |(right, wrong), count| {
        (*right, *wrong) = (*right + count.right, *wrong + count.wrong);
        let all = *right + *wrong;
        Some((*right as f64 / all.max(1) as f64, interval_of_share(*right, all)))
    })
}

fn row(text: &mut String, system: &str, group: &GroupReport) {
    let (figures, intervals) = (&group.figures, &group.intervals);
    let figure = |value: f64, [low, high]: Interval| format!("{value:.3} ({low:.3} to {high:.3})");
    let _infallible = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {:.2} |",
        cell(system),
        cell(&group.name),
        group.queries,
        figure(figures.map, intervals.map),
        figure(figures.recall_1, intervals.recall_1),
        figure(figures.recall_10, intervals.recall_10),
        figure(figures.recall_full_precision, intervals.recall_full_precision),
        group.first_miss,
    );
}

/// A text that ends no cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::report::tests::sample_report;
    use eyrie_vision::local::Verdict;

    #[test]
    fn each_group_has_a_row_after_that_of_all() {
        let text = markdown(&sample_report());
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "Instance retrieval: 4 queries, 4 references, 16 distractors");
        assert!(rows[4].starts_with("| rnip | all | 4 | 0.688 (0."), "{}", rows[4]);
        assert!(
            rows[5].starts_with("| rnip | b | 2 | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) |"),
            "{}",
            rows[5]
        );
        assert!(rows[6].starts_with("| rnip | a | 2 | 0.375 (0.250 to 0.500) |"), "{}", rows[6]);
        assert!(rows.last().expect("a row").starts_with("| rnip | fast | 4 | +0.219 (+"), "{text}");
        assert!(text.ends_with("| 3 / 0 | 0.250 |\n"), "{text}");
    }

    #[test]
    fn verdicts_are_counted_with_the_precision_of_the_closest_so_far() {
        let mut report = sample_report();
        assert!(!markdown(&report).contains("verdict"));
        let count = |verdict, right, wrong| VerdictCount { verdict, right, wrong };
        report.systems[1].verdicts = vec![count(Verdict::Same, 3, 0), count(Verdict::NearDuplicate, 3, 2)];
        let text = markdown(&report);
        assert!(
            text.contains(
                "| fast | same | 3 | 0 | 1.0000 (0.4385 to 1.0000) |\n| fast | near_duplicate | 3 | 2 | 0.7500 (0.4093 to 0.9285) |\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn what_a_confidence_promised_stands_beside_what_came_of_it() {
        let mut report = sample_report();
        report.systems[0].calibration = vec![CalibrationBin { from: 0.9, pairs: 4, right: 3, confidence: 0.95 }];
        report.systems[0].roc = vec![(1, 0.5), (2, 0.75)];
        let text = markdown(&report);
        assert!(text.contains("| rnip | 0.9 to 1.0 | 4 | 0.950 | 0.750 |\n"), "{text}");
        let table = "| right pairs surer than wrong pair | 1 | 2 |\n|---|---|---|\n| rnip | 0.500 | 0.750 |\n";
        assert!(text.contains(table), "{text}");
    }

    #[test]
    fn names_do_not_break_the_table() {
        let mut report = sample_report();
        report.systems[0].name = "a|b".into();
        assert!(markdown(&report).contains("| a\\|b | all |"));
    }
}

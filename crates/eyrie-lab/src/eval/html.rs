//! A report as one page that needs nothing else: figures, plots, and the pictures of the worst
//! failures.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::markdown::{heading, p_value, precisions};
use super::plot::{Bars, bars, colour, curves, escaped, reliability};
use super::report::{CalibrationBin, EvalReport, FalseMatch, GroupReport, QueryReport, worst};
use super::resample::Interval;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.2rem .7rem;text-align:left;border-bottom:1px solid #ddd}\
td.n{font-variant-numeric:tabular-nums}small{color:#666}svg{max-width:44rem;width:100%}\
.failure{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0;padding-bottom:1rem;border-bottom:1px solid #ddd}\
figure{margin:0;width:11rem}figure img{max-width:11rem;max-height:11rem;border:3px solid #bbb}\
figure.right img{border-color:#009e73}figure.wrong img{border-color:#d55e00}figcaption{font-size:.8rem;overflow-wrap:anywhere}";

/// The pictures of a page, by the names that the report has for them: small JPEGs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures {
    queries: HashMap<String, String>,
    answers: HashMap<String, String>,
}

impl Pictures {
    /// Whether the picture of a query is there.
    #[must_use]
    pub fn has_query(&self, name: &str) -> bool {
        self.queries.contains_key(name)
    }

    /// Whether the picture of an answer is there.
    #[must_use]
    pub fn has_answer(&self, name: &str) -> bool {
        self.answers.contains_key(name)
    }

    /// The JPEG of a query.
    pub fn add_query(&mut self, name: &str, jpeg: &[u8]) {
        self.queries.insert(name.to_owned(), data_uri(jpeg));
    }

    /// The JPEG of an answer.
    pub fn add_answer(&mut self, name: &str, jpeg: &[u8]) {
        self.answers.insert(name.to_owned(), data_uri(jpeg));
    }
}

fn data_uri(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}

/// The page, with at most `failures` failures of each system.
#[must_use]
pub fn html(report: &EvalReport, pictures: &Pictures, failures: usize) -> String {
    let title = heading(report);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    let queries = report.systems.first().map_or(0, |s| s.all.queries);
    push(
        &mut page,
        &format!(
            "<p>{queries} queries, {} references, {} distractors. In brackets: 95 % bootstrap intervals over the queries.</p>\n",
            report.references, report.distractors
        ),
    );
    figures(&mut page, report);
    verdicts(&mut page, report);
    reliabilities(&mut page, report);
    comparisons(&mut page, report);

    push(&mut page, "<h2>Right answers among the first k</h2>\n");
    let of_systems: Vec<_> = report.systems.iter().map(|s| (s.name.as_str(), s.recall_curve.as_slice())).collect();
    push(&mut page, &curves("R@k over k", &of_systems));
    push(&mut page, "<h2>mAP of each group</h2>\n<p>");
    for (at, system) in report.systems.iter().enumerate() {
        push(&mut page, &format!("<span style=\"color:{}\">&#9632;</span> {} ", colour(at), escaped(&system.name)));
    }
    push(&mut page, "</p>\n");
    push(&mut page, &bars(&groups(report)));

    for system in &report.systems {
        let worst = worst(system, failures);
        push(&mut page, &format!("<h2>Worst failures of {}</h2>\n", escaped(&system.name)));
        if worst.is_empty() {
            push(&mut page, "<p>None: the first answer to every query is right.</p>\n");
        }
        worst.iter().for_each(|query| failure(&mut page, query, pictures));
        if !system.false_matches.is_empty() {
            push(
                &mut page,
                &format!("<h2>Wrong answers that {} calls same or near_duplicate</h2>\n", escaped(&system.name)),
            );
        }
        system.false_matches.iter().take(failures).for_each(|pair| false_match(&mut page, pair, pictures));
    }
    page.push_str("</body></html>\n");
    page
}

fn push(page: &mut String, text: &str) {
    page.push_str(text);
}

fn figures(page: &mut String, report: &EvalReport) {
    push(
        page,
        "<table><tr><th>system</th><th>group</th><th>queries</th><th>mAP</th><th>R@1</th><th>R@10</th><th>R@P1</th><th>first miss</th></tr>\n",
    );
    for system in &report.systems {
        let groups = if system.groups.len() > 1 { &system.groups[..] } else { &[] };
        for group in std::iter::once(&system.all).chain(groups) {
            figures_row(page, &system.name, group);
        }
    }
    push(page, "</table>\n");
}

fn figures_row(page: &mut String, system: &str, group: &GroupReport) {
    let (figures, intervals) = (&group.figures, &group.intervals);
    let cell = |value: f64, [low, high]: Interval| {
        format!("<td class=\"n\">{value:.3} <small>({low:.3}&ndash;{high:.3})</small></td>")
    };
    let _infallible = writeln!(
        page,
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td>{}{}{}{}<td class=\"n\">{:.2}</td></tr>",
        escaped(system),
        escaped(&group.name),
        group.queries,
        cell(figures.map, intervals.map),
        cell(figures.recall_1, intervals.recall_1),
        cell(figures.recall_10, intervals.recall_10),
        cell(figures.recall_full_precision, intervals.recall_full_precision),
        group.first_miss,
    );
}

fn verdicts(page: &mut String, report: &EvalReport) {
    if report.systems.iter().all(|system| system.verdicts.is_empty()) {
        return;
    }
    push(
        page,
        "<h2>Verdicts on the verified pairs</h2>\n<table><tr><th>system</th><th>verdict</th><th>right pairs</th>\
         <th>wrong pairs</th><th>precision of it or closer</th></tr>\n",
    );
    for system in &report.systems {
        for (count, (precision, [low, high])) in system.verdicts.iter().zip(precisions(&system.verdicts)) {
            let _infallible = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
                 <td class=\"n\">{precision:.4} <small>({low:.4}&ndash;{high:.4})</small></td></tr>",
                escaped(&system.name),
                count.verdict,
                count.right,
                count.wrong,
            );
        }
    }
    push(page, "</table>\n");
}

/// What confidences promised and what came of it.
fn reliabilities(page: &mut String, report: &EvalReport) {
    let point = |bin: &CalibrationBin| (bin.confidence, bin.right as f64 / bin.pairs as f64, bin.pairs);
    let systems = report.systems.iter().filter(|system| !system.calibration.is_empty());
    let systems: Vec<(&str, Vec<_>)> =
        systems.map(|s| (s.name.as_str(), s.calibration.iter().map(point).collect())).collect();
    if systems.is_empty() {
        return;
    }
    push(
        page,
        "<h2>Right pairs over the confidence</h2>\n<p>Verified pairs in tenths of confidence; on the diagonal it is \
         right as often as it says. The larger the dot, the more pairs.</p>\n",
    );
    push(page, &reliability(&systems));
    push(
        page,
        "<h2>Right pairs that are surer than the k-th wrong one</h2>\n<p>Of all pairs of a query and a right answer, \
         the share whose confidence is above that of all but k - 1 of the wrong pairs: the receiver operating \
         characteristic, with wrong pairs counted.</p>\n",
    );
    let systems = report.systems.iter().filter(|system| !system.roc.is_empty());
    let systems: Vec<_> = systems.map(|s| (s.name.as_str(), s.roc.as_slice())).collect();
    push(page, &curves("right pairs over wrong pairs", &systems));
}

fn comparisons(page: &mut String, report: &EvalReport) {
    if report.comparisons.is_empty() {
        return;
    }
    push(
        page,
        "<h2>Paired tests of the average precision</h2>\n<table><tr><th>first</th><th>second</th><th>queries</th>\
        <th>difference</th><th>better / worse</th><th>p</th></tr>\n",
    );
    for comparison in &report.comparisons {
        let test = &comparison.test;
        let _infallible = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{:+.3} <small>({:+.3} to {:+.3})</small></td>\
             <td class=\"n\">{} / {}</td><td class=\"n\">{}</td></tr>",
            escaped(&comparison.first),
            escaped(&comparison.second),
            test.queries,
            test.difference,
            test.interval[0],
            test.interval[1],
            test.better_worse[0],
            test.better_worse[1],
            escaped(&p_value(test.p_value)),
        );
    }
    push(page, "</table>\n");
}

/// The bars of every group: `all`, then the groups of the first system, which are those of every
/// system.
fn groups(report: &EvalReport) -> Vec<Bars<'_>> {
    let bar = |group: &GroupReport| (group.figures.map, group.intervals.map[0], group.intervals.map[1]);
    let mut groups = vec![("all", report.systems.iter().map(|s| bar(&s.all)).collect())];
    for group in report.systems.first().map_or(&[][..], |s| &s.groups) {
        let of_system = report.systems.iter().filter_map(|s| s.groups.iter().find(|g| g.name == group.name));
        groups.push((&group.name, of_system.map(bar).collect()));
    }
    groups
}

fn failure(page: &mut String, query: &QueryReport, pictures: &Pictures) {
    push(page, "<div class=\"failure\">");
    figure(page, "query", pictures.queries.get(&query.name), &format!("<b>query</b> {}", escaped(&query.name)));
    let right = &query.right;
    let caption = format!("<b>right</b>, rank {}, {:.3}<br>{}", query.rank(), right.score, escaped(&right.name));
    figure(page, "right", pictures.answers.get(&right.name), &caption);
    for wrong in &query.wrong {
        let caption = format!("<b>wrong</b>, {:.3}<br>{}", wrong.score, escaped(&wrong.name));
        figure(page, "wrong", pictures.answers.get(&wrong.name), &caption);
    }
    push(page, "</div>\n");
}

fn false_match(page: &mut String, pair: &FalseMatch, pictures: &Pictures) {
    push(page, "<div class=\"failure\">");
    figure(page, "query", pictures.queries.get(&pair.query), &format!("<b>query</b> {}", escaped(&pair.query)));
    let FalseMatch { answer, verdict, inliers, .. } = pair;
    let caption = format!("<b>{verdict}</b>, {inliers} inliers, {:.3}<br>{}", answer.score, escaped(&answer.name));
    figure(page, "wrong", pictures.answers.get(&answer.name), &caption);
    push(page, "</div>\n");
}

fn figure(page: &mut String, kind: &str, picture: Option<&String>, caption: &str) {
    let image = picture.map(|uri| format!("<img src=\"{uri}\" alt=\"{kind}\" loading=\"lazy\">")).unwrap_or_default();
    push(page, &format!("<figure class=\"{kind}\">{image}<figcaption>{caption}</figcaption></figure>"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::report::tests::sample_report;
    use crate::eval::report::{Answer, VerdictCount};
    use eyrie_vision::local::Verdict;

    #[test]
    fn a_page_shows_figures_plots_and_failures_and_loads_nothing() {
        let mut pictures = Pictures::default();
        pictures.add_query("q3", b"jpeg");
        pictures.add_answer("<3>.jpg", b"right");
        assert!(pictures.has_query("q3") && !pictures.has_answer("q3"));
        let page = html(&sample_report(), &pictures, 1);
        for part in [
            "<h1>Instance retrieval</h1>",
            "4 queries, 4 references, 16 distractors",
            "0.688 <small>(0.",
            "<td>fast</td><td class=\"n\">4</td><td class=\"n\">+0.219",
            "<polyline",
            "Worst failures of rnip",
            "<b>right</b>, rank 4, 0.500<br>&lt;3&gt;.jpg",
            "<b>query</b> q3",
            "src=\"data:image/jpeg;base64,anBlZw==\"",
        ] {
            assert!(page.contains(part), "{part:?} is missing in {page}");
        }
        assert!(!page.contains("<3>") && !page.contains("<script"));
        assert_eq!(page.matches("http").count(), page.matches("http://www.w3.org/2000/svg").count());
        // One failure of each of the two systems.
        assert_eq!(page.matches("<div class=\"failure\">").count(), 2);
    }

    #[test]
    fn verdicts_and_the_wrong_ones_among_them_are_shown() {
        let mut report = sample_report();
        assert!(!html(&report, &Pictures::default(), 5).contains("near_duplicate"));
        let answer = Answer { name: "<9>.jpg".into(), score: 0.25 };
        let pair = FalseMatch { query: "q1".into(), answer, verdict: Verdict::NearDuplicate, inliers: 17 };
        report.systems[0].verdicts = vec![VerdictCount { verdict: Verdict::NearDuplicate, right: 3, wrong: 1 }];
        report.systems[0].false_matches = vec![pair];
        report.systems[0].calibration = vec![CalibrationBin { from: 0.8, pairs: 4, right: 3, confidence: 0.8125 }];
        report.systems[0].roc = vec![(1, 0.5), (10, 0.75)];
        let page = html(&report, &Pictures::default(), 5);
        for part in [
            "points=\"44.0,140.0 630.0,75.0\"",
            "<td>near_duplicate</td><td class=\"n\">3</td><td class=\"n\">1</td><td class=\"n\">0.7500 <small>(0.3006&ndash;0.9544)</small></td>",
            "<circle cx=\"520.1\" cy=\"75.0\"",
            "Wrong answers that rnip calls same or near_duplicate",
            "<b>near_duplicate</b>, 17 inliers, 0.250<br>&lt;9&gt;.jpg",
        ] {
            assert!(page.contains(part), "{part:?} is missing in {page}");
        }
    }

    #[test]
    fn a_system_without_failures_says_so() {
        let mut report = sample_report();
        report.systems.truncate(1);
        report.systems[0].queries.retain(|q| q.rank() == 1);
        assert!(html(&report, &Pictures::default(), 5).contains("None: the first answer"));
    }
}

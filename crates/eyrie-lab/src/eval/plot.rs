//! Plots as SVG texts that stand by themselves in a page.

use std::fmt::Write as _;

/// Colours that differ for most people with colour blindness (M. Okabe and K. Ito, "Color Universal
/// Design", 2002).
pub(super) const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

const WIDTH: f64 = 640.0;
const LEFT: f64 = 44.0;

/// A text without meaning to a browser.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

pub(super) fn colour(at: usize) -> &'static str {
    COLOURS[at % COLOURS.len()]
}

/// One curve a system through points `(k, share)`, `k` on a logarithmic axis, with a legend.
pub(super) fn curves(title: &str, systems: &[(&str, &[(usize, f64)])]) -> String {
    let (top, height) = (10.0, 260.0);
    let largest = systems.iter().flat_map(|(_, points)| points.iter().map(|p| p.0)).max().unwrap_or(1).max(2) as f64;
    let x = |k: usize| LEFT + (WIDTH - LEFT - 10.0) * (k.max(1) as f64).ln() / largest.ln();
    let y = |share: f64| top + height * (1.0 - share);
    let legend = top + height + 44.0;
    let mut svg = opening(title, legend + 20.0 * systems.len() as f64);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(&mut svg, (LEFT, y(share)), (WIDTH - 10.0, y(share)), "#ddd");
        label(&mut svg, (LEFT - 6.0, y(share) + 4.0), "end", &format!("{share:.2}"));
    }
    let longest = systems.iter().map(|(_, points)| *points).max_by_key(|points| points.len()).unwrap_or(&[]);
    for (k, _) in longest {
        label(&mut svg, (x(*k), top + height + 18.0), "middle", &k.to_string());
    }
    for (at, (name, points)) in systems.iter().enumerate() {
        let path: Vec<String> = points.iter().map(|(k, share)| format!("{:.1},{:.1}", x(*k), y(*share))).collect();
        let _infallible = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>",
            colour(at),
            path.join(" ")
        );
        let y = legend + 20.0 * at as f64;
        rectangle(&mut svg, (LEFT, y - 9.0), (14.0, 10.0), colour(at));
        label(&mut svg, (LEFT + 20.0, y), "start", name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A system's name and its points: what was promised, what came of it, of how many.
pub(super) type Points<'a> = (&'a str, Vec<(f64, f64, usize)>);

/// Dots of shares against what was promised, beside the diagonal, with a legend.
pub(super) fn reliability(systems: &[Points<'_>]) -> String {
    let (top, height, right) = (10.0, 260.0, WIDTH - 10.0);
    let x = |share: f64| LEFT + (right - LEFT) * share;
    let y = |share: f64| top + height * (1.0 - share);
    let legend = top + height + 44.0;
    let mut svg = opening("right pairs over confidence", legend + 20.0 * systems.len() as f64);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(&mut svg, (LEFT, y(share)), (right, y(share)), "#ddd");
        label(&mut svg, (LEFT - 6.0, y(share) + 4.0), "end", &format!("{share:.2}"));
        label(&mut svg, (x(share), top + height + 18.0), "middle", &format!("{share:.2}"));
    }
    line(&mut svg, (x(0.0), y(0.0)), (x(1.0), y(1.0)), "#888");
    for (at, (name, points)) in systems.iter().enumerate() {
        for (promised, came, count) in points {
            let _infallible = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\" fill=\"{}\" fill-opacity=\"0.7\"/>",
                x(*promised),
                y(*came),
                2.0 + 1.5 * (*count as f64).ln_1p(),
                colour(at)
            );
        }
        let y = legend + 20.0 * at as f64;
        rectangle(&mut svg, (LEFT, y - 9.0), (14.0, 10.0), colour(at));
        label(&mut svg, (LEFT + 20.0, y), "start", name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A group's name and the bars of its systems: value, and the lower and upper end of its interval.
pub(super) type Bars<'a> = (&'a str, Vec<(f64, f64, f64)>);

/// A bar of each system for each group, with its interval as a line.
pub(super) fn bars(groups: &[Bars<'_>]) -> String {
    let (left, bar) = (130.0, 9.0);
    let x = |share: f64| left + (WIDTH - left - 40.0) * share;
    let rows: f64 = groups.iter().map(|(_, values)| bar * values.len() as f64 + 8.0).sum();
    let mut svg = opening("mAP of each group", rows + 24.0);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(&mut svg, (x(share), 0.0), (x(share), rows), "#ddd");
        label(&mut svg, (x(share), rows + 16.0), "middle", &format!("{share:.2}"));
    }
    let mut y = 2.0;
    for (name, values) in groups {
        label(&mut svg, (left - 8.0, y + bar * values.len() as f64 / 2.0 + 4.0), "end", name);
        for (at, (value, low, high)) in values.iter().enumerate() {
            rectangle(&mut svg, (x(0.0), y), (x(*value) - x(0.0), bar - 1.0), colour(at));
            line(&mut svg, (x(*low), y + bar / 2.0 - 0.5), (x(*high), y + bar / 2.0 - 0.5), "#333");
            y += bar;
        }
        y += 8.0;
    }
    svg.push_str("</svg>\n");
    svg
}

fn opening(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\" \
         aria-label=\"{title}\" font-family=\"sans-serif\" font-size=\"12\">\n",
        // Half of the last label of an axis stands beyond its end.
        WIDTH + 10.0
    )
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), stroke: &str) {
    let _infallible = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{stroke}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn rectangle(svg: &mut String, at: (f64, f64), size: (f64, f64), fill: &str) {
    let _infallible = writeln!(
        svg,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>",
        at.0, at.1, size.0, size.1
    );
}

fn label(svg: &mut String, at: (f64, f64), anchor: &str, text: &str) {
    let _infallible = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"currentColor\">{}</text>",
        at.0,
        at.1,
        escaped(text)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_through_its_points() {
        let svg = curves("shares", &[("a<b", &[(1, 0.0), (10, 0.5), (100, 1.0)])]);
        // ln 10 is half of ln 100; the plot is 44 to 630 wide and 10 to 270 high.
        assert!(svg.contains("points=\"44.0,270.0 337.0,140.0 630.0,10.0\""), "{svg}");
        assert!(svg.contains(">a&lt;b</text>") && !svg.contains("a<b"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        let svg = bars(&[("all", vec![(0.5, 0.4, 0.6), (1.0, 1.0, 1.0)])]);
        assert!(svg.contains("width=\"235.0\"") && svg.contains("width=\"470.0\""), "{svg}");
        assert!(svg.contains("<line x1=\"318.0\"") && svg.contains("x2=\"412.0\""), "{svg}");
    }

    #[test]
    fn nothing_to_plot_is_an_empty_plot() {
        assert!(
            curves("nothing", &[]).ends_with("</svg>\n")
                && bars(&[]).ends_with("</svg>\n")
                && reliability(&[]).ends_with("</svg>\n")
        );
    }
}

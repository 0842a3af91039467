//! The drawing of time and energy against the size of the image.

use std::fmt::Write as _;

use crate::domain::Profile;
use eyrie_vision::cost::CostModel;
use eyrie_vision::picture::INPUT_SIDE;

use eyrie_terminal::output::grouped;

const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 610.0;
const PANEL_TOP: f64 = 92.0;
const PANEL_WIDTH: f64 = 412.0;
const PANEL_HEIGHT: f64 = 352.0;
const PANEL_LEFT: [f64; 2] = [84.0, 602.0];

/// Pixels of the short side of an image of 4:3, from left to right, and those that are named below
/// the axis.
const SHORT_SIDES: (f64, f64) = (128.0, 2048.0);
const SIDE_TICKS: [u32; 5] = [128, 224, 512, 1024, 2048];
/// Places along the axis at which costs are worked out.
const POINTS: u32 = 160;

/// One line of the drawing.
struct Series {
    name: String,
    colour: &'static str,
    /// Short side in pixels, milliseconds, least and most millijoules.
    points: Vec<Point>,
    dotted: bool,
}

#[derive(Clone, Copy)]
struct Point {
    short_side: f64,
    milliseconds: f64,
    millijoules: [f64; 2],
}

/// A coordinate system with two logarithmic axes.
struct Panel {
    left: f64,
    bottom_value: f64,
    top_value: f64,
}

/// The drawing as SVG.
pub(super) fn draw(costs: &CostModel) -> String {
    let series = series(costs);
    let spec = costs.spec();
    let mut svg = String::new();
    let chip = escaped(&costs.report(4, 3).chip.name);
    let _infallible = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222222">
<title>Estimated cost of describing an image on the chip {chip}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="24" y="34" font-size="20" font-weight="bold">Cost of describing an image on the chip “{chip}”: an estimate</text>
<text x="24" y="56" fill="#555555">{} engines of {tile}×{tile} pixels, {} MHz, {} bytes of image buffer, {} to {} pJ a multiply-accumulate. Simulated: nothing here was measured.</text>
"##,
        spec.engines,
        spec.clock_mhz,
        grouped(spec.image_buffer_bytes),
        spec.energy_pj_per_mac[0],
        spec.energy_pj_per_mac[1],
        tile = spec.tile,
    );
    panel(&mut svg, PANEL_LEFT[0], "Time in milliseconds (estimate)", &series, |point| [point.milliseconds; 2]);
    panel(&mut svg, PANEL_LEFT[1], "Energy in millijoules (estimate, low to high)", &series, |point| point.millijoules);
    legend(&mut svg, &series);
    svg.push_str("</svg>\n");
    svg
}

fn series(costs: &CostModel) -> Vec<Series> {
    let (first, last) = SHORT_SIDES;
    let sides: Vec<u32> =
        (0..=POINTS).map(|i| pixels(first * (last / first).powf(f64::from(i) / f64::from(POINTS)))).collect();
    let plan = costs.usual_plan(4, 3);
    let side = plan.input_side;
    let what_if = if side as usize == INPUT_SIDE { "" } else { "what if: " };
    let mut all: Vec<Series> = Profile::ALL
        .into_iter()
        .zip(["#009e73", "#0072b2", "#d55e00"])
        .zip(&plan.profiles)
        .map(|((profile, colour), cost)| {
            let point = |&short_side: &u32| {
                let cost = &costs.usual_plan(long_side(short_side), short_side).profiles[profile as usize];
                Point {
                    short_side: f64::from(short_side),
                    milliseconds: cost.chip_milliseconds,
                    millijoules: cost.energy_millijoules,
                }
            };
            let plural = if cost.passes == 1 { "pass" } else { "passes" };
            Series {
                name: format!("{what_if}{profile}: {} {plural} of {side}×{side}", cost.passes),
                colour,
                points: sides.iter().map(point).collect(),
                dotted: false,
            }
        })
        .collect();
    let whole = |&short_side: &u32| {
        let cost = costs.whole_pass(long_side(short_side), short_side);
        let point =
            Point { short_side: f64::from(short_side), milliseconds: cost.milliseconds, millijoules: cost.millijoules };
        (cost.fits, point)
    };
    let whole: Vec<(bool, Point)> = sides.iter().map(whole).collect();
    let fitting = whole.iter().take_while(|(fits, _)| *fits).count();
    let points: Vec<Point> = whole.into_iter().map(|(_, point)| point).collect();
    // The second begins where the first ends, so that the line has no gap.
    let parts = [(&points[..fitting], false), (&points[fitting.saturating_sub(1)..], true)];
    for (part, dotted) in parts {
        let name = if dotted {
            "hypothetical, and more than the image buffer holds"
        } else {
            "hypothetical: one pass over the whole image"
        };
        all.push(Series { name: name.to_owned(), colour: "#555555", points: part.to_vec(), dotted });
    }
    all.retain(|series| series.points.len() > 1);
    all
}

fn long_side(short_side: u32) -> u32 {
    pixels(f64::from(short_side) * 4.0 / 3.0)
}

/// Sides of a few thousand pixels.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and far below 2^32")]
fn pixels(value: f64) -> u32 {
    value.round() as u32
}

/// 1, 2 and 5 times the powers of ten from a ten-millionth to ten millions.
fn steps() -> impl Iterator<Item = f64> {
    (-7..=7).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)))
}

impl Panel {
    fn x(&self, short_side: f64) -> f64 {
        let (first, last) = SHORT_SIDES;
        self.left + PANEL_WIDTH * (short_side / first).ln() / (last / first).ln()
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value / self.bottom_value).ln() / (self.top_value / self.bottom_value).ln();
        PANEL_TOP + PANEL_HEIGHT * (1.0 - share)
    }
}

/// Draws one coordinate system with all series; `value` gives the least and the most of a point.
fn panel(svg: &mut String, left: f64, title: &str, series: &[Series], value: impl Fn(&Point) -> [f64; 2]) {
    let values: Vec<[f64; 2]> = series.iter().flat_map(|series| &series.points).map(&value).collect();
    let least = values.iter().map(|[least, _]| *least).fold(f64::INFINITY, f64::min);
    let most = values.iter().map(|[_, most]| *most).fold(0.0, f64::max);
    let bottom_value = steps().filter(|step| *step < least * 0.97).last().unwrap_or(least);
    let top_value = steps().find(|step| *step > most * 1.03).unwrap_or(most);
    let panel = Panel { left, bottom_value, top_value };
    let (right, bottom) = (left + PANEL_WIDTH, PANEL_TOP + PANEL_HEIGHT);
    let mut put = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    put(format!(r#"<text x="{left}" y="{:.1}" font-weight="bold">{title}</text>"#, PANEL_TOP - 12.0));
    for step in steps().filter(|step| (bottom_value..=top_value).contains(step)) {
        let y = panel.y(step);
        put(format!(r##"<line x1="{left}" y1="{y:.1}" x2="{right}" y2="{y:.1}" stroke="#e2e2e2"/>"##));
        put(format!(r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#, left - 8.0, y + 4.5, tick(step)));
    }
    for side in SIDE_TICKS {
        let x = panel.x(f64::from(side));
        put(format!(r##"<line x1="{x:.1}" y1="{PANEL_TOP}" x2="{x:.1}" y2="{bottom}" stroke="#e2e2e2"/>"##));
        put(format!(r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle">{side}</text>"#, bottom + 20.0));
    }
    put(format!(
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">short side of a 4:3 image in pixels</text>"#,
        left + PANEL_WIDTH / 2.0,
        bottom + 42.0
    ));
    for Series { colour, points, dotted, .. } in series {
        let path = |of: &dyn Fn(&Point) -> f64, points: &mut dyn Iterator<Item = &Point>| -> String {
            points.map(|p| format!("{:.1},{:.1}", panel.x(p.short_side), panel.y(of(p)))).collect::<Vec<_>>().join(" ")
        };
        let lower = path(&|p| value(p)[0], &mut points.iter());
        let upper = path(&|p| value(p)[1], &mut points.iter().rev());
        let dashes = if *dotted { r#" stroke-dasharray="2 5""# } else { "" };
        if points.iter().any(|p| value(p)[0] < value(p)[1]) {
            let opacity = if *dotted { 0.12 } else { 0.28 };
            put(format!(r#"<polygon points="{lower} {upper}" fill="{colour}" fill-opacity="{opacity}"/>"#));
            put(format!(r#"<polyline points="{upper}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>"#));
        }
        put(format!(r#"<polyline points="{lower}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>"#));
    }
    put(format!(
        r##"<rect x="{left}" y="{PANEL_TOP}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" fill="none" stroke="#888888"/>"##
    ));
}

fn legend(svg: &mut String, series: &[Series]) {
    let top = PANEL_TOP + PANEL_HEIGHT + 78.0;
    for (number, Series { name, colour, dotted, .. }) in series.iter().enumerate() {
        // Three in the first column, the whole image in the second.
        let (column, row) = (number / 3, number % 3);
        let x = PANEL_LEFT[column.min(1)];
        let y = top + 24.0 * f64::from(u8::try_from(row).unwrap_or(0));
        let dashes = if *dotted { r#" stroke-dasharray="2 5""# } else { "" };
        let _infallible = writeln!(
            svg,
            r#"<line x1="{x}" y1="{y}" x2="{:.1}" y2="{y}" stroke="{colour}" stroke-width="3"{dashes}/><text x="{:.1}" y="{:.1}">{name}</text>"#,
            x + 34.0,
            x + 44.0,
            y + 4.5
        );
    }
    let _infallible = writeln!(
        svg,
        r##"<text x="{}" y="{}" fill="#555555">A profile costs the same at every size, since it scales the image first.</text>"##,
        PANEL_LEFT[1],
        top + 52.5
    );
}

/// A value of an axis: thousands with commas, fractions with as many digits as they have.
fn tick(value: f64) -> String {
    if value < 1.0 {
        let digits = (-value.log10()).ceil().max(0.0);
        return format!("{value:.*}", pixels(digits) as usize);
    }
    grouped(u64::from(pixels(value)))
}

/// Text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::{Chip, VGG16};

    fn model(name: &str) -> CostModel {
        CostModel::of(Chip::load(name).expect(name), VGG16.to_vec(), "0", "{}").expect(name)
    }

    #[test]
    fn the_profiles_cost_the_same_for_every_size_and_the_whole_image_more_and_more() {
        let series = series(&model("default"));
        let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "fast: 1 pass of 224×224",
                "nip: 4 passes of 224×224",
                "rnip: 10 passes of 224×224",
                "hypothetical: one pass over the whole image",
                "hypothetical, and more than the image buffer holds",
            ]
        );
        for profile in &series[..3] {
            assert!(
                profile.points.iter().all(|p| p.milliseconds == profile.points[0].milliseconds),
                "{}",
                profile.name
            );
        }
        let whole: Vec<f64> = series[3].points.iter().chain(&series[4].points).map(|p| p.milliseconds).collect();
        assert!(whole.is_sorted());
        let last_that_fits = series[3].points.last().expect("points").short_side;
        // 257 x 193 pixels are 49,601, 259 x 194 are 50,246, and 224 x 224 are 50,176.
        assert!(last_that_fits <= 193.0 && series[4].points[1].short_side >= 194.0, "{last_that_fits}");
        assert_eq!(series[4].points[0].short_side, last_that_fits, "no gap");
    }

    #[test]
    fn every_point_lies_in_its_panel_and_every_tag_is_closed() {
        for name in ["default", "small", "large"] {
            let svg = draw(&model(name));
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
            for tag in ["text", "title", "svg"] {
                assert_eq!(svg.matches(&format!("<{tag}")).count(), svg.matches(&format!("</{tag}>")).count(), "{tag}");
            }
            assert!(svg.contains("estimate") && svg.contains(&format!("chip “{name}”")), "{name}");
            for points in svg.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                for point in points.split(' ') {
                    let (x, y) = point.split_once(',').expect("x,y");
                    let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
                    let inside = PANEL_LEFT.iter().any(|left| (*left..=left + PANEL_WIDTH).contains(&x));
                    assert!(inside && (PANEL_TOP..=PANEL_TOP + PANEL_HEIGHT).contains(&y), "{name}: {x},{y}");
                }
            }
        }
    }

    #[test]
    fn a_chip_that_holds_less_than_224_is_drawn_as_a_what_if() {
        let svg = draw(&model("small"));
        assert!(svg.contains("what if: rnip: 10 passes of 112×112") && !svg.contains("224×224"));
    }

    #[test]
    fn ticks_are_written_as_people_write_them() {
        assert_eq!([0.05, 0.2, 1.0, 50.0, 2000.0].map(tick), ["0.05", "0.2", "1", "50", "2,000"]);
        assert_eq!(escaped("<a & b>"), "&lt;a &amp; b&gt;");
    }
}

//! Curves of shares over match weight, with a title and a description for screen readers.

use maud::{Markup, html};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 238.0;
/// Room for the axes' words: left, right, top, bottom.
const ROOM: [f64; 4] = [44.0, 66.0, 20.0, 40.0];

/// A line through its points.
pub struct Line {
    /// Stands at its end; empty where there is but one.
    pub name: &'static str,
    /// Of its look: `one`, `two` or `three`.
    pub class: &'static str,
    /// By ascending x; y is a share.
    pub points: Vec<(f64, f64)>,
}

pub struct Chart<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    /// What is to be seen, in words.
    pub description: &'a str,
    pub x_label: &'a str,
    /// Drawn upright, with its name.
    pub mark: Option<(f64, &'a str)>,
    /// Least share shown, below all points.
    pub from: f64,
    pub lines: &'a [Line],
}

/// Returns the chart; nothing where no line has two points.
pub(super) fn chart(chart: &Chart) -> Option<Markup> {
    let xs = || chart.lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
    let (least, most) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
    if least >= most || !least.is_finite() || !most.is_finite() {
        return None;
    }
    let [left, right, top, bottom] = ROOM;
    let x = |value: f64| round(left + (value - least) / (most - least) * (WIDTH - left - right));
    let y = |share: f64| {
        round(HEIGHT - bottom - (share - chart.from) / (1.0 - chart.from) * (HEIGHT - top - bottom))
    };
    let step = tick_step(most - least);
    let ticks: Vec<f64> = (0..=100)
        .map(|n| (least / step).ceil() * step + f64::from(n) * step)
        .take_while(|tick| *tick <= most)
        .collect();
    let shares: Vec<f64> = (0..=4).map(|n| chart.from + (1.0 - chart.from) * f64::from(n) / 4.0).collect();
    let labels = label_places(chart.lines, &y);
    Some(html! {
        figure {
            svg class="curve" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                aria-labelledby=(format!("{0}-title {0}-desc", chart.id)) {
                title id=(format!("{}-title", chart.id)) { (chart.title) }
                desc id=(format!("{}-desc", chart.id)) { (chart.description) }
                @for share in &shares {
                    line class="grid" x1=(left) x2=(WIDTH - right) y1=(y(*share)) y2=(y(*share)) {}
                    text x=(left - 6.0) y=(y(*share) + 4.0) text-anchor="end" { (whole_percent(*share, chart.from)) }
                }
                @for tick in &ticks {
                    text x=(x(*tick)) y=(HEIGHT - bottom + 16.0) text-anchor="middle" { (signed(*tick)) }
                }
                text x=(left + (WIDTH - left - right) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" {
                    (chart.x_label)
                }
                @if let Some((at, name)) = chart.mark.filter(|(at, _)| (least..=most).contains(at)) {
                    line class="mark" x1=(x(at)) x2=(x(at)) y1=(top) y2=(HEIGHT - bottom) {}
                    text class="mark" x=(x(at)) y=(top - 7.0) text-anchor="middle" { (name) }
                }
                @for (line, label) in chart.lines.iter().zip(labels) {
                    polyline class=(format!("line {}", line.class)) points=(points(line, &x, &y)) {}
                    @if let (Some((at, _)), Some(label)) = (line.points.last(), label) {
                        text class=(format!("name {}", line.class)) x=(x(*at) + 5.0) y=(label + 4.0) {
                            (line.name)
                        }
                    }
                }
            }
        }
    })
}

fn points(line: &Line, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) -> String {
    let points: Vec<String> =
        line.points.iter().map(|(at, share)| format!("{},{}", x(*at), y(*share))).collect();
    points.join(" ")
}

/// Returns the place of each line's name: at its end, but never on another name.
fn label_places(lines: &[Line], y: &impl Fn(f64) -> f64) -> Vec<Option<f64>> {
    const APART: f64 = 13.0;
    let mut order: Vec<(usize, f64)> = lines
        .iter()
        .enumerate()
        .filter_map(|(n, line)| line.points.last().map(|(_, share)| (n, y(*share))))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let mut places = vec![None; lines.len()];
    let mut least = f64::NEG_INFINITY;
    for (n, end) in order {
        let place = end.max(least);
        places[n] = Some(place);
        least = place + APART;
    }
    places
}

/// At most eight ticks, at round numbers.
fn tick_step(span: f64) -> f64 {
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].into_iter().find(|step| span / step <= 8.0).unwrap_or(200.0)
}

fn whole_percent(share: f64, from: f64) -> String {
    // Quarters of a narrow range need a digit more.
    let decimals = usize::from(1.0 - from < 0.2) + usize::from(1.0 - from < 0.02);
    format!("{:.decimals$}\u{202f}%", share * 100.0)
}

fn signed(tick: f64) -> String {
    tick.to_string().replace('-', "−")
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        Line { name: "recall", class: "one", points: points.to_vec() }
    }

    fn drawn(lines: &[Line]) -> Option<String> {
        let drawn = chart(&Chart {
            id: "c",
            title: "Recall <by> weight",
            description: "falls",
            x_label: "bits",
            mark: Some((3.0, "link")),
            from: 0.0,
            lines,
        });
        drawn.map(maud::PreEscaped::into_string)
    }

    #[test]
    fn a_line_runs_from_edge_to_edge() {
        let svg = drawn(&[line(&[(0.0, 1.0), (8.0, 0.0)])]).unwrap();
        assert!(svg.contains("points=\"44,20 334,198\""), "{svg}");
        assert!(svg.contains("<title id=\"c-title\">Recall &lt;by&gt; weight</title>"), "{svg}");
        assert!(svg.contains("aria-labelledby=\"c-title c-desc\""));
    }

    #[test]
    fn one_point_is_no_curve() {
        assert_eq!(drawn(&[line(&[(1.0, 0.5)])]), None);
        assert_eq!(drawn(&[]), None);
    }

    #[test]
    fn names_never_cover_each_other() {
        let lines = [line(&[(0.0, 0.5)]), line(&[(0.0, 0.51)]), line(&[])];
        let places = label_places(&lines, &|share| 100.0 - share * 100.0);
        assert_eq!(places, [Some(62.0), Some(49.0), None]);
    }

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(
            [tick_step(7.0), tick_step(15.0), tick_step(41.0), tick_step(260.0)],
            [1.0, 2.0, 10.0, 50.0]
        );
    }
}

//! Lines over a number or over months, with a title and a description for screen readers.

use maud::{Markup, html};

use super::{label_place, place};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 238.0;
/// Room for the axes' words: left, right, top, bottom; on the right more where names are longer.
const ROOM: [f64; 4] = [44.0, 66.0, 20.0, 40.0];
const MOST_ROOM: f64 = 150.0;
/// About the width of a character.
const CHARACTER: f64 = 7.4;
/// Steps between ticks of numbers, and of months.
pub(in crate::report) const ROUND: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
pub(in crate::report) const MONTHS: [f64; 6] = [1.0, 3.0, 6.0, 12.0, 24.0, 60.0];

/// The looks of lines, the most important first.
pub(in crate::report) const CLASSES: [&str; 5] = ["one", "two", "three", "four", "five"];

/// A line through its points.
pub(in crate::report) struct Line {
    /// Stands at its end; empty where there is but one.
    pub name: String,
    /// Of its look, one of [`CLASSES`].
    pub class: &'static str,
    /// By ascending x.
    pub points: Vec<(f64, f64)>,
}

pub(in crate::report) struct Chart<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    /// What is to be seen, in words.
    pub description: &'a str,
    /// Below the ticks; may be empty.
    pub x_label: &'a str,
    /// Drawn upright, with its name.
    pub mark: Option<(f64, &'a str)>,
    /// From the bottom to the top.
    pub y_ticks: &'a [f64],
    /// What may lie between two ticks, ascending.
    pub x_steps: &'a [f64],
    pub show_x: &'a dyn Fn(f64) -> String,
    pub show_y: &'a dyn Fn(f64) -> String,
    pub lines: &'a [Line],
}

/// Returns the chart; nothing where no line has two points.
pub(in crate::report) fn chart(chart: &Chart) -> Option<Markup> {
    // A line of one point would be its name alone, somewhere in the chart.
    let lines: Vec<&Line> = chart.lines.iter().filter(|line| line.points.len() > 1).collect();
    let xs = || lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
    let (least, most) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
    if least >= most || !least.is_finite() || !most.is_finite() {
        return None;
    }
    let (bottom_value, top_value) = (*chart.y_ticks.first()?, *chart.y_ticks.last()?);
    let [left, right, top, bottom] = ROOM;
    let longest = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let right = (longest as f64 * CHARACTER + 8.0).clamp(right, MOST_ROOM);
    let x = |value: f64| place(left + (value - least) / (most - least) * (WIDTH - left - right));
    let y = |value: f64| {
        let share = ((value - bottom_value) / (top_value - bottom_value)).clamp(0.0, 1.0);
        place(HEIGHT - bottom - if share.is_nan() { 0.0 } else { share } * (HEIGHT - top - bottom))
    };
    let ticks = ticks(chart, (least, most), WIDTH - left - right);
    let ends: Vec<Option<f64>> =
        lines.iter().map(|line| line.points.last().map(|(_, end)| y(*end))).collect();
    let labels = label_place::places(&ends, HEIGHT - bottom);
    Some(html! {
        figure {
            svg class="curve" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                aria-labelledby=(format!("{0}-title {0}-desc", chart.id)) {
                title id=(format!("{}-title", chart.id)) { (chart.title) }
                desc id=(format!("{}-desc", chart.id)) { (chart.description) }
                @for tick in chart.y_ticks {
                    line class="grid" x1=(left) x2=(WIDTH - right) y1=(y(*tick)) y2=(y(*tick)) {}
                    text x=(left - 6.0) y=(y(*tick) + 4.0) text-anchor="end" { ((chart.show_y)(*tick)) }
                }
                @for tick in &ticks {
                    text x=(x(*tick)) y=(HEIGHT - bottom + 16.0) text-anchor="middle" { ((chart.show_x)(*tick)) }
                }
                @if !chart.x_label.is_empty() {
                    text x=(left + (WIDTH - left - right) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" {
                        (chart.x_label)
                    }
                }
                @if let Some((at, name)) = chart.mark.filter(|(at, _)| (least..=most).contains(at)) {
                    line class="mark" x1=(x(at)) x2=(x(at)) y1=(top) y2=(HEIGHT - bottom) {}
                    text class="mark" x=(x(at)) y=(top - 7.0) text-anchor="middle" { (name) }
                }
                @for (line, label) in lines.iter().zip(labels) {
                    polyline class=(format!("line {}", line.class)) points=(points(line, &x, &y)) {}
                    // Right of all lines, also of those that go on where this one ends.
                    @if let Some(label) = label {
                        text class=(format!("name {}", line.class)) x=(place(WIDTH - right + 5.0)) y=(place(label + 4.0)) {
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
        line.points.iter().map(|(at, value)| format!("{},{}", x(*at), y(*value))).collect();
    points.join(" ")
}

/// At most eight ticks, as many as have room for their labels.
fn ticks(chart: &Chart, (least, most): (f64, f64), width: f64) -> Vec<f64> {
    let span = most - least;
    let at = |step: f64| -> Vec<f64> {
        let first = (least / step).ceil() * step;
        (0..=8).map(|n| first + f64::from(n) * step).take_while(|tick| *tick <= most).collect()
    };
    let fits = |step: &f64| {
        let longest =
            at(*step).into_iter().map(|tick| (chart.show_x)(tick).chars().count()).max().unwrap_or(0);
        span / step <= 8.0 && (longest as f64 + 1.0) * CHARACTER <= step / span * width
    };
    at(chart.x_steps.iter().copied().find(fits).unwrap_or(span / 4.0))
}

/// Returns the quarters from a share to all of it, as ticks.
pub(in crate::report) fn quarters(from: f64) -> Vec<f64> {
    (0..=4).map(|n| from + (1.0 - from) * f64::from(n) / 4.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        Line { name: "recall".to_owned(), class: "one", points: points.to_vec() }
    }

    fn drawn(lines: &[Line]) -> Option<String> {
        let drawn = chart(&Chart {
            id: "c",
            title: "Recall <by> weight",
            description: "falls",
            x_label: "bits",
            mark: Some((3.0, "link")),
            y_ticks: &quarters(0.0),
            x_steps: &ROUND,
            show_x: &|x| x.to_string(),
            show_y: &|y| y.to_string(),
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
        let alone = Line { name: "alone".to_owned(), ..line(&[(0.5, 0.5)]) };
        let beside = drawn(&[alone, line(&[(0.0, 1.0), (8.0, 0.0)])]).unwrap();
        assert!(beside.contains("recall") && !beside.contains("alone"), "{beside}");
    }

    #[test]
    fn points_beyond_the_axis_stay_in_the_chart() {
        let svg = drawn(&[line(&[(0.0, f64::NAN), (1.0, f64::MAX), (2.0, -7.0)])]).unwrap();
        assert!(svg.contains("points=\"44,198 189,20 334,198\""), "{svg}");
    }

    #[test]
    fn ticks_are_few_and_round_and_their_labels_have_room() {
        let of = |steps: &'static [f64], span: f64, label: &'static str| {
            let chart = Chart {
                id: "c",
                title: "",
                description: "",
                x_label: "",
                mark: None,
                y_ticks: &[0.0, 1.0],
                x_steps: steps,
                show_x: &|_| label.to_owned(),
                show_y: &|y| y.to_string(),
                lines: &[],
            };
            ticks(&chart, (0.0, span), 290.0)
        };
        assert_eq!(of(&ROUND, 15.0, "1"), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]);
        assert_eq!(of(&MONTHS, 11.0, "Jun 26"), [0.0, 3.0, 6.0, 9.0]);
        assert_eq!(of(&ROUND, 1000.0, "1000").len(), 5, "beyond the steps there are four");
        assert!(of(&ROUND, 1e300, "1").iter().all(|tick| tick.is_finite()));
    }

    #[test]
    fn a_long_name_has_room() {
        let svg = drawn(&[Line { name: "won or back again".to_owned(), ..line(&[(0.0, 0.0), (1.0, 1.0)]) }])
            .unwrap();
        assert!(svg.contains("44,198 266.2,20"), "{svg}");
    }
}

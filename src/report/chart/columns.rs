//! Stacked columns around zero: what was added stands above, what was taken below, the difference is a mark.

use maud::{Markup, html};

use super::axis::Axis;
use super::{label_place, place};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 250.0;
/// Room for the axes' words: left, right, top, bottom.
const ROOM: [f64; 4] = [44.0, 84.0, 12.0, 26.0];
/// The share of its place that a column fills.
const FILLED: f64 = 0.72;
/// About the width of a character.
const CHARACTER: f64 = 7.4;

/// One of the things that columns are stacked of.
pub(in crate::report) struct Series {
    pub name: String,
    /// Of its look.
    pub class: &'static str,
}

/// One column, a part for each series.
pub(in crate::report) struct Column {
    pub label: String,
    pub parts: Vec<f64>,
}

pub(in crate::report) struct Chart<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    /// What is to be seen, in words.
    pub description: &'a str,
    pub series: &'a [Series],
    pub columns: &'a [Column],
    pub show: &'a dyn Fn(f64) -> String,
}

impl Column {
    fn part(&self, n: usize) -> f64 {
        self.parts.get(n).copied().filter(|part| part.is_finite()).unwrap_or(0.0)
    }

    /// Returns from where to where the part of each series reaches.
    fn stacked(&self, series: usize) -> Vec<(f64, f64)> {
        let (mut above, mut below) = (0.0, 0.0);
        let mut stack = |part: f64| {
            let edge = if part < 0.0 { &mut below } else { &mut above };
            let from: f64 = *edge;
            *edge += part;
            (from, *edge)
        };
        (0..series).map(|n| stack(self.part(n))).collect()
    }
}

/// Returns the chart; nothing where there is no column.
pub(in crate::report) fn chart(chart: &Chart) -> Option<Markup> {
    let stacks: Vec<Vec<(f64, f64)>> =
        chart.columns.iter().map(|column| column.stacked(chart.series.len())).collect();
    let last = stacks.last()?;
    let axis = Axis::around_zero(stacks.iter().flatten().flat_map(|(from, to)| [*from, *to]));
    let [left, right, top, bottom] = ROOM;
    let y = |value: f64| place(HEIGHT - bottom - axis.share(value) * (HEIGHT - top - bottom));
    let each = (WIDTH - left - right) / chart.columns.len() as f64;
    let x = |n: usize| place(left + each * (n as f64 + (1.0 - FILLED) / 2.0));
    let width = place(each * FILLED);
    let names = label_place::places(
        &last.iter().map(|(from, to)| Some((y(*from) + y(*to)) / 2.0)).collect::<Vec<_>>(),
        HEIGHT - bottom,
    );
    let every = labelled_every(chart.columns, each);
    let shown = |n: usize| (chart.columns.len() - 1 - n).is_multiple_of(every);
    Some(html! {
        figure {
            svg class="curve" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                aria-labelledby=(format!("{0}-title {0}-desc", chart.id)) {
                title id=(format!("{}-title", chart.id)) { (chart.title) }
                desc id=(format!("{}-desc", chart.id)) { (chart.description) }
                @for tick in axis.ticks() {
                    line class=(if tick == 0.0 { "zero" } else { "grid" })
                        x1=(left) x2=(WIDTH - right) y1=(y(tick)) y2=(y(tick)) {}
                    text x=(left - 6.0) y=(y(tick) + 4.0) text-anchor="end" { ((chart.show)(tick)) }
                }
                @for (n, (column, stack)) in chart.columns.iter().zip(&stacks).enumerate() {
                    @for (series, (from, to)) in chart.series.iter().zip(stack) {
                        @if from != to {
                            rect class=(format!("part {}", series.class)) x=(x(n)) width=(width)
                                y=(y(from.max(*to))) height=(place(y(from.min(*to)) - y(from.max(*to)))) {}
                        }
                    }
                    @let difference = (0..chart.series.len()).map(|series| column.part(series)).sum::<f64>();
                    line class="net" x1=(x(n) - 1.0) x2=(x(n) + width + 1.0) y1=(y(difference)) y2=(y(difference)) {}
                    @if shown(n) {
                        text x=(place(x(n) + width / 2.0)) y=(HEIGHT - 8.0) text-anchor="middle" { (column.label) }
                    }
                }
                @for (series, name) in chart.series.iter().zip(names) {
                    @if let Some(name) = name {
                        text class=(format!("name {}", series.class)) x=(WIDTH - right + 5.0) y=(place(name + 4.0)) {
                            (series.name)
                        }
                    }
                }
            }
        }
    })
}

/// Labels stand below every column, or below every second, third, … where they would cover each other.
fn labelled_every(columns: &[Column], each: f64) -> usize {
    let longest = columns.iter().map(|column| column.label.chars().count()).max().unwrap_or(0) as f64;
    (((longest + 1.0) * CHARACTER / each).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(columns: &[&[f64]]) -> Option<String> {
        let series =
            [("won", "won"), ("lost", "lost")].map(|(name, class)| Series { name: name.to_owned(), class });
        let column = |(n, parts): (usize, &&[f64])| Column { label: format!("m{n}"), parts: parts.to_vec() };
        let columns: Vec<Column> = columns.iter().enumerate().map(column).collect();
        let drawn = chart(&Chart {
            id: "c",
            title: "Won <and> lost",
            description: "by month",
            series: &series,
            columns: &columns,
            show: &|value| format!("{value:.0}"),
        });
        drawn.map(maud::PreEscaped::into_string)
    }

    fn number(tag: &str, name: &str) -> f64 {
        tag.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    }

    #[test]
    fn what_was_added_stands_above_zero_and_what_was_taken_below() {
        let svg = drawn(&[&[100.0, -50.0]]).unwrap();
        assert!(svg.contains("<title id=\"c-title\">Won &lt;and&gt; lost</title>"), "{svg}");
        let rects: Vec<&str> = svg.split("<rect ").skip(1).collect();
        assert_eq!(rects.len(), 2);
        // From −50 to 100 over 212 units: zero lies at 153.3.
        assert_eq!((number(rects[0], "y"), number(rects[0], "height")), (12.0, 141.3));
        assert_eq!((number(rects[1], "y"), number(rects[1], "height")), (153.3, 70.7));
        assert!(
            svg.contains("class=\"net\"") && svg.contains("y1=\"82.7\""),
            "the difference is at 50: {svg}"
        );
    }

    #[test]
    fn parts_of_one_sign_stand_on_each_other() {
        let column = Column { label: String::new(), parts: vec![10.0, 5.0, -3.0, -4.0, f64::NAN] };
        assert_eq!(column.stacked(5), [(0.0, 10.0), (10.0, 15.0), (0.0, -3.0), (-3.0, -7.0), (15.0, 15.0)]);
    }

    #[test]
    fn nothing_zero_huge_and_tiny_break_no_chart() {
        assert_eq!(drawn(&[]), None);
        for columns in [
            [&[0.0, 0.0][..], &[0.0, 0.0]],
            [&[f64::MAX, f64::MIN], &[1.0, -1.0]],
            [&[1e-320, 0.0], &[0.0, -1e-320]],
            [&[f64::NAN, f64::INFINITY], &[]],
        ] {
            let svg = drawn(&columns).unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("\"inf") && !svg.contains("-inf"), "{svg}");
            for rect in svg.split("<rect ").skip(1) {
                assert!(number(rect, "height") >= 0.0 && number(rect, "y") >= 0.0, "{rect}");
            }
        }
    }

    #[test]
    fn labels_are_thinned_until_they_fit() {
        let columns: Vec<Column> =
            (0..12).map(|_| Column { label: "Jun 26".to_owned(), parts: vec![] }).collect();
        assert_eq!(labelled_every(&columns, 22.6), 3);
        assert_eq!(labelled_every(&columns[..2], 140.0), 1);
    }
}

//! A waterfall: how one amount becomes another, a floating bar for each step, each in a table cell.

use maud::{Markup, html};

use super::axis::Axis;

/// The scale that all bars of a waterfall share.
pub(in crate::report) struct Waterfall(Axis);

impl Waterfall {
    /// Returns the scale on which all these levels lie, zero too.
    pub fn over(levels: impl IntoIterator<Item = f64>) -> Waterfall {
        Waterfall(Axis::of_bars(levels))
    }

    /// Returns the bar of a step from one level to the next.
    pub fn step(&self, from: f64, to: f64) -> Markup {
        self.bar(from, to, if to < from { "against" } else { "for" })
    }

    /// Returns the bar of what is left: from zero to a level.
    pub fn level(&self, at: f64) -> Markup {
        self.bar(0.0, at, if at < 0.0 { "level negative" } else { "level" })
    }

    fn bar(&self, from: f64, to: f64, class: &str) -> Markup {
        let (from, to) = (hundredth(self.0.share(from)), hundredth(self.0.share(to)));
        let zero = hundredth(self.0.share(0.0));
        let left = from.min(to);
        // A step that changes something is always visible.
        let width = hundredth((from.max(to) - left) / 100.0).max(0.6);
        html! {
            svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                rect class=(class) x=(left.min(99.4)) width=(width) height="10" {}
                @if zero > 0.0 { rect class="axis" x=(hundredth((zero - 0.2) / 100.0)) width="0.4" height="10" {} }
            }
        }
    }
}

/// A share as percent, to a hundredth.
fn hundredth(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(drawn: &Markup) -> String {
        drawn.clone().into_string().split("<rect ").nth(1).unwrap().split('>').next().unwrap().to_owned()
    }

    #[test]
    fn a_step_runs_from_one_level_to_the_next() {
        let waterfall = Waterfall::over([200.0, 150.0]);
        assert_eq!(rect(&waterfall.level(200.0)), "class=\"level\" x=\"0\" width=\"100\" height=\"10\"");
        assert_eq!(
            rect(&waterfall.step(200.0, 150.0)),
            "class=\"against\" x=\"75\" width=\"25\" height=\"10\""
        );
        assert_eq!(rect(&waterfall.step(150.0, 160.0)), "class=\"for\" x=\"75\" width=\"5\" height=\"10\"");
    }

    #[test]
    fn below_zero_the_axis_is_shown() {
        let waterfall = Waterfall::over([100.0, -100.0]);
        assert_eq!(
            rect(&waterfall.level(-50.0)),
            "class=\"level negative\" x=\"25\" width=\"25\" height=\"10\""
        );
        let drawn = waterfall.step(50.0, -50.0).into_string();
        assert!(
            drawn.contains("x=\"25\" width=\"50\"") && drawn.contains("class=\"axis\" x=\"49.8\""),
            "{drawn}"
        );
    }

    #[test]
    fn nothing_huge_tiny_or_undefined_leaves_the_cell() {
        for levels in [vec![], vec![0.0], vec![f64::MAX, f64::MIN], vec![1e-320], vec![f64::NAN, 1.0]] {
            let waterfall = Waterfall::over(levels.clone());
            for (from, to) in [(0.0, 0.0), (f64::MAX, f64::MIN), (f64::NAN, 1.0), (1e-320, -1.0)] {
                let drawn = rect(&waterfall.step(from, to));
                assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
                let number = |name: &str| -> f64 {
                    drawn
                        .split(&format!(" {name}=\""))
                        .nth(1)
                        .unwrap()
                        .split('"')
                        .next()
                        .unwrap()
                        .parse()
                        .unwrap()
                };
                assert!(number("x") >= 0.0 && number("x") + number("width") <= 100.01, "{drawn}");
            }
        }
    }
}

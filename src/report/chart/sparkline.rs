//! The course of a figure, as small as a word; the figures stand beside it.

use maud::{Markup, html};

use super::place;

const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 40.0;
/// Room for the last point's mark.
const ROOM: f64 = 4.0;

/// Returns the line through values in their order, gaps where one is missing, and where the target lies; nothing where
/// there is no value.
pub(in crate::report) fn sparkline(values: &[Option<f64>], target: Option<f64>) -> Option<Markup> {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite() && value.abs() < 1e150);
    let values: Vec<Option<f64>> = values.iter().map(|value| value.and_then(finite)).collect();
    let target = target.and_then(finite);
    let known = || values.iter().flatten().copied().chain(target);
    values.iter().flatten().next()?;
    let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let last = values.len().saturating_sub(1);
    let x = |n: usize| {
        // One value stands at the end, as every last one does.
        let share = if last == 0 { 1.0 } else { n as f64 / last as f64 };
        place(ROOM + share * (WIDTH - 2.0 * ROOM))
    };
    let y = |value: f64| {
        let share = if most > least { (value - least) / (most - least) } else { 0.5 };
        place(HEIGHT - ROOM - share * (HEIGHT - 2.0 * ROOM))
    };
    let runs = runs(&values);
    let end = values.iter().enumerate().rev().find_map(|(n, value)| Some((n, (*value)?)))?;
    Some(html! {
        svg class="spark" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) aria-hidden="true" focusable="false" {
            @if let Some(target) = target { line class="mark" x1="0" x2=(WIDTH) y1=(y(target)) y2=(y(target)) {} }
            @for run in &runs {
                polyline class="line one"
                    points=(run.iter().map(|(n, value)| format!("{},{}", x(*n), y(*value))).collect::<Vec<_>>().join(" ")) {}
            }
            circle class="end" cx=(x(end.0)) cy=(y(end.1)) r="3" {}
        }
    })
}

/// Stretches without a gap.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (n, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((n, *value)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| run.len() > 1);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[Option<f64>], target: Option<f64>) -> String {
        sparkline(values, target).unwrap().into_string()
    }

    #[test]
    fn a_line_runs_from_edge_to_edge_and_the_target_is_on_its_scale() {
        let svg = drawn(&[Some(0.0), Some(5.0), Some(10.0)], Some(5.0));
        assert!(svg.contains("points=\"4,36 80,20 156,4\""), "{svg}");
        assert!(svg.contains("y1=\"20\" y2=\"20\"") && svg.contains("cx=\"156\" cy=\"4\""), "{svg}");
    }

    #[test]
    fn a_gap_is_a_gap() {
        let svg = drawn(&[Some(1.0), Some(2.0), None, Some(3.0), Some(4.0), None], None);
        assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
        assert!(svg.contains("cx=\"125.6\""), "the last value that is known: {svg}");
    }

    #[test]
    fn one_value_is_a_point_and_none_is_nothing() {
        let one = drawn(&[Some(7.0)], None);
        assert!(!one.contains("polyline") && one.contains("cx=\"156\" cy=\"20\""), "{one}");
        assert!(sparkline(&[], Some(1.0)).is_none() && sparkline(&[None], None).is_none());
        assert!(sparkline(&[Some(f64::NAN)], None).is_none());
    }

    #[test]
    fn huge_tiny_and_equal_values_have_places() {
        for values in [[1e140, -1e140], [1e-320, 2e-320], [3.0, 3.0], [-4.0, 0.0]] {
            let svg = drawn(&values.map(Some), Some(f64::NAN));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}

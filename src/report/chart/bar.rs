//! A bar in a table cell: the table is the chart, so it wraps on a phone and a screen reader can read it.

use maud::{Markup, html};

/// From nothing at the left to all at the right; `share` is between 0 and 1.
pub(in crate::report) fn of_share(share: f64) -> Markup {
    from_left(share, "for")
}

/// The same of what is lost.
pub(in crate::report) fn of_loss(share: f64) -> Markup {
    from_left(share, "against")
}

fn from_left(share: f64, class: &str) -> Markup {
    let share = if share.is_nan() { 0.0 } else { share };
    let width = (share.clamp(0.0, 1.0) * 100.0 * 100.0).round() / 100.0;
    html! {
        svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect class="rail" width="100" height="10" {}
            // A share above zero is always visible.
            rect class=(class) width=(if share > 0.0 { width.max(0.6) } else { 0.0 }) height="10" {}
        }
    }
}

/// Left of the middle what is negative or contradicts, right of it what is positive or speaks for; `most` reaches the
/// edge.
pub(in crate::report) fn around_zero(value: f64, most: f64) -> Markup {
    let value = if value.is_nan() { 0.0 } else { value };
    let reach = if most > 0.0 { (value.abs() / most).min(1.0) * 50.0 } else { 0.0 };
    let reach = if reach.is_nan() { 50.0 } else { (reach * 100.0).round() / 100.0 };
    html! {
        svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect class="rail" width="100" height="10" {}
            @if value < 0.0 {
                rect class="against" x=(50.0 - reach) width=(reach) height="10" {}
            } @else {
                rect class="for" x="50" width=(reach) height="10" {}
            }
            rect class="axis" x="49.8" width="0.4" height="10" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_end_where_their_value_is() {
        assert!(of_share(0.25).into_string().contains("class=\"for\" width=\"25\""));
        assert!(of_loss(0.25).into_string().contains("class=\"against\" width=\"25\""));
        assert!(of_share(0.0).into_string().contains("class=\"for\" width=\"0\""));
        assert!(of_share(7.0).into_string().contains("class=\"for\" width=\"100\""));
        assert!(around_zero(-5.0, 10.0).into_string().contains("class=\"against\" x=\"25\" width=\"25\""));
        assert!(around_zero(5.0, 10.0).into_string().contains("class=\"for\" x=\"50\" width=\"25\""));
        assert!(around_zero(0.0, 0.0).into_string().contains("width=\"0\""));
    }

    #[test]
    fn what_is_no_number_has_no_bar() {
        assert!(of_share(f64::NAN).into_string().contains("class=\"for\" width=\"0\""));
        for (value, most) in [(f64::NAN, 1.0), (f64::MAX, f64::MAX), (f64::INFINITY, f64::INFINITY)] {
            let drawn = around_zero(value, most).into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}

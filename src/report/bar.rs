//! A bar in a table cell: the table is the chart, so it wraps on a phone and a screen reader can read it.

use maud::{Markup, html};

/// From nothing at the left to all at the right; `share` is between 0 and 1.
pub(super) fn of_share(share: f64) -> Markup {
    let width = (share.clamp(0.0, 1.0) * 100.0 * 100.0).round() / 100.0;
    html! {
        svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect class="rail" width="100" height="10" {}
            // A share above zero is always visible.
            rect class="for" width=(if share > 0.0 { width.max(0.6) } else { 0.0 }) height="10" {}
        }
    }
}

/// Left of the middle what contradicts, right of it what speaks for; `most` reaches the edge.
pub(super) fn around_zero(value: f64, most: f64) -> Markup {
    let reach = if most > 0.0 { (value.abs() / most).min(1.0) * 50.0 } else { 0.0 };
    let reach = (reach * 100.0).round() / 100.0;
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
        assert!(of_share(0.0).into_string().contains("class=\"for\" width=\"0\""));
        assert!(of_share(7.0).into_string().contains("class=\"for\" width=\"100\""));
        assert!(around_zero(-5.0, 10.0).into_string().contains("class=\"against\" x=\"25\" width=\"25\""));
        assert!(around_zero(5.0, 10.0).into_string().contains("class=\"for\" x=\"50\" width=\"25\""));
        assert!(around_zero(0.0, 0.0).into_string().contains("width=\"0\""));
    }
}

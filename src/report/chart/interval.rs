//! A promise and what came of it, in a table cell: the band, the promise as a line, what came as a mark.

use maud::{Markup, html};

use super::axis::Axis;

/// The scale that the promises of a table share.
pub(in crate::report) struct Promises(Axis);

/// A promise, the band it lies in, and what came.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Promise {
    pub low: f64,
    pub high: f64,
    pub expected: f64,
    /// Nothing before the horizon is over.
    pub came: Option<f64>,
}

impl Promise {
    /// Returns whether what came lies in the band; yes before anything came.
    pub fn is_kept(&self) -> bool {
        self.came.is_none_or(|came| (self.low..=self.high).contains(&came))
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        [Some(self.low), Some(self.high), Some(self.expected), self.came].into_iter().flatten()
    }
}

impl Promises {
    /// Returns the scale on which these promises lie.
    pub fn over<'p>(promises: impl IntoIterator<Item = &'p Promise>) -> Promises {
        Promises(Axis::of_bars(promises.into_iter().flat_map(|promise| promise.values().collect::<Vec<_>>())))
    }

    /// Returns a promise on that scale.
    pub fn drawn(&self, promise: &Promise) -> Markup {
        let at = |value: f64| (self.0.share(value) * 10_000.0).round() / 100.0;
        let (low, high) = (at(promise.low.min(promise.high)), at(promise.high.max(promise.low)));
        let line = |value: f64, width: f64| (at(value) - width / 2.0).clamp(0.0, 100.0 - width);
        html! {
            svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                rect class="rail" y="4.5" width="100" height="1" {}
                rect class="band" x=(low) y="1" width=((high - low).max(0.4)) height="8" {}
                rect class="promised" x=(line(promise.expected, 0.5)) width="0.5" height="10" {}
                @if let Some(came) = promise.came {
                    rect class=(if promise.is_kept() { "for" } else { "against" })
                        x=(line(came, 2.0)) y="2" width="2" height="6" {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(low: f64, expected: f64, high: f64, came: Option<f64>) -> Promise {
        Promise { low, high, expected, came }
    }

    #[test]
    fn band_promise_and_what_came_stand_on_one_scale() {
        let promises = [promise(50.0, 75.0, 100.0, Some(60.0)), promise(0.0, 10.0, 20.0, Some(30.0))];
        let scale = Promises::over(&promises);
        let drawn = scale.drawn(&promises[0]).into_string();
        assert!(drawn.contains("class=\"band\" x=\"50\" y=\"1\" width=\"50\""), "{drawn}");
        assert!(drawn.contains("class=\"promised\" x=\"74.75\""), "{drawn}");
        assert!(drawn.contains("class=\"for\" x=\"59\""), "{drawn}");
        let missed = scale.drawn(&promises[1]).into_string();
        assert!(missed.contains("class=\"against\" x=\"29\""), "{missed}");
    }

    #[test]
    fn what_is_still_to_come_has_no_mark_and_breaks_nothing() {
        let open = promise(1.0, 2.0, 3.0, None);
        assert!(open.is_kept());
        let drawn = Promises::over([&open]).drawn(&open).into_string();
        assert!(!drawn.contains("class=\"for\"") && !drawn.contains("class=\"against\""), "{drawn}");
        for odd in [promise(0.0, 0.0, 0.0, Some(0.0)), promise(f64::MIN, f64::NAN, f64::MAX, Some(-1e-320))] {
            let drawn = Promises::over([&odd]).drawn(&odd).into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}

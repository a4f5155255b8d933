//! An axis: round numbers that span what is shown, zero among them.

/// Beyond it a number is shown at the edge: differences of larger ones are not finite.
const LARGEST: f64 = 1e300;
/// Below it a number is shown as zero: what is a part of a smaller one is none.
const SMALLEST: f64 = 1e-300;
/// About so many steps.
const STEPS: f64 = 5.0;

/// A linear axis between two round numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Axis {
    pub least: f64,
    pub most: f64,
    step: f64,
}

impl Axis {
    /// Returns the axis that spans zero and these numbers, from one round number to another; from 0 to 1 where all of
    /// them are zero or there is none.
    pub fn around_zero(values: impl IntoIterator<Item = f64>) -> Axis {
        let (least, most) = spanned(values);
        if least == 0.0 && most == 0.0 {
            return Axis { least: 0.0, most: 1.0, step: 0.5 };
        }
        let step = round_step((most - least) / STEPS);
        Axis { least: (least / step).floor() * step, most: (most / step).ceil() * step, step }
    }

    /// Returns the axis that spans zero and these numbers and ends with them: of bars that need no ticks.
    pub fn of_bars(values: impl IntoIterator<Item = f64>) -> Axis {
        let (least, most) = spanned(values);
        if least == 0.0 && most == 0.0 {
            return Axis { least: 0.0, most: 1.0, step: 1.0 };
        }
        Axis { least, most, step: most - least }
    }

    /// Returns where a number lies, from 0 at the least to 1 at the most.
    pub fn share(&self, value: f64) -> f64 {
        ((bounded(value) - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    /// Returns the round numbers from the least to the most.
    pub fn ticks(&self) -> Vec<f64> {
        let (first, last) = ((self.least / self.step).round() as i64, (self.most / self.step).round() as i64);
        (first..=last).map(|n| n as f64 * self.step).collect()
    }
}

fn spanned(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let values = values.into_iter().filter(|value| value.is_finite()).map(bounded);
    values.fold((0.0, 0.0), |(least, most), value| (value.min(least), value.max(most)))
}

fn bounded(value: f64) -> f64 {
    let is_nothing = value.is_nan() || value.abs() < SMALLEST;
    if is_nothing { 0.0 } else { value.clamp(-LARGEST / STEPS, LARGEST / STEPS) }
}

/// Returns the least of 1, 2, 2.5, 5, 10, 20, … that is not below a number.
fn round_step(least: f64) -> f64 {
    let size = 10_f64.powi(least.log10().floor() as i32);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|digit| digit * size >= least * (1.0 - 1e-9));
    step.unwrap_or(10.0) * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_runs_between_round_numbers_around_zero() {
        let axis = Axis::around_zero([3.0, 870.0]);
        assert_eq!((axis.least, axis.most), (0.0, 1000.0));
        assert_eq!(axis.ticks(), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
        assert_eq!(Axis::around_zero([-3.0, 12.0]).ticks(), [-5.0, 0.0, 5.0, 10.0, 15.0]);
        assert_eq!((axis.share(0.0), axis.share(250.0), axis.share(1000.0)), (0.0, 0.25, 1.0));
    }

    #[test]
    fn of_nothing_or_only_zero_an_axis_is_left() {
        for values in [vec![], vec![0.0], vec![f64::NAN, f64::INFINITY]] {
            let axis = Axis::around_zero(values.clone());
            assert_eq!((axis.least, axis.most), (0.0, 1.0));
            assert_eq!(Axis::of_bars(values).share(0.0), 0.0);
        }
    }

    #[test]
    fn huge_and_tiny_numbers_have_places() {
        for values in [
            vec![f64::MAX, f64::MIN],
            vec![1e-300, 3e-300],
            vec![-1e-320],
            vec![1e15, -1.0],
            vec![f64::MIN_POSITIVE],
        ] {
            for axis in [Axis::around_zero(values.clone()), Axis::of_bars(values.clone())] {
                for value in values.iter().copied().chain([0.0, f64::NAN, f64::INFINITY]) {
                    assert!((0.0..=1.0).contains(&axis.share(value)), "{axis:?} {value}");
                }
                let ticks = axis.ticks();
                assert!(!ticks.is_empty() && ticks.len() < 12, "{axis:?} {ticks:?}");
                assert!(ticks.iter().all(|tick| tick.is_finite()), "{ticks:?}");
            }
        }
    }
}

//! The trend of a series: the median of the slopes between all pairs of its points (Theil 1950, Sen 1968), which one
//! month out of the ordinary does not turn.

/// Fewer points have no trend.
const FEWEST: usize = 3;
/// Nor do points of a shorter time, in months: a few nights say nothing of a month.
const SHORTEST: f64 = 0.9;

/// Returns the change per unit of x; none of fewer than three points or less than 28 days. `x` is in months, ascending.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < FEWEST || last.0 - first.0 < SHORTEST {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (n, (x, y)) in points.iter().enumerate() {
        slopes.extend(points[n + 1..].iter().map(|(later, then)| (then - y) / (later - x)));
    }
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    Some(if slopes.len() % 2 == 0 { (slopes[middle - 1] + slopes[middle]) / 2.0 } else { slopes[middle] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_one_odd_month_does_not_turn_it() {
        let line: Vec<(f64, f64)> = (0..12).map(|n| (f64::from(n), 3.0 * f64::from(n) + 1.0)).collect();
        assert_eq!(slope(&line), Some(3.0));
        let mut odd = line;
        odd[7].1 += 1000.0;
        assert_eq!(slope(&odd), Some(3.0));
    }

    #[test]
    fn it_is_that_of_scipy() {
        // scipy.stats.theilslopes([4, 1, 7, 3, 9, 2.5], [0, 1, 2.5, 4, 5, 7.5]).slope
        let points = [(0.0, 4.0), (1.0, 1.0), (2.5, 7.0), (4.0, 3.0), (5.0, 9.0), (7.5, 2.5)];
        assert!((slope(&points).unwrap() - 0.230_769_230_769_230_77).abs() < 1e-12, "{:?}", slope(&points));
    }

    #[test]
    fn too_little_has_no_trend() {
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[(0.0, 1.0), (5.0, 2.0)]), None);
        assert_eq!(slope(&[(0.0, 1.0), (0.1, 2.0), (0.2, 3.0)]), None);
    }
}

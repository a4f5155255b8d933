//! Where names stand beside the marks that they name: as near as can be, and never on each other.

/// Between the middles of two names.
const APART: f64 = 13.0;

/// Returns the place of each name: at its mark, moved down where another stands there, and up where it would leave the
/// chart.
pub(super) fn places(marks: &[Option<f64>], bottom: f64) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        marks.iter().enumerate().filter_map(|(n, mark)| mark.map(|mark| (n, mark))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let mut least = f64::NEG_INFINITY;
    for (_, place) in &mut order {
        *place = place.max(least);
        least = *place + APART;
    }
    let mut most = bottom;
    for (_, place) in order.iter_mut().rev() {
        *place = place.min(most);
        most = *place - APART;
    }
    let mut places = vec![None; marks.len()];
    for (n, place) in order {
        places[n] = Some(super::place(place));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_cover_each_other() {
        assert_eq!(places(&[Some(50.0), Some(49.0), None], 200.0), [Some(62.0), Some(49.0), None]);
        assert_eq!(places(&[Some(10.0), Some(90.0)], 200.0), [Some(10.0), Some(90.0)]);
    }

    #[test]
    fn at_the_bottom_names_go_up() {
        assert_eq!(
            places(&[Some(100.0), Some(100.0), Some(99.0)], 100.0),
            [Some(87.0), Some(100.0), Some(74.0)]
        );
    }
}

//! Where a segment lies among all customers who were segmented: the shares of them below and above its median.
//!
//! A claim such as "in the top fifth" is made of the median: half of the segment has this value or less. It is
//! true when at least four fifths of all customers have less. Values that many share (a web share of 0) are
//! neither below nor above each other, so that a claim is never true by the luck of a tie.

use std::fmt;

use ndarray::ArrayView1;

/// The shares of the customers whose value is known that lie below and above a segment's median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    pub below: f64,
    pub above: f64,
}

/// What can be said of a position, from low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nobody has less, and many have more.
    Lowest,
    BottomFifth,
    LowerTwoFifths,
    UpperTwoFifths,
    TopFifth,
    /// Nobody has more, and many have less.
    Highest,
}

/// The strongest first.
const PLACES: [Place; 6] = [
    Place::TopFifth,
    Place::BottomFifth,
    Place::Highest,
    Place::Lowest,
    Place::UpperTwoFifths,
    Place::LowerTwoFifths,
];

impl Position {
    /// The share below, those of the same value counted half: 0 to 1, .5 in the middle.
    pub fn rank(self) -> f64 {
        (self.below + 1.0 - self.above) / 2.0
    }

    /// How far from the middle: what is furthest tells most.
    pub fn distance(self) -> f64 {
        (self.rank() - 0.5).abs()
    }

    /// Whether a claim is true of it, by at least so many customers more than it needs.
    pub fn is(self, place: Place, margin: f64) -> bool {
        let at_least = |share: f64, needed: f64| share >= needed + margin;
        match place {
            Place::TopFifth => at_least(self.below, 0.8),
            Place::UpperTwoFifths => at_least(self.below, 0.6),
            Place::Highest => self.above == 0.0 && at_least(self.below, 0.4),
            Place::BottomFifth => at_least(self.above, 0.8),
            Place::LowerTwoFifths => at_least(self.above, 0.6),
            Place::Lowest => self.below == 0.0 && at_least(self.above, 0.4),
        }
    }

    /// The strongest claim that is true of it by the margin; `None` near the middle.
    pub fn place(self, margin: f64) -> Option<Place> {
        PLACES.into_iter().find(|place| self.is(*place, margin))
    }
}

impl Place {
    pub fn is_high(self) -> bool {
        self >= Place::UpperTwoFifths
    }

    /// Whether it is further out than merely among two fifths.
    pub fn is_outer(self) -> bool {
        !matches!(self, Place::LowerTwoFifths | Place::UpperTwoFifths)
    }

    /// Its number in `ops.models`, from 0 for the lowest to 5 for the highest.
    pub fn number(self) -> f64 {
        f64::from(self as u8)
    }

    pub fn of_number(number: f64) -> Option<Place> {
        PLACES.into_iter().find(|place| place.number() == number)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Lowest => "at the lowest",
            Place::BottomFifth => "in the bottom fifth",
            Place::LowerTwoFifths => "in the lower two fifths",
            Place::UpperTwoFifths => "in the upper two fifths",
            Place::TopFifth => "in the top fifth",
            Place::Highest => "at the highest",
        })
    }
}

/// The position of each of `segments` by one column, NaN being unknown; `None` for a segment of which less than
/// half is known.
pub fn positions(values: ArrayView1<f64>, labels: &[usize], segments: usize) -> Vec<Option<Position>> {
    let mut all: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    all.sort_unstable_by(f64::total_cmp);
    let mut members = vec![(0usize, Vec::new()); segments];
    for (value, &label) in values.iter().zip(labels) {
        let (size, known) = &mut members[label];
        *size += 1;
        known.extend(Some(*value).filter(|value| !value.is_nan()));
    }
    members
        .into_iter()
        .map(|(size, mut known)| {
            if known.is_empty() || known.len() * 2 < size {
                return None;
            }
            // The lower of two middle ones: a value that somebody has.
            let middle = (known.len() - 1) / 2;
            let median = *known.select_nth_unstable_by(middle, f64::total_cmp).1;
            let below = all.partition_point(|value| *value < median);
            let above = all.len() - all.partition_point(|value| *value <= median);
            let share = |count: usize| count as f64 / all.len() as f64;
            Some(Position { below: share(below), above: share(above) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::*;

    #[test]
    fn a_position_is_that_of_the_median_among_all() {
        // A hundred customers of 0 to 99; the last twenty are a segment of their own.
        let values = Array1::from_iter((0..100).map(f64::from));
        let labels: Vec<usize> = (0..100).map(|n| usize::from(n >= 80)).collect();
        let found = positions(values.view(), &labels, 2);
        assert_eq!(found[1], Some(Position { below: 0.89, above: 0.1 }));
        assert_eq!(found[1].unwrap().place(0.05), Some(Place::TopFifth));
        // The median of the other eighty is 39, of which nothing is to be said.
        assert_eq!(found[0].unwrap().place(0.0), Some(Place::LowerTwoFifths));
        assert_eq!(found[0].unwrap().place(0.05), None);
    }

    #[test]
    fn customers_of_the_same_value_are_not_below_each_other() {
        // Half buy nothing on the web: that is the lowest there is, and not the bottom fifth.
        let values = Array1::from_iter((0..100).map(|n| if n < 50 { 0.0 } else { f64::from(n) / 100.0 }));
        let labels: Vec<usize> = (0..100).map(|n| usize::from(n >= 50)).collect();
        let found = positions(values.view(), &labels, 2);
        assert_eq!(found[0], Some(Position { below: 0.0, above: 0.5 }));
        assert_eq!(found[0].unwrap().place(0.05), Some(Place::Lowest));
        // Where nearly all do, it says nothing.
        let nearly_all = Position { below: 0.0, above: 0.1 };
        assert_eq!(nearly_all.place(0.0), None);
        assert_eq!(nearly_all.rank(), 0.45);
    }

    #[test]
    fn of_whom_little_is_known_nothing_is_said() {
        let values = Array1::from_vec(vec![1.0, f64::NAN, f64::NAN, 4.0]);
        assert_eq!(
            positions(values.view(), &[0, 0, 0, 1], 3),
            [None, Some(Position { below: 0.5, above: 0.0 }), None]
        );
    }
}

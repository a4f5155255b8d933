//! The parts that a date or time format can have.

/// A part of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Year,
    YearOfCentury,
    Month,
    Day,
    DayOfYear,
    IsoYear,
    IsoWeek,
    /// Monday is 1, Sunday 7; in the other count Sunday is 0.
    WeekdayFromMonday,
    WeekdayFromSunday,
    Hour,
    Hour12,
    Minute,
    Second,
    MonthName,
    WeekdayName,
    HalfOfDay,
    /// As many digits as there are.
    Fraction,
    /// So many digits.
    FractionOf(u8),
    /// With its point, or nothing.
    PointAndFraction,
    Offset,
    Abbreviation,
    /// Spaces in place of leading zeros.
    Padding,
    /// One space or more, of any kind.
    Space,
    Literal(u8),
}

impl Field {
    /// Returns the most digits of a number, and whether it always has them all.
    pub(super) fn digits(self) -> Option<(u8, bool)> {
        use Field::*;
        match self {
            Year | IsoYear => Some((4, true)),
            YearOfCentury => Some((2, true)),
            WeekdayFromMonday | WeekdayFromSunday => Some((1, true)),
            Month | Day | IsoWeek | Hour | Hour12 | Minute | Second => Some((2, false)),
            DayOfYear => Some((3, false)),
            MonthName | WeekdayName | HalfOfDay | Fraction | FractionOf(_) | PointAndFraction | Offset
            | Abbreviation | Padding | Space | Literal(_) => None,
        }
    }

    /// Returns whether it begins with a digit.
    pub(super) fn begins_with_a_digit(self) -> bool {
        match self {
            Field::Fraction | Field::FractionOf(_) => true,
            Field::Literal(byte) => byte.is_ascii_digit(),
            other => other.digits().is_some(),
        }
    }
}

//! Why a value does not fit its column: a small code on the hot path. `fault_reason` has the text.

/// Why a value was refused. It never carries the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The text does not read as the declared type.
    Shape,
    /// A number beyond the declared type's range.
    Range,
    /// More decimal places than declared; rounding money silently would be worse.
    Places,
    /// A date or time of day that does not exist.
    Calendar,
    /// A local time skipped when the clocks went forward.
    Gap,
    /// No value where one is required.
    Missing,
    /// A number with a fraction where whole numbers are declared.
    Fraction,
    /// A floating-point number too large to be an exact integer.
    Inexact,
    /// A number with an exponent: spreadsheets write long ones so, and their last digits are lost.
    Exponent,
    /// The abbreviation of a zone, which is mostly ambiguous.
    Abbreviation,
}

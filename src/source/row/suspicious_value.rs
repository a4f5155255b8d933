//! Values that are accepted but doubtful, which the run warns about once per column and file.
//!
//! `2,97461E+12` was a card number: a spreadsheet shortened it, and three cards may now be one. `12.0` is the
//! customer 12 after a data frame, and joins no other record. A backslash in a source whose null is `\N` may
//! be an escape that was not resolved.

use super::tally::Tally;

/// Returns whether a text is a number as spreadsheets shorten it: one digit, a fraction, an exponent.
#[inline(always)]
pub(super) fn looks_shortened(text: &[u8]) -> bool {
    may_be_shortened(text) && is_shortened(text)
}

/// Returns whether a text is worth a second look: nearly every other one has another second byte.
#[inline(always)]
pub(super) fn may_be_shortened(text: &[u8]) -> bool {
    // A full stop or a comma; an `E` or an `e`.
    text.len() > 2 && ((text[1] | 0x02 == b'.') | (text[1] | 0x20 == b'e')) & text[0].is_ascii_digit()
}

#[cold]
fn is_shortened(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|b| matches!(b, b'E' | b'e')) else { return false };
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let mantissa = match &text[1..at] {
        [] => true,
        [b'.' | b',', fraction @ ..] => digits(fraction),
        _ => false,
    };
    let exponent = match (text[at], &text[at + 1..]) {
        (_, [b'+', exponent @ ..]) => exponent,
        // `7e12` may well be an identifier; no spreadsheet writes it.
        (b'E', exponent) => exponent,
        _ => return false,
    };
    mantissa && digits(exponent)
}

/// Returns whether a number is whole and written as no integer is: with a fraction of zeros, or an exponent.
pub(super) fn is_whole_in_other_digits(number: &[u8]) -> bool {
    let (mantissa, exponent) = match number.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&number[..at], std::str::from_utf8(&number[at + 1..]).ok().and_then(|e| e.parse().ok())),
        None => (number, None::<i64>),
    };
    let fraction = mantissa.iter().position(|byte| *byte == b'.').map(|at| &mantissa[at + 1..]);
    if fraction.is_none() && exponent.is_none() {
        return false;
    }
    let places =
        fraction.unwrap_or_default().iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    places as i64 <= exponent.unwrap_or(0)
}

/// Why a text is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    Shortened,
    /// A whole number that no integer is written as.
    OtherDigits,
    Backslash,
}

impl Doubt {
    /// Returns the warning about doubtful values of a column.
    pub fn text(self, column: &str, Tally { count, first_line: first }: Tally) -> String {
        let (values, look, hold, are) = match count {
            1 => ("1 value".to_owned(), "looks", "holds a backslash", "is a whole number"),
            _ => (format!("{count} values"), "look", "hold backslashes", "are whole numbers"),
        };
        match self {
            Doubt::Shortened => format!(
                "{values} of `{column}` {look} like a number shortened by a spreadsheet, the first in \
                 line {first}: different numbers may have become equal"
            ),
            Doubt::OtherDigits => format!(
                "{values} of the text column `{column}` {are} not written as an integer, the first in line {first}: \
                 12.0 does not join 12; declare the column as integer, or export it as text"
            ),
            Doubt::Backslash => format!(
                "{values} of `{column}` {hold}, the first in line {first}: an export that writes \\N for \
                 null usually uses escapes; escape = \"\\\\\" reads them"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_number_is_reported_from_other_codes() {
        for text in ["2,97461E+12", "2.97461E+12", "1E5", "1E+05", "9.99e+15", "1,2E3"] {
            assert!(looks_shortened(text.as_bytes()), "{text}");
        }
        for text in
            ["", "1", "12E5", "7e12", "1E", "1E+", "E5", "1.E5", "1,2,3E4", "1E5A", "A1E5", "1E-5", "2.5"]
        {
            assert!(!looks_shortened(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_otherwise() {
        for whole in ["12.0", "12.00", "1e3", "1.5e1", "-7.0", "1E+2", "0.0"] {
            assert!(is_whole_in_other_digits(whole.as_bytes()), "{whole}");
        }
        for other in ["12", "-7", "12.5", "1.55e1", "1e-2", "0"] {
            assert!(!is_whole_in_other_digits(other.as_bytes()), "{other}");
        }
    }
}

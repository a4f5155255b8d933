//! Texts that stand and are doubtful: somebody must be told, once a column and file.
//!
//! `2,97461E+12` was once a card's number: a spreadsheet has shortened it, and three cards may have become
//! one. A backslash in a source whose word for null is `\N` may be an escape that was not resolved.

/// Whether a text is a number as spreadsheets shorten it: one digit, a fraction, an exponent.
#[inline(always)]
pub fn looks_shortened(text: &[u8]) -> bool {
    may_be_shortened(text) && is_shortened(text)
}

/// Whether a text is worth a second look: nearly every other one has another second byte.
#[inline(always)]
pub fn may_be_shortened(text: &[u8]) -> bool {
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

/// Why a text is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    Shortened,
    Backslash,
}

/// How many texts of one column are doubtful for one reason.
#[derive(Debug, Clone, Copy)]
pub struct Doubtful {
    pub count: u64,
    pub first_line: i64,
}

impl Doubtful {
    /// What the run says of them.
    pub fn remark(self, doubt: Doubt, column: &str) -> String {
        let (count, first) = (self.count, self.first_line);
        let (values, look, hold) = match count {
            1 => ("1 value".to_owned(), "looks", "holds a backslash"),
            _ => (format!("{count} values"), "look", "hold backslashes"),
        };
        match doubt {
            Doubt::Shortened => format!(
                "{values} of `{column}` {look} like a number that a spreadsheet has shortened, the first in line \
                 {first}: different ones may have become the same"
            ),
            Doubt::Backslash => format!(
                "{values} of `{column}` {hold}, the first in line {first}: an export that writes \\N for null mostly \
                 escapes; escape = \"\\\\\" resolves it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_number_is_told_from_other_codes() {
        for text in ["2,97461E+12", "2.97461E+12", "1E5", "1E+05", "9.99e+15", "1,2E3"] {
            assert!(looks_shortened(text.as_bytes()), "{text}");
        }
        for text in
            ["", "1", "12E5", "7e12", "1E", "1E+", "E5", "1.E5", "1,2,3E4", "1E5A", "A1E5", "1E-5", "2.5"]
        {
            assert!(!looks_shortened(text.as_bytes()), "{text}");
        }
    }
}

//! Texts that a spreadsheet has made of long numbers: `2,97461E+12` was once a card's number.
//!
//! As text such a value stands, but three cards may have become one, so that somebody must be told.

/// Whether a text is a number as spreadsheets shorten it: one digit, a fraction, an exponent.
#[inline(always)]
pub fn looks_shortened(text: &[u8]) -> bool {
    // Nearly every other text differs in its second byte.
    matches!(text, [b'0'..=b'9', b'.' | b',' | b'E' | b'e', _, ..]) && is_shortened(text)
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

/// The shortened values of one column of a file.
#[derive(Debug, Default, Clone, Copy)]
pub struct Shortened {
    count: u64,
    first_line: i64,
}

impl Shortened {
    pub fn add(&mut self, line: i64) {
        if self.count == 0 {
            self.first_line = line;
        }
        self.count += 1;
    }

    /// What the run says of them.
    pub fn remark(self, column: &str) -> Option<String> {
        let values = if self.count == 1 { "1 value" } else { &format!("{} values", self.count) };
        let look = if self.count == 1 { "looks" } else { "look" };
        (self.count > 0).then(|| {
            format!(
                "{values} of `{column}` {look} like a number that a spreadsheet has shortened, the first in line {}: \
                 different ones may have become the same",
                self.first_line
            )
        })
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

//! Postcodes.

use crate::placeholder_value::{is_exponent, is_one_character};

/// Returns the postcode without spaces and country prefix: `SW1A 1AA` is `sw1a1aa`, `F-75001` is `75001`.
///
/// In France a leading zero that a spreadsheet swallowed is put back. One digit repeated (`00000`,
/// `99999`) says nothing.
pub fn standard_postcode(text: &str, country: &str) -> Option<String> {
    // 75001.0 has been a number somewhere.
    let text = text.trim();
    let text = text.strip_suffix(".0").unwrap_or(text);
    let code: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let digits = code.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let code = match digits.bytes().all(|b| b.is_ascii_digit())
        && digits.len() >= 4
        && code.len() - digits.len() <= 2
    {
        true => digits,
        false => &code,
    };
    if code.len() < 3 || is_one_character(code) || is_exponent(text) {
        return None;
    }
    let france = country.trim().eq_ignore_ascii_case("fr");
    Some(if france && code.len() == 4 && code.bytes().all(|b| b.is_ascii_digit()) {
        format!("0{code}")
    } else {
        code.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_a_postcode() {
        for spelling in ["75001", "F-75001", " 75 001 ", "75001.0", "FR75001"] {
            assert_eq!(standard_postcode(spelling, "FR").as_deref(), Some("75001"), "{spelling}");
        }
        assert_eq!(standard_postcode("SW1A 1AA", "GB").as_deref(), Some("sw1a1aa"));
    }

    #[test]
    fn a_lost_zero_comes_back_in_france_only() {
        assert_eq!(standard_postcode("1000", "FR").as_deref(), Some("01000"));
        assert_eq!(standard_postcode("1000", "BE").as_deref(), Some("1000"));
    }

    #[test]
    fn a_placeholder_is_nothing() {
        for text in ["", "00000", "99999", "-", "x", "7,5001E+04"] {
            assert_eq!(standard_postcode(text, "FR"), None, "{text}");
        }
    }
}

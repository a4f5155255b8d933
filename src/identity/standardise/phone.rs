//! Telephone numbers: E.164 by the rules of each country (the metadata of Google's libphonenumber).

use rlibphonenumber::enums::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

/// The number in E.164 (`+33612345678`), read as one dials it in `country` (two letters) unless it
/// begins with an international prefix.
///
/// A number need not be in use, only of a possible length: one wrong digit still leaves eight right
/// ones. One of another length keeps its digits; one of fewer than seven digits, or of one digit
/// repeated, says nothing.
pub fn standard_phone(text: &str, country: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let other = |digit: char| !digits.trim_start_matches('0').trim_start_matches(digit).is_empty();
    let first = digits.trim_start_matches('0').chars().next()?;
    if digits.len() < 7 || !other(first) {
        return None;
    }
    let country = country.trim().to_ascii_uppercase();
    let parsed = PHONE_NUMBER_UTIL.parse(text.trim(), Region::from_code(&country).ok());
    match parsed {
        Ok(number) if number.is_possible_with_reason().is_ok() => {
            Some(number.format_as(PhoneNumberFormat::E164).into_owned())
        }
        _ => Some(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_in_many_hands() {
        for spelling in [
            "0612345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "+33612345678",
            "0033 612345678",
            "+33 (0)6 12 34 56 78",
        ] {
            assert_eq!(standard_phone(spelling, "FR").as_deref(), Some("+33612345678"), "{spelling}");
        }
        assert_eq!(standard_phone("020 7183 8750", "gb").as_deref(), Some("+442071838750"));
    }

    #[test]
    fn a_number_of_no_network_is_still_one_number() {
        for spelling in ["0692 78 52 35", "0033692785235", "+33 692 785 235"] {
            assert_eq!(standard_phone(spelling, "FR").as_deref(), Some("+33692785235"), "{spelling}");
        }
    }

    #[test]
    fn an_impossible_number_keeps_its_digits() {
        assert_eq!(standard_phone("06 12 34 56", "FR").as_deref(), Some("06123456"));
        assert_eq!(standard_phone("0612345678", "").as_deref(), Some("0612345678"));
    }

    #[test]
    fn what_is_no_number_is_nothing() {
        for text in ["", "12", "0000000000", "06 66 66 66 66", "99 99 99 99 99", "néant"] {
            assert_eq!(standard_phone(text, "FR"), None, "{text}");
        }
    }
}

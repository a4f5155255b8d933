//! The numbers under which companies are registered.

use crate::placeholder_value::PlaceholderValues;

/// Returns the number of the company: `732 829 320 00074`, `FR44732829320` and `732829320` are `732829320`.
///
/// In France it is the SIREN: of a SIRET the first nine digits, of a VAT number the last nine. One whose
/// check digit is wrong (Luhn, ISO/IEC 7812-1) names no company, and so does a number of one digit
/// repeated. A British number is brought to its eight places.
pub fn standard_legal_number(text: &str, country: &str) -> Option<String> {
    let number: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    let says_nothing = |number: &str| PlaceholderValues::default().of_key(number).is_some();
    if number.len() < 5 || says_nothing(text) || says_nothing(&number) {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match country.trim().to_ascii_uppercase().as_str() {
        "FR" => {
            let siren = match number.strip_prefix("FR") {
                Some(vat) if vat.len() == 11 => &vat[2..],
                _ if number.len() == 14 => &number[..9],
                _ => &number,
            };
            (siren.len() == 9 && digits(siren) && luhn(siren) && !says_nothing(siren))
                .then(|| siren.to_owned())
        }
        "GB" if digits(&number) && number.len() < 8 => Some(format!("{number:0>8}")),
        _ => Some(number),
    }
}

/// Returns whether the last digit is the check digit of the others.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let counted = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            counted / 10 + counted % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siren_siret_and_vat_number_are_of_one_company() {
        for spelling in ["732829320", "732 829 320", "732 829 320 00074", "FR44 732829320", "fr44732829320"] {
            assert_eq!(standard_legal_number(spelling, "FR").as_deref(), Some("732829320"), "{spelling}");
        }
    }

    #[test]
    fn a_mistyped_number_names_no_company() {
        for text in ["732829321", "73282932", "000000000", "FR00000000000", "", "N/A", "en cours"] {
            assert_eq!(standard_legal_number(text, "FR"), None, "{text}");
        }
    }

    #[test]
    fn other_countries_have_other_numbers() {
        assert_eq!(standard_legal_number("7,32829E+08", "GB"), None);
        assert_eq!(standard_legal_number("1234567", "GB").as_deref(), Some("01234567"));
        assert_eq!(standard_legal_number("SC 123456", "GB").as_deref(), Some("SC123456"));
        assert_eq!(standard_legal_number("HRB 12345", "DE").as_deref(), Some("HRB12345"));
    }
}

//! Telephone numbers: E.164 by the rules of each country (the metadata of Google's libphonenumber).
//!
//! Some countries dial each other's numbers like their own: in Paris and in Saint-Denis a mobile number of La
//! Réunion is 0692…, but it is +262 692…, not +33 692…: see [`DIALLED_ALIKE`].

use rlibphonenumber::enums::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};

use crate::placeholder_value::{in_digits, is_exponent};

/// Countries whose numbers are dialled alike, without a prefix, from any of them, and which have calling
/// codes of their own; the one whose plan is stated most broadly is the last. Those that share a calling
/// code (+1, +44, +61, +47, +39) need no word here: the number is the same.
///
/// France and its overseas departments and collectivities of the closed ten-digit plan: Guadeloupe (with
/// Saint-Barthélemy and Saint-Martin), French Guiana, Martinique, La Réunion, Mayotte.
const DIALLED_ALIKE: [&[Region]; 1] =
    [&[Region::GP, Region::GF, Region::MQ, Region::RE, Region::YT, Region::BL, Region::MF, Region::FR]];
/// Shorter numbers are some countries' own, and elsewhere say nothing.
const SHORTEST: usize = 7;

/// Returns the number in E.164 (`+33612345678`), read as one dials it in `country` (two letters) unless it
/// begins with an international prefix.
///
/// A number need not be in use, only of a possible length: one wrong digit still leaves eight right
/// ones. One of another length keeps its digits; one of fewer than seven digits where nobody has such, or
/// of one digit repeated, says nothing.
pub fn standard_phone(text: &str, country: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 4 || in_digits(text) || is_exponent(text) || in_digits(&digits) {
        return None;
    }
    let region = Region::from_code(&country.trim().to_ascii_uppercase()).ok();
    let parsed = PHONE_NUMBER_UTIL.parse(text.trim(), region);
    let is_long = digits.len() >= SHORTEST;
    match parsed {
        Ok(number) if number.is_possible_with_reason().is_ok() && (is_long || number.is_valid()) => {
            Some(of_its_country(number).format_as(PhoneNumberFormat::E164).into_owned())
        }
        _ => is_long.then_some(digits),
    }
}

/// Returns what a number is that can be dialled: `mobile`, `fixed`, `mobile or fixed` (where the numbers do not tell,
/// as in North America) or `other` (toll-free, over the internet …). `None` where the numbering plan of its country
/// has no such number.
pub fn phone_line(text: &str, country: &str) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(&standard_phone(text, country)?, None).ok()?;
    if !number.is_valid() {
        return None;
    }
    let line = match number.get_type() {
        PhoneNumberType::Mobile => "mobile",
        PhoneNumberType::FixedLine => "fixed",
        PhoneNumberType::FixedLineOrMobile => "mobile or fixed",
        _ => "other",
    };
    Some(line.to_owned())
}

/// Returns the number as it is in the country that has it, among those that dial it alike; where none has, as
/// it was.
fn of_its_country(number: PhoneNumber) -> PhoneNumber {
    let code_of = |region: &Region| PHONE_NUMBER_UTIL.get_country_code_for_region(*region);
    let own = Some(number.country_code);
    let mut alike =
        DIALLED_ALIKE.iter().filter(|regions| regions.iter().any(|region| code_of(region) == own));
    let Some(regions) = alike.next() else { return number };
    let dialled = number.get_national_significant_number();
    let there = regions.iter().find_map(|region| {
        let there = PHONE_NUMBER_UTIL.parse(&dialled, Some(*region)).ok()?;
        there.is_valid_for_region(*region).then_some(there)
    });
    there.unwrap_or(number)
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
    fn an_overseas_number_is_one_wherever_in_france_it_is_written_down() {
        for (dialled, number) in [
            ("0692 78 52 35", "+262692785235"),
            ("0693 12 34 56", "+262693123456"),
            ("0262 20 12 34", "+262262201234"),
            ("0639 69 12 34", "+262639691234"),
            ("0269 61 12 34", "+262269611234"),
            ("0690 35 12 34", "+590690351234"),
            ("0590 20 12 34", "+590590201234"),
            ("0694 20 12 34", "+594694201234"),
            ("0594 30 12 34", "+594594301234"),
            ("0696 20 12 34", "+596696201234"),
            ("0596 30 12 34", "+596596301234"),
            ("0612 34 56 78", "+33612345678"),
            ("01 42 68 53 00", "+33142685300"),
        ] {
            for country in ["FR", "RE", "GP", "GF", "MQ", "YT", "BL", "MF"] {
                assert_eq!(
                    standard_phone(dialled, country).as_deref(),
                    Some(number),
                    "{dialled} in {country}"
                );
            }
        }
        // The wrong code before the right number.
        for spelling in ["0033692785235", "+33 692 785 235", "+262 692 78 52 35"] {
            assert_eq!(standard_phone(spelling, "FR").as_deref(), Some("+262692785235"), "{spelling}");
        }
    }

    /// The examples of the numbering plans themselves, of each kind that people have.
    #[test]
    fn every_example_is_its_own_number_wherever_it_is_dialled_alike() {
        let kinds = [PhoneNumberType::FixedLine, PhoneNumberType::Mobile, PhoneNumberType::FixedLineOrMobile];
        let mut seen = 0;
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            for kind in kinds {
                let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind)
                else {
                    continue;
                };
                let national = example.format_as(PhoneNumberFormat::National);
                let expected = example.format_as(PhoneNumberFormat::E164);
                if in_digits(&national) || in_digits(&expected) {
                    continue;
                }
                let groups = DIALLED_ALIKE.iter().filter(|regions| regions.contains(&region));
                for country in groups.flat_map(|regions| *regions).chain([&region]) {
                    let found = standard_phone(&national, &country.to_string());
                    assert_eq!(found.as_deref(), Some(&*expected), "{national} of {region} in {country}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 400, "{seen}");
    }

    #[test]
    fn a_number_that_nobody_has_is_still_one_number() {
        for spelling in ["0689 78 52 35", "0033689785235", "+33 689 785 235"] {
            assert_eq!(standard_phone(spelling, "FR").as_deref(), Some("+33689785235"), "{spelling}");
        }
    }

    #[test]
    fn an_impossible_number_keeps_its_digits() {
        assert_eq!(standard_phone("06 12 34 56", "FR").as_deref(), Some("06123456"));
        assert_eq!(standard_phone("0612345678", "").as_deref(), Some("0612345678"));
    }

    #[test]
    fn a_number_that_can_be_dialled_says_what_it_is() {
        for (number, country, line) in [
            ("06 12 34 56 78", "FR", Some("mobile")),
            ("01 42 68 53 00", "FR", Some("fixed")),
            ("+1 650-253-0000", "FR", Some("mobile or fixed")),
            ("0800 12 34 56", "FR", Some("other")),
            ("06 12 34 56", "FR", None),
            ("0612345678", "", None),
            ("+33 6 12 34 56 78", "", Some("mobile")),
            ("néant", "FR", None),
        ] {
            assert_eq!(phone_line(number, country).as_deref(), line, "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_nothing() {
        for text in [
            "",
            "12",
            "12 34 56",
            "0000000000",
            "06 66 66 66 66",
            "06 00 00 00 00",
            "+33600000000",
            "99 99 99 99 99",
            "1234567890",
            "3,36123E+10",
            "néant",
        ] {
            assert_eq!(standard_phone(text, "FR"), None, "{text}");
        }
    }
}

//! Values that are placeholders by their shape.

use super::visible::is_seen;

/// From so many on, one digit over and over is nobody's number; zeros and nines, which forms are filled with,
/// sooner. A few of them are the number of some record.
const REPEATED: usize = 6;
const NINES: usize = 4;
const ZEROS: usize = 3;
/// From so many on, digits that count up or down are nobody's number.
const IN_A_ROW: usize = 9;
/// So many equal digits at the end of a telephone number are typed, not given: 06 00 00 00 00.
const EQUAL_END: usize = 7;
/// A key of one letter over and over, from so many on: `aaaa`, `ffffffff-ffff-…`.
const LETTERS: usize = 4;

/// Returns whether a number, written with whatever is between digits, is nobody's: one digit over and
/// over, or digits that count. Also one letter over and over.
pub fn in_digits(value: &str) -> bool {
    let Some(digits) = digits_of(value) else {
        let letters: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
        return letters.chars().count() >= LETTERS && is_one_character(&letters.to_lowercase());
    };
    let number = digits.trim_start_matches('0');
    let Some(first) = number.chars().next() else { return digits.len() >= ZEROS };
    let most = if first == '9' { NINES } else { REPEATED };
    if number.len() >= most && is_one_character(number) {
        return true;
    }
    let bytes = digits.as_bytes();
    let steps = |up: u8| bytes.windows(2).all(|pair| (pair[0] - b'0' + up) % 10 == pair[1] - b'0');
    if digits.len() >= IN_A_ROW && (steps(1) || steps(9)) {
        return true;
    }
    let is_dialled = value.trim_start().starts_with(['0', '+']);
    let equal = bytes.iter().rev().take_while(|digit| Some(*digit) == bytes.last()).count();
    is_dialled && digits.len() >= 9 && equal >= EQUAL_END
}

/// Returns whether a value is zeros, more than the number of a record would have.
pub(super) fn is_zeros(value: &str) -> bool {
    digits_of(value).is_some_and(|digits| digits.len() > ZEROS && digits.bytes().all(|digit| digit == b'0'))
}

/// Returns whether a text is one character over and over.
pub fn is_one_character(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| characters.all(|c| c == first))
}

/// Returns whether a spreadsheet showed a number in so few digits: `2,97461E+12`. A code such as `1E5` has
/// neither a fraction nor a sign, and is none.
pub fn is_exponent(value: &str) -> bool {
    let value = value.trim();
    let value = value.strip_prefix(['-', '+']).unwrap_or(value);
    let Some((mantissa, exponent)) = value.split_once(['e', 'E']) else { return false };
    let (whole, fraction) = match mantissa.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let (sign, power) = match exponent.strip_prefix(['-', '+']) {
        Some(power) => (true, power),
        None => (false, exponent),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    whole.len() <= 3
        && digits(whole)
        && fraction.is_none_or(digits)
        && digits(power)
        && power.len() <= 3
        && (sign || fraction.is_some())
}

/// Returns the digits of a value in which, beside them, stands only what is written between digits; `None` of
/// others and of those without one.
fn digits_of(value: &str) -> Option<String> {
    let mut digits = String::new();
    for c in value.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '.' | ',' | '-' | '/' | '(' | ')' | '+' | '_' | ':' | '\'' | '’' | '\t' => {}
            c if c.is_whitespace() || !is_seen(c) => {}
            // Digits of full width are digits.
            '\u{ff10}'..='\u{ff19}' => digits.push(char::from(b'0' + (c as u32 - 0xff10) as u8)),
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_repeated_digit_is_a_placeholder() {
        for value in [
            "000",
            "0000000000",
            "0.00",
            "000 000 000",
            "00000000-0000-0000-0000-000000000000",
            "9999",
            "9999999999",
            "99 99 99 99 99",
            "111111",
            "06 66 66 66 66",
            "0600000000",
            "+33 6 00 00 00 00",
            "aaaa",
            "FFFF-FFFF",
            "1234567890",
            "0123456789",
            "9876543210",
            "987654321",
            "０００",
        ] {
            assert!(in_digits(value), "{value}");
        }
    }

    #[test]
    fn other_numbers_are_somebodys() {
        for value in [
            "0",
            "00",
            "1",
            "99",
            "999",
            "11111",
            "12345678",
            "1000000000",
            "3000000000001",
            "0612345678",
            "0660000001",
            "100",
            "aaa",
            "732829320",
            "99990",
            "K000000",
            "8999999999",
        ] {
            assert!(!in_digits(value), "{value}");
        }
    }

    #[test]
    fn a_spreadsheets_exponent_is_known_and_a_code_is_not_one() {
        for value in ["2,97461E+12", "2.97461E+12", "1E+05", "2.97461e12", " 3E-7 ", "-1.5E+3", "297,461E+10"]
        {
            assert!(is_exponent(value), "{value}");
        }
        for value in [
            "1E5",
            "E12",
            "2,97461E",
            "12e",
            "1e5f",
            "K2.5E+3",
            "2.9E+12345",
            "1.2.3E+4",
            "3e8",
            "",
            "12345E+3",
        ] {
            assert!(!is_exponent(value), "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_repeated_digit_is_found_whatever_stands_between(
            digit in 0..10_u8, times in 6..30_usize, between in "[ .-]?"
        ) {
            let value = vec![digit.to_string(); times].join(&between);
            prop_assert!(in_digits(&value), "{value}");
        }

        #[test]
        fn every_number_that_a_spreadsheet_shortens_is_an_exponent(number in 100_000_000_000_u64..1_000_000_000_000_000) {
            let shown = format!("{:.5E}", number as f64).replace('E', "E+");
            prop_assert!(is_exponent(&shown), "{shown}");
            prop_assert!(is_exponent(&shown.replace('.', ",")), "{shown}");
            prop_assert!(!is_exponent(&number.to_string()));
        }

        #[test]
        fn numbers_with_two_digits_that_do_not_count_are_somebodys(number in 10_000_000_u64..1_000_000_000_000) {
            let digits = number.to_string();
            let apart = digits.as_bytes().windows(2).filter(|w| w[0].abs_diff(w[1]) > 1 && w[0].abs_diff(w[1]) < 9).count();
            prop_assume!(apart >= 2);
            prop_assert!(!in_digits(&digits), "{digits}");
        }
    }
}

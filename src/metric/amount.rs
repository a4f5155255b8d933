//! Decimals as whole numbers of their last digit: what is summed keeps four decimals, what is divided six.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array};
use arrow::datatypes::DataType;

use crate::error::{Context, Error, Result};

/// Decimals of numerators and denominators.
pub(super) const SUM_SCALE: i8 = 4;
/// Decimals of values.
pub(super) const VALUE_SCALE: i8 = 6;
/// Digits of both; what people and spreadsheets work with has far fewer.
const SUM_DIGITS: u8 = 18;
const VALUE_DIGITS: u8 = 20;
/// Above it a sum has too many digits.
const MOST: i128 = 10_i128.pow(SUM_DIGITS as u32) - 1;

/// Returns the type of numerators and denominators.
pub(super) fn sum_type() -> DataType {
    DataType::Decimal128(SUM_DIGITS, SUM_SCALE)
}

/// Returns the type of values, targets and trends.
pub(super) fn value_type() -> DataType {
    DataType::Decimal128(VALUE_DIGITS, VALUE_SCALE)
}

/// Returns a column of sums.
pub(super) fn sums(sums: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    column(sums, SUM_DIGITS, SUM_SCALE)
}

/// Returns a column of values.
pub(super) fn values(values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    column(values, VALUE_DIGITS, VALUE_SCALE)
}

fn column(numbers: impl Iterator<Item = Option<i128>>, digits: u8, scale: i8) -> Result<ArrayRef> {
    let column = Decimal128Array::from_iter(numbers).with_precision_and_scale(digits, scale);
    Ok(Arc::new(column.doing("write decimals")?))
}

/// Returns a sum, unless it has more digits than a figure may have.
///
/// # Errors
/// More than 18 digits, of which four are decimals.
pub(super) fn fitting(sum: i128) -> Result<i128> {
    if sum.abs() <= MOST {
        return Ok(sum);
    }
    Err(Error::failed(format!("a sum has more than {SUM_DIGITS} digits, {SUM_SCALE} of them decimals"))
        .hint("count in a larger unit: divide the numerator by 1000"))
}

/// Returns the value of sums, rounded half away from zero: the numerator where there is no denominator; none where
/// the denominator is 0.
pub(super) fn value(numerator: i128, denominator: Option<i128>) -> Option<i128> {
    match denominator {
        None => Some(numerator * 10_i128.pow((VALUE_SCALE - SUM_SCALE) as u32)),
        Some(0) => None,
        // Both keep as many decimals, so these cancel out.
        Some(denominator) => Some(divided(numerator * 10_i128.pow(VALUE_SCALE as u32), denominator)),
    }
}

/// Returns the quotient rounded half away from zero.
pub(super) fn divided(number: i128, by: i128) -> i128 {
    let (quotient, rest) = (number / by, number % by);
    let away = 2 * rest.abs() >= by.abs();
    quotient + i128::from(away) * number.signum() * by.signum()
}

/// Returns the decimal of a float, as a whole number of its last digit; none where there is none.
pub(super) fn of_float(number: f64, scale: i8) -> Option<i128> {
    let scaled = number * 10_f64.powi(i32::from(scale));
    (scaled.is_finite() && scaled.abs() < 1e20).then(|| scaled.round() as i128)
}

/// Returns a value as a float.
pub(super) fn to_float(value: i128) -> f64 {
    value as f64 / 10_f64.powi(i32::from(VALUE_SCALE))
}

/// Reads a number as it is written, exactly; none where it has more than six decimals.
pub(super) fn read_value(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if decimals.len() > VALUE_SCALE as usize || whole.is_empty() || !is_number(whole) || !is_number(decimals)
    {
        return None;
    }
    let number: i128 = format!("{whole}{decimals:0<6}").parse().ok()?;
    (number.abs() < 10_i128.pow(u32::from(VALUE_DIGITS))).then_some(sign * number)
}

/// Returns a value in words: thousands apart, two decimals, more where these would say 0.
pub(super) fn in_words(value: i128, unit: Option<&str>) -> String {
    let small = value.abs() < 10_i128.pow(VALUE_SCALE as u32) && value != 0;
    let decimals = if value % 10_i128.pow(VALUE_SCALE as u32) == 0 {
        0
    } else if small {
        4
    } else {
        2
    };
    let rounded = divided(value, 10_i128.pow(VALUE_SCALE as u32 - decimals));
    let unit_of = 10_i128.pow(decimals);
    let (whole, rest) = (rounded.abs() / unit_of, rounded.abs() % unit_of);
    let mut text = String::new();
    for (n, digit) in whole.to_string().chars().rev().enumerate() {
        if n > 0 && n % 3 == 0 {
            text.insert(0, ',');
        }
        text.insert(0, digit);
    }
    if decimals > 0 {
        text.push_str(&format!(".{rest:0width$}", width = decimals as usize));
    }
    let sign = if rounded < 0 { "-" } else { "" };
    format!("{sign}{text}{}", unit.map(|unit| format!(" {unit}")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_rounded_half_away_from_zero() {
        assert_eq!(value(10_000, Some(30_000)), Some(333_333));
        assert_eq!(value(20_000, Some(-30_000)), Some(-666_667));
        assert_eq!(value(1, Some(2_000_000)), Some(1));
        assert_eq!(value(-1, Some(2_000_000)), Some(-1));
        assert_eq!(value(12_345, None), Some(1_234_500));
        assert_eq!(value(12_345, Some(0)), None);
    }

    #[test]
    fn a_number_is_read_exactly_or_not_at_all() {
        assert_eq!(read_value("0.05"), Some(50_000));
        assert_eq!(read_value("-12"), Some(-12_000_000));
        for wrong in ["0.0000001", "", "1e5", "-", "x", "1.2.3", "99999999999999999999"] {
            assert_eq!(read_value(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn people_read_thousands_and_no_more_decimals_than_say_something() {
        assert_eq!(in_words(1_234_567_890_000, Some("€")), "1,234,567.89 €");
        assert_eq!(in_words(-12_000_000, None), "-12");
        assert_eq!(in_words(51_234, None), "0.0512");
        assert_eq!(in_words(999_999_999, None), "1,000.00");
    }

    #[test]
    fn a_sum_with_too_many_digits_is_refused() {
        assert!(fitting(MOST).is_ok() && fitting(-MOST).is_ok());
        assert!(fitting(MOST + 1).unwrap_err().to_string().contains("larger unit"));
    }
}

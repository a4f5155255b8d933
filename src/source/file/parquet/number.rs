//! Converts Parquet numbers to a declared type, exactly or not at all.
//!
//! A floating-point number can be read as the integer or decimal that it is nearest to: the double for 2.55
//! is not exactly 2.55, but nearer to it than to any other amount in cents. From 2^53 on (2^24 in single
//! precision) it stands for several integers, and is refused.

use arrow::datatypes::{Decimal128Type, DecimalType};

use crate::source::contract::column::ColumnType;
use crate::source::row::decoder::Decoder;
use crate::source::value::fault::Fault;
use crate::source::value::number::{self, POWERS};

pub fn integer(value: i64, kind: ColumnType, decoder: &mut Decoder) -> Result<(), Fault> {
    match kind {
        ColumnType::Integer => decoder.push_integer(value),
        ColumnType::Decimal { .. } => decimal(i128::from(value), 0, kind, decoder),
        ColumnType::Float if value.unsigned_abs() <= 1 << 53 => decoder.push_float(value as f64),
        ColumnType::Float => Err(Fault::Range),
        ColumnType::Text => decoder.push_text(value.to_string().as_bytes()),
        // 0 and 1 are words of a boolean; 20261231 may be a date in the declared format.
        _ => decoder.push(value.to_string().as_bytes()),
    }
}

/// `single`: of single precision.
pub fn float(value: f64, single: bool, kind: ColumnType, decoder: &mut Decoder) -> Result<(), Fault> {
    if !value.is_finite() {
        return Err(Fault::Range);
    }
    let exact_below = if single { 16_777_216.0 } else { 9_007_199_254_740_992.0 };
    let whole = value.fract() == 0.0;
    let inexact = whole && value.abs() >= exact_below;
    match kind {
        ColumnType::Float => decoder.push_float(value),
        _ if inexact => Err(Fault::Inexact),
        ColumnType::Decimal { precision, scale } => {
            decoder.push_decimal(float_as_decimal(value, single, precision, scale)?)
        }
        _ if whole => integer(value as i64, kind, decoder),
        ColumnType::Integer => Err(Fault::Fraction),
        ColumnType::Text => decoder.push_text(shortest(value, single).as_bytes()),
        _ => decoder.push(shortest(value, single).as_bytes()),
    }
}

/// Returns the digits that tell the number from its neighbours, without an exponent.
fn shortest(value: f64, single: bool) -> String {
    if single { (value as f32).to_string() } else { value.to_string() }
}

fn float_as_decimal(value: f64, single: bool, precision: u8, scale: u8) -> Result<i128, Fault> {
    let power = 10f64.powi(i32::from(scale));
    let scaled = value * power;
    let rounded = scaled.round();
    // Fifteen digits come back from a double. A quotient of two exact numbers is the one nearest to it.
    if !single && rounded.abs() < 1e15 && rounded / power == value {
        return Ok(rounded as i128);
    }
    let epsilon = if single { f64::from(f32::EPSILON) } else { f64::EPSILON };
    match number::decimal(shortest(value, single).as_bytes(), precision, scale, b'.') {
        // What sums have gathered in the last digits is not a further place; a twentieth of a unit is.
        Err(Fault::Places) if (scaled - rounded).abs() <= (1e-6 + 4.0 * epsilon * scaled.abs()).min(0.05) => {
            Ok(rounded as i128)
        }
        other => other,
    }
}

/// Returns a decimal with `from` places.
pub fn decimal(value: i128, from: i8, kind: ColumnType, decoder: &mut Decoder) -> Result<(), Fault> {
    let rescaled = |to: i8, fault: Fault| -> Result<i128, Fault> {
        let lift = i32::from(to) - i32::from(from);
        let power = POWERS.get(lift.unsigned_abs() as usize);
        match (value, lift >= 0, power) {
            (0, ..) => Ok(0),
            (_, true, Some(power)) => value.checked_mul(*power).ok_or(Fault::Range),
            (_, true, None) => Err(Fault::Range),
            (_, false, Some(power)) if value % power == 0 => Ok(value / power),
            (_, false, _) => Err(fault),
        }
    };
    let written = || Decimal128Type::format_decimal(value, 38, from);
    match kind {
        ColumnType::Decimal { scale, .. } => decoder.push_decimal(rescaled(scale as i8, Fault::Places)?),
        ColumnType::Integer => {
            let whole = rescaled(0, Fault::Fraction)?;
            decoder.push_integer(i64::try_from(whole).map_err(|_| Fault::Range)?)
        }
        ColumnType::Float => decoder.push_number(written().as_bytes()),
        ColumnType::Text => decoder.push_text(written().as_bytes()),
        _ => Err(Fault::Shape),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cents(value: f64) -> Result<i128, Fault> {
        float_as_decimal(value, false, 38, 2)
    }

    #[test]
    fn a_double_is_the_amount_that_it_is_nearest_to() {
        assert_eq!(cents(2.55), Ok(255));
        assert_eq!(cents(0.1 + 0.2), Ok(30));
        assert_eq!(cents(-1e-9), Ok(0));
        assert_eq!(cents(1.005), Err(Fault::Places));
        assert_eq!(cents(12_345_678_901_234.57), Ok(1_234_567_890_123_457));
        // Two doubles further a third place begins: it is none of the noise.
        assert_eq!(cents(12_345_678_901_234.566), Err(Fault::Places));
        assert_eq!(float_as_decimal(1e12, false, 38, 4), Ok(10_000_000_000_000_000));
        assert_eq!(float_as_decimal(1e300, false, 38, 2), Err(Fault::Range));
        let single = |value: f32, scale| float_as_decimal(f64::from(value), true, 38, scale);
        assert_eq!(single(0.1, 2), Ok(10));
        assert_eq!(single(1_234_567.8, 2), Ok(123_456_780));
        assert_eq!(single(1_234_567.8, 0), Err(Fault::Places));
    }

    proptest! {
        #[test]
        fn an_amount_comes_back_from_its_double(cents in -900_000_000_000_000i64..900_000_000_000_000) {
            let value: f64 = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100).parse().unwrap();
            prop_assert_eq!(float_as_decimal(value, false, 38, 2), Ok(i128::from(cents)));
        }

        #[test]
        fn places_that_are_not_declared_are_never_rounded_away(whole in 0i64..10_000_000_000, thousandths in 1i64..1000) {
            prop_assume!(thousandths % 10 != 0);
            let value: f64 = format!("{whole}.{thousandths:03}").parse().unwrap();
            prop_assert_eq!(float_as_decimal(value, false, 38, 2), Err(Fault::Places));
        }
    }
}

//! Numbers read from text without rounding: integers, decimals, floats.
//!
//! Decimals never pass through binary floating point: digits are gathered in integers and scaled by
//! powers of ten, so that 0.10 is ten cents.

use super::fault::Fault;

/// How a source writes its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberStyle {
    /// The decimal mark: `.` or `,`.
    pub point: u8,
    /// The sign between groups of three digits, in UTF-8.
    pub thousands: Option<Box<[u8]>>,
}

impl Default for NumberStyle {
    fn default() -> Self {
        NumberStyle { point: b'.', thousands: None }
    }
}

impl NumberStyle {
    /// The text without its thousands signs; `scratch` is used only when there are any.
    ///
    /// Groups must be complete: with `,` for thousands, `12,5` is refused and not read as 125.
    pub fn ungrouped<'a>(&self, text: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let Some(sign) = self.thousands.as_deref() else { return Ok(text) };
        let whole = text.iter().position(|&b| b == self.point).unwrap_or(text.len());
        let starts: Option<usize> = find(&text[..whole], sign);
        if starts.is_none() {
            return Ok(text);
        }
        scratch.clear();
        let mut rest = &text[..whole];
        let mut first = true;
        loop {
            let end = find(rest, sign).unwrap_or(rest.len());
            let group = &rest[..end];
            let digits = group.iter().filter(|b| b.is_ascii_digit()).count();
            let well_formed = if first {
                (1..=3).contains(&digits) && digits + usize::from(signed(group)) == group.len()
            } else {
                digits == 3 && group.len() == 3
            };
            if !well_formed {
                return Err(Fault::Shape);
            }
            scratch.extend_from_slice(group);
            first = false;
            if end == rest.len() {
                break;
            }
            rest = &rest[end + sign.len()..];
        }
        scratch.extend_from_slice(&text[whole..]);
        Ok(scratch)
    }
}

fn signed(group: &[u8]) -> bool {
    matches!(group.first(), Some(b'-' | b'+'))
}

fn find(text: &[u8], sign: &[u8]) -> Option<usize> {
    text.windows(sign.len()).position(|window| window == sign)
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A 64-bit integer. A fraction of zeros (`17850.0`, as data frames write ids) is no fraction.
#[inline]
pub fn integer(text: &[u8], point: u8) -> Result<i64, Fault> {
    let (negative, digits) = split_sign(text);
    // 18 digits cannot overflow.
    if !digits.is_empty() && digits.len() <= 18 {
        let mut value = 0i64;
        let mut plain = true;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            plain &= digit <= 9;
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        }
        if plain {
            return Ok(if negative { -value } else { value });
        }
    }
    let value = scaled(negative, digits, 0, point).map_err(|fault| match fault {
        Fault::Places => Fault::Fraction,
        other => other,
    })?;
    i64::try_from(value).map_err(|_| Fault::Range)
}

/// Powers of ten that fit i128.
pub const POWERS: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// A decimal with at most `precision` digits, `scale` of them after the mark, as its unscaled integer.
#[inline]
pub fn decimal(text: &[u8], precision: u8, scale: u8, point: u8) -> Result<i128, Fault> {
    let (negative, digits) = split_sign(text);
    let value = match short(digits, scale, point) {
        Some(value) if negative => -value,
        Some(value) => value,
        None => scaled(negative, digits, scale, point)?,
    };
    if value.unsigned_abs() >= POWERS[usize::from(precision)].unsigned_abs() {
        return Err(Fault::Range);
    }
    Ok(value)
}

/// The common case: at most 18 digits, no more places than declared.
#[inline]
fn short(digits: &[u8], scale: u8, point: u8) -> Option<i128> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0u64;
    let mut mark = digits.len();
    for (i, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
        } else if byte == point && mark == digits.len() {
            mark = i;
        } else {
            return None;
        }
    }
    let places = digits.len().saturating_sub(mark + 1);
    if digits.len() == 1 && mark == 0 {
        return None;
    }
    let lift = usize::from(scale).checked_sub(places)?;
    if lift <= 1 {
        // The usual money: as many places as declared, or one less.
        return Some(i128::from(value) * if lift == 0 { 1 } else { 10 });
    }
    i128::from(value).checked_mul(POWERS[lift])
}

/// Any number of digits, an exponent, more places than declared if they are zeros.
#[cold]
fn scaled(negative: bool, digits: &[u8], scale: u8, point: u8) -> Result<i128, Fault> {
    let (mantissa, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&digits[..at], exponent(&digits[at + 1..])?),
        None => (digits, 0),
    };
    let mut value = 0i128;
    let mut places = 0i64;
    let (mut after_mark, mut seen) = (false, false);
    // Zeros wait until a digit follows them: trailing zeros say nothing and cannot overflow.
    let mut zeros = 0usize;
    for &byte in mantissa {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                places += i64::from(after_mark);
                zeros += 1;
                if byte == b'0' {
                    continue;
                }
                value = shift(value, zeros)?.checked_add(i128::from(byte - b'0')).ok_or(Fault::Range)?;
                zeros = 0;
            }
            _ if byte == point && !after_mark => after_mark = true,
            _ => return Err(Fault::Shape),
        }
    }
    if !seen {
        return Err(Fault::Shape);
    }
    if value == 0 {
        return Ok(0);
    }
    // value · 10^zeros · 10^(exponent − places), in units of 10^−scale.
    let lift = zeros as i64 + exponent - places + i64::from(scale);
    let value = if lift >= 0 {
        shift(value, usize::try_from(lift).map_err(|_| Fault::Range)?)?
    } else {
        let cut = usize::try_from(-lift).map_err(|_| Fault::Places)?;
        let power = POWERS.get(cut).ok_or(Fault::Places)?;
        if value % power != 0 {
            return Err(Fault::Places);
        }
        value / power
    };
    Ok(if negative { -value } else { value })
}

fn exponent(text: &[u8]) -> Result<i64, Fault> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Shape);
    }
    let value = digits.iter().fold(0i64, |value, b| value * 10 + i64::from(b - b'0'));
    Ok(if negative { -value } else { value })
}

fn shift(value: i128, by: usize) -> Result<i128, Fault> {
    if value == 0 {
        return Ok(0);
    }
    POWERS.get(by).and_then(|power| value.checked_mul(*power)).ok_or(Fault::Range)
}

/// A finite double. `NaN` and infinities are refused: they would poison every sum after them.
pub fn float(text: &[u8], point: u8, scratch: &mut Vec<u8>) -> Result<f64, Fault> {
    let text = if point == b'.' {
        text
    } else {
        if text.contains(&b'.') {
            return Err(Fault::Shape);
        }
        scratch.clear();
        scratch.extend(text.iter().map(|&b| if b == point { b'.' } else { b }));
        scratch
    };
    // Rust's parser also knows words (`inf`, `nan`); exports do not mean numbers by them.
    if !text.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(Fault::Shape);
    }
    let value: f64 = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).ok_or(Fault::Shape)?;
    if value.is_finite() { Ok(value) } else { Err(Fault::Range) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_integer_is_whole() {
        assert_eq!(integer(b"42", b'.'), Ok(42));
        assert_eq!(integer(b"-7", b'.'), Ok(-7));
        assert_eq!(integer(b"+7", b'.'), Ok(7));
        assert_eq!(integer(b"17850.0", b'.'), Ok(17850));
        assert_eq!(integer(b"17850,00", b','), Ok(17850));
        assert_eq!(integer(b"9223372036854775807", b'.'), Ok(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808", b'.'), Ok(i64::MIN));
        assert_eq!(integer(b"9223372036854775808", b'.'), Err(Fault::Range));
        assert_eq!(integer(b"1.5", b'.'), Err(Fault::Fraction));
        for wrong in ["", "-", "1 2", "0x1", "12a", "1.0.0", "--1", "."] {
            assert_eq!(integer(wrong.as_bytes(), b'.'), Err(Fault::Shape), "{wrong}");
        }
    }

    #[test]
    fn a_decimal_keeps_every_cent() {
        let money = |text: &str| decimal(text.as_bytes(), 12, 2, b'.');
        assert_eq!(money("0.10"), Ok(10));
        assert_eq!(money("-12.5"), Ok(-1250));
        assert_eq!(money("7"), Ok(700));
        assert_eq!(money(".5"), Ok(50));
        assert_eq!(money("5."), Ok(500));
        assert_eq!(money("1.2300"), Ok(123));
        assert_eq!(money("1.5e3"), Ok(150_000));
        assert_eq!(money("150E-2"), Ok(150));
        assert_eq!(money("1.234"), Err(Fault::Places));
        assert_eq!(money("9999999999.99"), Ok(999_999_999_999));
        assert_eq!(money("10000000000.00"), Err(Fault::Range));
        assert_eq!(money("1e999"), Err(Fault::Range));
        for wrong in ["", ".", "-", "1,5", "1.2.3", "e5", "1e", "1e+", "NaN"] {
            assert_eq!(money(wrong), Err(Fault::Shape), "{wrong}");
        }
        assert_eq!(decimal(b"12,50", 12, 2, b','), Ok(1250));
        assert_eq!(decimal("9".repeat(38).as_bytes(), 38, 0, b'.'), Ok(POWERS[38] - 1));
        assert_eq!(decimal("9".repeat(39).as_bytes(), 38, 0, b'.'), Err(Fault::Range));
    }

    #[test]
    fn thousands_come_in_whole_groups() {
        let style = NumberStyle { point: b',', thousands: Some("\u{202f}".as_bytes().into()) };
        let mut scratch = Vec::new();
        let text = "-1\u{202f}234\u{202f}567,89";
        assert_eq!(style.ungrouped(text.as_bytes(), &mut scratch).unwrap(), b"-1234567,89");
        let style = NumberStyle { point: b'.', thousands: Some(b",".as_slice().into()) };
        assert_eq!(style.ungrouped(b"12,5", &mut scratch), Err(Fault::Shape));
        assert_eq!(style.ungrouped(b"1234,567", &mut scratch), Err(Fault::Shape));
        assert_eq!(style.ungrouped(b",123", &mut scratch), Err(Fault::Shape));
        assert_eq!(style.ungrouped(b"1234.5", &mut scratch).unwrap(), b"1234.5");
    }

    #[test]
    fn a_float_is_finite() {
        let mut scratch = Vec::new();
        assert_eq!(float(b"1.5e3", b'.', &mut scratch), Ok(1500.0));
        assert_eq!(float(b"-0,25", b',', &mut scratch), Ok(-0.25));
        assert_eq!(float(b"1.234,5", b',', &mut scratch), Err(Fault::Shape));
        assert_eq!(float(b"NaN", b'.', &mut scratch), Err(Fault::Shape));
        assert_eq!(float(b"inf", b'.', &mut scratch), Err(Fault::Shape));
        assert_eq!(float(b"1e999", b'.', &mut scratch), Err(Fault::Range));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in -(10i128.pow(18))..10i128.pow(18), scale in 0u8..=6) {
            let power = POWERS[usize::from(scale)];
            let sign = if value < 0 { "-" } else { "" };
            let (whole, part) = (value.abs() / power, value.abs() % power);
            let text = match scale {
                0 => format!("{sign}{whole}"),
                _ => format!("{sign}{whole}.{part:0width$}", width = usize::from(scale)),
            };
            prop_assert_eq!(decimal(text.as_bytes(), 38, scale, b'.'), Ok(value));
            prop_assert_eq!(decimal(format!("{text}e0").as_bytes(), 38, scale, b'.'), Ok(value));
        }

        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..50), scale in 0u8..=38) {
            let _ = integer(&text, b'.');
            let _ = decimal(&text, 38, scale, b',');
            let _ = float(&text, b',', &mut Vec::new());
        }
    }
}

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
    /// The sign or code that may stand before or after a number, in UTF-8.
    pub currency: Option<Box<[u8]>>,
}

impl Default for NumberStyle {
    fn default() -> Self {
        NumberStyle { point: b'.', thousands: None, currency: None }
    }
}

impl NumberStyle {
    /// Returns whether there may be anything beside sign, digits and decimal mark.
    pub fn is_plain(&self) -> bool {
        self.thousands.is_none() && self.currency.is_none()
    }

    /// Returns the number alone; `scratch` is used only where something is removed of its middle.
    pub fn bare<'a>(&self, text: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let (sign, number) = match &self.currency {
            Some(currency) => without_currency(text, currency),
            None => (None, text),
        };
        match (sign, self.thousands.is_some()) {
            (None, false) => Ok(number),
            (None, true) => self.ungrouped(number, scratch),
            (Some(sign), _) => {
                // `-€ 12.50`: the sign joins its digits again.
                let signed = [&[sign], number].concat();
                let bare = self.ungrouped(&signed, scratch)?.len();
                if bare == signed.len() {
                    *scratch = signed;
                }
                Ok(scratch)
            }
        }
    }

    /// Returns the text without its thousands signs; `scratch` is used only when there are any.
    ///
    /// Groups must be complete: with `,` for thousands, `12,5` is refused and not read as 125.
    fn ungrouped<'a>(&self, text: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Fault> {
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
                return Err(number_fault(text));
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

/// Returns the text without the currency at one of its ends; the sign before it, if it stood between them.
fn without_currency<'a>(text: &'a [u8], currency: &[u8]) -> (Option<u8>, &'a [u8]) {
    if let Some(number) = text.strip_suffix(currency) {
        return (None, trim(number));
    }
    if let Some(number) = text.strip_prefix(currency) {
        return (None, trim(number));
    }
    if let [sign @ (b'-' | b'+'), rest @ ..] = text
        && let Some(number) = trim(rest).strip_prefix(currency)
        && !signed(trim(number))
    {
        return (Some(*sign), trim(number));
    }
    (None, text)
}

/// Padding around a number or a date is layout, not content: spaces of every kind.
#[inline]
pub fn trim(text: &[u8]) -> &[u8] {
    let solid = |byte: u8| byte > b' ' && byte < 0x80;
    match text {
        [first, .., last] if solid(*first) && solid(*last) => text,
        [only] if solid(*only) => text,
        _ => trim_any(text),
    }
}

#[cold]
fn trim_any(text: &[u8]) -> &[u8] {
    std::str::from_utf8(text).map_or(text.trim_ascii(), |text| text.trim().as_bytes())
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

/// Returns the bytes of a short text (1 to 8) in one word, the first byte lowest.
#[inline(always)]
fn word(text: &[u8]) -> u64 {
    let half = |at: usize| {
        let mut bytes = [0u8; 4];
        bytes.copy_from_slice(&text[at..at + 4]);
        u64::from(u32::from_le_bytes(bytes))
    };
    let length = text.len();
    if length >= 4 {
        // Two loads that overlap in the middle.
        half(0) | half(length - 4) << (8 * (length - 4))
    } else {
        let byte = |at: usize| u64::from(text[at]) << (8 * at);
        byte(0) | byte(length / 2) | byte(length - 1)
    }
}

/// Returns the number that `length` (1 to 8) digits in a word are: all at once, without a loop whose end
/// the processor would have to guess (after D. Lemire, "Quickly parsing eight digits", 2018).
#[inline(always)]
fn eight(word: u64, length: usize) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // Digits go to the high end; zeros come before them.
    let digits = (word << (64 - 8 * length)) | (ZEROS >> (4 * length) >> (4 * length));
    let digits = digits ^ ZEROS;
    if (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = (digits.wrapping_mul(2561) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(6_553_601) >> 16) & 0x0000_FFFF_0000_FFFF;
    Some(fours.wrapping_mul(42_949_672_960_001) >> 32)
}

/// Up to 16 digits and nothing else.
#[inline(always)]
fn digits_only(digits: &[u8]) -> Option<u64> {
    match digits.len() {
        1..=8 => eight(word(digits), digits.len()),
        9..=16 => {
            let (high, low) = digits.split_at(digits.len() - 8);
            Some(eight(word(high), high.len())? * 100_000_000 + eight(word(low), 8)?)
        }
        _ => None,
    }
}

/// Why a text is not a number: the exponent, where that is all that is wrong with it.
#[cold]
pub(super) fn number_fault(text: &[u8]) -> Fault {
    let (_, digits) = split_sign(text);
    let Some(at) = digits.iter().position(|b| matches!(b, b'e' | b'E')) else { return Fault::Shape };
    let (_, exponent) = split_sign(&digits[at + 1..]);
    let whole = digits[0].is_ascii_digit() && !digits[..at].iter().any(u8::is_ascii_alphabetic);
    let number = whole && !exponent.is_empty() && exponent.iter().all(u8::is_ascii_digit);
    if number { Fault::Exponent } else { Fault::Shape }
}

/// Returns a number with an exponent spelled out, digit by digit: what JSON means by `1.5e3` is exactly 1500.
pub(in crate::source) fn without_exponent(text: &[u8]) -> Option<Vec<u8>> {
    let (negative, digits) = split_sign(text);
    let at = digits.iter().position(|b| matches!(b, b'e' | b'E'))?;
    let (mantissa, power) = (&digits[..at], std::str::from_utf8(&digits[at + 1..]).ok()?);
    let power: i64 = power.parse().ok().filter(|power: &i64| power.abs() <= 400)?;
    let mark = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let all: Vec<u8> = mantissa.iter().copied().filter(|&b| b != b'.').collect();
    let whole = mark as i64 + power;
    let zeros = |count: i64| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or(0));
    let mut out: Vec<u8> = negative.then_some(b'-').into_iter().collect();
    let split = usize::try_from(whole).unwrap_or(0).min(all.len());
    out.push(b'0');
    out.extend(&all[..split]);
    out.extend(zeros(whole - all.len() as i64));
    out.push(b'.');
    out.extend(zeros(-whole));
    out.extend(&all[split..]);
    out.push(b'0');
    Some(out)
}

/// Returns a 64-bit integer. A fraction of zeros (`17850.0`, as data frames write ids) is not a fraction.
#[inline(always)]
pub fn integer(text: &[u8], point: u8) -> Result<i64, Fault> {
    let (negative, digits) = split_sign(text);
    match digits_only(digits) {
        // 16 digits cannot overflow.
        Some(value) if negative => Ok(-(value as i64)),
        Some(value) => Ok(value as i64),
        None => long_integer(negative, digits, point),
    }
}

#[cold]
fn long_integer(negative: bool, digits: &[u8], point: u8) -> Result<i64, Fault> {
    let value = scaled(negative, digits, 0, point).map_err(|fault| match fault {
        Fault::Places => Fault::Fraction,
        other => other,
    })?;
    i64::try_from(value).map_err(|_| Fault::Range)
}

/// Powers of ten that fit i128.
pub(in crate::source) const POWERS: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Returns a decimal with at most `precision` digits, `scale` of them after the mark, as its unscaled
/// integer.
#[inline(always)]
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

/// Returns the common case: few digits, no more places than declared.
#[inline(always)]
fn short(digits: &[u8], scale: u8, point: u8) -> Option<i128> {
    if !(2..=8).contains(&digits.len()) {
        return longer(digits, scale, point);
    }
    let text = word(digits);
    let length = digits.len();
    // The decimal mark is the lowest byte that equals it (M. Mycroft's test for a zero byte).
    let marks = text ^ (u64::from(point) * 0x0101_0101_0101_0101);
    let marks = marks.wrapping_sub(0x0101_0101_0101_0101) & !marks & 0x8080_8080_8080_8080;
    let mark = marks.trailing_zeros() as usize / 8;
    let (value, places) = if mark < length {
        // The digits after the mark move up against those before it.
        let before = text & !(u64::MAX << (8 * mark));
        let after = (text >> (8 * mark) >> 8) << (8 * mark);
        (eight(before | after, length - 1)?, length - 1 - mark)
    } else {
        (eight(text, length)?, 0)
    };
    let lift = usize::from(scale).checked_sub(places)?;
    // Eight digits and eight zeros fit 64 bits; money rarely has more places.
    match lift {
        0 => Some(i128::from(value)),
        1..=8 => Some(i128::from(value * SMALL_POWERS[lift])),
        _ => i128::from(value).checked_mul(POWERS[lift]),
    }
}

const SMALL_POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// At most 18 digits.
#[cold]
fn longer(digits: &[u8], scale: u8, point: u8) -> Option<i128> {
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
    if digits.len() == 1 && mark == 0 {
        return None;
    }
    let places = digits.len().saturating_sub(mark + 1);
    let lift = usize::from(scale).checked_sub(places)?;
    i128::from(value).checked_mul(POWERS[lift])
}

/// Any number of digits, more places than declared if they are zeros.
#[cold]
fn scaled(negative: bool, digits: &[u8], scale: u8, point: u8) -> Result<i128, Fault> {
    let mut value = 0i128;
    let mut places = 0i64;
    let (mut after_mark, mut seen) = (false, false);
    // Zeros wait until a digit follows them: trailing zeros say nothing and cannot overflow.
    let mut zeros = 0usize;
    for &byte in digits {
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
            _ => return Err(number_fault(digits)),
        }
    }
    if !seen {
        return Err(Fault::Shape);
    }
    if value == 0 {
        return Ok(0);
    }
    // value · 10^zeros · 10^−places, in units of 10^−scale.
    let lift = zeros as i64 - places + i64::from(scale);
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

fn shift(value: i128, by: usize) -> Result<i128, Fault> {
    if value == 0 {
        return Ok(0);
    }
    POWERS.get(by).and_then(|power| value.checked_mul(*power)).ok_or(Fault::Range)
}

/// Returns a finite double. `NaN` and infinities are refused: they would poison every sum after them.
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
mod tests;

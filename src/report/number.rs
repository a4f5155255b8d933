//! Formats numbers for people.

/// Digits in groups of three, which a line never breaks.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a share as percent; what is not all, or not nothing, is not rounded to it.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if (1.0..=99.0).contains(&percent) { 1 } else { 2 };
    let text = format!("{percent:.decimals$}");
    match text.parse::<f64>() {
        _ if share == 0.0 || share == 1.0 => format!("{percent:.0}\u{202f}%"),
        Ok(0.0) => "<\u{202f}0.01\u{202f}%".to_owned(),
        Ok(100.0) => ">\u{202f}99.99\u{202f}%".to_owned(),
        _ => format!("{text}\u{202f}%"),
    }
}

/// Bits with their sign.
pub fn bits(value: f64) -> String {
    let text = format!("{:.1}", value.abs());
    match value {
        _ if text == "0.0" => text,
        v if v < 0.0 => format!("−{text}"),
        _ => format!("+{text}"),
    }
}

/// Returns a share in as few digits as tell it from others.
pub fn share(value: f64) -> String {
    if value == 0.0 || value >= 0.001 { format!("{value:.3}") } else { format!("{value:.1e}") }
}

/// Returns a count and its noun.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(-1_000), "−1\u{202f}000");
    }

    #[test]
    fn nearly_all_is_not_all() {
        assert_eq!(percent(0.5), "50.0\u{202f}%");
        assert_eq!(percent(1.0), "100\u{202f}%");
        assert_eq!(percent(0.0), "0\u{202f}%");
        assert_eq!(percent(0.9996), "99.96\u{202f}%");
        assert_eq!(percent(0.999_999), ">\u{202f}99.99\u{202f}%");
        assert_eq!(percent(0.000_001), "<\u{202f}0.01\u{202f}%");
    }

    #[test]
    fn bits_have_a_sign_unless_they_say_nothing() {
        assert_eq!([bits(3.25), bits(-2.0), bits(-0.01)], ["+3.2", "−2.0", "0.0"]);
    }
}

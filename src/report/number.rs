//! Formats numbers for people, as their language writes them.

use super::language::Language;

/// A space that no line breaks: French puts it between thousands and before a percent sign.
const NARROW_SPACE: &str = "\u{202f}";
/// From here on the decimals of an amount say nothing.
const WHOLE_FROM: f64 = 1_000.0;

/// Returns the decimals with which amounts up to this one are shown, so that a column has the same everywhere.
pub(super) fn decimals_up_to(most: f64) -> usize {
    if most.abs() >= WHOLE_FROM { 0 } else { 2 }
}

impl Language {
    /// Returns a whole number, its thousands apart.
    pub(super) fn count(self, number: i64) -> String {
        let text = self.thousands_apart(&number.unsigned_abs().to_string());
        if number < 0 { format!("−{text}") } else { text }
    }

    /// Returns a number with so many decimals; `–` where there is none.
    pub(super) fn decimal(self, number: f64, decimals: usize) -> String {
        if !number.is_finite() {
            return "–".to_owned();
        }
        let text = format!("{:.decimals$}", number.abs());
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let mut shown = self.thousands_apart(whole);
        if !rest.is_empty() {
            shown.push_str(self.text(".", ","));
            shown.push_str(rest);
        }
        let says_nothing = text.chars().all(|c| c == '0' || c == '.');
        if number < 0.0 && !says_nothing { format!("−{shown}") } else { shown }
    }

    /// Returns a difference: the same with its sign.
    pub(super) fn change(self, number: f64, decimals: usize) -> String {
        let text = self.decimal(number, decimals);
        let is_more = number > 0.0 && text.chars().any(|c| ('1'..='9').contains(&c));
        if is_more { format!("+{text}") } else { text }
    }

    /// Returns an amount as a headline: whole from a thousand on, in millions where it would not fit.
    pub(super) fn headline(self, amount: f64) -> String {
        if amount.abs() >= 1e9 { self.compact(amount) } else { self.decimal(amount, decimals_up_to(amount)) }
    }

    /// Returns a number in few characters, for axes: 350k, 1.2M.
    pub(super) fn compact(self, number: f64) -> String {
        let billions = self.text("B", "Md");
        let sizes = [(1e12, self.text("T", "bn")), (1e9, billions), (1e6, "M"), (1e3, "k")];
        let Some((size, name)) = sizes.into_iter().find(|(size, _)| number.abs() >= *size) else {
            return self.shortest(number, 6);
        };
        if number.abs() >= 1e15 {
            return self.exponent(number);
        }
        let short = self.shortest(number / size, 2);
        format!("{short}{}{name}", self.text("", NARROW_SPACE))
    }

    /// Returns a share as percent; what is not all, or not nothing, is not rounded to it.
    pub(super) fn percent(self, share: f64) -> String {
        let percent = share * 100.0;
        let decimals = match percent.abs() {
            _ if share == 0.0 || share == 1.0 => 0,
            size if (1.0..=99.0).contains(&size) || size > 101.0 => 1,
            _ => 2,
        };
        let shown = format!("{percent:.decimals$}");
        let space = self.text("", NARROW_SPACE);
        match shown.parse::<f64>() {
            Ok(0.0) if share > 0.0 => format!("<{NARROW_SPACE}{}{space}%", self.decimal(0.01, 2)),
            Ok(100.0) if share < 1.0 => format!(">{NARROW_SPACE}{}{space}%", self.decimal(99.99, 2)),
            _ => format!("{}{space}%", self.decimal(percent, decimals)),
        }
    }

    /// Returns a share as percent with so many decimals, for axes.
    pub(super) fn percent_tick(self, share: f64, decimals: usize) -> String {
        format!("{}{}%", self.decimal(share * 100.0, decimals), self.text("", NARROW_SPACE))
    }

    /// Returns bits with their sign.
    pub(super) fn bits(self, value: f64) -> String {
        self.change(value, 1)
    }

    /// Returns a share in as few digits as tell it from others.
    pub(super) fn share(self, value: f64) -> String {
        if value == 0.0 || value >= 0.001 { self.decimal(value, 3) } else { self.exponent(value) }
    }

    /// Returns a count and its noun; in French nothing is one too.
    pub(super) fn counted(self, count: i64, one: &str, many: &str) -> String {
        let is_one = count == 1 || (count == 0 && self == Language::French);
        format!("{}\u{a0}{}", self.count(count), if is_one { one } else { many })
    }

    /// Returns an amount with what it is counted in.
    pub(super) fn with_unit(self, number: &str, unit: &str) -> String {
        let is_sign = unit.chars().count() == 1 && !unit.chars().all(char::is_alphanumeric) && unit != "%";
        match (self, is_sign) {
            _ if unit.is_empty() => number.to_owned(),
            (Language::English, true) => match number.strip_prefix(['−', '+']) {
                Some(rest) => format!("{}{unit}{rest}", &number[..number.len() - rest.len()]),
                None => format!("{unit}{number}"),
            },
            (Language::English, false) if unit == "%" => format!("{number}%"),
            _ => format!("{number}\u{a0}{unit}"),
        }
    }

    /// With as many decimals as it has, up to so many.
    fn shortest(self, number: f64, most: usize) -> String {
        let is_exact = |decimals: &usize| {
            let shown: f64 = format!("{number:.decimals$}").parse().unwrap_or(f64::NAN);
            (shown - number).abs() <= number.abs() * 1e-9
        };
        match (0..=most).find(is_exact) {
            Some(decimals) => self.decimal(number, decimals),
            None if number.abs() < 0.01 => self.exponent(number),
            None => self.decimal(number, 2.min(most)),
        }
    }

    fn exponent(self, number: f64) -> String {
        let text = format!("{number:.1e}").replace('-', "−");
        if self == Language::French { text.replace('.', ",") } else { text }
    }

    fn thousands_apart(self, digits: &str) -> String {
        let mut text = String::new();
        for (n, digit) in digits.chars().enumerate() {
            if n > 0 && (digits.len() - n).is_multiple_of(3) {
                text.push_str(self.text(",", NARROW_SPACE));
            }
            text.push(digit);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{English, French};

    #[test]
    fn thousands_are_apart() {
        assert_eq!(English.count(0), "0");
        assert_eq!(English.count(999), "999");
        assert_eq!(English.count(1_234_567), "1,234,567");
        assert_eq!(French.count(-1_234_567), "−1\u{202f}234\u{202f}567");
        assert_eq!(English.decimal(-1_234.5, 2), "−1,234.50");
        assert_eq!(French.decimal(1_234.5, 1), "1\u{202f}234,5");
    }

    #[test]
    fn what_is_rounded_to_nothing_has_no_sign_and_what_is_no_number_is_not_shown() {
        assert_eq!(English.decimal(-0.001, 2), "0.00");
        assert_eq!([English.change(0.001, 2), English.change(0.1, 2)], ["0.00", "+0.10"]);
        assert_eq!([English.decimal(f64::NAN, 2), English.decimal(f64::INFINITY, 0)], ["–", "–"]);
    }

    #[test]
    fn nearly_all_is_not_all() {
        assert_eq!(English.percent(0.5), "50.0%");
        assert_eq!(French.percent(0.5), "50,0\u{202f}%");
        assert_eq!(English.percent(1.0), "100%");
        assert_eq!(English.percent(0.0), "0%");
        assert_eq!(English.percent(0.9996), "99.96%");
        assert_eq!(English.percent(0.999_999), ">\u{202f}99.99%");
        assert_eq!(English.percent(0.000_001), "<\u{202f}0.01%");
        assert_eq!([English.percent(-0.25), English.percent(12.5)], ["−25.0%", "1,250.0%"]);
    }

    #[test]
    fn ticks_are_short() {
        let shown = |number| English.compact(number);
        assert_eq!(shown(350_000.0), "350k");
        assert_eq!(shown(-1_200_000.0), "−1.2M");
        assert_eq!(French.compact(2_500_000_000.0), "2,5\u{202f}Md");
        assert_eq!([shown(0.0), shown(0.05), shown(250.0)], ["0", "0.05", "250"]);
        assert_eq!([shown(2e20), French.compact(-5e-9)], ["2.0e20", "−5,0e−9"]);
    }

    #[test]
    fn bits_have_a_sign_unless_they_say_nothing() {
        assert_eq!([English.bits(3.25), English.bits(-2.0), English.bits(-0.01)], ["+3.2", "−2.0", "0.0"]);
    }

    #[test]
    fn a_unit_stands_where_the_language_puts_it() {
        assert_eq!(English.with_unit("−3.50", "€"), "−€3.50");
        assert_eq!(French.with_unit("−3,50", "€"), "−3,50\u{a0}€");
        assert_eq!(English.with_unit("12", "customers"), "12\u{a0}customers");
        assert_eq!(English.with_unit("12", ""), "12");
    }

    #[test]
    fn a_count_agrees_with_its_noun() {
        assert_eq!(English.counted(0, "pair", "pairs"), "0\u{a0}pairs");
        assert_eq!(French.counted(0, "paire", "paires"), "0\u{a0}paire");
        assert_eq!(French.counted(2, "paire", "paires"), "2\u{a0}paires");
    }
}

//! Dates of birth, including impossible ones.
//!
//! A mistyped date (`19801304`) still has seven right digits, so it stays comparable, as text; only
//! [`calendar_date`] says whether the day exists.

use chrono::NaiveDate;

use crate::placeholder_value::in_birth_date;

/// Returns the date as eight digits, `yyyymmdd`, whatever day that is; `None` when it does not read as a
/// date of one of the forms `1980-04-13`, `19800413`, `1980/4/13`, `13/04/1980`, `13.4.1980`.
///
/// Where day and month could be either way round, the day comes first, as in Europe.
pub fn standard_birth_date(text: &str) -> Option<String> {
    // The time of a timestamp.
    let text = text.trim().split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(|p| digits(p)) {
        return None;
    }
    let date = match parts[..] {
        [all] if all.len() == 8 => all.to_owned(),
        [year, month, day] if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => {
            format!("{year}{month:0>2}{day:0>2}")
        }
        [day, month, year] if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => {
            format!("{year}{month:0>2}{day:0>2}")
        }
        _ => return None,
    };
    (!in_birth_date(&date)).then_some(date)
}

/// Returns the day of a standard date of birth; `None` when there is no such day.
pub fn calendar_date(date: &str) -> Option<NaiveDate> {
    let number = |range: std::ops::Range<usize>| date.get(range)?.parse::<u32>().ok();
    NaiveDate::from_ymd_opt(number(0..4)? as i32, number(4..6)?, number(6..8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_a_day() {
        for spelling in
            ["1980-04-13", "19800413", "13/04/1980", "13.4.1980", "1980/4/13", "1980-04-13T00:00:00Z"]
        {
            assert_eq!(standard_birth_date(spelling).as_deref(), Some("19800413"), "{spelling}");
        }
    }

    #[test]
    fn an_impossible_day_stays_comparable_and_is_no_day() {
        let date = standard_birth_date("19801342").unwrap();
        assert_eq!(date, "19801342");
        assert_eq!(calendar_date(&date), None);
        assert!(calendar_date("19800413").is_some());
    }

    #[test]
    fn what_nobody_was_born_on_is_nothing() {
        for text in ["", "1900-01-01", "9999-12-31", "0000-00-00", "13/04/80", "April", "1980-04"] {
            assert_eq!(standard_birth_date(text), None, "{text}");
        }
    }
}

//! The date of Easter in the Gregorian calendar, by the anonymous algorithm that Meeus gives (Astronomical Algorithms,
//! 1991, chapter 8).

use chrono::NaiveDate;

/// Returns Easter Sunday of a year; `None` before the calendar began, and where there is no such year.
pub(super) fn easter_sunday(year: i32) -> Option<NaiveDate> {
    if year < 1583 {
        return None;
    }
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sunday_that_it_was() {
        for day in
            ["1818-03-22", "1943-04-25", "2000-04-23", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"]
        {
            let day: NaiveDate = day.parse().unwrap();
            assert_eq!(easter_sunday(chrono::Datelike::year(&day)), Some(day));
        }
        assert_eq!(easter_sunday(1500), None);
    }
}

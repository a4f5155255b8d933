//! Names days, months and instants, as their language does.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::language::Language;
use crate::clock::Instant;

const MONTHS: [(&str, &str, &str, &str); 12] = [
    ("January", "janvier", "Jan", "janv."),
    ("February", "février", "Feb", "févr."),
    ("March", "mars", "Mar", "mars"),
    ("April", "avril", "Apr", "avr."),
    ("May", "mai", "May", "mai"),
    ("June", "juin", "Jun", "juin"),
    ("July", "juillet", "Jul", "juil."),
    ("August", "août", "Aug", "août"),
    ("September", "septembre", "Sep", "sept."),
    ("October", "octobre", "Oct", "oct."),
    ("November", "novembre", "Nov", "nov."),
    ("December", "décembre", "Dec", "déc."),
];

impl Language {
    /// Returns the month of a day: June 2026.
    pub(super) fn month(self, day: NaiveDate) -> String {
        let (english, french, ..) = MONTHS[day.month0() as usize];
        format!("{}\u{a0}{}", self.text(english, french), day.year())
    }

    /// Returns the month of a day in few characters: Jun 26.
    pub(super) fn short_month(self, day: NaiveDate) -> String {
        let (.., english, french) = MONTHS[day.month0() as usize];
        format!("{}\u{a0}{:02}", self.text(english, french), day.year().rem_euclid(100))
    }

    /// Returns a day: 1 July 2026, 1er juillet 2026.
    pub(super) fn day(self, day: NaiveDate) -> String {
        let first = if day.day() == 1 { self.text("", "er") } else { "" };
        let (english, french, ..) = MONTHS[day.month0() as usize];
        format!("{}{first}\u{a0}{} {}", day.day(), self.text(english, french), day.year())
    }

    /// Returns the day of a zone in which an instant lies.
    pub(super) fn day_of(self, instant: Instant, zone: Tz) -> String {
        self.day(instant.with_timezone(&zone).date_naive())
    }

    /// Returns an instant in UTC, to the minute.
    pub(super) fn instant(self, instant: Instant) -> String {
        format!("{}, {} UTC", self.day(instant.date_naive()), instant.format("%H:%M"))
    }

    /// Reads `2026-06` as a month; other texts stay as they are.
    pub(super) fn month_of_label(self, label: &str) -> String {
        let day = NaiveDate::parse_from_str(&format!("{label}-01"), "%Y-%m-%d");
        day.map_or_else(|_| label.to_owned(), |day| self.month(day))
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{English, French};
    use super::*;

    #[test]
    fn days_are_named_by_their_language() {
        let day: NaiveDate = "2026-08-01".parse().unwrap();
        assert_eq!(English.day(day), "1\u{a0}August 2026");
        assert_eq!(French.day(day), "1er\u{a0}août 2026");
        assert_eq!([English.short_month(day), French.short_month(day)], ["Aug\u{a0}26", "août\u{a0}26"]);
        assert_eq!(French.month_of_label("2026-02"), "février\u{a0}2026");
        assert_eq!(French.month_of_label("all"), "all");
    }

    #[test]
    fn the_day_of_an_instant_is_that_of_its_zone() {
        let instant = crate::clock::parse_instant("2026-07-01", chrono_tz::Europe::Paris).unwrap();
        assert_eq!(English.day_of(instant, chrono_tz::Europe::Paris), "1\u{a0}July 2026");
        assert_eq!(English.instant(instant), "30\u{a0}June 2026, 22:00 UTC");
    }
}

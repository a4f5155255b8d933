//! The public holidays of a country, as its law has them: fixed days, and days counted from Easter.

use chrono::{Datelike, Days, NaiveDate};

use super::easter::easter_sunday;

/// A country whose holidays are known, by its code after ISO 3166.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Country {
    pub code: &'static str,
    /// Month, day, the year from which it is one, and what it is called in the country.
    fixed: &'static [(u32, u32, i32, &'static str)],
    /// Days after Easter Sunday, the year from which, and what it is called.
    after_easter: &'static [(i64, i32, &'static str)],
}

/// Since when a holiday is one where that is before anybody's data.
const ALWAYS: i32 = 0;

/// Each with the holidays of the whole country; what only regions have is left out.
pub(super) const COUNTRIES: [Country; 4] = [
    Country {
        code: "FR",
        // Code du travail, article L3133-1.
        fixed: &[
            (1, 1, ALWAYS, "Jour de l'an"),
            (5, 1, 1947, "Fête du Travail"),
            (5, 8, 1982, "Victoire 1945"),
            (7, 14, ALWAYS, "Fête nationale"),
            (8, 15, ALWAYS, "Assomption"),
            (11, 1, ALWAYS, "Toussaint"),
            (11, 11, 1922, "Armistice 1918"),
            (12, 25, ALWAYS, "Noël"),
        ],
        after_easter: &[
            (1, ALWAYS, "Lundi de Pâques"),
            (39, ALWAYS, "Ascension"),
            (50, ALWAYS, "Lundi de Pentecôte"),
        ],
    },
    Country {
        code: "BE",
        // Arrêté royal du 18 avril 1974.
        fixed: &[
            (1, 1, ALWAYS, "Jour de l'an"),
            (5, 1, 1948, "Fête du Travail"),
            (7, 21, ALWAYS, "Fête nationale"),
            (8, 15, ALWAYS, "Assomption"),
            (11, 1, ALWAYS, "Toussaint"),
            (11, 11, 1922, "Armistice"),
            (12, 25, ALWAYS, "Noël"),
        ],
        after_easter: &[
            (1, ALWAYS, "Lundi de Pâques"),
            (39, ALWAYS, "Ascension"),
            (50, ALWAYS, "Lundi de Pentecôte"),
        ],
    },
    Country {
        code: "LU",
        // Code du travail, article L. 232-2; Europe Day since 2019.
        fixed: &[
            (1, 1, ALWAYS, "Jour de l'an"),
            (5, 1, ALWAYS, "Fête du Travail"),
            (5, 9, 2019, "Journée de l'Europe"),
            (6, 23, 1962, "Fête nationale"),
            (8, 15, ALWAYS, "Assomption"),
            (11, 1, ALWAYS, "Toussaint"),
            (12, 25, ALWAYS, "Noël"),
            (12, 26, ALWAYS, "Saint-Étienne"),
        ],
        after_easter: &[
            (1, ALWAYS, "Lundi de Pâques"),
            (39, ALWAYS, "Ascension"),
            (50, ALWAYS, "Lundi de Pentecôte"),
        ],
    },
    Country {
        code: "DE",
        // What all sixteen states have, since the Einigungsvertrag of 1990.
        fixed: &[
            (1, 1, ALWAYS, "Neujahr"),
            (5, 1, ALWAYS, "Tag der Arbeit"),
            (10, 3, 1990, "Tag der Deutschen Einheit"),
            (12, 25, ALWAYS, "Erster Weihnachtstag"),
            (12, 26, ALWAYS, "Zweiter Weihnachtstag"),
        ],
        after_easter: &[
            (-2, ALWAYS, "Karfreitag"),
            (1, ALWAYS, "Ostermontag"),
            (39, ALWAYS, "Christi Himmelfahrt"),
            (50, ALWAYS, "Pfingstmontag"),
        ],
    },
];

impl Country {
    /// Returns the country with this code.
    pub(super) fn of_code(code: &str) -> Option<Country> {
        COUNTRIES.into_iter().find(|country| country.code == code)
    }

    /// Returns what a day is called that is a holiday; where two fall on it, the one with a date of its own.
    pub(super) fn holiday(self, day: NaiveDate) -> Option<&'static str> {
        let (year, month, of_month) = (day.year(), day.month(), day.day());
        let fixed =
            self.fixed.iter().find(|(m, d, since, _)| (*m, *d) == (month, of_month) && year >= *since);
        if let Some((.., name)) = fixed {
            return Some(*name);
        }
        let easter = easter_sunday(year)?;
        let moved = |days: i64| match days {
            days if days < 0 => easter.checked_sub_days(Days::new(days.unsigned_abs())),
            days => easter.checked_add_days(Days::new(days.unsigned_abs())),
        };
        let movable = self.after_easter.iter();
        movable
            .filter(|(_, since, _)| year >= *since)
            .find(|(days, ..)| moved(*days) == Some(day))
            .map(|(.., name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_year(code: &str, year: i32) -> Vec<String> {
        let country = Country::of_code(code).unwrap();
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let days = first.iter_days().take_while(|day| day.year() == year);
        days.filter(|day| country.holiday(*day).is_some())
            .map(|day| day.format("%m-%d").to_string())
            .collect()
    }

    #[test]
    fn a_year_has_the_days_that_the_law_names() {
        // As the Python package `holidays` has them (which lists Sundays of Easter and Pentecost in Belgium too); in
        // 2008 Ascension was on the first of May.
        assert_eq!(
            of_year("FR", 2026).join(" "),
            "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"
        );
        assert_eq!(
            of_year("FR", 2008).join(" "),
            "01-01 03-24 05-01 05-08 05-12 07-14 08-15 11-01 11-11 12-25"
        );
        assert_eq!(
            of_year("BE", 2026).join(" "),
            "01-01 04-06 05-01 05-14 05-25 07-21 08-15 11-01 11-11 12-25"
        );
        assert_eq!(
            of_year("LU", 2026).join(" "),
            "01-01 04-06 05-01 05-09 05-14 05-25 06-23 08-15 11-01 12-25 12-26"
        );
        assert_eq!(of_year("DE", 2026).join(" "), "01-01 04-03 04-06 05-01 05-14 05-25 10-03 12-25 12-26");
    }

    #[test]
    fn other_countries_are_not_known() {
        assert_eq!(Country::of_code("XX"), None);
        assert_eq!(Country::of_code("fr"), None);
    }
}

//! The retailer's calendar: two years in steps of ten days, and instants as its files write them.
//!
//! Ten days divide everything that is judged: 730 days of history are 73 steps, an outcome window of
//! 90 days is 9 steps, the 180 days in which an eligible customer bought are 18. A planted
//! probability can then be exact at a cut-off, with no step cut in two.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::Paris;

use crate::clock::Instant;

/// Seconds after the first midnight (UTC) of the history; negative before it.
pub type Moment = i64;

pub const DAY: Moment = 86_400;
pub(super) const STEP_DAYS: i64 = 10;
/// Steps that are exported.
pub const STEPS: usize = 73;
/// Steps of the outcome window: 90 days.
pub(super) const OUTCOME_STEPS: usize = 9;
/// Steps in which an eligible customer has bought: 180 days.
pub(super) const ELIGIBLE_STEPS: usize = 18;
/// Steps that are lived; those after `STEPS` are only in the truth.
pub(super) const LIVED_STEPS: usize = STEPS + OUTCOME_STEPS;
/// The cut-off whose outcome the exports still show.
pub(super) const HOLDOUT_STEP: usize = STEPS - OUTCOME_STEPS;
pub const MONTHS: usize = 24;
pub const END: Moment = STEPS as i64 * STEP_DAYS * DAY;

/// Returns the first day of the history.
pub fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 7, 1).expect("1 July 2024 is a day")
}

pub(super) fn step_start(step: usize) -> Moment {
    step as i64 * STEP_DAYS * DAY
}

pub fn to_utc(moment: Moment) -> Instant {
    let midnight = first_day().and_hms_opt(0, 0, 0).expect("midnight is a time").and_utc();
    midnight + TimeDelta::seconds(moment)
}

/// Microseconds since 1970, as Arrow keeps them.
pub fn micros(moment: Moment) -> i64 {
    to_utc(moment).timestamp_micros()
}

/// Returns the day of a moment (UTC; shops, carriers and call centres work when it is the same day in Paris).
pub fn day(moment: Moment) -> NaiveDate {
    let days = moment.div_euclid(DAY);
    if days >= 0 {
        first_day() + Days::new(days.unsigned_abs())
    } else {
        first_day() - Days::new(days.unsigned_abs())
    }
}

/// Wall-clock time in Paris and its offset from UTC in minutes.
pub fn paris(moment: Moment) -> (NaiveDateTime, i32) {
    let local: DateTime<chrono_tz::Tz> = Paris.from_utc_datetime(&to_utc(moment).naive_utc());
    (local.naive_local(), local.offset().fix().local_minus_utc() / 60)
}

/// Returns which month of the history a moment falls in, 0 for the first.
pub fn month(moment: Moment) -> usize {
    let day = day(moment);
    let months = (day.year() - 2024) * 12 + day.month() as i32 - 7;
    (months.max(0) as usize).min(MONTHS - 1)
}

pub(super) fn first_day_of_month(month: usize) -> NaiveDate {
    first_day() + Months::new(month as u32)
}

pub(super) fn last_day_of_month(month: usize) -> NaiveDate {
    first_day_of_month(month + 1) - Days::new(1)
}

/// Returns a day as Arrow keeps it.
pub(super) fn days_since_1970(day: NaiveDate) -> i32 {
    let days = day.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1).expect("1970 began")).num_days();
    i32::try_from(days).expect("the history lies within four thousand years")
}

/// `2024-07` for month 0.
pub(super) fn month_label(month: usize) -> String {
    let ordinal = 6 + month;
    format!("{}-{:02}", 2024 + ordinal / 12, ordinal % 12 + 1)
}

/// Returns how much more is bought in a step than in an average one; known to everybody.
pub(super) fn season(step: usize) -> f64 {
    const BY_MONTH: [f64; 12] = [1.06, 0.92, 0.96, 0.97, 1.0, 1.04, 1.02, 0.88, 0.96, 1.0, 1.08, 1.18];
    let middle = day(step_start(step) + STEP_DAYS * DAY / 2);
    BY_MONTH[middle.month0() as usize]
}

/// `2025-03-04T12:34:56+01:00`, as the web shop writes its instants.
pub(super) fn web_time(moment: Moment) -> String {
    let (local, offset) = paris(moment);
    format!("{}+{:02}:{:02}", local.format("%Y-%m-%dT%H:%M:%S"), offset / 60, offset % 60)
}

/// Returns the instant of a moment in RFC 3339, for messages and the truth.
pub(super) fn as_utc_text(moment: Moment) -> String {
    to_utc(moment).with_timezone(&Utc).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_years_are_seventy_three_steps_and_twenty_four_months() {
        assert_eq!(as_utc_text(END), "2026-07-01T00:00:00Z");
        assert_eq!(day(END - 1).to_string(), "2026-06-30");
        assert_eq!(as_utc_text(step_start(HOLDOUT_STEP)), "2026-04-02T00:00:00Z");
        assert_eq!((month(0), month(END - 1)), (0, MONTHS - 1));
        assert_eq!(
            (month_label(0), month_label(6), month_label(23)),
            ("2024-07".to_owned(), "2025-01".to_owned(), "2026-06".to_owned())
        );
    }

    #[test]
    fn paris_has_its_summer_time() {
        let noon = |days: i64| web_time(days * DAY + 12 * 3600);
        assert_eq!(noon(0), "2024-07-01T14:00:00+02:00");
        assert_eq!(noon(184), "2025-01-01T13:00:00+01:00");
    }
}

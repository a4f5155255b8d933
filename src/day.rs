//! Local days and times as instants: when a day of a time zone begins and ends, and what is over when.
//!
//! One rule for the whole product. A day begins at the first instant whose local date is that day, or a
//! later one where the zone has no such day (Apia has no 30 December 2011), and ends in the last
//! microsecond before the next day begins. Where clocks skip midnight, the day begins when they jump;
//! where midnight comes twice, with the first one.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

type Instant = DateTime<Utc>;

/// Returns the first instant of a local day.
pub fn day_start(day: NaiveDate, zone: Tz) -> Instant {
    let midnight = day.and_time(NaiveTime::MIN);
    if let Some(begins) = zone.from_local_datetime(&midnight).earliest() {
        return begins.to_utc();
    }
    // A gap is always between two times of the zone, so it has an end.
    GapInfo::new(&midnight, &zone).and_then(|gap| gap.end).map_or_else(|| midnight.and_utc(), |t| t.to_utc())
}

/// Returns a local time as an instant: the earlier one where the clock goes back; where it goes forward,
/// as if it had not. `None` on a day that the zone does not have.
pub fn local_instant(local: NaiveDateTime, zone: Tz) -> Option<Instant> {
    zone.from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest())
        .map(|t| t.to_utc())
}

/// Returns the last microsecond of a local day.
pub fn day_end(day: NaiveDate, zone: Tz) -> Instant {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    day_start(next, zone) - TimeDelta::microseconds(1)
}

/// Returns the local day of an instant.
pub fn local_day(instant: Instant, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// Returns the first local day that is not over before the instant: of events that only have a date,
/// those before this day are known.
pub fn first_day_not_over(instant: Instant, zone: Tz) -> NaiveDate {
    first_day(instant, zone, |day| day_end(day, zone) >= instant)
}

/// Returns the first local day that has not begun before the instant: of states that only have a date,
/// those from before this day are known.
pub fn first_day_not_begun(instant: Instant, zone: Tz) -> NaiveDate {
    first_day(instant, zone, |day| day_start(day, zone) >= instant)
}

/// Returns the first day from the eve of the instant's day on for which `later` holds; it holds for all after
/// it.
fn first_day(instant: Instant, zone: Tz, later: impl Fn(NaiveDate) -> bool) -> NaiveDate {
    // Where the clock goes back over midnight, the day before the instant's may be the one; two days
    // before it are over anywhere.
    let eve = local_day(instant, zone).checked_sub_days(Days::new(2)).unwrap_or(NaiveDate::MIN);
    eve.iter_days().find(|day| later(*day)).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{parse_instant, show_instant};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Instant {
        parse_instant(text, Tz::UTC).unwrap()
    }

    #[test]
    fn a_day_begins_with_its_first_instant() {
        for (zone, day, begins) in [
            ("UTC", "2026-07-01", "2026-07-01T00:00:00Z"),
            ("Europe/Paris", "2026-07-01", "2026-06-30T22:00:00Z"),
            ("America/Los_Angeles", "2026-01-31", "2026-01-31T08:00:00Z"),
            // The clocks of Beirut go from 24:00 to 1:00, those of Havana from 1:00 back to 0:00.
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"),
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            // Samoa went from 29 to 31 December over the date line.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
            ("Europe/Paris", "9999-12-31", "9999-12-30T23:00:00Z"),
        ] {
            assert_eq!(show_instant(day_start(date(day), zone.parse().unwrap())), begins, "{zone} {day}");
        }
    }

    #[test]
    fn a_day_ends_a_microsecond_before_the_next() {
        let paris = chrono_tz::Europe::Paris;
        assert_eq!(show_instant(day_end(date("2026-06-30"), paris)), "2026-06-30T21:59:59.999999Z");
        let apia = chrono_tz::Pacific::Apia;
        assert_eq!(day_end(date("2011-12-29"), apia), day_end(date("2011-12-30"), apia));
    }

    #[test]
    fn what_is_over_is_reported_from_what_has_begun() {
        let paris = chrono_tz::Europe::Paris;
        let midnight = at("2026-06-30T22:00:00Z");
        assert_eq!(first_day_not_over(midnight, paris), date("2026-07-01"));
        assert_eq!(first_day_not_begun(midnight, paris), date("2026-07-01"));
        let a_moment_before = midnight - TimeDelta::microseconds(1);
        assert_eq!(first_day_not_over(a_moment_before, paris), date("2026-06-30"));
        let a_moment_after = midnight + TimeDelta::microseconds(1);
        assert_eq!(first_day_not_over(a_moment_after, paris), date("2026-07-01"));
        assert_eq!(first_day_not_begun(a_moment_after, paris), date("2026-07-02"));
    }

    /// For every zone, against an oracle that looks only at what local date instants have.
    #[test]
    fn in_every_zone_no_day_is_over_before_its_last_instant() {
        use rand::{Rng, SeedableRng};
        let per_zone: usize = std::env::var("SILLAGE_ZONES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
        let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(11);
        let second = |t: i64| chrono::DateTime::from_timestamp(t, 0).unwrap();
        for zone in chrono_tz::TZ_VARIANTS {
            for _ in 0..per_zone {
                // Twenty years, and half of the instants close to a local midnight.
                let mut seconds = random.gen_range(1_136_073_600..1_767_225_600_i64);
                if random.gen_bool(0.5) {
                    let local = second(seconds).with_timezone(&zone).time();
                    let since = local.signed_duration_since(NaiveTime::MIN).num_seconds();
                    seconds += random.gen_range(-3700..3700) - since;
                }
                let instant = second(seconds);
                let today = local_day(instant, zone);
                for day in [today.pred_opt().unwrap(), today, today.succ_opt().unwrap()] {
                    // The oracle walks the quarters of an hour around: has any instant from here on this
                    // date or an earlier one, has any before it this date or a later one?
                    let ahead = (0..400).map(|n| local_day(second(seconds + n * 900), zone));
                    let behind = (1..400).map(|n| local_day(second(seconds - n * 900), zone));
                    let moment_ago = local_day(instant - TimeDelta::microseconds(1), zone);
                    let known_over = day < first_day_not_over(instant, zone);
                    let known_begun = day < first_day_not_begun(instant, zone);
                    let next = day.succ_opt().unwrap();
                    let next_begun = local_day(instant, zone) >= next || behind.clone().any(|d| d >= next);
                    assert_eq!(known_over, next_begun, "{zone} {instant} {day}");
                    let begun = moment_ago >= day || behind.clone().any(|d| d >= day);
                    assert_eq!(known_begun, begun, "{zone} {instant} {day}");
                    if known_over {
                        // A clock set back over midnight is the one way to see a day again.
                        let again = ahead.clone().filter(|d| *d <= day).count();
                        assert!(again <= 4, "{zone} {instant} {day}: {again} quarters of an hour to come");
                    }
                }
            }
        }
    }
}

//! Where an objective stands: the last period that is over, the trend, and what is needed from now on.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use super::amount::{in_words, of_float, to_float};
use super::definition::Metric;
use super::objective::Objective;
use super::period::months_between;
use super::trend::slope;
use crate::clock::Instant;
use crate::day::day_start;

/// The values of a metric by period, each the last one that was said of it.
pub(super) type Points = BTreeMap<NaiveDate, Option<i128>>;

/// Days of the past that make a trend.
const TREND_DAYS: u64 = 365;

/// Where an objective stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    /// The period that is judged; none before any is over.
    pub period: Option<NaiveDate>,
    pub value: Option<i128>,
    /// By how much the value is better than the target; negative where it is worse.
    pub margin: Option<i128>,
    /// The change of the metric in a month.
    pub trend: Option<i128>,
    /// How many periods the trend is of.
    pub trend_points: i64,
    /// What the trend leads to by the day of the objective.
    pub projected: Option<i128>,
    pub months_left: Option<f64>,
    /// The change in a month that leads to the target.
    pub needed: Option<i128>,
    /// Of the periods of the last year that have a value, how many kept the target, and how many there are.
    pub kept: i64,
    pub judged: i64,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// No period is over, or its value is not known.
    NoValue,
    /// Of objectives without a day: the last period kept the target, or did not.
    Kept,
    Broken,
    /// The target is met, and the day is still to come.
    Met,
    /// The trend leads to the target in time, does not, or is not known.
    OnTrack,
    Behind,
    TooEarly,
    /// The day has come.
    Reached,
    Missed,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Status::NoValue => "no_value",
            Status::Kept => "kept",
            Status::Broken => "broken",
            Status::Met => "met",
            Status::OnTrack => "on_track",
            Status::Behind => "behind",
            Status::TooEarly => "too_early",
            Status::Reached => "reached",
            Status::Missed => "missed",
        }
    }
}

/// Returns where the objective stands; `points` are of periods that are over.
pub(super) fn standing(
    objective: &Objective,
    metric: &Metric,
    points: &Points,
    as_of: Instant,
    zone: Tz,
) -> Standing {
    let after = objective.by.and_then(|by| by.checked_add_days(Days::new(1)));
    let counts = |period: &NaiveDate| after.is_none_or(|after| metric.end_of(*period) <= after);
    let judged = points.iter().rfind(|(period, _)| counts(period));
    let Some((period, value)) = judged.map(|(period, value)| (*period, *value)) else {
        return Standing::unknown(None);
    };
    let Some(value) = value else { return Standing::unknown(Some(period)) };
    let since = period.checked_sub_days(Days::new(TREND_DAYS)).unwrap_or(NaiveDate::MIN);
    let recent: Vec<(NaiveDate, i128)> = points
        .range((Excluded(since), Included(period)))
        .filter_map(|(period, value)| Some((*period, (*value)?)))
        .collect();
    let margin = objective.direction.better(value, objective.target);
    let kept =
        recent.iter().filter(|(_, value)| objective.direction.better(*value, objective.target) >= 0).count();
    let series: Vec<(f64, f64)> =
        recent.iter().map(|(day, value)| (months_between(since, *day), to_float(*value))).collect();
    let change = slope(&series);
    let end = metric.end_of(period);
    let left = after.map(|after| months_between(end, after)).filter(|months| *months > 0.0);
    let is_past = after.is_some_and(|after| day_start(after, zone) <= as_of);
    let ahead = left.filter(|_| !is_past);
    let target = to_float(objective.target);
    let needed = ahead.filter(|_| margin < 0).map(|months| (target - to_float(value)) / months);
    let projected = ahead.zip(change).map(|(months, change)| to_float(value) + change * months);
    let decimal =
        |number: Option<f64>| number.and_then(|number| of_float(number, super::amount::VALUE_SCALE));
    let (trend, needed) = (decimal(change), decimal(needed));
    let status = match (after, margin >= 0, needed, trend) {
        (None, true, ..) => Status::Kept,
        (None, false, ..) => Status::Broken,
        // The last period that counts is over, or its day has come.
        (Some(_), true, ..) if ahead.is_none() => Status::Reached,
        (Some(_), false, ..) if ahead.is_none() => Status::Missed,
        (Some(_), true, ..) => Status::Met,
        (Some(_), false, Some(needed), Some(trend)) if objective.direction.better(trend, needed) >= 0 => {
            Status::OnTrack
        }
        (Some(_), false, Some(_), Some(_)) => Status::Behind,
        (Some(_), false, ..) => Status::TooEarly,
    };
    Standing {
        period: Some(period),
        value: Some(value),
        margin: Some(margin),
        trend,
        trend_points: if trend.is_some() { count(series.len()) } else { 0 },
        projected: decimal(projected),
        months_left: ahead,
        needed,
        kept: count(kept),
        judged: count(recent.len()),
        status,
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Standing {
    fn unknown(period: Option<NaiveDate>) -> Standing {
        Standing {
            period,
            value: None,
            margin: None,
            trend: None,
            trend_points: 0,
            projected: None,
            months_left: None,
            needed: None,
            kept: 0,
            judged: 0,
            status: Status::NoValue,
        }
    }

    /// Returns it in a sentence.
    pub(super) fn in_words(&self, objective: &Objective, metric: &Metric) -> String {
        let unit = metric.unit.as_deref();
        let amount = |value: i128| in_words(value, unit);
        let bound = match objective.direction {
            super::objective::Direction::AtLeast => "at least",
            super::objective::Direction::AtMost => "at most",
        };
        let goal = format!("{bound} {}", amount(objective.target));
        let (Some(period), Some(value)) = (self.period, self.value) else {
            return format!("no value yet, to be {goal}");
        };
        let by = objective.by.map(|by| format!(" by {by}")).unwrap_or_default();
        let now = format!("{} in {}, to be {goal}{by}", amount(value), metric.show_period(period));
        let per_month = |change: i128| match change {
            0 => "stays as it is".to_owned(),
            change if change > 0 => format!("rises by {} a month", amount(change)),
            change => format!("falls by {} a month", amount(-change)),
        };
        let moved = || match (self.trend, self.needed, self.projected) {
            (Some(trend), Some(needed), Some(projected)) => format!(
                "it {}, {} are needed: about {} by then",
                per_month(trend),
                amount(needed),
                amount(projected)
            ),
            (_, Some(needed), _) => format!("{} a month are needed", amount(needed)),
            _ => String::new(),
        };
        match self.status {
            Status::NoValue => format!("no value yet, to be {goal}"),
            Status::Kept => {
                format!("{now}: kept, in {} of {} periods of the last year", self.kept, self.judged)
            }
            Status::Broken => {
                format!(
                    "{now}: not kept; it was in {} of {} periods of the last year",
                    self.kept, self.judged
                )
            }
            Status::Met => format!("{now}: met"),
            Status::OnTrack => format!("{now}: on track, {}", moved()),
            Status::Behind => format!("{now}: behind, {}", moved()),
            Status::TooEarly => format!("{now}: too early for a trend, {}", moved()),
            Status::Reached => format!("{now}: reached"),
            Status::Missed => format!("{now}: missed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::definition::tests::sales;
    use crate::metric::objective::Direction;

    const ONE: i128 = 1_000_000;

    fn objective(target: i128, direction: Direction, by: Option<&str>) -> Objective {
        Objective {
            name: "more".to_owned(),
            description: String::new(),
            metric: "sales".to_owned(),
            of: None,
            target: target * ONE,
            direction,
            by: by.map(|by| by.parse().unwrap()),
        }
    }

    /// Values of the months from January on.
    fn months(values: &[i128]) -> Points {
        let day = |n: usize| NaiveDate::from_ymd_opt(2026, n as u32 + 1, 1).unwrap();
        values.iter().enumerate().map(|(n, value)| (day(n), Some(value * ONE))).collect()
    }

    fn at(objective: &Objective, points: &Points) -> (Standing, String) {
        let july = day_start("2026-07-01".parse().unwrap(), Tz::UTC);
        let standing = standing(objective, &sales(), points, july, Tz::UTC);
        let words = standing.in_words(objective, &sales());
        (standing, words)
    }

    #[test]
    fn what_is_needed_is_what_is_missing_over_the_months_that_are_left() {
        let (standing, words) = at(
            &objective(220, Direction::AtLeast, Some("2026-12-31")),
            &months(&[100, 110, 120, 130, 140, 150]),
        );
        assert_eq!(standing.status, Status::Behind);
        assert_eq!(standing.margin, Some(-70 * ONE));
        // 184 days of 30.436875; the trend is of months of that length too.
        assert_eq!(standing.needed, Some(11_579_246));
        assert!(
            standing.trend.is_some_and(|trend| (trend - 10 * ONE).abs() < ONE / 5),
            "{:?}",
            standing.trend
        );
        assert!(
            words.starts_with("150 € in 2026-06, to be at least 220 € by 2026-12-31: behind, it rises by"),
            "{words}"
        );
        let easier = objective(200, Direction::AtLeast, Some("2026-12-31"));
        assert_eq!(at(&easier, &months(&[100, 110, 120, 130, 140, 150])).0.status, Status::OnTrack);
    }

    #[test]
    fn less_may_be_what_is_wanted() {
        let falling = months(&[100, 90, 80, 70, 60, 50]);
        let of = |target| at(&objective(target, Direction::AtMost, Some("2026-09-30")), &falling).0;
        assert_eq!(of(60).status, Status::Met);
        assert_eq!(of(30).status, Status::OnTrack);
        assert_eq!(of(0).status, Status::Behind);
        assert_eq!(of(0).margin, Some(-50 * ONE));
    }

    #[test]
    fn once_its_day_has_come_the_last_period_before_it_counts() {
        let points = months(&[100, 110, 120, 130, 90, 80]);
        let of = |by: &str| at(&objective(120, Direction::AtLeast, Some(by)), &points).0;
        assert_eq!((of("2026-04-30").status, of("2026-04-30").value), (Status::Reached, Some(130 * ONE)));
        // The last whole month until then.
        assert_eq!(of("2026-05-15").status, Status::Reached);
        assert_eq!(of("2026-05-31").status, Status::Missed);
        assert_eq!(of("2025-05-31").status, Status::NoValue);
    }

    #[test]
    fn without_a_day_every_period_is_to_keep_it() {
        let (standing, words) = at(&objective(0, Direction::AtLeast, None), &months(&[3, -2, 5, 1, 4, -1]));
        assert_eq!((standing.status, standing.kept, standing.judged), (Status::Broken, 4, 6));
        assert_eq!(
            words,
            "-1 € in 2026-06, to be at least 0 €: not kept; it was in 4 of 6 periods of the last year"
        );
    }

    #[test]
    fn two_months_have_no_trend() {
        let (standing, words) =
            at(&objective(200, Direction::AtLeast, Some("2026-12-31")), &months(&[100, 110]));
        assert_eq!((standing.status, standing.trend, standing.projected), (Status::TooEarly, None, None));
        assert!(words.contains("too early for a trend, "), "{words}");
    }
}

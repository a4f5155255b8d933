//! Parses and formats durations of fixed length (`2 days`, `90s`); calendar lengths such as months are in `span`.

use chrono::TimeDelta;

/// 100,000 weeks: an instant stays within what the calendar reaches when so much is taken from it.
const LONGEST: TimeDelta = TimeDelta::weeks(100_000);

/// Returns the length that a text such as `2 days`, `36 hours`, `90s` or `30m` names, or `None` where it
/// names none.
pub fn parse(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number = number.parse().ok()?;
    let length = match unit.trim_start() {
        "s" | "second" | "seconds" => TimeDelta::try_seconds(number),
        "m" | "minute" | "minutes" => TimeDelta::try_minutes(number),
        "h" | "hour" | "hours" => TimeDelta::try_hours(number),
        "d" | "day" | "days" => TimeDelta::try_days(number),
        "week" | "weeks" => TimeDelta::try_weeks(number),
        _ => None,
    };
    length.filter(|length| *length <= LONGEST)
}

/// Returns a length in its two largest units: `4 days 3 hours`, `20 minutes`, `less than a minute`.
pub fn show(length: TimeDelta) -> String {
    let units = [
        ("day", length.num_days()),
        ("hour", length.num_hours() % 24),
        ("minute", length.num_minutes() % 60),
    ];
    let shown: Vec<String> = units
        .iter()
        .skip_while(|(_, number)| *number == 0)
        .take(2)
        .filter(|(_, number)| *number > 0)
        .map(|(unit, number)| format!("{number} {unit}{}", if *number == 1 { "" } else { "s" }))
        .collect();
    if shown.is_empty() { "less than a minute".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_and_shown() {
        let read = |text: &str| parse(text).map(show);
        for (text, shown) in [
            ("2 days", "2 days"),
            ("36 hours", "1 day 12 hours"),
            ("1 week", "7 days"),
            ("90 minutes", "1 hour 30 minutes"),
            ("90m", "1 hour 30 minutes"),
            (" 12h ", "12 hours"),
            ("7d", "7 days"),
            ("90s", "1 minute"),
            ("0s", "less than a minute"),
        ] {
            assert_eq!(read(text).as_deref(), Some(shown), "{text}");
        }
        assert_eq!(show(TimeDelta::days(3) + TimeDelta::minutes(5)), "3 days");
    }

    #[test]
    fn what_is_no_number_and_unit_is_refused() {
        for wrong in [
            "",
            "2",
            "d",
            "two days",
            "2 fortnights",
            "-1 days",
            "1w",
            "99999999999999999999d",
            "999999999 days",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

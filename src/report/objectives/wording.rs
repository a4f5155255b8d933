//! Where an objective stands, in the words and numbers of the page's language.

use chrono::{Datelike, NaiveDate};

use super::course::Course;
use super::standing::Standing;
use crate::report::language::Language;

/// What of a standing is shown.
#[derive(Debug, PartialEq)]
pub(super) struct Figures {
    pub now: String,
    pub bound: &'static str,
    pub target: String,
    pub sentence: String,
}

impl Standing {
    /// Returns how its amounts are written: a quotient without a unit is a share, and in percent where none is above 1.
    fn writer(&self, language: Language, course: &Course) -> impl Fn(f64, bool) -> String + use<> {
        let known = [self.target, self.value, self.projected].into_iter().flatten();
        let known: Vec<f64> = known.chain(course.points.iter().filter_map(|(_, value)| *value)).collect();
        let is_share =
            course.is_quotient && self.unit.is_empty() && known.iter().all(|value| value.abs() <= 1.0);
        let is_whole = !is_share
            && self.target.is_none_or(|target| target.fract() == 0.0)
            && course.points.iter().all(|(_, value)| value.is_none_or(|value| value.fract() == 0.0));
        let most = known.iter().fold(0.0_f64, |most, value| value.abs().max(most));
        let unit = self.unit.clone();
        move |value, is_rate| {
            if is_share && is_rate {
                // What is added to percents are points.
                let points = 100.0 * value;
                let one = if points < 2.0 { "point" } else { "points" };
                return format!("{}\u{a0}{}", language.decimal(points, 2), language.text("points", one));
            }
            if is_share {
                return language.percent_tick(value, 1);
            }
            let decimals = match most {
                _ if is_whole && !is_rate => 0,
                most if most >= 1000.0 => 0,
                most if most >= 1.0 => 2,
                _ => 4,
            };
            language.with_unit(&language.decimal(value, decimals), &unit)
        }
    }

    /// Returns its figures and a sentence about them.
    pub fn figures(&self, language: Language, course: &Course) -> Figures {
        let write = self.writer(language, course);
        let or_none = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| write(value, false));
        Figures {
            now: or_none(self.value),
            bound: match self.at_least {
                true => language.text("at least", "au moins"),
                false => language.text("at most", "au plus"),
            },
            target: or_none(self.target),
            sentence: self.sentence(language, course, &write),
        }
    }

    fn sentence(&self, language: Language, course: &Course, write: &dyn Fn(f64, bool) -> String) -> String {
        let (Some(period), Some(value)) = (self.period, self.value) else { return String::new() };
        let (period, value) = (shown_period(language, &course.period_kind, period), write(value, false));
        let mut sentences =
            vec![format!("{}{} {value}.", capitalised(&period), language.text(":", "\u{a0}:"))];
        if self.due.is_none() {
            let (kept, judged) = (self.kept, self.judged);
            sentences.push(language.text(
                format!("Kept in {kept} of the {judged} periods of the last year."),
                format!("Tenu pendant {kept} des {judged} périodes de l'année écoulée."),
            ));
        }
        if let Some(trend) = self.trend {
            let by = write(trend.abs(), true);
            sentences.push(match trend {
                0.0 => language.text("It stays as it is.".to_owned(), "Il reste stable.".to_owned()),
                trend if trend > 0.0 => {
                    language.text(format!("It rises by {by} a month."), format!("Il monte de {by} par mois."))
                }
                _ => language
                    .text(format!("It falls by {by} a month."), format!("Il baisse de {by} par mois.")),
            });
        }
        if let Some(needed) = self.needed {
            let amount = write(needed.abs(), true);
            sentences.push(match needed < 0.0 {
                true => language.text(
                    format!("A fall by {amount} a month is needed."),
                    format!("Il faudrait une baisse de {amount} par mois."),
                ),
                false => language.text(
                    format!("A rise by {amount} a month is needed."),
                    format!("Il faudrait une hausse de {amount} par mois."),
                ),
            });
        }
        if let Some(projected) = self.projected {
            let projected = write(projected, false);
            sentences.push(language.text(
                format!("The trend leads to {projected} by then."),
                format!("La tendance mène à {projected} à cette date."),
            ));
        }
        sentences.join(" ")
    }
}

/// Returns a text as a sentence begins.
fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// Names a period by its kind.
fn shown_period(language: Language, kind: &str, day: NaiveDate) -> String {
    match kind {
        "month" => language.month(day),
        "quarter" => {
            let quarter = day.month0() / 3 + 1;
            language.text(format!("Q{quarter} {}", day.year()), format!("T{quarter} {}", day.year()))
        }
        "year" => day.year().to_string(),
        "week" => language
            .text(format!("Week of {}", language.day(day)), format!("Semaine du {}", language.day(day))),
        _ => language.day(day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(points: &[f64], is_quotient: bool) -> Course {
        let day = |n: usize| NaiveDate::from_ymd_opt(2026, n as u32 + 1, 1).unwrap();
        Course {
            period_kind: "month".to_owned(),
            is_quotient,
            points: points.iter().enumerate().map(|(n, value)| (day(n), Some(*value))).collect(),
        }
    }

    fn standing() -> Standing {
        Standing {
            status: "behind".to_owned(),
            at_least: true,
            target: Some(0.5),
            due: "2026-12-31".parse().ok(),
            period: "2026-06-01".parse().ok(),
            value: Some(0.4),
            trend: Some(-0.001),
            projected: Some(0.394),
            needed: Some(0.016),
            ..Standing::default()
        }
    }

    #[test]
    fn a_share_is_told_in_percent_and_what_is_needed_in_words() {
        let figures = standing().figures(Language::English, &course(&[0.39, 0.4], true));
        assert_eq!(
            (figures.now.as_str(), figures.bound, figures.target.as_str()),
            ("40.0%", "at least", "50.0%")
        );
        assert_eq!(
            figures.sentence,
            "June\u{a0}2026: 40.0%. It falls by 0.10\u{a0}points a month. A rise by 1.60\u{a0}points a month is \
             needed. The trend leads to 39.4% by then."
        );
        assert_eq!(standing().mood(), "bad");
    }

    #[test]
    fn amounts_have_their_unit_and_counts_no_decimals() {
        let of = Standing {
            target: Some(0.0),
            due: None,
            value: Some(-12.0),
            unit: "clients".to_owned(),
            kept: 4,
            judged: 6,
            trend: Some(1.5),
            projected: None,
            needed: None,
            ..standing()
        };
        let figures = of.figures(Language::French, &course(&[-12.0, 3.0], false));
        assert_eq!((figures.now.as_str(), figures.target.as_str()), ("−12\u{a0}clients", "0\u{a0}clients"));
        assert_eq!(
            figures.sentence,
            "Juin\u{a0}2026\u{a0}: −12\u{a0}clients. Tenu pendant 4 des 6 périodes de l'année écoulée. Il monte de \
             1,50\u{a0}clients par mois."
        );
    }

    #[test]
    fn a_quotient_above_one_is_no_share() {
        let of = Standing { value: Some(52.3), target: Some(60.0), unit: "€".to_owned(), ..standing() };
        assert_eq!(of.figures(Language::English, &course(&[52.3], true)).now, "€52.30");
        assert_eq!(of.figures(Language::French, &course(&[52.3], true)).now, "52,30\u{a0}€");
    }

    #[test]
    fn without_a_value_there_is_nothing_to_say() {
        let figures = Standing { value: None, ..standing() }.figures(Language::English, &Course::default());
        assert_eq!((figures.now.as_str(), figures.sentence.as_str()), ("–", ""));
    }
}

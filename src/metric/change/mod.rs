//! Why a metric is not what it was: its change between two releases, split by cause.
//!
//! ```text
//! rows    both releases' rows side by side: late, corrected, another customer's
//! bridge  the parts of the change, which add up
//! ```

mod bridge;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use chrono::NaiveDate;

use self::bridge::{Bridge, Part, bridge};
use self::rows::{Comparison, Found, Side};
use super::amount::{in_words, values};
use super::definition::{Metric, Released, released};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Catalog;

/// What is asked.
#[derive(Debug, Default)]
pub struct Question {
    pub metric: String,
    /// The dimension by which the mix is split; the metric's first one when not given.
    pub by: Option<String>,
    /// The period, of both releases, as it is written; the last one that was over when not given.
    pub period: Option<String>,
    /// Whether the parts are shown for each value of the dimension.
    pub by_value: bool,
}

/// A release: its number, its tables as its models saw them, and its instant.
#[derive(Debug)]
pub struct OfRelease<'c> {
    pub number: u64,
    pub catalog: &'c Catalog,
    pub instant: Instant,
}

/// Why a metric is not what it was.
#[derive(Debug)]
pub struct Explained {
    /// One row per part, or per part and value of the dimension, between one of each release.
    pub rows: RecordBatch,
    /// The change in a sentence.
    pub summary: String,
    /// What should be known beside it.
    pub remarks: Vec<String>,
}

/// Splits the change of a metric between two releases by cause.
///
/// # Errors
/// A metric, a dimension or a period that there is not, a side on which the metric has no value, rows that cannot be
/// read in one of the releases.
pub async fn explain(from: &OfRelease<'_>, to: &OfRelease<'_>, question: &Question) -> Result<Explained> {
    let Released { metric, key } = defined(to, &question.metric).await?;
    if key.is_empty() {
        return Err(Error::failed(format!("{} has no key, so its rows cannot be compared", metric.table)));
    }
    let dimension = dimension(&metric, question.by.as_deref())?;
    let sides = [from, to].map(|side| period(&metric, side, question.period.as_deref()));
    let [period_from, period_to] = sides;
    let (period_from, period_to) = (period_from?, period_to?);
    let comparison = Comparison {
        metric: &metric,
        key: &key,
        dimension,
        from: Side { catalog: from.catalog, instant: from.instant, period: period_from },
        to: Side { catalog: to.catalog, instant: to.instant, period: period_to },
    };
    let Found { populations, concerned, mut remarks } = comparison.rows().await?;
    let shown = [(from, period_from), (to, period_to)].map(|(of, period)| {
        let period = period.map(|day| format!(", {}", metric.show_period(day))).unwrap_or_default();
        format!("release {}{period}", of.number)
    });
    let Some(found) = bridge(&populations)? else {
        return Err(no_value(&metric, &shown, &populations));
    };
    if dimension.is_none() {
        remarks.push("the metric has no dimension, so there is no mix".to_owned());
    }
    remarks.extend(other_definition(from, &metric).await?);
    let [before, after] = &shown;
    let amount = |value: i128| in_words(value, metric.unit.as_deref());
    let summary = format!(
        "{}: {} ({before}), {} ({after}): {}{}",
        metric.name,
        amount(found.from),
        amount(found.to),
        if found.to > found.from { "+" } else { "" },
        amount(found.to - found.from),
    );
    let counts = |cells: &bridge::Cells| cells.values().map(|cell| cell.rows as i64).sum::<i64>();
    let table = Table {
        shown: &shown,
        ends: [counts(&populations.before), counts(&populations.after)],
        concerned: &concerned,
        from_instant: from.instant,
        dimension,
        by_value: question.by_value,
    };
    Ok(Explained { rows: table.rows(&found)?, summary, remarks })
}

async fn defined(to: &OfRelease<'_>, name: &str) -> Result<Released> {
    let mut known = released(to.catalog).await?;
    let names: Vec<String> = known.keys().cloned().collect();
    known.remove(name).ok_or_else(|| {
        let error = Error::config(format!("release {} has no metric `{name}`", to.number));
        match names.is_empty() {
            true => error.hint("it has none: declare [metrics.<name>] in the pipeline file and run it"),
            false => {
                error.hint(did_you_mean_or_list(name, names.iter().map(String::as_str), "its metrics are"))
            }
        }
    })
}

fn dimension<'m>(metric: &'m Metric, by: Option<&str>) -> Result<Option<&'m str>> {
    let known = || metric.dimensions.iter().map(String::as_str);
    match by {
        None => Ok(known().next()),
        Some(by) => match known().find(|dimension| *dimension == by) {
            Some(found) => Ok(Some(found)),
            None if metric.dimensions.is_empty() => {
                Err(Error::config(format!("the metric {} has no dimensions", metric.name))
                    .hint("leave --by out, or declare dimensions = [\"…\"] and run the pipeline"))
            }
            None => Err(Error::config(format!("the metric {} has no dimension `{by}`", metric.name))
                .hint(did_you_mean_or_list(by, known(), "its dimensions are"))),
        },
    }
}

/// Returns the first day of the period that is compared; none of a state.
fn period(metric: &Metric, side: &OfRelease<'_>, asked: Option<&str>) -> Result<Option<NaiveDate>> {
    let Some(periods) = metric.periods else {
        return match asked {
            None => Ok(None),
            Some(_) => {
                Err(Error::config(format!("the metric {} is of a state and has no periods", metric.name))
                    .hint("leave --period out"))
            }
        };
    };
    let zone = side.catalog.zone();
    let of_night = metric.periods_as_of(side.instant, zone);
    if let Some(text) = asked {
        let Some(day) = periods.period.read(text) else {
            return Err(Error::config(format!("`{text}` is not a {}", periods.period)).hint(format!(
                "write it as {}",
                periods.period.show(of_night.last().copied().unwrap_or_default())
            )));
        };
        if of_night.last().is_some_and(|present| day > *present) {
            return Err(Error::config(format!(
                "{text} had not begun as of {}, the instant of release {}",
                show_instant(side.instant),
                side.number
            )));
        }
        return Ok(Some(day));
    }
    let over = of_night.into_iter().rev().find(|day| metric.is_over(*day, side.instant, zone));
    // A metric of the present period alone has only that.
    let present = metric.periods_as_of(side.instant, zone).last().copied();
    Ok(over.or(present))
}

fn no_value(metric: &Metric, shown: &[String; 2], populations: &bridge::Populations) -> Error {
    let is_empty = |cells: &bridge::Cells| cells.values().map(|cell| cell.denominator).sum::<i128>() == 0;
    let side = if is_empty(&populations.before) { &shown[0] } else { &shown[1] };
    Error::failed(format!("the metric {} has no value in {side}: its denominator is 0", metric.name))
        .hint("compare releases in which it has one; mart.metrics lists them")
}

/// Says whether the earlier release computed the metric otherwise.
async fn other_definition(from: &OfRelease<'_>, metric: &Metric) -> Result<Option<String>> {
    let earlier = released(from.catalog).await?;
    Ok(match earlier.get(&metric.name) {
        Some(then) if then.metric.fingerprint() == metric.fingerprint() => None,
        Some(_) => Some(format!(
            "{} was defined otherwise in release {}: both sides are computed as it is defined now",
            metric.name, from.number
        )),
        None => Some(format!(
            "release {} did not have the metric yet: both sides are computed as it is defined now",
            from.number
        )),
    })
}

/// What the rows of an explanation say beside their amounts.
struct Table<'t> {
    shown: &'t [String; 2],
    /// Rows counted on each side.
    ends: [i64; 2],
    concerned: &'t BTreeMap<String, i64>,
    from_instant: Instant,
    dimension: Option<&'t str>,
    by_value: bool,
}

/// A row of an explanation.
struct Row {
    part: String,
    dimension_value: String,
    rows: Option<i64>,
    change: Option<i128>,
    value: i128,
    meaning: String,
}

impl Table<'_> {
    fn rows(&self, found: &Bridge) -> Result<RecordBatch> {
        let end = |n: usize, value: i128| Row {
            part: self.shown[n].clone(),
            dimension_value: String::new(),
            rows: Some(self.ends[n]),
            change: None,
            value,
            meaning: "the value, and the rows that are counted".to_owned(),
        };
        let mut all = vec![end(0, found.from)];
        let mut at = found.from;
        for part in Part::ALL {
            let cause = part.cause();
            let rows = cause.map(|cause| self.concerned.get(cause).copied().unwrap_or_default());
            let of_part = found.moves.iter().filter(|moved| moved.part == part);
            let moves: Vec<(String, i128)> = match self.by_value {
                true => of_part.map(|moved| (moved.dimension_value.clone(), moved.change)).collect(),
                false => vec![(String::new(), found.part(part))],
            };
            for (dimension_value, change) in moves {
                at += change;
                all.push(Row {
                    part: part.word().to_owned(),
                    dimension_value,
                    rows: rows.filter(|_| !self.by_value),
                    change: Some(change),
                    value: at,
                    meaning: self.meaning(part),
                });
            }
        }
        all.push(end(1, found.to));
        let text = |text: &dyn Fn(&Row) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(all.iter().map(text)))
        };
        let mut columns: Vec<(&str, ArrayRef)> = vec![("part", text(&|row| &row.part))];
        if self.by_value {
            columns.push((self.dimension.unwrap_or("dimension"), text(&|row| &row.dimension_value)));
        } else {
            columns.push(("rows", Arc::new(all.iter().map(|row| row.rows).collect::<Int64Array>())));
        }
        columns.push(("change", values(all.iter().map(|row| row.change))?));
        columns.push(("value", values(all.iter().map(|row| Some(row.value)))?));
        columns.push(("meaning", text(&|row| &row.meaning)));
        RecordBatch::try_from_iter(columns).doing("write the explanation")
    }

    fn meaning(&self, part: Part) -> String {
        let since = show_instant(self.from_instant);
        match (part, self.dimension) {
            (Part::Late, _) => format!("rows from before {since} that only came after it"),
            (Part::Corrected, _) => "rows that were changed, or are gone".to_owned(),
            (Part::Merged, _) => "rows whose customer is another by now".to_owned(),
            (Part::Volume, _) => "more or fewer rows of the same kind".to_owned(),
            (Part::Mix, None) => "no dimension, no mix".to_owned(),
            (Part::Mix, Some(dimension)) => format!("another split by {dimension}"),
            (Part::Rate, None) => "another amount of each row".to_owned(),
            (Part::Rate, Some(dimension)) => format!("another amount within each {dimension}"),
        }
    }
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Part::Late => "late data",
            Part::Corrected => "corrections",
            Part::Merged => "merged identities",
            Part::Volume => "volume",
            Part::Mix => "mix",
            Part::Rate => "rate",
        }
    }

    /// Returns what rows are called that this part is about; none where it is about all.
    fn cause(self) -> Option<&'static str> {
        match self {
            Part::Late => Some("late"),
            Part::Corrected => Some("corrected"),
            Part::Merged => Some("merged"),
            Part::Volume | Part::Mix | Part::Rate => None,
        }
    }
}

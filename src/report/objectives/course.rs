//! The course of the metrics that objectives are about: period by period, as the last night that said it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::standing::{MetricOf, Standing};
use crate::error::Result;
use crate::report::reader::{Column, Holds, Reader};
use crate::sql_text::quoted;

const COLUMNS: [Column; 11] = [
    ("metric", Holds::Text),
    ("as_of", Holds::Instant),
    ("period", Holds::Day),
    ("dimension", Holds::Text),
    ("dimension_value", Holds::Text),
    ("period_kind", Holds::Text),
    ("is_complete", Holds::Flag),
    ("denominator", Holds::Number),
    ("value", Holds::Number),
    ("definition", Holds::Text),
    ("release", Holds::Count),
];
/// As many of the last periods are drawn.
const MOST_PERIODS: usize = 25;

/// A metric by period.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Course {
    /// `month` and the like; `state` of the table on the night.
    pub period_kind: String,
    /// Whether it is the quotient of two sums.
    pub is_quotient: bool,
    /// By ascending period.
    pub points: Vec<(NaiveDate, Option<f64>)>,
}

/// Returns the courses of the metrics that these objectives are about.
///
/// # Errors
/// The table cannot be read.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    standings: &[Standing],
) -> Result<BTreeMap<MetricOf, Course>> {
    let mut courses: BTreeMap<MetricOf, Course> = BTreeMap::new();
    let Some(tonight) = standings.iter().filter_map(|standing| standing.as_of).max() else {
        return Ok(courses);
    };
    let of = |standing: &Standing| {
        let (metric, dimension, value) = &standing.of;
        format!(
            "(metric = {} and dimension = {} and dimension_value = {})",
            quoted(metric),
            quoted(dimension),
            quoted(value)
        )
    };
    let wanted: Vec<String> = standings.iter().map(of).collect();
    let sql = format!(
        "with said as (
           select metric, dimension, dimension_value, period, period_kind, is_complete, denominator, value, definition,
             row_number() over (
               partition by metric, dimension, dimension_value, period order by as_of desc, release desc
             ) as nth,
             first_value(definition) over (
               partition by metric, dimension, dimension_value order by as_of desc, period desc, release desc
             ) as latest_definition
           from mart.metrics
           where cast(as_of as bigint) <= {} and period is not null and ({})
         )
         select metric, dimension, dimension_value, period, period_kind, denominator is not null as is_quotient, value
         from said where nth = 1 and is_complete and definition = latest_definition
         order by metric, dimension, dimension_value, period",
        tonight.timestamp_micros(),
        wanted.join(" or ")
    );
    let Some(rows) = reader.rows("mart.metrics", &COLUMNS, &sql).await? else { return Ok(courses) };
    for row in rows.numbers() {
        let text = |column| rows.text(column, row).map(str::to_owned);
        let Some(period) = rows.day("period", row)? else { continue };
        let course =
            courses.entry((text("metric")?, text("dimension")?, text("dimension_value")?)).or_default();
        course.period_kind = text("period_kind")?;
        course.is_quotient = rows.flag("is_quotient", row)? == Some(true);
        course.points.push((period, rows.float("value", row)?));
    }
    for course in courses.values_mut() {
        course.points.drain(..course.points.len().saturating_sub(MOST_PERIODS));
    }
    Ok(courses)
}

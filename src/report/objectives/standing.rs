//! Where an objective stands, as the last night left it in `mart.objectives`.

use chrono::NaiveDate;

use crate::clock::Instant;
use crate::error::Result;
use crate::report::reader::{Column, Holds, Reader};

const COLUMNS: [Column; 17] = [
    ("objective", Holds::Text),
    ("description", Holds::Text),
    ("status", Holds::Text),
    ("metric", Holds::Text),
    ("dimension", Holds::Text),
    ("dimension_value", Holds::Text),
    ("unit", Holds::Text),
    ("direction", Holds::Text),
    ("target", Holds::Number),
    ("due", Holds::Day),
    ("as_of", Holds::Instant),
    ("period", Holds::Day),
    ("value", Holds::Number),
    ("trend_per_month", Holds::Number),
    ("projected", Holds::Number),
    ("needed_per_month", Holds::Number),
    ("periods_kept", Holds::Count),
];
const SQL: &str = "
    select description, status, metric, dimension, dimension_value, unit, direction, target, due, as_of, period, value,
      trend_per_month, projected, needed_per_month, periods_kept, periods_judged
    from mart.objectives order by objective";

/// A metric, a dimension and its value.
pub(super) type MetricOf = (String, String, String);

/// Where an objective stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    pub description: String,
    pub status: String,
    pub of: MetricOf,
    pub unit: String,
    pub at_least: bool,
    pub target: Option<f64>,
    pub due: Option<NaiveDate>,
    pub as_of: Option<Instant>,
    pub period: Option<NaiveDate>,
    pub value: Option<f64>,
    pub trend: Option<f64>,
    pub projected: Option<f64>,
    pub needed: Option<f64>,
    pub kept: i64,
    pub judged: i64,
}

/// Returns the objectives by name; `None` where there is none.
///
/// # Errors
/// The table cannot be read.
pub(super) async fn read(reader: &mut Reader<'_>) -> Result<Option<Vec<Standing>>> {
    let columns = [&COLUMNS[..], &[("periods_judged", Holds::Count)]].concat();
    let Some(rows) = reader.rows("mart.objectives", &columns, SQL).await? else { return Ok(None) };
    let mut standings = Vec::new();
    for row in rows.numbers() {
        let text = |column| rows.text(column, row).map(str::to_owned);
        standings.push(Standing {
            description: text("description")?,
            status: text("status")?,
            of: (text("metric")?, text("dimension")?, text("dimension_value")?),
            unit: text("unit")?,
            at_least: text("direction")? == "at_least",
            target: rows.float("target", row)?,
            due: rows.day("due", row)?,
            as_of: rows.instant("as_of", row)?,
            period: rows.day("period", row)?,
            value: rows.float("value", row)?,
            trend: rows.float("trend_per_month", row)?,
            projected: rows.float("projected", row)?,
            needed: rows.float("needed_per_month", row)?,
            kept: rows.count("periods_kept", row)?,
            judged: rows.count("periods_judged", row)?,
        });
    }
    Ok(Some(standings).filter(|standings| !standings.is_empty()))
}

impl Standing {
    /// Returns whether its status is good, bad, or neither.
    pub fn mood(&self) -> &'static str {
        match self.status.as_str() {
            "kept" | "met" | "on_track" | "reached" => "good",
            "broken" | "behind" | "missed" => "bad",
            _ => "open",
        }
    }
}

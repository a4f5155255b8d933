//! Features as of an instant, and the outcomes that followed: what training and scoring share.
//!
//! A feature model is a SQL query with `$as_of`. It is asked about past instants (to learn) and
//! about today (to score) through sessions that hide what was not known yet, so that the past
//! answers as it would have then.

use chrono::Days;
use chrono_tz::Tz;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{JoinType, col, lit};
use datafusion::prelude::DataFrame;

use crate::clock::{Instant, show_instant};
use crate::day::local_instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::visibility::KnownSince;

/// A feature model's query and what it reads.
#[derive(Debug, Clone, Copy)]
pub struct FeatureQuery<'a> {
    pub table: &'a TableName,
    pub sql: &'a str,
    pub reads: &'a std::collections::BTreeSet<TableName>,
}

impl FeatureQuery<'_> {
    /// The features of every customer known at the instant.
    pub async fn as_of(&self, catalog: &Catalog, instant: Instant) -> Result<DataFrame> {
        let session = catalog.session(self.reads, Some(instant)).await?;
        session
            .sql(self.sql)
            .await
            .doing("plan its query")
            .map_err(|e| e.at(format!("features {} as of {}", self.table, show_instant(instant))))
    }
}

/// The outcome that churn is about: no event of this table within the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub events: TableName,
    pub window_days: u32,
    /// SQL condition: which of the events count as staying.
    pub condition: Option<String>,
}

impl Outcome {
    /// The end of the window that begins at the cut-off: so many days later on the pipeline's clock.
    pub fn window_end(&self, cutoff: Instant, zone: Tz) -> Result<Instant> {
        shift_days(cutoff, i64::from(self.window_days), zone)
    }

    /// Adds `churned` (boolean) to a frame of customers at the cut-off.
    pub async fn label(
        &self,
        catalog: &Catalog,
        customers: DataFrame,
        cutoff: Instant,
        zone: Tz,
    ) -> Result<DataFrame> {
        let end = self.window_end(cutoff, zone)?;
        let KnownSince::At(time) = catalog.visibility(&self.events).known else {
            return Err(Error::config(format!("{} does not declare when its events happened", self.events))
                .hint(format!("add [tables.\"{}\"] time = \"…\"", self.events)));
        };
        let session = catalog.session([&self.events], Some(end)).await?;
        let condition = self.condition.as_deref().unwrap_or("true");
        let events = session
            .sql(&format!("select * from {} where {condition}", self.events))
            .await
            .doing(format!("read the outcome from {}", self.events))?;
        // The rows of before the cut-off are those that were known then: of a mere date, the days that were
        // over.
        let before = time.known_before(&self.events, events.schema(), cutoff, zone)?;
        let came = events
            .filter(before.is_not_true())
            .and_then(|e| {
                e.aggregate(vec![col("customer_id").alias("came_again")], vec![max(lit(1_i64)).alias("one")])
            })
            .and_then(|e| e.select(vec![col("came_again")]))
            .doing(format!("read the outcome from {}", self.events))?;
        let names: Vec<String> = customers.schema().fields().iter().map(|f| f.name().clone()).collect();
        customers
            .join(came, JoinType::Left, &["customer_id"], &["came_again"], None)
            .and_then(|joined| {
                let mut columns: Vec<_> = names.iter().map(|n| col(quoted(n))).collect();
                columns.push(col("came_again").is_null().alias("churned"));
                joined.select(columns)
            })
            .doing("join features and outcome")
    }
}

fn quoted(name: &str) -> datafusion::common::Column {
    datafusion::common::Column::from_name(name)
}

/// The instant so many days later (or earlier) at the same local time: a night in which the clock
/// changes is still one day.
pub fn shift_days(instant: Instant, days: i64, zone: Tz) -> Result<Instant> {
    let local = instant.with_timezone(&zone).naive_local();
    let span = Days::new(days.unsigned_abs());
    let shifted = if days < 0 { local.checked_sub_days(span) } else { local.checked_add_days(span) };
    shifted
        .and_then(|local| local_instant(local, zone))
        .ok_or_else(|| Error::failed(format!("{} and {days} days is out of range", show_instant(instant))))
}

/// Past cut-offs, oldest first; the latest is the hold-out.
#[derive(Debug, Clone, PartialEq)]
pub enum Cutoffs {
    /// The latest is a window before the as-of instant, the others every so many days before it.
    Every {
        count: u32,
        days: u32,
    },
    At(Vec<Instant>),
}

impl Cutoffs {
    /// The cut-offs whose outcome is known at `as_of`.
    pub fn instants(&self, as_of: Instant, outcome: &Outcome, zone: Tz) -> Result<Vec<Instant>> {
        let mut instants = match self {
            Cutoffs::Every { count, days } => {
                let latest = shift_days(as_of, -i64::from(outcome.window_days), zone)?;
                (0..*count)
                    .map(|n| shift_days(latest, -i64::from(n) * i64::from(*days), zone))
                    .collect::<Result<Vec<_>>>()?
            }
            Cutoffs::At(instants) => {
                let mut known = Vec::new();
                for cutoff in instants {
                    if outcome.window_end(*cutoff, zone)? <= as_of {
                        known.push(*cutoff);
                    }
                }
                known
            }
        };
        instants.sort();
        instants.dedup();
        Ok(instants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_instant;

    fn at(text: &str) -> Instant {
        parse_instant(text, Tz::UTC).unwrap()
    }

    #[test]
    fn a_day_is_a_day_on_the_pipelines_clock() {
        // Paris goes from +1 to +2 on 2026-03-29.
        let zone = chrono_tz::Europe::Paris;
        assert_eq!(shift_days(at("2026-03-28T23:00:00Z"), 1, zone).unwrap(), at("2026-03-29T22:00:00Z"));
        assert_eq!(shift_days(at("2026-03-29T22:00:00Z"), -1, zone).unwrap(), at("2026-03-28T23:00:00Z"));
    }

    #[test]
    fn a_cut_off_is_used_once_its_outcome_is_known() {
        let outcome = Outcome { events: "core.orders".parse().unwrap(), window_days: 30, condition: None };
        let zone = Tz::UTC;
        let cutoffs = Cutoffs::At(vec![at("2017-11-01"), at("2017-12-01"), at("2017-12-15")]);
        assert_eq!(
            cutoffs.instants(at("2018-01-01"), &outcome, zone).unwrap(),
            [at("2017-11-01"), at("2017-12-01")]
        );
        let every = Cutoffs::Every { count: 3, days: 30 };
        assert_eq!(
            every.instants(at("2018-01-01"), &outcome, zone).unwrap(),
            [at("2017-10-03"), at("2017-11-02"), at("2017-12-02")]
        );
    }
}

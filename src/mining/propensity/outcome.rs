//! The outcome that followed a cut-off: whether an event came within the window.

use chrono_tz::Tz;
use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{JoinType, col, lit};
use datafusion::prelude::DataFrame;

use super::declaration::EventOutcome;
use super::learn::OUTCOME;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::mining::cutoffs::shift_days;
use crate::mining::heirs;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::visibility::KnownSince;

impl EventOutcome {
    /// Returns the end of the window that begins at the cut-off: so many days later on the pipeline's clock.
    pub(super) fn window_end(&self, cutoff: Instant, zone: Tz) -> Result<Instant> {
        shift_days(cutoff, i64::from(self.window_days), zone)
    }

    /// Returns the customers at the cut-off with `__outcome` (boolean): whether it came for them. `heirs` says,
    /// where customers were others then, which customer of tonight has records of which of then.
    pub(super) async fn label(
        &self,
        catalog: &Catalog,
        customers: DataFrame,
        heirs: Option<DataFrame>,
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
        let sql = format!("select * from {} where {condition}", self.events);
        let events = session
            .sql(&sql)
            .await
            .doing(format!("read the outcome from {}", self.events))
            .map_err(|e| e.in_part(&sql, condition))?;
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
        let came = match heirs {
            Some(heirs) => heirs::for_whom(came, heirs)?,
            None => came,
        };
        let names: Vec<String> = customers.schema().fields().iter().map(|f| f.name().clone()).collect();
        customers
            .join(came, JoinType::Left, &["customer_id"], &["came_again"], None)
            .and_then(|joined| {
                let mut columns: Vec<_> = names.iter().map(|n| col(Column::from_name(n))).collect();
                let came = col("came_again");
                let outcome = if self.comes { came.is_not_null() } else { came.is_null() };
                columns.push(outcome.alias(OUTCOME));
                joined.select(columns)
            })
            .doing("join features and outcome")
    }
}

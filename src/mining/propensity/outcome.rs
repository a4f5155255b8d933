//! The outcome that followed a cut-off: whether an event came within the window.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::{max, sum};
use datafusion::logical_expr::{Expr, JoinType, cast, col, ident, lit, when};
use datafusion::prelude::DataFrame;

use super::declaration::{Comes, EventOutcome};
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
        let came = match &self.comes {
            Comes::Event | Comes::NoEvent => one_each(events.filter(before.is_not_true())),
            Comes::Fall { amount, to } => {
                let start = shift_days(cutoff, -i64::from(self.window_days), zone)?;
                let long_before = time.known_before(&self.events, events.schema(), start, zone)?;
                let windows = (long_before.is_not_true().and(before.clone()), before.is_not_true());
                who_fell(events, amount, *to, windows)
            }
        }
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
                let outcome = match self.comes {
                    Comes::NoEvent => came.is_null(),
                    Comes::Event | Comes::Fall { .. } => came.is_not_null(),
                };
                columns.push(outcome.alias(OUTCOME));
                joined.select(columns)
            })
            .doing("join features and outcome")
    }
}

/// What sums are taken in: exact, whatever the order of the rows.
const AMOUNT: DataType = DataType::Decimal128(38, 6);

/// Each customer who has an event, once.
fn one_each(events: datafusion::error::Result<DataFrame>) -> datafusion::error::Result<DataFrame> {
    events?
        .aggregate(vec![col("customer_id").alias("came_again")], vec![max(lit(1_i64)).alias("one")])?
        .select(vec![col("came_again")])
}

/// Each customer whose amount in the window after is less than a share of that in the window before.
fn who_fell(
    events: DataFrame,
    amount: &str,
    to: f64,
    (before, after): (Expr, Expr),
) -> datafusion::error::Result<DataFrame> {
    let within =
        |window: Expr| when(window, cast(ident(amount), AMOUNT)).otherwise(cast(lit(0_i64), AMOUNT)).map(sum);
    let sums = vec![within(before)?.alias("before"), within(after)?.alias("after")];
    let number = |column: &str| cast(col(column), DataType::Float64);
    let fell = number("after").lt(lit(to) * number("before")).and(number("before").gt(lit(0.0)));
    events
        .aggregate(vec![col("customer_id").alias("came_again")], sums)?
        .filter(fell)?
        .select(vec![col("came_again")])
}

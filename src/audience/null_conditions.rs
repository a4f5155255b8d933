//! Counts customers for whom a condition is null: null neither keeps a customer by a rule nor removes one by
//! an exclusion, so the run warns about it.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::definition::Audience;
use super::tables::{DECISIONS, table};
use crate::error::{Context, Result};
use crate::warehouse::catalog::Catalog;

/// Between two reasons in the column `unknown`.
pub(super) const BETWEEN: &str = "; ";

/// Tells, for each condition of each audience, for how many customers it was null when their turn came.
///
/// # Errors
/// When the decisions cannot be read.
pub async fn unknown_conditions(catalog: &Catalog, audiences: &[Audience]) -> Result<Vec<String>> {
    let decisions = table(DECISIONS);
    let session = catalog.session([&decisions], None).await?;
    let sql = format!(
        "select audience, unknown, count(*) as n from {decisions} where unknown is not null
         group by audience, unknown"
    );
    let doing = "count the customers for whom a condition is null";
    let mut customers: BTreeMap<(String, usize), i64> = BTreeMap::new();
    for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        let (names, unknown) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let counts = batch.column(2).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let Some(audience) = audiences.iter().find(|a| a.name == names.value(row)) else { continue };
            for nth in conditions(audience, unknown.value(row)) {
                *customers.entry((audience.name.clone(), nth)).or_default() += counts.value(row);
            }
        }
    }
    let message = |((name, nth), n): (&(String, usize), &i64)| {
        let audience = audiences.iter().find(|a| a.name == *name)?;
        let customers = if *n == 1 { "1 customer".to_owned() } else { format!("{n} customers") };
        let (condition, must_hold) = audience.conditions().nth(*nth)?;
        let what = if must_hold { "left off" } else { "not excluded by it" };
        Some(format!("audience {name}: \"{}\" is null for {customers}, {what}", condition.reason))
    };
    Ok(customers.iter().filter_map(message).collect())
}

/// Returns the conditions whose reasons a text of the column `unknown` lists, in their order.
fn conditions(audience: &Audience, unknown: &str) -> Vec<usize> {
    let mut rest = Some(unknown);
    let mut found = Vec::new();
    for (nth, (condition, _)) in audience.conditions().enumerate() {
        let Some(text) = rest.and_then(|text| text.strip_prefix(condition.reason.as_str())) else { continue };
        if text.is_empty() || text.starts_with(BETWEEN) {
            rest = text.strip_prefix(BETWEEN);
            found.push(nth);
        }
    }
    found
}

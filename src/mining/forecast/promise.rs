//! A promise that is kept and judged: what every kind of it says of itself.

use std::collections::BTreeSet;
use std::fmt::Debug;

use async_trait::async_trait;
use datafusion::prelude::DataFrame;

use crate::clock::Instant;
use crate::error::Result;
use crate::name::TableName;
use crate::step::StepContext;

/// The table of all promises.
pub const FORECASTS: &str = "core.forecasts";
/// What became of them.
pub const ACCURACY: &str = "mart.forecast_accuracy";
/// The vintage of customers who have not bought yet.
pub const NO_PURCHASE: &str = "no purchase";
/// The row of everybody.
pub const ALL: &str = "all";
/// Standard deviations to each side of 95 of 100.
pub const NINETY_FIVE: f64 = 1.959_964;

/// A model whose promises are kept: what its customers will bring, or for how many of them an outcome will come.
#[async_trait]
pub trait Promise: Debug + Send + Sync {
    /// Returns what the promises are called: the table of tonight's values or scores, without its schema.
    fn name(&self) -> String;

    /// Returns the tables that promises, and what came of them, are read from.
    fn reads(&self) -> BTreeSet<TableName>;

    /// Returns the tables of the last release that they depend on beside.
    fn remembers(&self) -> BTreeSet<TableName> {
        BTreeSet::new()
    }

    /// Returns what tonight promises: one row per vintage and one of all, with the columns of [`FORECASTS`] in their order.
    ///
    /// # Errors
    /// A table that cannot be read.
    async fn promised(&self, context: &StepContext) -> Result<DataFrame>;

    /// Returns what came of promises whose horizon is over: `made_as_of`, `vintage`, `actual_margin` and `actual_outcomes`,
    /// of which one is null, at most a row for each vintage and one of all.
    ///
    /// # Errors
    /// A table that cannot be read.
    async fn came(&self, context: &StepContext, due: &DuePromises) -> Result<DataFrame>;
}

/// Promises whose horizon is over.
#[derive(Debug, Clone)]
pub struct DuePromises {
    /// When they were made, and when their horizon ended, in this order.
    pub instants: Vec<(Instant, Instant)>,
    /// With the columns of [`FORECASTS`].
    pub promises: DataFrame,
    /// What earlier runs found, with the columns of [`ACCURACY`]; `None` where everything is looked at anew.
    pub judged: Option<DataFrame>,
}

/// Returns an instant as SQL.
pub fn timestamp(instant: Instant) -> String {
    format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')", instant.timestamp_micros())
}

/// Returns the vintage of a day as SQL: its month.
pub fn vintage_sql(day: &str) -> String {
    format!("case when {day} is null then '{NO_PURCHASE}' else substr(cast({day} as varchar), 1, 7) end")
}

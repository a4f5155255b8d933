//! A value whose promises are kept, and where.

use crate::mining::Purchases;
use crate::name::TableName;

/// The table of all promises.
pub(super) const FORECASTS: &str = "core.forecasts";

/// A value whose promises are kept.
#[derive(Debug, Clone)]
pub struct ForecastOf {
    /// What the promises are called.
    pub name: String,
    pub values: TableName,
    /// Of a value that is judged at past cut-offs.
    pub accuracy: Option<TableName>,
    pub purchases: Purchases,
    pub horizon_days: u32,
}

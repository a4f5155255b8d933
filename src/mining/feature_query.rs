//! Features as of an instant: what training and scoring share.
//!
//! A feature model is a SQL query with `$as_of`. To score, it is asked about today; to learn, about past
//! instants, over the tables that a night of then would have made: the rows, the versions and the customers
//! of then.

use std::collections::BTreeSet;

use datafusion::prelude::DataFrame;

use crate::clock::{Instant, show_instant};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// The query of a feature model and what it reads.
#[derive(Debug, Clone)]
pub struct FeatureQuery {
    pub table: TableName,
    pub sql: String,
    pub reads: BTreeSet<TableName>,
}

impl FeatureQuery {
    /// Returns the features of every customer known at the instant, which is that of the catalog's tables.
    ///
    /// # Errors
    /// A query that does not plan over what was known then.
    pub(super) async fn over(&self, catalog: &Catalog, instant: Instant) -> Result<DataFrame> {
        let session = catalog.session(&self.reads, Some(instant)).await?;
        session
            .sql(&self.sql)
            .await
            .doing("plan its query")
            .map_err(|e| e.at(format!("features {} as of {}", self.table, show_instant(instant))))
    }
}

/// Returns which rows features of a past instant may know from the future; `None` where none.
pub(super) fn not_of_then(features: &TableName, undated: &[TableName]) -> Option<String> {
    let names: Vec<String> = undated.iter().map(ToString::to_string).collect();
    (!undated.is_empty()).then(|| {
        format!(
            "{features} as of past cut-offs is made of {}, whose rows do not say since when they are known: \
             every row counts at every cut-off, also those that came later (declare time, valid_from or static)",
            names.join(", ")
        )
    })
}

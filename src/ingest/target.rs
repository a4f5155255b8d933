//! The raw table as it was before the run, and as it is to be.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::definition::Ingest;
use super::evolution::{evolved, new_columns};
use super::snapshot::require_same_kind;
use crate::error::Result;
use crate::ops::with_run;
use crate::source::{ColumnType, OnDrift, SourceFile, Survey};
use crate::warehouse::table::Table;

/// The raw table as it was, and as it is to be.
pub(super) struct Target {
    pub existing: Option<Arc<Table>>,
    /// With `_run`.
    pub schema: SchemaRef,
    /// The columns that nobody declared, as the raw table has them.
    pub evolved: Vec<(String, ColumnType)>,
    /// The columns by which it grows, each with the file that brought it where nobody declared it.
    pub new_columns: Vec<String>,
}

impl Ingest {
    /// Returns the table that the surveyed files go to.
    ///
    /// # Errors
    /// Columns that do not fit those of the table; lists where there were none, or the other way round.
    pub(super) fn target<'f>(
        &self,
        existing: Option<Arc<Table>>,
        files: impl Iterator<Item = &'f SourceFile>,
        surveys: &[Survey],
    ) -> Result<Target> {
        let source = &self.source;
        let evolved = evolved(source, existing.as_deref(), surveys);
        let wanted = with_run(&source.evolved(&evolved, &[]).table_schema());
        let schema = match &existing {
            Some(base) => {
                require_same_kind(source, base)?;
                base.extended_schema(&wanted, source.contract.on_drift != OnDrift::Fail)?
            }
            None => wanted,
        };
        let new_columns = new_columns(existing.as_deref(), &schema, surveys, files);
        Ok(Target { existing, schema, evolved, new_columns })
    }
}

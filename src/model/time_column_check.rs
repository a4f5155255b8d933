//! A model's time column is looked at when the model is planned: it must not be a date made an instant.
//!
//! The column is followed through the models that it is taken from, down to the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;

use super::definition::Model;
use super::time_lineage::time_lineage;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::step::StepContext;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::visibility::KnownSince;

/// How the tables of a pipeline say when their rows became known.
#[derive(Debug, Default)]
pub struct Dating {
    pub models: BTreeMap<TableName, Arc<Model>>,
    pub known: BTreeMap<TableName, KnownSince>,
    /// Of raw tables: the columns whose format names a day and no time of it.
    pub days: BTreeMap<TableName, BTreeSet<String>>,
}

impl Dating {
    /// Refuses a model whose rows are dated by what is only a day.
    ///
    /// # Errors
    /// A time column that is made from a date, in the model or in one that it reads.
    pub(super) async fn require_dated(
        &self,
        context: &StepContext,
        model: &Model,
        plan: &LogicalPlan,
    ) -> Result<()> {
        let Some(KnownSince::At(time)) = self.known.get(&model.table) else { return Ok(()) };
        let of = time.of;
        let mut made = Vec::new();
        let mut followed = vec![(model.table.clone(), time.name.clone())];
        let mut next = look(&model.table, plan, time, &mut made);
        while let Some((table, column)) = next.pop() {
            if followed.contains(&(table.clone(), column.clone())) {
                continue;
            }
            followed.push((table.clone(), column.clone()));
            if matches!(self.known.get(&table), Some(KnownSince::At(own)) if own.name == column) {
                // It says itself when its rows became known, and was looked at.
            } else if let Some(read) = self.models.get(&table) {
                let read_plan = read.query(context).await?;
                let taken = TimeColumn { name: column, of, undated_known: false };
                next.extend(look(&table, read_plan.logical_plan(), &taken, &mut made));
            } else if of == TimeOf::Event && self.days.get(&table).is_some_and(|days| days.contains(&column))
            {
                made.push(format!("{table}.{column}, whose format names no time of day"));
            }
        }
        if made.is_empty() {
            return Ok(());
        }
        let (key, what, function) = match time.of {
            TimeOf::Event => ("time", "happened", "day_end"),
            TimeOf::State => ("valid_from", "became valid", "day_start"),
        };
        Err(Error::config(format!(
            "`{}` says when the rows of {} {what}, but is made from a date: {}",
            time.name,
            model.table,
            made.join("; ")
        ))
        .hint(format!(
            "write {function}(…) of the date, which is right in the pipeline's time zone, or let the column be \
             the date itself; of a source, declare its {key}"
        )))
    }
}

/// Returns where the column is taken from; what makes it from a date goes to `made`.
fn look(
    table: &TableName,
    plan: &LogicalPlan,
    time: &TimeColumn,
    made: &mut Vec<String>,
) -> Vec<(TableName, String)> {
    let lineage = time_lineage(plan, &time.name, time.of);
    made.extend(lineage.dates.into_iter().map(|date| format!("{date} in {table}")));
    let names = lineage
        .taken
        .into_iter()
        .filter_map(|(table, column)| Some((TableName::new(table.schema()?, table.table()).ok()?, column)));
    names.collect()
}

//! A model's time column is looked at when the model is planned: it must not be a date made an instant.
//!
//! The column is followed through the models that it is taken from, down to the sources.

use datafusion::logical_expr::LogicalPlan;

use super::step::Workshop;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::time_column::time_lineage;
use crate::name::{StepName, TableName};
use crate::pipeline::Step;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::visibility::KnownSince;

impl Workshop {
    /// Refuses a model whose rows are dated by what is only a day.
    ///
    /// # Errors
    /// A time column that is made from a date, in the model or in one that it reads.
    pub(super) async fn require_dated(&self, model: &Model, plan: &LogicalPlan) -> Result<()> {
        let KnownSince::At(time) = self.pipeline.rules(&model.table).known else { return Ok(()) };
        let mut made = Vec::new();
        let mut followed = vec![(model.table.clone(), time.name.clone())];
        let mut next = self.look(&model.table, plan, &time, &mut made);
        while let Some((table, column)) = next.pop() {
            if followed.contains(&(table.clone(), column.clone())) {
                continue;
            }
            followed.push((table.clone(), column.clone()));
            let of = time.of;
            let declared =
                matches!(&self.pipeline.rules(&table).known, KnownSince::At(own) if own.name == column);
            match self.pipeline.steps.get(&StepName::from(&table)) {
                // It says itself when its rows became known, and was looked at.
                _ if declared => {}
                Some(Step::Model(read)) => {
                    let read_plan = self.query_of(read).await?;
                    let taken = TimeColumn { name: column, of, undated_known: false };
                    next.extend(self.look(&table, read_plan.logical_plan(), &taken, &mut made));
                }
                Some(Step::Ingest(source)) if of == TimeOf::Event && source.names_only_days(&column) => {
                    made.push(format!("{table}.{column}, whose format names no time of day"));
                }
                _ => {}
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
             the date itself; for a source, declare {key} under [tables.\"raw.…\"]"
        )))
    }

    /// Where the column is taken from; what makes it from a date goes to `made`.
    fn look(
        &self,
        table: &TableName,
        plan: &LogicalPlan,
        time: &TimeColumn,
        made: &mut Vec<String>,
    ) -> Vec<(TableName, String)> {
        let lineage = time_lineage(plan, &time.name, time.of);
        made.extend(lineage.dates.into_iter().map(|date| format!("{date} in {table}")));
        let names = lineage.taken.into_iter().filter_map(|(table, column)| {
            Some((TableName::new(table.schema()?, table.table()).ok()?, column))
        });
        names.collect()
    }
}

//! The rows that break a check, by the key of their table.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

use super::assertion::{Assertion, Check};
use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// Rows that a message about a broken check names.
pub const SHOWN_ROWS: usize = 10;

/// Returns rows as a message names them: `order_id = o1; order_id = o2; …`.
pub fn listed(rows: &[String]) -> String {
    let more = if rows.len() >= SHOWN_ROWS { "; …" } else { "" };
    format!("{}{more}", rows.join("; "))
}

impl Check {
    /// Returns the rows that break the assertion as `order_id = o17, line_no = 2`, each once, in the order of the
    /// columns; at most `limit`. Totals that do not reconcile are said with both of them. A check that only counts (`row_count`, an agreement of tables) has none.
    ///
    /// # Errors
    /// A column that is not there, a table that cannot be read.
    pub async fn broken_rows(
        &self,
        catalog: &Catalog,
        as_of: Option<Instant>,
        columns: &[String],
        limit: usize,
    ) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.each_broken_row(catalog, as_of, columns, Some(limit), |row| found.push(row)).await?;
        Ok(found)
    }

    /// Hands on the same rows one by one, as they are found.
    ///
    /// # Errors
    /// The same.
    pub async fn each_broken_row(
        &self,
        catalog: &Catalog,
        as_of: Option<Instant>,
        columns: &[String],
        limit: Option<usize>,
        mut row: impl FnMut(String),
    ) -> Result<()> {
        if let Assertion::Reconciles(reconciliation) = &self.assertion {
            let then = self.then(catalog, as_of);
            let catalog = then.as_ref().unwrap_or(catalog);
            let differences = reconciliation.differences(catalog, limit.unwrap_or(usize::MAX >> 1)).await?;
            differences.into_iter().for_each(row);
            return Ok(());
        }
        let Some(rows) = self.rows_sql().filter(|_| !columns.is_empty()) else { return Ok(()) };
        let names: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let names = names.join(", ");
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        let sql = format!("select distinct {names} from ({rows}) as broken order by {names}{limit}");
        let doing = "look at the rows that break the check";
        let session = catalog.session(&self.reads(), None).await?;
        let mut batches = session.sql(&sql).await.doing(doing)?.execute_stream().await.doing(doing)?;
        while let Some(batch) = batches.next().await {
            texts(&batch.doing(doing)?)?.into_iter().for_each(&mut row);
        }
        Ok(())
    }

    /// Returns the query of the rows that break the assertion, with all their columns.
    fn rows_sql(&self) -> Option<String> {
        let table = &self.table;
        match &self.assertion {
            Assertion::NotNull(column) => Some(format!("select * from {table} where \"{column}\" is null")),
            Assertion::Unique(columns) => {
                let names = columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
                let same: Vec<String> = columns
                    .iter()
                    .map(|c| format!("(here.\"{c}\" is not distinct from repeated.\"{c}\")"))
                    .collect();
                Some(format!(
                    "select here.* from {table} as here left semi join
                       (select {names} from {table} group by {names} having count(*) > 1) as repeated on {}",
                    same.join(" and ")
                ))
            }
            Assertion::AcceptedValues { column, values } => {
                let values = values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(", ");
                Some(format!("select * from {table} where cast(\"{column}\" as varchar) not in ({values})"))
            }
            Assertion::Relationships { column, to, to_column } => Some(format!(
                "select here.* from {table} as here left anti join {to} as there \
                 on here.\"{column}\" = there.\"{to_column}\" where here.\"{column}\" is not null"
            )),
            Assertion::Expression(sql) => Some(format!("select * from {table} where not ({sql})")),
            Assertion::RowCount { .. } | Assertion::Reconciles(_) | Assertion::Agreement { .. } => None,
        }
    }
}

fn texts(batch: &RecordBatch) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("null");
    let schema = batch.schema();
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, values)| Ok((field.name(), ArrayFormatter::try_new(values.as_ref(), &options)?)))
        .collect::<std::result::Result<Vec<_>, arrow::error::ArrowError>>()
        .doing("show the rows that break the check")?;
    let text = |row: usize| {
        let cells = columns.iter().map(|(name, values)| format!("{name} = {}", values.value(row)));
        cells.collect::<Vec<_>>().join(", ")
    };
    Ok((0..batch.num_rows()).map(text).collect())
}

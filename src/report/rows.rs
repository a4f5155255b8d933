//! Reads small SQL results over the release, by column.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type};

use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// The rows of a query.
pub struct Rows(RecordBatch);

impl Rows {
    /// Asks about a table; `None` where the release has none of that name.
    ///
    /// # Errors
    /// The table lacks a column of the query.
    pub async fn of(catalog: &Catalog, table: &str, sql: &str) -> Result<Option<Rows>> {
        let table: TableName = table.parse()?;
        if catalog.table(&table).await?.is_none() {
            return Ok(None);
        }
        let doing = format!("read {table} for the report");
        let session = catalog.session([&table], None).await?;
        let frame = session.sql(sql).await.doing(&doing)?;
        let schema = frame.schema().inner().clone();
        let batches = frame.collect().await.doing(&doing)?;
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        Ok(Some(Rows(concat_batches(&schema, &batches).doing(&doing)?)))
    }

    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn numbers(&self) -> std::ops::Range<usize> {
        0..self.len()
    }

    /// Null as empty.
    pub fn text(&self, column: &str, row: usize) -> Result<&str> {
        let found = self.column(column)?;
        let texts = found.as_string_opt::<i32>().ok_or_else(|| Self::other(column, "text"))?;
        Ok(if texts.is_valid(row) { texts.value(row) } else { "" })
    }

    /// Returns a count; null is none.
    pub fn count(&self, column: &str, row: usize) -> Result<i64> {
        let found = self.column(column)?;
        let numbers = found.as_primitive_opt::<Int64Type>().ok_or_else(|| Self::other(column, "counts"))?;
        Ok(if numbers.is_valid(row) { numbers.value(row) } else { 0 })
    }

    pub fn float(&self, column: &str, row: usize) -> Result<Option<f64>> {
        let found = self.column(column)?;
        let numbers =
            found.as_primitive_opt::<Float64Type>().ok_or_else(|| Self::other(column, "numbers"))?;
        Ok(numbers.is_valid(row).then(|| numbers.value(row)))
    }

    /// Returns the sum of a column of counts.
    pub fn sum(&self, column: &str) -> Result<i64> {
        self.numbers().map(|row| self.count(column, row)).sum()
    }

    fn column(&self, name: &str) -> Result<&dyn Array> {
        self.0
            .column_by_name(name)
            .map(|column| column.as_ref() as &dyn Array)
            .ok_or_else(|| Self::other(name, "anything"))
    }

    fn other(column: &str, what: &str) -> Error {
        Error::failed(format!("the column `{column}` does not hold {what}"))
            .hint("another version of sillage wrote this release; run the pipeline with this one")
    }
}

//! Reads small SQL results over the release, by column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, NaiveDate};

use crate::clock::Instant;
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
        let rows = concat_batches(&schema, &batches).doing(&doing)?;
        in_few_types(&rows).doing(&doing).map(Rows).map(Some)
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

    /// Returns a number, with decimals or whole; none where it is null or not finite.
    pub fn float(&self, column: &str, row: usize) -> Result<Option<f64>> {
        let found = self.column(column)?;
        if let Some(numbers) = found.as_primitive_opt::<Int64Type>() {
            return Ok(numbers.is_valid(row).then(|| numbers.value(row) as f64));
        }
        let numbers =
            found.as_primitive_opt::<Float64Type>().ok_or_else(|| Self::other(column, "numbers"))?;
        Ok(numbers.is_valid(row).then(|| numbers.value(row)).filter(|number| number.is_finite()))
    }

    /// Returns an amount; null is none.
    pub fn amount(&self, column: &str, row: usize) -> Result<f64> {
        Ok(self.float(column, row)?.unwrap_or(0.0))
    }

    pub fn day(&self, column: &str, row: usize) -> Result<Option<NaiveDate>> {
        let found = self.column(column)?;
        let days = found.as_primitive_opt::<Date32Type>().ok_or_else(|| Self::other(column, "days"))?;
        Ok(if days.is_valid(row) { days.value_as_date(row) } else { None })
    }

    pub fn instant(&self, column: &str, row: usize) -> Result<Option<Instant>> {
        let found = self.column(column)?;
        let instants = found
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| Self::other(column, "instants"))?;
        Ok(if instants.is_valid(row) { DateTime::from_timestamp_micros(instants.value(row)) } else { None })
    }

    /// Returns yes, no, or none where it is null.
    pub fn flag(&self, column: &str, row: usize) -> Result<Option<bool>> {
        let found = self.column(column)?;
        let flags = found.as_boolean_opt().ok_or_else(|| Self::other(column, "yes and no"))?;
        Ok(flags.is_valid(row).then(|| flags.value(row)))
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

/// Whole numbers of any width as one type, decimals and floats as another: the report rounds what it shows.
fn in_few_types(rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let column = match field.data_type() {
            kind if kind.is_integer() => cast(column, &DataType::Int64)?,
            kind if kind.is_numeric() => cast(column, &DataType::Float64)?,
            DataType::Utf8View | DataType::LargeUtf8 => cast(column, &DataType::Utf8)?,
            DataType::Timestamp(_, zone) => {
                cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?
            }
            _ => column.clone(),
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    if columns.is_empty() {
        return Ok(rows.clone());
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Float64Array, Int32Array, StringArray, UInt64Array};

    use super::*;

    #[test]
    fn numbers_of_any_type_are_read_and_what_is_none_is_not() {
        let decimals =
            Decimal128Array::from(vec![Some(-12_345), None]).with_precision_and_scale(9, 2).unwrap();
        let columns: [(&str, ArrayRef); 5] = [
            ("decimal", Arc::new(decimals)),
            ("whole", Arc::new(Int32Array::from(vec![Some(7), None]))),
            ("large", Arc::new(UInt64Array::from(vec![Some(8), None]))),
            ("odd", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN)]))),
            ("text", Arc::new(StringArray::from(vec![Some("a lot"), None]))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        );
        let rows = Rows(in_few_types(&batch.unwrap()).unwrap());
        let read = |row| ["decimal", "whole", "large", "odd"].map(|column| rows.float(column, row).unwrap());
        assert_eq!(read(0), [Some(-123.45), Some(7.0), Some(8.0), Some(0.5)]);
        assert_eq!(read(1), [None; 4]);
        assert_eq!((rows.count("large", 0).unwrap(), rows.count("whole", 1).unwrap()), (8, 0));
        assert_eq!((rows.text("text", 0).unwrap(), rows.text("text", 1).unwrap()), ("a lot", ""));
        assert!(rows.float("text", 0).is_err() && rows.float("nowhere", 0).is_err());
    }
}

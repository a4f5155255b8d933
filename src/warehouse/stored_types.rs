//! The types in which a table stores its columns, and the lossless cast of rows to them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date64Type, Field, Float16Type, Float32Type, Float64Type, Schema, SchemaRef, TimeUnit,
    TimestampNanosecondType,
};

use super::description::{TableDescription, described};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_type::sql_type;

/// How a table keeps its rows.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Types that every reader of Delta knows, all nullable.
    pub schema: SchemaRef,
    /// Whether numbers are finite: what a model makes is ranked, by whoever reads it.
    is_finite: bool,
}

impl Kept {
    /// Returns how the table keeps columns found with these types; without a description the columns keep
    /// what was found to describe them.
    ///
    /// # Errors
    /// A type that no table has, two columns of one name, a description of a column that is not there.
    pub fn of(table: &TableName, found: &Schema, description: Option<&TableDescription>) -> Result<Kept> {
        // A source tells what it was given, and `ops` what happened.
        let is_finite = !matches!(table.schema(), "raw" | "ops");
        if let Some(description) = description {
            description.require_columns(table, found)?;
        }
        let described_before = TableDescription::of_schema(found);
        let description = description.unwrap_or(&described_before);
        Ok(Kept { schema: stored_schema(found, description)?, is_finite })
    }

    /// Returns the rows in the table's types.
    ///
    /// # Errors
    /// A value that its column cannot keep: nothing becomes null, and nothing wraps around.
    pub fn rows(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns =
            columns.map(|(column, field)| self.column(column, field)).collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(self.schema.clone(), columns).doing("cast the rows to the table's types")
    }

    fn column(&self, column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
        let lost = if self.is_finite { not_finite(column) } else { 0 };
        if lost > 0 {
            return Err(Error::failed(format!(
                "column `{}` holds infinity or NaN, which sort before every number (at least {lost} rows)",
                field.name()
            ))
            .hint(
                "the usual cause is a division by zero: x / nullif(y, 0) gives null instead; if they come \
                 from a source: case when isnan(x) then null else x end",
            ));
        }
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        cast_to(column, field.data_type()).ok_or_else(|| {
            let (found, kept) = (column.data_type(), field.data_type());
            Error::failed(format!(
                "column `{}` holds a value of type {} that is out of the range of {}, in which the table keeps it",
                field.name(),
                sql_type(found),
                sql_type(kept)
            ))
            .hint(match found {
                DataType::UInt64 => "cast it in the SQL: to decimal(20, 0), or to text",
                _ => "cast it in the SQL to a type that holds it",
            })
        })
    }
}

/// Returns the values in another type; none where it does not hold them all.
fn cast_to(column: &ArrayRef, kept: &DataType) -> Option<ArrayRef> {
    match (column.data_type(), kept) {
        // Cut as in texts, towards the past; a cast would go towards 1970.
        (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            let instants = column.as_primitive::<TimestampNanosecondType>();
            let cut: TimestampMicrosecondArray = instants.unary(|at| at.div_euclid(1_000));
            Some(Arc::new(cut.with_timezone_opt(zone.clone())))
        }
        (DataType::Date64, DataType::Date32) => {
            let day = |millis: i64| i32::try_from(millis.div_euclid(86_400_000)).map_err(|_| ());
            let days: Result<Date32Array, ()> = column.as_primitive::<Date64Type>().try_unary(day);
            Some(Arc::new(days.ok()?))
        }
        _ => {
            let whole = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, kept, &whole).ok()
        }
    }
}

/// Returns how many numbers are none.
fn not_finite(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Float16 => {
            column.as_primitive::<Float16Type>().iter().flatten().filter(|x| !x.is_finite()).count()
        }
        DataType::Float64 => {
            column.as_primitive::<Float64Type>().iter().flatten().filter(|x| !x.is_finite()).count()
        }
        DataType::Float32 => {
            column.as_primitive::<Float32Type>().iter().flatten().filter(|x| !x.is_finite()).count()
        }
        _ => 0,
    }
}

/// Returns the schema as a table keeps it: types that every reader of Delta knows, all nullable.
fn stored_schema(schema: &Schema, description: &TableDescription) -> Result<SchemaRef> {
    // Delta ignores case in names; at the commit this error would come too late.
    let mut names: Vec<String> = schema.fields().iter().map(|f| f.name().to_lowercase()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::config(format!("two columns are named `{}`", twice[0]))
            .hint("give one of them another name with `as`; names that differ only in case are the same"));
    }
    let fields = schema
        .fields()
        .iter()
        .map(|f| {
            let field = Field::new(f.name(), stored_type(f.name(), f.data_type())?, true);
            Ok(described(field, description.columns.get(f.name()).map(String::as_str)))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

fn stored_type(column: &str, found: &DataType) -> Result<DataType> {
    Ok(match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Dictionary(_, value) => stored_type(column, value)?,
        DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date64 => DataType::Date32,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Decimal128(_, _) => found.clone(),
        other => {
            return Err(Error::failed(format!(
                "column `{column}` has type {other}, which a table cannot hold"
            ))
            .hint("cast it in the SQL to text, integer, decimal, float, boolean, date or timestamp"));
        }
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date64Array, DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array, NullArray,
        TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt32Array, UInt64Array,
    };
    use arrow::compute::cast;
    use arrow::datatypes::Int8Type;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;

    fn kept(table: &str, column: ArrayRef) -> Result<ArrayRef> {
        let rows = RecordBatch::try_from_iter_with_nullable([("x", column, true)]).doing("test")?;
        let kept = Kept::of(&table.parse().unwrap(), &rows.schema(), None)?;
        Ok(kept.rows(&rows)?.column(0).clone())
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_and_its_column_named() {
        let most = i64::MAX as u64;
        assert_eq!(kept("mart.m", Arc::new(UInt64Array::from(vec![most]))).unwrap().null_count(), 0);
        for column in [
            Arc::new(UInt64Array::from(vec![Some(most + 1), None])) as ArrayRef,
            Arc::new(TimestampSecondArray::from(vec![i64::MAX])),
            Arc::new(Date64Array::from(vec![i64::MAX])),
        ] {
            let message = kept("core.c", column).unwrap_err().to_string();
            assert!(
                message.contains("column `x` holds a value of type") && !message.contains("9223372"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_kept_by_sources_alone() {
        let numbers = |x: f64| Arc::new(Float64Array::from(vec![Some(1.0), None, Some(x)])) as ArrayRef;
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let message = kept("mart.m", numbers(x)).unwrap_err().to_string();
            assert!(message.contains("column `x` holds infinity or NaN"), "{message}");
            assert!(kept("raw.r", numbers(x)).is_ok() && kept("ops.models", numbers(x)).is_ok());
        }
        assert!(kept("mart.m", numbers(f64::MAX)).is_ok());
    }

    fn shown(column: ArrayRef) -> Vec<String> {
        let array = kept("mart.m", column).unwrap();
        let options = FormatOptions::default().with_null("∅");
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
        (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
    }

    #[test]
    fn a_wider_type_keeps_every_value() {
        assert_eq!(shown(Arc::new(UInt8Array::from(vec![Some(255), None]))), ["255", "∅"]);
        assert_eq!(shown(Arc::new(UInt32Array::from(vec![u32::MAX]))), ["4294967295"]);
        assert_eq!(shown(Arc::new(UInt64Array::from(vec![i64::MAX as u64]))), ["9223372036854775807"]);
        let half = cast(&Float32Array::from(vec![1.5]), &DataType::Float16).unwrap();
        assert_eq!(shown(half), ["1.5"]);
        let texts: DictionaryArray<Int8Type> = [Some("a"), None].into_iter().collect();
        assert_eq!(shown(Arc::new(texts)), ["a", "∅"]);
        assert_eq!(shown(Arc::new(NullArray::new(2))), ["∅", "∅"]);
        let bytes = FixedSizeBinaryArray::try_from_iter([[1u8, 2]].iter()).unwrap();
        assert_eq!(shown(Arc::new(bytes)), ["0102"]);
    }

    #[test]
    fn instants_and_days_are_cut_towards_the_past() {
        let nanos = TimestampNanosecondArray::from(vec![-1, 1_999]);
        assert_eq!(shown(Arc::new(nanos)), ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000001Z"]);
        assert_eq!(shown(Arc::new(Date64Array::from(vec![-1, 86_400_001]))), ["1969-12-31", "1970-01-02"]);
    }
}

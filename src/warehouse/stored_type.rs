//! The types in which tables keep what SQL computes: those that every reader of Delta knows.
//!
//! A type comes to a wider one, instants to microseconds in UTC, finer digits cut. What does not fit is
//! an error that names the column: no value becomes null or another on its way into a table.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date64Type, Field, Schema, SchemaRef, TimeUnit, TimestampNanosecondType};

use crate::error::{Context, Error, Result};

/// The schema as a table keeps it; every column may be null.
///
/// # Errors
/// A type that tables do not have, and two columns of one name.
pub fn stored_schema(schema: &Schema) -> Result<SchemaRef> {
    // Delta tells names apart without regard to case; found out at the commit it would be too late.
    let mut names: Vec<String> = schema.fields().iter().map(|f| f.name().to_lowercase()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::config(format!("two columns are called `{}`", twice[0]))
            .hint("give one of them another name with `as`; upper and lower case do not tell them apart"));
    }
    let fields = schema
        .fields()
        .iter()
        .map(|f| Ok(Field::new(f.name(), stored_type(f.name(), f.data_type())?, true)))
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
                "column `{column}` has type {other}, which a table cannot keep"
            ))
            .hint("cast it in the SQL to text, integer, decimal, float, boolean, date or timestamp"));
        }
    })
}

/// The rows in the types of their table's schema.
///
/// # Errors
/// A value that its column's type does not hold.
pub fn as_stored(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| stored(column, field));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns).doing("bring the rows to the table's types")
}

fn stored(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let stored: ArrayRef = match (column.data_type(), field.data_type()) {
        (found, wanted) if found == wanted => return Ok(column.clone()),
        (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            // Cut as in texts, towards the past, where a cast would go towards 1970.
            let instants = column.as_primitive::<TimestampNanosecondType>();
            let cut: TimestampMicrosecondArray = instants.unary(|at| at.div_euclid(1_000));
            Arc::new(cut.with_timezone_opt(zone.clone()))
        }
        (DataType::Date64, DataType::Date32) => {
            let days: Date32Array = column
                .as_primitive::<Date64Type>()
                .unary_opt(|millis| i32::try_from(millis.div_euclid(86_400_000)).ok());
            Arc::new(days)
        }
        (_, wanted) => cast(column, wanted)
            .doing(format!("bring the column `{}` to the table's type {wanted}", field.name()))?,
    };
    let lost = stored.logical_null_count().saturating_sub(column.logical_null_count());
    if lost > 0 {
        return Err(Error::failed(format!(
            "column `{}`: {lost} value{} of type {} do not fit {}, the widest of the kind that a table keeps",
            field.name(),
            if lost == 1 { "" } else { "s" },
            column.data_type(),
            field.data_type()
        ))
        .hint("cast it in the SQL to a type that holds them, for example decimal(20,0) or text"));
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Date64Array, DictionaryArray, Float16Array, Int64Array, IntervalDayTimeArray, NullArray,
        Time64MicrosecondArray, TimestampSecondArray, UInt8Array, UInt32Array, UInt64Array,
    };
    use arrow::datatypes::{Int8Type, IntervalDayTime};
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    fn kept(column: ArrayRef) -> Result<Vec<String>> {
        let batch = RecordBatch::try_from_iter_with_nullable([("x", column, true)]).unwrap();
        let stored = as_stored(&batch, &stored_schema(batch.schema_ref())?)?;
        let options = FormatOptions::default().with_null("∅");
        let formatter = ArrayFormatter::try_new(stored.column(0).as_ref(), &options).unwrap();
        Ok((0..stored.num_rows()).map(|row| formatter.value(row).to_string()).collect())
    }

    #[test]
    fn a_wider_type_keeps_every_value() {
        assert_eq!(kept(Arc::new(UInt8Array::from(vec![Some(255), None]))).unwrap(), ["255", "∅"]);
        assert_eq!(kept(Arc::new(UInt32Array::from(vec![u32::MAX]))).unwrap(), ["4294967295"]);
        let most = Some(i64::MAX as u64);
        assert_eq!(
            kept(Arc::new(UInt64Array::from(vec![most, None]))).unwrap(),
            ["9223372036854775807", "∅"]
        );
        let half = Float16Array::from_iter_values([half(1.5)]);
        assert_eq!(kept(Arc::new(half)).unwrap(), ["1.5"]);
        let texts: DictionaryArray<Int8Type> = [Some("a"), None].into_iter().collect();
        assert_eq!(kept(Arc::new(texts)).unwrap(), ["a", "∅"]);
        assert_eq!(kept(Arc::new(NullArray::new(2))).unwrap(), ["∅", "∅"]);
    }

    fn half(value: f32) -> <arrow::datatypes::Float16Type as arrow::datatypes::ArrowPrimitiveType>::Native {
        let array = cast(&arrow::array::Float32Array::from(vec![value]), &DataType::Float16).unwrap();
        array.as_primitive::<arrow::datatypes::Float16Type>().value(0)
    }

    #[test]
    fn instants_and_days_are_cut_towards_the_past() {
        let nanos = arrow::array::TimestampNanosecondArray::from(vec![-1, 1_999]);
        assert_eq!(
            kept(Arc::new(nanos)).unwrap(),
            ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000001Z"]
        );
        assert_eq!(
            kept(Arc::new(Date64Array::from(vec![-1, 86_400_001]))).unwrap(),
            ["1969-12-31", "1970-01-02"]
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_names_the_column_and_no_value() {
        let beyond = [None, Some(1), Some(u64::MAX), Some(1 << 63)];
        let error = kept(Arc::new(UInt64Array::from(beyond.to_vec()))).unwrap_err().to_string();
        assert!(error.starts_with("column `x`: 2 values of type UInt64 do not fit Int64"), "{error}");
        assert!(!error.contains("18446744073709551615"), "{error}");
        let error = kept(Arc::new(TimestampSecondArray::from(vec![i64::MAX]))).unwrap_err().to_string();
        assert!(error.starts_with("column `x`: 1 value of type"), "{error}");
        for column in [
            Arc::new(Time64MicrosecondArray::from(vec![1])) as ArrayRef,
            Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(1, 1)])),
            cast(&Int64Array::from(vec![1]), &DataType::Decimal256(40, 0)).unwrap(),
        ] {
            let error = kept(column).unwrap_err().to_string();
            assert!(error.starts_with("column `x` has type") && error.contains("cannot keep"), "{error}");
        }
    }
}

//! Limits SQL functions whose result is as large as an argument says: `repeat('x', 2000000000)` is a mistake,
//! and its memory is counted by no limit.

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::functions::{string, unicode};
use datafusion::functions_nested::{range, repeat};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::Error;

/// Characters of one text, or elements of one array.
const MOST_OF_A_VALUE: u64 = 1 << 20;
/// The same of all rows that are computed at once.
const MOST_AT_ONCE: u64 = 256 << 20;

/// Returns the functions, which take the places of DataFusion's own.
pub(super) fn functions() -> impl Iterator<Item = ScalarUDF> {
    [
        (string::repeat(), Growth::OfText),
        (unicode::lpad(), Growth::Length),
        (unicode::rpad(), Growth::Length),
        (repeat::array_repeat_udf(), Growth::Length),
        (range::range_udf(), Growth::Series),
        (range::gen_series_udf(), Growth::Series),
    ]
    .into_iter()
    .map(|(function, growth)| ScalarUDF::from(Bounded { function: function.as_ref().clone(), growth }))
}

/// What makes a result large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The length of the first argument times the second.
    OfText,
    /// The second argument.
    Length,
    /// The numbers from the first argument to the second, in steps of the third.
    Series,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    function: ScalarUDF,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let sizes = match self.growth {
            Growth::OfText => sizes_of_texts(&args)?,
            Growth::Length => numbers(&args, 1)?.map(|numbers| numbers.iter().map(size).collect()),
            Growth::Series => sizes_of_series(&args)?,
        };
        let sizes: Vec<u64> = sizes.unwrap_or_default();
        // A constant is one value, however many rows there are.
        let sum = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
        if sizes.iter().any(|size| *size > MOST_OF_A_VALUE) || sum > MOST_AT_ONCE {
            let error = Error::failed(format!(
                "{}() would return values of more than {MOST_OF_A_VALUE} characters or elements",
                self.name()
            ));
            return Err(DataFusionError::External(Box::new(error.hint("check the number in its arguments"))));
        }
        self.function.invoke_with_args(args)
    }
}

fn size(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// Returns an argument as whole numbers; `None` where it is something else, such as dates.
fn numbers(args: &ScalarFunctionArgs, nth: usize) -> Result<Option<Int64Array>> {
    let Some(argument) = args.args.get(nth) else { return Ok(None) };
    if !argument.data_type().is_integer() {
        return Ok(None);
    }
    let array = values(argument, args)?;
    Ok(Some(cast(&array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()))
}

/// Returns the values of an argument: one where all are constants, else one per row.
fn values(argument: &ColumnarValue, args: &ScalarFunctionArgs) -> Result<ArrayRef> {
    let constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
    argument.to_array(if constant { 1 } else { args.number_rows })
}

fn sizes_of_texts(args: &ScalarFunctionArgs) -> Result<Option<Vec<u64>>> {
    let Some(times) = numbers(args, 1)? else { return Ok(None) };
    let lengths = cast(&length(&values(&args.args[0], args)?)?, &DataType::Int64)?;
    let lengths = lengths.as_primitive::<Int64Type>().iter();
    Ok(Some(lengths.zip(&times).map(|(length, times)| size(length).saturating_mul(size(times))).collect()))
}

fn sizes_of_series(args: &ScalarFunctionArgs) -> Result<Option<Vec<u64>>> {
    let Some(first) = numbers(args, 0)? else { return Ok(None) };
    // With one argument the series runs from 0 to it.
    let last = numbers(args, 1)?.unwrap_or_else(|| Int64Array::from(vec![0; first.len()]));
    let step = numbers(args, 2)?.unwrap_or_else(|| Int64Array::from(vec![1; first.len()]));
    let sizes = first.iter().zip(&last).zip(&step).map(|((first, last), step)| {
        let (Some(first), Some(last), Some(step)) = (first, last, step) else { return 0 };
        last.abs_diff(first) / step.unsigned_abs().max(1)
    });
    Ok(Some(sizes.collect()))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn asked(sql: &str) -> std::result::Result<String, String> {
        let context = SessionContext::new();
        functions().for_each(|function| context.register_udf(function));
        let rows = async { context.sql(sql).await?.collect().await }.await.map_err(|e| e.to_string())?;
        Ok(arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string())
    }

    #[tokio::test]
    async fn what_is_of_a_sensible_size_is_computed() {
        for (sql, result) in [
            ("select repeat(x, 2) from (values ('ab'), (null)) as t(x)", "| abab "),
            ("select lpad('7', 3, '0'), rpad('7', 3)", "| 007 "),
            ("select array_repeat(1, 2)", "| [1, 1] "),
            ("select range(3), generate_series(5, 1, -2)", "| [0, 1, 2]       | [5, 3, 1] "),
            ("select generate_series(date '2026-01-01', date '2026-01-02', interval '1 day')", "2026-01-02"),
            ("select repeat('x', -1), repeat('x', null), array_length(range(0, 1000000))", "1000000"),
        ] {
            let rows = asked(sql).await.unwrap();
            assert!(rows.contains(result), "{sql}: {rows}");
        }
    }

    #[tokio::test]
    async fn what_would_fill_the_memory_is_refused() {
        for sql in [
            "select repeat('x', 2000000000)",
            "select repeat(x, n) from (values ('x', 1), ('xyz', 9223372036854775807)) as t(x, n)",
            "select lpad('x', 2000000000)",
            "select rpad(x, 1048577, 'y') from (values ('x')) as t(x)",
            "select array_repeat('x', 3000000)",
            "select range(9000000000)",
            "select generate_series(-9223372036854775807, 9223372036854775807)",
            "select repeat('x', 1000000) from generate_series(1, 1000) as t(n) where repeat('x', n * 1000) <> ''",
        ] {
            let error = asked(sql).await.unwrap_err();
            assert!(error.contains("would return values of more than 1048576"), "{sql}: {error}");
        }
    }
}

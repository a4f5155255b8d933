//! `public_holiday(day, country)` in SQL: what the day is called that is a holiday in the whole country, else null.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{DataType, Date32Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::country::{COUNTRIES, Country};
use crate::error::Error;
use crate::suggestion::did_you_mean_or_list;

/// Returns the function.
pub fn functions() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(PublicHoliday { signature: Signature::user_defined(Volatility::Immutable) })]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PublicHoliday {
    signature: Signature,
}

impl ScalarUDFImpl for PublicHoliday {
    fn name(&self) -> &str {
        "public_holiday"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [day, country] = arguments else {
            return plan_err!(
                "public_holiday takes a day and a country, found {} arguments",
                arguments.len()
            );
        };
        match day {
            DataType::Date32 | DataType::Date64 | DataType::Null => {}
            DataType::Timestamp(..) => {
                return plan_err!(
                    "public_holiday takes a day, found a timestamp: write public_holiday(local_day(…), …)"
                );
            }
            other => return plan_err!("public_holiday takes a day, found {other}"),
        }
        match country {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Ok(vec![DataType::Date32, DataType::Utf8])
            }
            other => plan_err!("public_holiday takes the code of a country, such as 'FR', found {other}"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { arguments.number_rows };
        let (days, countries) = (arguments.args[0].to_array(rows)?, arguments.args[1].to_array(rows)?);
        let (days, countries) = (days.as_primitive::<Date32Type>(), countries.as_string::<i32>());
        let mut names = Vec::with_capacity(rows);
        for row in 0..rows {
            let country = countries.is_valid(row).then(|| known(countries.value(row))).transpose()?;
            let day = days.is_valid(row).then(|| Date32Type::to_naive_date_opt(days.value(row))).flatten();
            names.push(country.zip(day).and_then(|(country, day)| country.holiday(day)));
        }
        let names: Arc<dyn Array> = Arc::new(StringArray::from(names));
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&names, 0)?),
            false => ColumnarValue::Array(names),
        })
    }
}

fn known(code: &str) -> Result<Country> {
    Country::of_code(code).ok_or_else(|| {
        let codes = COUNTRIES.iter().map(|country| country.code);
        let error = Error::config(format!("the public holidays of the country `{code}` are not known"))
            .hint(did_you_mean_or_list(code, codes, "known are those of"));
        DataFusionError::External(Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn asked(sql: &str) -> std::result::Result<String, String> {
        let context = SessionContext::new();
        functions().into_iter().for_each(|function| context.register_udf(function));
        let rows = async { context.sql(sql).await?.collect().await }.await.map_err(|e| e.to_string())?;
        Ok(arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_day_is_a_holiday_of_a_country_or_not() {
        let days = "select public_holiday(day, 'FR') as name from (values (date '2026-04-06'), (date '2026-04-07'), \
                    (null)) as days (day)";
        let shown = asked(days).await.unwrap();
        assert_eq!(shown.matches("Lundi de Pâques").count(), 1, "{shown}");
        assert_eq!(shown.lines().count(), 7, "{shown}");
        assert!(asked("select public_holiday(date '2026-10-03', 'DE')").await.unwrap().contains("Einheit"));
    }

    #[tokio::test]
    async fn what_is_no_day_and_no_country_is_refused() {
        for (sql, said) in [
            ("select public_holiday(date '2026-10-03', 'XX')", "of the country `XX` are not known"),
            (
                "select public_holiday(to_timestamp('2026-10-03T00:00:00'), 'FR')",
                "write public_holiday(local_day(…), …)",
            ),
            ("select public_holiday(date '2026-10-03', 33)", "takes the code of a country"),
        ] {
            let error = asked(sql).await.unwrap_err();
            assert!(error.contains(said), "{sql}: {error}");
        }
    }
}

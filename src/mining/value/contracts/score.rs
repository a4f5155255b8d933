//! A fitted model of contracts over any number of them: a function of SQL, so that scoring streams.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Date32Type, Field, Fields, Float64Type, Int64Type};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, cast, create_udf, ident, lit};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::frame::columns;
use super::model::{ContractModel, Expectation, Horizon, Outlook};
use crate::error::{Context, Result};
use crate::mining::KEY;
use crate::mining::value::model::Place;

/// The columns beside the contract, its customer, its group and its first day.
const COLUMNS: [(&str, DataType); 10] = [
    ("basis", DataType::Utf8),
    ("renewals", DataType::Int64),
    ("probability_active", DataType::Float64),
    ("expected_renewals", DataType::Float64),
    ("expected_margin", DataType::Float64),
    ("margin_sd", DataType::Float64),
    ("margin_low", DataType::Float64),
    ("margin_high", DataType::Float64),
    ("value", DataType::Float64),
    ("residual_value", DataType::Float64),
];

/// Returns one row per contract, named by the column `id`: its customer, its group, and what the model says; nulls where
/// there is no model. The frame has the columns of [`super::frame::frame`].
///
/// # Errors
/// None, unless the frame lacks a column.
pub(super) fn score(
    model: Option<&Arc<ContractModel>>,
    contracts: DataFrame,
    id: &str,
    horizon: Horizon,
) -> Result<DataFrame> {
    let doing = "write the value of contracts as SQL";
    let has_customer = id != KEY && contracts.schema().has_column_with_unqualified_name(KEY);
    let mut kept = vec![ident(columns::CONTRACT).alias(id)];
    kept.extend(has_customer.then(|| ident(KEY)));
    kept.push(ident(columns::GROUP).alias("value_group"));
    kept.push(ident(columns::START).alias("started_on"));
    let Some(model) = model else {
        for (name, kind) in COLUMNS {
            kept.push(cast(lit(ScalarValue::Null), kind).alias(name));
        }
        return contracts.select(kept).doing(doing);
    };
    let value = function(model.clone(), horizon).call(vec![
        cast(ident(columns::GROUP), DataType::Utf8),
        ident(columns::START),
        cast(ident(columns::RENEWALS), DataType::Int64),
        cast(ident(columns::LASTED), DataType::Int64),
        ident(columns::MARGIN),
    ]);
    let names: Vec<String> = [id].into_iter().chain(has_customer.then_some(KEY)).map(str::to_owned).collect();
    let scored: Vec<Expr> = kept.into_iter().chain([value.alias("__value")]).collect();
    let mut picked: Vec<Expr> = names.into_iter().map(ident).collect();
    picked.extend([ident("value_group"), ident("started_on")]);
    picked.extend(COLUMNS.iter().map(|(name, _)| get_field(ident("__value"), *name).alias(*name)));
    contracts.select(scored).and_then(|scored| scored.select(picked)).doing(doing)
}

fn fields() -> Fields {
    COLUMNS.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect()
}

fn function(model: Arc<ContractModel>, horizon: Horizon) -> ScalarUDF {
    let takes = vec![DataType::Utf8, DataType::Date32, DataType::Int64, DataType::Int64, DataType::Float64];
    create_udf(
        "contract_value",
        takes,
        DataType::Struct(fields()),
        Volatility::Immutable,
        Arc::new(move |arguments| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            Ok(ColumnarValue::Array(Arc::new(values(&model, horizon, &arrays))))
        }),
    )
}

/// What contracts of one group have in common: by how often they were renewed, and may be within the horizon.
pub(super) type Expectations = HashMap<(Place, u32, u32), Expectation>;

fn values(model: &ContractModel, horizon: Horizon, arrays: &[ArrayRef]) -> StructArray {
    let groups = arrays[0].as_string::<i32>();
    let starts = arrays[1].as_primitive::<Date32Type>();
    let [renewals, lasted] = [2, 3].map(|n| arrays[n].as_primitive::<Int64Type>());
    let margins = arrays[4].as_primitive::<Float64Type>();
    let rows = groups.len();
    let mut basis: Vec<&'static str> = Vec::with_capacity(rows);
    let mut renewed: Vec<Option<i64>> = Vec::with_capacity(rows);
    let mut outlooks: Vec<Option<Outlook>> = Vec::with_capacity(rows);
    let mut expectations = Expectations::new();
    for row in 0..rows {
        if lasted.is_valid(row) {
            basis.push("ended");
            renewed.push(Some(lasted.value(row) - 1));
            outlooks.push(Some(Outlook::of_ended()));
            continue;
        }
        if renewals.is_null(row) || margins.is_null(row) {
            basis.push("unknown");
            renewed.push(None);
            outlooks.push(None);
            continue;
        }
        basis.push("running");
        renewed.push(Some(renewals.value(row)));
        let start = if starts.is_valid(row) { starts.value_as_date(row) } else { None };
        let next = match start {
            Some(start) => horizon.of_days(model.period, start),
            None => horizon.of_count(model.period, u32::try_from(renewals.value(row)).unwrap_or(u32::MAX)),
        };
        let place = model.place(groups.is_valid(row).then(|| groups.value(row)));
        let expectation = expectations
            .entry((place, next.renewed, next.ahead))
            .or_insert_with(|| model.expectation(place, next.renewed, next.ahead));
        outlooks.push(Some(model.outlook(expectation, next.days_to_next, margins.value(row))));
    }
    let number = |of: fn(&Outlook) -> Option<f64>| -> ArrayRef {
        Arc::new(outlooks.iter().map(|outlook| outlook.as_ref().and_then(of)).collect::<Float64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(basis)),
        Arc::new(renewed.into_iter().collect::<Int64Array>()),
        number(|o| Some(o.probability_active)),
        number(|o| Some(o.renewals)),
        number(|o| Some(o.margin)),
        number(|o| Some(o.margin_sd)),
        number(|o| Some(o.margin_low)),
        number(|o| Some(o.margin_high)),
        number(|o| Some(o.value)),
        number(|o| o.residual_value),
    ];
    StructArray::new(fields(), columns, None)
}

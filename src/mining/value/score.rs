//! A fitted value model over any number of customers: a function of SQL, so that scoring streams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, cast, create_udf, ident, lit};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::customers::columns;
use super::history::History;
use super::model::{Expectation, Outlook, Place, ValueModel};
use crate::error::{Context, Result};
use crate::mining::KEY;

/// The columns beside the customer's key.
const COLUMNS: [(&str, DataType); 12] = [
    ("basis", DataType::Utf8),
    ("purchases", DataType::Int64),
    ("days_since_purchase", DataType::Int64),
    ("probability_alive", DataType::Float64),
    ("expected_purchases", DataType::Float64),
    ("expected_worth", DataType::Float64),
    ("expected_margin", DataType::Float64),
    ("margin_sd", DataType::Float64),
    ("margin_low", DataType::Float64),
    ("margin_high", DataType::Float64),
    ("cost_to_serve", DataType::Float64),
    ("value", DataType::Float64),
];

/// Numbers of purchases and ages of which the expectation is kept; beyond them it is computed each time.
const MOST_KEPT: usize = 65_536;

/// Returns one row per customer: its key, its group, and what the model says; nulls where there is no model. The frame
/// has the columns of [`super::customers::frame`]. What a year takes off stands in every row: what is made of values can
/// discount as they do.
///
/// # Errors
/// None, unless the frame lacks a column.
pub(super) fn score(
    model: Option<&Arc<ValueModel>>,
    discount_rate: f64,
    customers: DataFrame,
) -> Result<DataFrame> {
    let doing = "write the value as SQL";
    let terms = || lit(discount_rate).alias("discount_rate");
    let mut picked = vec![
        ident(KEY),
        ident(columns::GROUP).alias("value_group"),
        ident(columns::FIRST_DAY).alias("first_purchase_on"),
    ];
    let Some(model) = model else {
        for (name, kind) in COLUMNS {
            picked.push(cast(lit(ScalarValue::Null), kind).alias(name));
        }
        picked.push(terms());
        return customers.select(picked).doing(doing);
    };
    let number = |column: &str| cast(ident(column), DataType::Int64);
    let value = function(model.clone()).call(vec![
        cast(ident(columns::GROUP), DataType::Utf8),
        number(columns::REPEATS),
        number(columns::LAST_DAY),
        number(columns::AGE_DAYS),
        ident(columns::REPEAT_AMOUNT),
        ident(columns::COST),
    ]);
    let scored: Vec<Expr> = picked.iter().cloned().chain([value.alias("__value")]).collect();
    let mut picked = vec![ident(KEY), ident("value_group"), ident("first_purchase_on")];
    picked.extend(COLUMNS.iter().map(|(name, _)| get_field(ident("__value"), *name).alias(*name)));
    picked.push(terms());
    customers.select(scored).and_then(|scored| scored.select(picked)).doing(doing)
}

fn fields() -> Fields {
    COLUMNS.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect()
}

fn function(model: Arc<ValueModel>) -> ScalarUDF {
    let kept = Arc::new(Kept::default());
    let takes = vec![
        DataType::Utf8,
        DataType::Int64,
        DataType::Int64,
        DataType::Int64,
        DataType::Float64,
        DataType::Float64,
    ];
    let gives = DataType::Struct(fields());
    create_udf(
        "customer_value",
        takes,
        gives,
        Volatility::Immutable,
        Arc::new(move |arguments| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            Ok(ColumnarValue::Array(Arc::new(values(&model, &kept, &arrays))))
        }),
    )
}

fn values(model: &ValueModel, kept: &Kept, arrays: &[ArrayRef]) -> StructArray {
    let groups = arrays[0].as_string::<i32>();
    let [repeats, last_day, age_days] = [1, 2, 3].map(|n| arrays[n].as_primitive::<Int64Type>());
    let [amounts, costs] = [4, 5].map(|n| arrays[n].as_primitive::<Float64Type>());
    let rows = groups.len();
    let mut basis: Vec<&'static str> = Vec::with_capacity(rows);
    let mut purchases: Vec<Option<i64>> = Vec::with_capacity(rows);
    let mut since: Vec<Option<i64>> = Vec::with_capacity(rows);
    let mut outlooks: Vec<Option<Outlook>> = Vec::with_capacity(rows);
    // In front of the lock: a batch asks for few expectations, each many times.
    let mut of_batch: HashMap<KeptKey, Arc<Expectation>> = HashMap::new();
    for row in 0..rows {
        let place = model.place(groups.is_valid(row).then(|| groups.value(row)));
        let group = model.group(place);
        let cost = if costs.is_valid(row) { costs.value(row) } else { 0.0 };
        if repeats.is_null(row) {
            basis.push("no purchase");
            purchases.push(Some(0));
            since.push(None);
            outlooks.push(model.outlook_without_purchase(group, cost));
            continue;
        }
        let history = History {
            repeats: repeats.value(row) as u32,
            last_day: last_day.value(row) as u32,
            age_days: age_days.value(row) as u32,
        };
        basis.push(if history.repeats == 0 { "one purchase" } else { "several purchases" });
        purchases.push(Some(repeats.value(row) + 1));
        since.push(Some(age_days.value(row) - last_day.value(row)));
        let expectation = of_batch
            .entry((place, history.repeats, history.age_days))
            .or_insert_with(|| kept.expectation(model, place, history));
        outlooks.push(Some(model.outlook(group, expectation, history, amounts.value(row), cost)));
    }
    let number = |of: fn(&Outlook) -> Option<f64>| -> ArrayRef {
        Arc::new(outlooks.iter().map(|outlook| outlook.as_ref().and_then(of)).collect::<Float64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(basis)),
        Arc::new(purchases.into_iter().collect::<arrow::array::Int64Array>()),
        Arc::new(since.into_iter().collect::<arrow::array::Int64Array>()),
        number(|o| o.probability_alive),
        number(|o| Some(o.purchases)),
        number(|o| o.worth),
        number(|o| Some(o.margin)),
        number(|o| Some(o.margin_sd)),
        number(|o| Some(o.margin_low)),
        number(|o| Some(o.margin_high)),
        number(|o| Some(o.cost_to_serve)),
        number(|o| Some(o.value)),
    ];
    StructArray::new(fields(), columns, None)
}

/// Expectations that many customers have in common: they depend on the group, the number of purchases and the age.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<HashMap<KeptKey, Arc<Expectation>>>);

/// The group, the number of repeats and the age in days.
type KeptKey = (Place, u32, u32);

impl Kept {
    pub fn expectation(&self, model: &ValueModel, place: Place, history: History) -> Arc<Expectation> {
        let key = (place, history.repeats, history.age_days);
        let lock = || self.0.lock().expect("no holder of this lock panics");
        if let Some(found) = lock().get(&key) {
            return found.clone();
        }
        let made = Arc::new(model.expectation(model.group(place), history));
        let mut kept = lock();
        if kept.len() < MOST_KEPT {
            kept.insert(key, made.clone());
        }
        made
    }
}

//! Customers who are scored with a text that nobody had who was learnt from.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{cast, ident, lit, when};
use datafusion::prelude::DataFrame;

use super::learn::Seen;
use crate::error::{Context, Result};
use crate::mining::condition;
use crate::mining::fitted::{FittedModel, Part};

/// Counts them by column, and says so.
///
/// # Errors
/// Features that cannot be read, or to which the condition does not fit.
pub(in crate::mining) async fn report(
    fitted: &mut FittedModel,
    seen: &Seen,
    features: DataFrame,
    scored_when: Option<&str>,
) -> Result<()> {
    if seen.is_empty() || !fitted.is_fitted() {
        return Ok(());
    }
    let doing = "count the customers with a text that was not learnt from";
    let scored = match scored_when {
        Some(condition) => {
            let condition = condition::over(&features, condition, "who is scored")?;
            features.filter(condition).doing(doing)?
        }
        None => features,
    };
    let counts = seen.iter().map(|(column, texts)| {
        let text = cast(ident(column), DataType::Utf8);
        let known = texts.iter().map(|text| lit(text.as_str())).collect();
        let is_new = text.clone().is_not_null().and(text.in_list(known, false).is_not_true());
        Ok(sum(when(is_new, lit(1_i64)).otherwise(lit(0_i64)).doing(doing)?).alias(column))
    });
    let counts = counts.collect::<Result<Vec<_>>>()?;
    let batches = scored.aggregate(Vec::new(), counts).doing(doing)?.collect().await.doing(doing)?;
    for (index, column) in seen.keys().enumerate() {
        let count: i64 = batches
            .iter()
            .flat_map(|batch| batch.column(index).as_primitive::<Int64Type>().iter().flatten())
            .sum();
        if count == 0 {
            continue;
        }
        let position = index as i64 + 1;
        fitted.set(Part::Metric, "customers_unseen_level", position, count as f64);
        fitted.note(Part::Metric, "customers_unseen_level", position, column.as_str());
        fitted.remark(format!(
            "{count} customers are scored with a `{column}` that nobody had who was learnt from: they count as the \
             rare ones, or as average where there were none"
        ));
    }
    Ok(())
}

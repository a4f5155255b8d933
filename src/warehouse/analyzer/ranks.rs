//! Refuses to order rows by infinity or NaN: they would sort before the best customer.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{ScalarFunction, Sort as SortExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Sort, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::expressions::with_expressions;
use crate::error::Error;

/// The rule: what rows are ordered by, in a query, a window or an aggregate, is [`Finite`] or fails.
#[derive(Debug)]
pub struct FiniteRanks;

impl AnalyzerRule for FiniteRanks {
    fn name(&self) -> &str {
        "finite_ranks"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_expressions(plan, |expr, schema| match expr {
            Expr::WindowFunction(mut window) => {
                let is_finite = finite_all(&mut window.params.order_by, schema)?;
                Ok(Transformed::new_transformed(Expr::WindowFunction(window), is_finite))
            }
            Expr::AggregateFunction(mut aggregate) => {
                let is_finite = finite_all(&mut aggregate.params.order_by, schema)?;
                Ok(Transformed::new_transformed(Expr::AggregateFunction(aggregate), is_finite))
            }
            other => Ok(Transformed::no(other)),
        })?;
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Sort(Sort { mut expr, input, fetch }) => {
                let is_finite = finite_all(&mut expr, input.schema())?;
                Ok(Transformed::new_transformed(LogicalPlan::Sort(Sort { expr, input, fetch }), is_finite))
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
    }
}

fn finite_all(order: &mut [SortExpr], schema: &DFSchema) -> Result<bool> {
    let mut any = false;
    for sort in order {
        if sort.expr.get_type(schema)?.is_floating() {
            let text = sort.expr.human_display().to_string();
            let function =
                ScalarUDF::from(Finite { text, signature: Signature::any(1, Volatility::Immutable) });
            let ranked = std::mem::take(&mut sort.expr);
            sort.expr = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![ranked]));
            any = true;
        }
    }
    Ok(any)
}

/// The numbers as they are, where all are finite.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Finite {
    /// As it was written.
    text: String,
    signature: Signature,
}

impl ScalarUDFImpl for Finite {
    fn name(&self) -> &str {
        "finite"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(args[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ranked] = args.args.as_slice() else { return internal_err!("a rank must be one number") };
        let array = ranked.to_array(args.number_rows)?;
        let is_finite = match array.data_type() {
            DataType::Float16 => is_finite::<Float16Type>(&array, |x| x.is_finite()),
            DataType::Float32 => is_finite::<Float32Type>(&array, f32::is_finite),
            _ => is_finite::<Float64Type>(&array, f64::is_finite),
        };
        if is_finite {
            return Ok(ranked.clone());
        }
        let error = Error::failed(format!("rows are ordered by `{}`, which is infinite or NaN", self.text));
        Err(DataFusionError::External(Box::new(error.hint(
            "the usual cause is a division by zero: x / nullif(y, 0) gives null instead; order it `nulls last`",
        ))))
    }
}

fn is_finite<T: ArrowPrimitiveType>(array: &dyn Array, finite: fn(T::Native) -> bool) -> bool {
    let array = array.as_primitive::<T>();
    array.values().iter().all(|value| finite(*value)) || array.iter().flatten().all(finite)
}

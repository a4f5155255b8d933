//! What the engine adds to DataFusion's analysis of a plan, so that SQL says nothing false of numbers and
//! times: whatever a model, an audience, a check or a query asks passes these rules.
//!
//! ```text
//! aggregates     sum and avg that add exactly and refuse what does not fit   (accumulators)
//! days           a day beside an instant is its first instant
//! microseconds   instants in microseconds, which reach as far as days do     (date_trunc)
//! arithmetic     + - * / that refuse what does not fit, and division by zero
//! ranks          nothing is ordered by an infinity or NaN
//! ```
//!
//! Rules see expressions with their types, and their names do not change what columns are called.

mod accumulators;
mod aggregates;
mod arithmetic;
mod date_trunc;
mod days;
mod microseconds;
mod ranks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

/// All rules of analysis, DataFusion's own among them; days are days of the zone.
pub fn rules(zone: Tz) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(aggregates::ExactAggregates),
        Arc::new(days::DaysAsInstants { zone }),
        Arc::new(TypeCoercion::new()),
        Arc::new(microseconds::Microseconds),
        Arc::new(arithmetic::CheckedArithmetic),
        Arc::new(ranks::FiniteRanks),
    ]
}

/// The plan with every expression rewritten, those of subqueries too; `rewrite` is given each expression, the
/// innermost first, and the columns that it may name.
fn with_expressions(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let schema = columns_of(&node)?;
        let names = NamePreserver::new(&node);
        let rewritten = node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(|expr| rewrite(expr, &schema))?.update_data(|expr| name.restore(expr)))
        })?;
        if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
    })
    .data()
}

/// A type as SQL names it.
fn sql_type(kind: &DataType) -> String {
    match kind {
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::UInt64 => "bigint unsigned".to_owned(),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => format!("decimal({digits}, {scale})"),
        other => other.to_string(),
    }
}

/// The columns that the expressions of a node may name.
fn columns_of(node: &LogicalPlan) -> Result<DFSchema> {
    let mut schema = merge_schema(&node.inputs());
    if let LogicalPlan::TableScan(scan) = node {
        let all = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?;
        schema.merge(&all);
    }
    Ok(schema)
}

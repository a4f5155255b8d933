//! `$as_of` in SQL: the session's as-of instant, whose day is a day in the pipeline's time zone.
//!
//! Timestamps are UTC, and `cast(t as date)` gives the UTC day. For the as-of instant this is never what is
//! meant: `cast($as_of as date)` gives the local day, and `date_trunc`, `date_part` and similar functions use
//! the local clock, even if the query gave the instant another name.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Cast, Expr, LogicalPlan};
use datafusion::prelude::DataFrame;

use super::lineage::{Origin, origins_of_column};
use super::local_day::local_day;
use super::time_value::instant_value;
use crate::clock::Instant;

const PARAMETER: &str = "$as_of";
/// Functions of an instant that count days or hours.
const BY_THE_CLOCK: [&str; 6] =
    ["date_trunc", "datetrunc", "date_part", "datepart", "to_char", "date_format"];

/// Gives `$as_of` its value.
///
/// # Errors
/// A query that names it where there is no instant.
pub(super) fn bind(query: DataFrame, as_of: Option<Instant>, zone: Tz) -> Result<DataFrame> {
    if !query.logical_plan().get_parameter_names()?.contains(PARAMETER) {
        return Ok(query);
    }
    let Some(as_of) = as_of else {
        return Err(DataFusionError::Plan(
            "$as_of has no value here: this query has no as-of instant".to_owned(),
        ));
    };
    let (state, plan) = query.into_parts();
    let plan = if zone == Tz::UTC { plan } else { by_the_local_clock(plan, zone)? };
    DataFrame::new(state, plan).with_param_values(vec![("as_of", instant_value(as_of))])
}

/// Returns the plan in which days of the as-of instant are local days.
fn by_the_local_clock(plan: LogicalPlan, zone: Tz) -> Result<LogicalPlan> {
    let rewritten = plan.transform_down_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let inputs: Vec<LogicalPlan> = node.inputs().into_iter().cloned().collect();
        let inputs: Vec<&LogicalPlan> = inputs.iter().collect();
        let rewritten = node.map_expressions(|expression| {
            let name = names.save(&expression);
            let rewritten = expression.transform_up(|e| Ok(local(e, &inputs, zone)))?;
            Ok(rewritten.update_data(|e| name.restore(e)))
        })?;
        if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
    })?;
    Ok(rewritten.data)
}

/// Returns the expression itself, or what it means of the as-of instant.
fn local(expression: Expr, over: &[&LogicalPlan], zone: Tz) -> Transformed<Expr> {
    match expression {
        Expr::Cast(cast) if is_date(cast.field.data_type()) && is_as_of(&cast.expr, over) => {
            let day = ScalarFunction::new_udf(Arc::new(local_day(zone)), vec![*cast.expr]);
            Transformed::yes(Expr::ScalarFunction(day))
        }
        Expr::ScalarFunction(mut call) if BY_THE_CLOCK.contains(&call.name()) => {
            let mut changed = false;
            for argument in &mut call.args {
                if is_as_of(argument, over) {
                    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(zone.name())));
                    let instant = std::mem::take(argument);
                    *argument = Expr::Cast(Cast::new(Box::new(instant), zoned));
                    changed = true;
                }
            }
            let truncates = changed && call.name().ends_with("trunc");
            let call = Expr::ScalarFunction(call);
            if truncates {
                // An instant again, as all are.
                let utc = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")));
                return Transformed::yes(Expr::Cast(Cast::new(Box::new(call), utc)));
            }
            Transformed::new_transformed(call, changed)
        }
        other => Transformed::no(other),
    }
}

fn is_date(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64)
}

/// Returns whether the expression is the as-of instant, under whatever name.
fn is_as_of(expression: &Expr, over: &[&LogicalPlan]) -> bool {
    match expression {
        Expr::Placeholder(parameter) => parameter.id == PARAMETER,
        Expr::Alias(alias) => is_as_of(&alias.expr, over),
        Expr::Cast(cast) => {
            matches!(cast.field.data_type(), DataType::Timestamp(_, None)) && is_as_of(&cast.expr, over)
        }
        Expr::Column(column) => {
            let origins = origins_of_column(over, column);
            !origins.is_empty()
                && origins.iter().all(|origin| match origin {
                    Origin::Made { expression, over } => is_as_of(expression, over),
                    Origin::Scanned { .. } => false,
                })
        }
        _ => false,
    }
}

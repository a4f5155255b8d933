//! Same inputs, same bytes: what the SQL of a mart must not do.
//!
//! The order in which parallel threads add floats changes the last digits of the sum. Decimals and integers
//! do not have this problem. So a mart may aggregate decimals and integers, and cast to float only
//! afterwards; approximate and volatile functions are refused. No model may ask for the time: time enters
//! only as the run's as-of instant.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Volatility};

use crate::error::{Context, Error, Result};

/// Aggregates whose result depends on the order of floats.
const ORDER_DEPENDENT: [&str; 14] = [
    "sum",
    "avg",
    "mean",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var",
    "var_pop",
    "var_samp",
    "var_sample",
    "corr",
    "covar_samp",
    "covar_pop",
    "regr_slope",
];

/// Refuses a plan that asks the machine's clock.
///
/// # Errors
/// `now()`, `current_date`, `current_time` and their other names.
pub fn require_no_clock(plan: &LogicalPlan) -> Result<()> {
    let mut asked = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| match e {
                // Only the engine's functions of the current time are stable and not immutable.
                Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Stable => {
                    asked = Some(call.name().to_owned());
                    Ok(TreeNodeRecursion::Stop)
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })
    .doing("read the plan")?;
    match asked {
        None => Ok(()),
        Some(name) => Err(Error::config(format!("{name}() depends on when the run takes place"))
            .about(&name)
            .hint("use $as_of, the as-of instant of the run; local_day($as_of) is its day")),
    }
}

/// Refuses a plan whose result could differ from run to run.
///
/// # Errors
/// A function that is approximate, that adds floats, or that changes from call to call; all of them.
pub fn require_deterministic(plan: &LogicalPlan) -> Result<()> {
    let mut found: Vec<(String, &str)> = Vec::new();
    plan.apply_with_subqueries(|node| {
        // An aggregate's arguments have the types of its input.
        let inputs = node.inputs();
        let schema = match inputs.first() {
            Some(input) => input.schema().clone(),
            None => node.schema().clone(),
        };
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::AggregateFunction(aggregate) => {
                        let name = aggregate.func.name().to_lowercase();
                        if name.starts_with("approx_") {
                            found.push((name.clone(), "is approximate"));
                        }
                        let floats = aggregate.params.args.iter().any(|arg| {
                            matches!(
                                arg.get_type(schema.as_ref()),
                                Ok(DataType::Float16 | DataType::Float32 | DataType::Float64)
                            )
                        });
                        if floats && ORDER_DEPENDENT.contains(&name.as_str()) {
                            found.push((name, "adds floats"));
                        }
                    }
                    Expr::ScalarFunction(call)
                        if call.func.signature().volatility == Volatility::Volatile =>
                    {
                        found.push((call.name().to_owned(), "changes from call to call"));
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .doing("read the plan")?;
    found.sort();
    found.dedup();
    let error = |(function, does): (String, &str)| {
        Error::config(format!("a mart must be the same in every run, but {function}() {does}"))
            .about(&function)
            .hint(
                "aggregate decimals or integers (cast(x as decimal(18,4))) and cast to float after the \
                 aggregate",
            )
    };
    Error::all(found.into_iter().map(error).collect())
}

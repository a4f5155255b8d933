//! Same inputs, same bytes: what the SQL of a mart must not do.
//!
//! The order in which parallel threads add floats changes the last digits of the sum. Decimals and integers
//! do not have this problem. So a mart, and what a mart is made of, may aggregate decimals and integers, and cast
//! to float only afterwards; approximate and volatile functions are refused, and so is what takes rows in whatever
//! order they come. Rows that tie in an order are no fault: [`super::ties`] settles them. No model may ask for the
//! time: time enters only as the run's as-of instant.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan, Volatility, WindowFrameUnits};

use super::ties::depends_on_peers;
use crate::error::{Context, Error, Result};

/// Aggregates, in windows too, whose result depends on the order in which floats are added.
const ADDS: [&str; 3] = ["sum", "avg", "mean"];

/// Aggregates that reckon in floats, whatever they are given; so do those of regressions, `regr_…`.
const STATISTICS: [&str; 10] = [
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
];

/// Functions of rows whose result depends on the order in which these come.
const OF_AN_ORDER: [&str; 9] = [
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
    "nth_value",
    "row_number",
    "ntile",
    "lag",
    "lead",
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

/// Refuses a plan whose result could differ from run to run; `what` is said to have to be the same.
///
/// # Errors
/// A function that is approximate, that adds floats, that changes from call to call, or whose result depends on
/// an order of rows that is not given; all of them.
pub fn require_deterministic(plan: &LogicalPlan, what: &str) -> Result<()> {
    let mut found: BTreeSet<Fault> = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        found.extend(of_node(node));
        // An aggregate's arguments have the types of its input.
        let inputs = node.inputs();
        let schema = match inputs.first() {
            Some(input) => input.schema().clone(),
            None => node.schema().clone(),
        };
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                found.extend(of_expression(e, &schema));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .doing("read the plan")?;
    Error::all(found.into_iter().map(|fault| fault.error(what)).collect())
}

/// What may come out otherwise in another run.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    /// As it is written.
    name: String,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Approximate,
    AddsFloats,
    ReckonsInFloats,
    Volatile,
    /// A function of rows in no order.
    AnyOrder,
    /// A function of a frame that cuts between rows which are peers.
    AnyOrderOfPeers,
    /// A clause that keeps some of the rows in no order.
    AnyRows,
}

impl Fault {
    fn error(self, what: &str) -> Error {
        let Fault { name, why } = self;
        let (does, hint) = match why {
            Why::Approximate => {
                ("() is approximate", "use the exact function: count(distinct …), percentile_cont")
            }
            Why::AddsFloats => (
                "() adds floats",
                "aggregate decimals or integers (cast(x as decimal(18,4))) and cast to float after the aggregate",
            ),
            Why::ReckonsInFloats => (
                "() adds floats, also of integers",
                "aggregate sum(x), sum(x * x) and count(x) of decimals, and compute it from these",
            ),
            Why::Volatile => (
                "() changes from call to call",
                "draw by a hash of the key, for example md5(customer_id) < '8' for half of the customers",
            ),
            Why::AnyOrder => (
                "() depends on the order of rows, which is not given",
                "say the order: array_agg(x order by …), … over (order by …)",
            ),
            Why::AnyOrderOfPeers => (
                "() depends on the order of rows that are peers, which is not given",
                "say which rows: … over (… rows between unbounded preceding and unbounded following)",
            ),
            Why::AnyRows => (" keeps whichever rows come first", "add order by"),
        };
        Error::config(format!("{what} must be the same in every run, but {name}{does}"))
            .about(&name)
            .hint(hint)
    }
}

fn of_node(node: &LogicalPlan) -> Option<Fault> {
    let clause = match node {
        LogicalPlan::Limit(limit) if !has_an_order(&limit.input) => "limit",
        LogicalPlan::Distinct(Distinct::On(distinct)) if distinct.sort_expr.is_none() => "distinct on",
        _ => return None,
    };
    Some(Fault { name: clause.to_owned(), why: Why::AnyRows })
}

/// Returns whether the rows come in an order that the query says, or are one.
fn has_an_order(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Distinct(Distinct::On(distinct)) => distinct.sort_expr.is_some(),
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Limit(_) => plan.inputs().first().is_some_and(|input| has_an_order(input)),
        _ => false,
    }
}

fn of_expression(expression: &Expr, schema: &DFSchema) -> Vec<Fault> {
    let (name, faults) = match expression {
        Expr::AggregateFunction(call) => {
            let params = &call.params;
            (call.func.name(), of_rows(call.func.name(), &params.args, !params.order_by.is_empty(), schema))
        }
        Expr::WindowFunction(call) => {
            let (name, params) = (call.fun.name(), &call.params);
            let frame = &params.window_frame;
            let is_ordered = !params.order_by.is_empty();
            let mut faults = of_rows(name, &params.args, is_ordered, schema);
            let cuts = frame.units == WindowFrameUnits::Rows
                && !(frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded());
            faults.extend((cuts && !is_ordered && faults.is_empty()).then_some(Why::AnyOrder));
            faults.extend(depends_on_peers(call).then_some(Why::AnyOrderOfPeers));
            (name, faults)
        }
        Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Volatile => {
            (call.name(), vec![Why::Volatile])
        }
        _ => return Vec::new(),
    };
    let name = name.to_lowercase();
    faults.into_iter().map(|why| Fault { name: name.clone(), why }).collect()
}

/// Returns what is wrong with a function of several rows.
fn of_rows(name: &str, args: &[Expr], is_ordered: bool, schema: &DFSchema) -> Vec<Why> {
    let floats = args.iter().any(|arg| {
        matches!(arg.get_type(schema), Ok(DataType::Float16 | DataType::Float32 | DataType::Float64))
    });
    let faults = [
        (name.starts_with("approx_"), Why::Approximate),
        (floats && ADDS.contains(&name), Why::AddsFloats),
        (STATISTICS.contains(&name) || name.starts_with("regr_"), Why::ReckonsInFloats),
        (!is_ordered && OF_AN_ORDER.contains(&name), Why::AnyOrder),
    ];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, why)| why).collect()
}

//! Checks that a subquery can be computed for all customers at once, with the same result as for one.
//!
//! The engine joins a subquery to the customers by its comparisons with them, above everything else in the
//! subquery. Below such a comparison a LIMIT, a window or a total would be over the rows of all customers, so
//! these are refused; comparisons inside an outer join or a union are refused by the engine itself.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Distinct, Expr, Filter, LogicalPlan};

use super::customer_columns::of_customer;
use crate::error::{Context, Error, Result};

/// Refuses a subquery that would have other rows when it is computed for all customers.
pub(super) fn require_set_based(plan: &LogicalPlan) -> Result<()> {
    let mut refused = None;
    plan.apply(|node| {
        let what = match node {
            LogicalPlan::Limit(_) => "LIMIT",
            LogicalPlan::Window(_) => "a window function",
            LogicalPlan::Distinct(Distinct::On(_)) => "DISTINCT ON",
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => "a total",
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        if of_customer(node).is_ok_and(|used| used.is_empty()) {
            return Ok(TreeNodeRecursion::Continue);
        }
        refused = Some(what);
        Ok(TreeNodeRecursion::Stop)
    })
    .doing("read a subquery")?;
    match refused {
        None => require_nulls_kept(plan),
        Some(what) => Err(Error::config(format!("a subquery uses {what} over the rows of one customer"))
            .hint(
                "compare a number instead, for example (select count(*) from … where …) > 3, or make a \
                 model of it and use that",
            )),
    }
}

/// The same of a scalar subquery, whose one row may be a total.
pub(super) fn require_total_or_set_based(plan: &LogicalPlan) -> Result<()> {
    let mut inner = plan;
    loop {
        inner = match inner {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Filter(having) => &having.input,
            LogicalPlan::Aggregate(total) => return require_set_based(&total.input),
            _ => return require_set_based(plan),
        };
    }
}

/// Within a subquery the engine answers `x in (select …)` with null taken for false. That is the same
/// where the answer is asked alone, and another where it is turned round.
fn require_nulls_kept(plan: &LogicalPlan) -> Result<()> {
    let mut kept = true;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Filter(Filter { predicate, .. }) = node {
            for condition in split_conjunction(predicate) {
                kept &= match condition {
                    Expr::InSubquery(found) => !found.negated || evaluated_per_row(found),
                    Expr::Not(turned) => match turned.as_ref() {
                        Expr::InSubquery(found) => found.negated || evaluated_per_row(found),
                        other => !has_in(other)?,
                    },
                    other => !has_in(other)?,
                };
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .doing("read a subquery")?;
    if kept {
        return Ok(());
    }
    Err(Error::config("inside a subquery, `in (select …)` is negated or combined with `or`")
        .hint("write it as exists (select 1 from … where …) or not exists (…)"))
}

fn evaluated_per_row(found: &InSubquery) -> bool {
    found.subquery.outer_ref_columns.is_empty()
}

fn has_in(expr: &Expr) -> datafusion::error::Result<bool> {
    expr.exists(|e| Ok(matches!(e, Expr::InSubquery(_) | Expr::SetComparison(_))))
}

//! Finds which columns of the customer's row a subquery uses.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::candidates::BASE;
use crate::error::{Context, Result};

/// Returns the columns of the row of the customer that a subquery uses, at any depth.
pub(super) fn of_customer(plan: &LogicalPlan) -> Result<BTreeSet<String>> {
    let mut used = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr
                    && column.relation.as_ref().is_some_and(|relation| relation.table() == BASE)
                {
                    used.insert(column.name.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .doing("read a subquery")?;
    Ok(used)
}

//! Where the values of a column come from, according to a logical plan.

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};

/// What makes the values of a column, in one branch of the plan.
#[derive(Debug, Clone)]
pub enum Origin<'p> {
    /// An expression, over the columns of the plans below it.
    Made { expression: &'p Expr, over: Vec<&'p LogicalPlan> },
    /// A column of a table, as it is.
    Scanned { table: &'p TableReference, column: String },
}

/// Returns what makes the values of a plan's column, one origin a branch where branches are united; nothing
/// if the plan does not show it.
pub fn origins(plan: &LogicalPlan, column: usize) -> Vec<Origin<'_>> {
    match plan {
        LogicalPlan::Projection(node) => of_expression(node.expr.get(column), &node.input),
        LogicalPlan::Aggregate(node) => {
            let groups = node.group_expr.len();
            match column.checked_sub(groups) {
                None => of_expression(node.group_expr.get(column), &node.input),
                Some(at) => of_expression(node.aggr_expr.get(at), &node.input),
            }
        }
        LogicalPlan::Window(node) => match column.checked_sub(node.input.schema().fields().len()) {
            None => origins(&node.input, column),
            Some(at) => of_expression(node.window_expr.get(at), &node.input),
        },
        LogicalPlan::Distinct(Distinct::On(node)) => of_expression(node.select_expr.get(column), &node.input),
        LogicalPlan::Union(node) => node.inputs.iter().flat_map(|input| origins(input, column)).collect(),
        LogicalPlan::Join(node) => {
            let left = node.left.schema().fields().len();
            match node.join_type {
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                    origins(&node.right, column)
                }
                _ if column < left => origins(&node.left, column),
                _ => origins(&node.right, column - left),
            }
        }
        LogicalPlan::Values(node) => node
            .values
            .iter()
            .filter_map(|row| row.get(column))
            .map(|expression| Origin::Made { expression, over: Vec::new() })
            .collect(),
        LogicalPlan::TableScan(scan) => {
            let (_, field) = scan.projected_schema.qualified_field(column);
            vec![Origin::Scanned { table: &scan.table_name, column: field.name().clone() }]
        }
        // Where a view was put in its table's place, it bears the table's name; other aliases have no schema.
        LogicalPlan::SubqueryAlias(node) if node.alias.schema().is_some() => {
            vec![Origin::Scanned { table: &node.alias, column: node.schema.field(column).name().clone() }]
        }
        // What passes rows through keeps their columns in place.
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => {
            plan.inputs().first().map_or_else(Vec::new, |input| origins(input, column))
        }
        _ => Vec::new(),
    }
}

/// Returns what makes the values of a column that an expression over these plans names.
pub fn origins_of_column<'p>(over: &[&'p LogicalPlan], column: &Column) -> Vec<Origin<'p>> {
    over.iter()
        .find_map(|plan| plan.schema().maybe_index_of_column(column).map(|at| origins(plan, at)))
        .unwrap_or_default()
}

fn of_expression<'p>(expression: Option<&'p Expr>, input: &'p LogicalPlan) -> Vec<Origin<'p>> {
    match expression {
        None => Vec::new(),
        Some(Expr::Alias(alias)) => of_expression(Some(alias.expr.as_ref()), input),
        Some(Expr::Column(column)) => origins_of_column(&[input], column),
        Some(expression) => vec![Origin::Made { expression, over: vec![input] }],
    }
}

//! Rows that tie: what an order of the SQL leaves open is settled by the other columns.
//!
//! `row_number() over (partition by card order by day desc)` numbers two rows of one day as parallel threads hand them
//! over, and another run may number them the other way round. So every order that a result depends on goes
//! on by all columns of its rows: those that still tie are the same in everything that the query can see. An aggregate in
//! an order goes on by its own arguments, which are all that it takes of a row.
//!
//! Frames of a range are left as they are, since a longer order would change which rows are peers; what then depends on the
//! order of peers is refused by [`super::determinism`].

use std::collections::HashSet;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as SqlResult;
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, LogicalPlan, LogicalPlanBuilder, Window, WindowFrame, WindowFrameUnits,
};

use crate::error::{Context, Result};
use crate::warehouse::row_versions::PLACE;

/// Functions of a window that depend on the place of a row alone, whatever the frame.
const OF_A_PLACE: [&str; 4] = ["row_number", "ntile", "lag", "lead"];

/// Functions of a window that depend on the order of peers where the frame cuts between them.
const OF_PEERS: [&str; 5] = ["first_value", "last_value", "nth_value", "array_agg", "string_agg"];

/// Aggregates that an order may be said for.
const ORDERED: [&str; 5] = ["first_value", "last_value", "nth_value", "array_agg", "string_agg"];

/// Returns the plan with every order in it that a result depends on made total.
///
/// # Errors
/// A plan that cannot be built anew, which would be a fault of sillage.
pub fn break_ties(plan: LogicalPlan) -> Result<LogicalPlan> {
    let broken = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Sort(mut sort) => {
            sort.expr = total(sort.expr, sort.input.schema());
            Ok(Transformed::yes(LogicalPlan::Sort(sort)))
        }
        LogicalPlan::Distinct(Distinct::On(mut distinct)) => {
            let schema = distinct.input.schema().clone();
            distinct.sort_expr = distinct.sort_expr.map(|order| total(order, &schema));
            Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(distinct))))
        }
        LogicalPlan::Window(window) => of_window(window).map(Transformed::yes),
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    });
    Ok(broken.doing("put rows that tie in an order")?.data)
}

/// Returns whether a function's result depends on the order of peers, which nothing settles.
pub(super) fn depends_on_peers(call: &WindowFunction) -> bool {
    let params = &call.params;
    let is_settled = params.window_frame.units == WindowFrameUnits::Rows
        || is_whole(&params.window_frame)
        || (call.fun.name() == "first_value" && params.window_frame.start_bound.is_unbounded());
    !params.order_by.is_empty() && OF_PEERS.contains(&call.fun.name()) && !is_settled
}

fn is_whole(frame: &WindowFrame) -> bool {
    frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded()
}

/// Returns whether a function of a window depends on how rows that tie follow one another.
fn depends_on_ties(call: &WindowFunction) -> bool {
    let (name, frame) = (call.fun.name(), &call.params.window_frame);
    let cuts_between_rows = frame.units == WindowFrameUnits::Rows && !is_whole(frame);
    let of_rows = OF_A_PLACE.contains(&name) || OF_PEERS.contains(&name) || cuts_between_rows;
    !call.params.order_by.is_empty() && of_rows && !depends_on_peers(call)
}

/// Returns the order, and then all columns that it does not name.
fn total(mut order: Vec<Sort>, schema: &DFSchema) -> Vec<Sort> {
    let named: HashSet<Expr> = order.iter().map(|sort| sort.expr.clone()).collect();
    let more = schema.columns().into_iter().map(Expr::Column).filter(|column| !named.contains(column));
    order.extend(more.map(|column| column.sort(true, false)));
    order
}

/// Functions of one node share their order, so those that go on are made in a node of their own.
fn of_window(window: Window) -> SqlResult<LogicalPlan> {
    let (open, settled): (Vec<Expr>, Vec<Expr>) =
        window.window_expr.into_iter().partition(|expr| match expr {
            // The views of raw tables order versions already: all columns again would only cost memory.
            Expr::Alias(alias) if alias.name == PLACE => false,
            expr => match expr.clone().unalias() {
                Expr::WindowFunction(call) => depends_on_ties(&call),
                _ => false,
            },
        });
    let input = window.input;
    let columns = input.schema().clone();
    let mut plan = input.as_ref().clone();
    if !settled.is_empty() {
        plan = LogicalPlanBuilder::from(plan).window(settled)?.build()?;
    }
    if open.is_empty() {
        return Ok(plan);
    }
    let mut ordered = Vec::with_capacity(open.len());
    for expr in open {
        let name = Column::from_name(expr.schema_name().to_string());
        let Expr::WindowFunction(mut call) = expr.unalias() else { continue };
        call.params.order_by = total(call.params.order_by, &columns);
        ordered.push(Expr::WindowFunction(call).alias(name.name));
    }
    LogicalPlanBuilder::from(plan).window(ordered)?.build()
}

fn of_aggregate(aggregate: Aggregate) -> SqlResult<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, .. } = aggregate;
    let aggr_expr = aggr_expr.into_iter().map(|expr| {
        let name = expr.schema_name().to_string();
        match expr {
            Expr::AggregateFunction(call) => ordered(call).alias_if_changed(name),
            other => Ok(other),
        }
    });
    let aggr_expr = aggr_expr.collect::<SqlResult<Vec<Expr>>>()?;
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, aggr_expr)?))
}

/// Returns the aggregate with an order that goes on by what it takes of a row.
fn ordered(mut call: AggregateFunction) -> Expr {
    let params = &mut call.params;
    if ORDERED.contains(&call.func.name()) && !params.order_by.is_empty() && !params.distinct {
        for argument in params.args.iter().filter(|argument| !matches!(argument, Expr::Literal(..))) {
            if params.order_by.iter().all(|sort| sort.expr != *argument) {
                params.order_by.push(argument.clone().sort(true, false));
            }
        }
    }
    Expr::AggregateFunction(call)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;

    use datafusion::prelude::DataFrame;

    use super::*;
    use crate::step::determinism::require_deterministic;
    use crate::warehouse::Warehouse;
    use crate::warehouse::catalog::Catalog;
    use crate::warehouse::engine::{Engine, Limits};

    /// The query over `sales`, whose rows come in the given order.
    async fn query(rows: &[&str], sql: &str) -> Result<DataFrame> {
        let warehouse = Warehouse::in_memory()?;
        let limits = Limits { threads: NonZeroUsize::MIN, memory: None };
        let engine = Engine::new(limits, &warehouse)?;
        let session = Catalog::new(warehouse, engine, None, BTreeMap::new()).session([], None).await?;
        let values = format!("select * from (values {}) as v(shop, day, seller, cents)", rows.join(", "));
        session.register_view(&"raw.sales".parse()?, session.sql(&values).await.doing("make rows")?)?;
        session.sql(sql).await.doing("plan")
    }

    async fn answer(rows: &[&str], sql: &str) -> Vec<String> {
        let (state, plan) = query(rows, sql).await.unwrap().into_parts();
        require_deterministic(&plan, "it").unwrap();
        let batches = DataFrame::new(state, break_ties(plan).unwrap()).collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    #[tokio::test]
    async fn rows_that_tie_are_the_same_in_whatever_order_they_come() {
        let rows = [
            "('a', 1, 'x', 10)",
            "('a', 1, 'y', 20)",
            "('a', 2, 'z', 30)",
            "('b', 1, 'y', 40)",
            "('b', 1, 'x', 50)",
        ];
        let mut turned = rows;
        turned.reverse();
        for sql in [
            "select seller, row_number() over (partition by shop order by day desc) as nth from raw.sales",
            "select seller, lag(cents) over (order by day) as before, ntile(2) over (order by day) as half from raw.sales",
            "select cents, first_value(seller) over (partition by shop order by day) as first from raw.sales",
            "select shop, first_value(seller order by day) as f, last_value(cents order by day) as l,
               array_agg(seller order by day) as a, string_agg(seller, ',' order by day desc) as s
             from raw.sales group by shop",
            "select distinct on (shop) shop, seller from raw.sales order by shop, day",
            "select seller, cents from raw.sales order by day limit 2",
            "select seller, sum(cents) over (order by day rows between unbounded preceding and current row) as so_far,
               sum(cents) over (order by day) as of_days, row_number() over (order by day) as nth from raw.sales",
            "select shop, nth from (select *, row_number() over (partition by shop order by count(*)) as nth
               from raw.sales group by shop, day, seller, cents) where seller = 'x'",
        ] {
            assert_eq!(answer(&rows, sql).await, answer(&turned, sql).await, "{sql}");
        }
        // Peers stay peers.
        let sums = "select seller, sum(cents) over (order by day) as s, rank() over (order by day) as r from raw.sales";
        let sums = answer(&rows, sums).await.join("\n");
        assert!(sums.contains("| x      | 120 | 1 |") && sums.contains("| z      | 150 | 5 |"), "{sums}");
    }

    #[tokio::test]
    async fn what_no_order_settles_is_refused() {
        for (expression, why) in [
            ("array_agg(seller) over (partition by shop)", "array_agg() depends on the order of rows"),
            (
                "last_value(seller) over (partition by shop order by day)",
                "last_value() depends on the order of rows that are peers",
            ),
            (
                "sum(cents) over (rows between 1 preceding and current row)",
                "sum() depends on the order of rows",
            ),
            ("sum(cast(cents as double)) over (partition by shop)", "sum() adds floats"),
            ("stddev(cents) over (partition by shop)", "stddev() adds floats, also of integers"),
            ("regr_slope(cents, day) over (partition by shop)", "regr_slope() adds floats"),
        ] {
            let frame = query(&["('a', 1, 'x', 10)"], &format!("select {expression} as x from raw.sales"))
                .await
                .unwrap();
            let error =
                require_deterministic(frame.logical_plan(), "mart.x is made of core.y, which").unwrap_err();
            let said = error.to_string();
            assert!(
                said.contains(&format!(
                    "mart.x is made of core.y, which must be the same in every run, but {why}"
                )),
                "{said}"
            );
        }
    }
}

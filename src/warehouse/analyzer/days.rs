//! A day compared with an instant is the first instant of the day, in the zone of the engine.
//!
//! DataFusion would read it as midnight in UTC, in nanoseconds. If the instant is a constant, like `$as_of`,
//! the days themselves are compared, so that files can be skipped by their statistics.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, Cast, InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
};
use datafusion::optimizer::AnalyzerRule;

use super::expressions::with_expressions;
use crate::clock::Instant;
use crate::day::first_day_not_begun;
use crate::warehouse::local_day::day_start;

/// The rule, for days of a zone.
#[derive(Debug)]
pub struct DaysAsInstants {
    pub zone: Tz,
}

impl AnalyzerRule for DaysAsInstants {
    fn name(&self) -> &str {
        "days_as_instants"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_expressions(plan, |expr, schema| self.compared(expr, schema))?;
        plan.transform_up_with_subqueries(|node| self.joined(node)).data()
    }
}

/// What a value is, as far as days and instants are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Day,
    Instant,
    /// A time of some clock.
    Local,
    Other,
}

fn kind_of(kind: &DataType) -> Kind {
    match kind {
        DataType::Date32 | DataType::Date64 => Kind::Day,
        DataType::Timestamp(_, Some(_)) => Kind::Instant,
        DataType::Timestamp(_, None) => Kind::Local,
        _ => Kind::Other,
    }
}

/// Returns what DataFusion cannot tell the type of, it will refuse by itself.
fn kind(expr: &Expr, schema: &DFSchema) -> Kind {
    expr.get_type(schema).map_or(Kind::Other, |kind| kind_of(&kind))
}

impl DaysAsInstants {
    fn compared(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
                match (kind(&left, schema), kind(&right, schema)) {
                    (Kind::Day, Kind::Instant | Kind::Local) => {
                        let other = kind(&right, schema);
                        Transformed::yes(self.beside(*left, op, *right, &other))
                    }
                    (Kind::Instant | Kind::Local, Kind::Day) => {
                        let other = kind(&left, schema);
                        let op = op.swap().unwrap_or(op);
                        Transformed::yes(self.beside(*right, op, *left, &other))
                    }
                    _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
                }
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let kinds = [&expr, &low, &high].map(|expr| kind(expr, schema));
                let is_mixed = kinds.contains(&Kind::Day)
                    && (kinds.contains(&Kind::Instant) || kinds.contains(&Kind::Local));
                if !is_mixed {
                    return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
                }
                let compare = |op, other: Box<Expr>| {
                    let both = Expr::BinaryExpr(BinaryExpr::new(expr.clone(), op, other));
                    self.compared(both, schema).data()
                };
                let within = compare(Operator::GtEq, low)?.and(compare(Operator::LtEq, high)?);
                Transformed::yes(if negated { Expr::Not(Box::new(within)) } else { within })
            }
            Expr::InList(InList { expr, list, negated }) => {
                let kinds: Vec<Kind> =
                    std::iter::once(&*expr).chain(&list).map(|expr| kind(expr, schema)).collect();
                let Some(other) = mixed(&kinds) else {
                    return Ok(Transformed::no(Expr::InList(InList { expr, list, negated })));
                };
                let begun = |expr: Expr| match kind(&expr, schema) {
                    Kind::Day => self.begun(expr, &other),
                    _ => expr,
                };
                let (expr, list) = (Box::new(begun(*expr)), list.into_iter().map(begun).collect());
                Transformed::yes(Expr::InList(InList { expr, list, negated }))
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let listed = kind_of(subquery.subquery.schema().field(0).data_type());
                match (kind(&expr, schema), &listed) {
                    (Kind::Day, Kind::Instant | Kind::Local) => {
                        let expr = Box::new(self.begun(*expr, &listed));
                        Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated }))
                    }
                    (other @ (Kind::Instant | Kind::Local), Kind::Day) => {
                        let subquery = self.begun_days(subquery, &other)?;
                        Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated }))
                    }
                    _ => Transformed::no(Expr::InSubquery(InSubquery { expr, subquery, negated })),
                }
            }
            other => Transformed::no(other),
        })
    }

    /// Returns a day compared with what is of the `other` kind.
    fn beside(&self, day: Expr, op: Operator, instant: Expr, other: &Kind) -> Expr {
        if let Some((op, first)) = known_instant(&instant).and_then(|known| self.by_day(op, known)) {
            let first = Expr::Literal(ScalarValue::Date32(Some(first)), None);
            return Expr::BinaryExpr(BinaryExpr::new(Box::new(day), op, Box::new(first)));
        }
        let begun = Box::new(self.begun(day, other));
        Expr::BinaryExpr(BinaryExpr::new(begun, op, Box::new(instant)))
    }

    /// Returns the comparison of days that says the same as that of their first instants with the known one.
    fn by_day(&self, op: Operator, known: Instant) -> Option<(Operator, i32)> {
        let next = known.checked_add_signed(TimeDelta::microseconds(1))?;
        let (op, from) = match op {
            Operator::GtEq => (Operator::GtEq, known),
            Operator::Lt => (Operator::Lt, known),
            Operator::Gt => (Operator::GtEq, next),
            Operator::LtEq => (Operator::Lt, next),
            _ => return None,
        };
        let first = first_day_not_begun(from, self.zone);
        let since = first.signed_duration_since(NaiveDate::default()).num_days();
        Some((op, i32::try_from(since).ok()?))
    }

    /// Returns a day as what it is beside: its first instant, or midnight of a clock of no known place.
    fn begun(&self, day: Expr, other: &Kind) -> Expr {
        match other {
            Kind::Local => {
                let local = DataType::Timestamp(TimeUnit::Microsecond, None);
                Expr::Cast(Cast::new(Box::new(day), local))
            }
            _ => Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(day_start(self.zone)), vec![day])),
        }
    }

    fn begun_days(&self, subquery: Subquery, other: &Kind) -> Result<Subquery> {
        let (relation, field) = subquery.subquery.schema().qualified_field(0);
        let (relation, name) = (relation.cloned(), field.name().clone());
        let day = Expr::Column(Column::new(relation.clone(), &name));
        let begun = self.begun(day, other).alias_qualified(relation, name);
        let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).project([begun])?.build()?;
        Ok(subquery.with_plan(Arc::new(plan)))
    }

    /// Returns the pairs that a join holds equal are no expression of their own.
    fn joined(&self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(mut join) = node else { return Ok(Transformed::no(node)) };
        let mut any = false;
        for (left, right) in &mut join.on {
            let kinds = (kind(left, join.left.schema()), kind(right, join.right.schema()));
            let (day, other) = match kinds {
                (Kind::Day, other @ (Kind::Instant | Kind::Local)) => (left, other),
                (other @ (Kind::Instant | Kind::Local), Kind::Day) => (right, other),
                _ => continue,
            };
            *day = self.begun(std::mem::take(day), &other);
            any = true;
        }
        Ok(Transformed::new_transformed(LogicalPlan::Join(join), any))
    }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Returns what days are beside, if any do.
fn mixed(kinds: &[Kind]) -> Option<Kind> {
    let other = kinds.iter().find(|kind| matches!(kind, Kind::Instant | Kind::Local));
    other.filter(|_| kinds.contains(&Kind::Day)).cloned()
}

/// Returns the instant of a literal, in whole microseconds.
fn known_instant(expr: &Expr) -> Option<Instant> {
    match expr {
        Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), Some(_)), _) => {
            DateTime::from_timestamp_micros(*micros)
        }
        Expr::Literal(ScalarValue::TimestampSecond(Some(seconds), Some(_)), _) => {
            DateTime::from_timestamp(*seconds, 0)
        }
        _ => None,
    }
}

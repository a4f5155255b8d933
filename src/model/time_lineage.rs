//! Finds, in a plan, a date that was cast to an instant and is used as a time column.
//!
//! An event with only a date is known when its day is over. `cast(day as timestamp)` would make it known when
//! the day begins, and the rest of the day would come from the future.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue, TableReference};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};

use crate::warehouse::lineage::{Origin, origins, origins_of_column};
use crate::warehouse::time_column::TimeOf;

/// What the values of a time column are made of.
#[derive(Debug, Default, PartialEq)]
pub struct TimeLineage {
    /// The expressions that make instants of dates.
    pub dates: Vec<String>,
    /// The columns of tables that they are taken from.
    pub taken: Vec<(TableReference, String)>,
}

/// Returns how a query makes a column that says when its rows became known.
pub fn time_lineage(plan: &LogicalPlan, column: &str, of: TimeOf) -> TimeLineage {
    let mut lineage = TimeLineage::default();
    if let Some(at) = plan.schema().index_of_column_by_name(None, column) {
        lineage.follow_all(origins(plan, at), of);
    }
    lineage.dates.sort();
    lineage.dates.dedup();
    lineage.taken.sort();
    lineage.taken.dedup();
    lineage
}

impl TimeLineage {
    fn follow_all(&mut self, origins: Vec<Origin<'_>>, of: TimeOf) {
        for origin in origins {
            match origin {
                Origin::Scanned { table, column } => self.taken.push((table.clone(), column)),
                Origin::Made { expression, over } => self.follow(expression, &over, of),
            }
        }
    }

    fn follow(&mut self, expression: &Expr, over: &[&LogicalPlan], of: TimeOf) {
        match expression {
            Expr::Alias(alias) => self.follow(&alias.expr, over, of),
            Expr::Column(column) => self.follow_all(origins_of_column(over, column), of),
            Expr::Cast(cast) => self.cast(expression, &cast.expr, cast.field.data_type(), over, of),
            Expr::TryCast(cast) => self.cast(expression, &cast.expr, cast.field.data_type(), over, of),
            Expr::ScalarFunction(call) => match call.name() {
                "day_start" if of == TimeOf::Event => self.found(expression),
                name if name.starts_with("to_timestamp") || name == "arrow_cast" => {
                    if let Some(argument) = call.args.first() {
                        if passes_a_date(argument, over) {
                            self.found(expression);
                        } else {
                            self.follow(argument, over, of);
                        }
                    }
                }
                // An event's day is no time of it, whichever way it was cut to it.
                "date_trunc" | "datetrunc" if of == TimeOf::Event && cuts_days(&call.args) => {
                    self.found(expression);
                }
                "coalesce" | "nullif" | "nvl" | "nvl2" | "greatest" | "least" | "date_trunc"
                | "datetrunc" => {
                    call.args.iter().for_each(|argument| self.follow(argument, over, of));
                }
                _ => {}
            },
            Expr::Case(case) => {
                let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
                results.for_each(|result| self.follow(result, over, of));
            }
            Expr::AggregateFunction(aggregate) => {
                aggregate.params.args.iter().take(1).for_each(|argument| self.follow(argument, over, of));
            }
            Expr::WindowFunction(window) => {
                window.params.args.iter().take(1).for_each(|argument| self.follow(argument, over, of));
            }
            Expr::ScalarSubquery(query) => self.follow_all(origins(&query.subquery, 0), of),
            // A fixed span added to a day's beginning is as little a time of day; one from the data may be.
            Expr::BinaryExpr(sum) if matches!(sum.op, Operator::Plus | Operator::Minus) => {
                for (part, other) in [(&sum.left, &sum.right), (&sum.right, &sum.left)] {
                    if other.column_refs().is_empty() {
                        self.follow(part, over, of);
                    }
                }
            }
            _ => {}
        }
    }

    fn cast(&mut self, whole: &Expr, of_what: &Expr, to: &DataType, over: &[&LogicalPlan], of: TimeOf) {
        match to {
            DataType::Timestamp(_, _) if passes_a_date(of_what, over) => self.found(whole),
            DataType::Timestamp(_, _) => self.follow(of_what, over, of),
            _ => {}
        }
    }

    fn found(&mut self, expression: &Expr) {
        self.dates.push(expression.to_string());
    }
}

/// Returns whether the expression is a date, or was one before its casts: an instant that was cut to its day, a
/// date written as text.
fn passes_a_date(expression: &Expr, over: &[&LogicalPlan]) -> bool {
    is_date(expression, over)
        || match expression {
            Expr::Alias(alias) => passes_a_date(&alias.expr, over),
            Expr::Cast(cast) => passes_a_date(&cast.expr, over),
            Expr::TryCast(cast) => passes_a_date(&cast.expr, over),
            _ => false,
        }
}

/// Returns whether the expression is a mere date.
fn is_date(expression: &Expr, over: &[&LogicalPlan]) -> bool {
    let mut columns = DFSchema::empty();
    for plan in over {
        columns.merge(plan.schema());
    }
    matches!(expression.get_type(&columns), Ok(DataType::Date32 | DataType::Date64))
}

/// Returns whether `date_trunc` leaves no time of day.
fn cuts_days(arguments: &[Expr]) -> bool {
    let unit = match arguments.first() {
        Some(Expr::Literal(ScalarValue::Utf8(Some(unit)), _)) => unit.to_lowercase(),
        Some(Expr::Literal(ScalarValue::Utf8View(Some(unit)), _)) => unit.to_lowercase(),
        _ => return true,
    };
    !["microsecond", "millisecond", "second", "minute", "hour"].iter().any(|fine| unit.starts_with(fine))
}

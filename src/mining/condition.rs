//! A SQL condition or expression over features, as sections of several methods have it.

use datafusion::logical_expr::Expr;
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::DFParser;

use crate::config::Problem;
use crate::error::{Error, Result};

/// Adds a problem where the condition is no SQL.
pub(super) fn check_condition(key: &[&str], condition: Option<&str>, problems: &mut Vec<Problem>) {
    check_sql(key, condition, "the condition is not a SQL expression", problems);
}

/// Adds a problem where the expression is no SQL.
pub(super) fn check_expression(key: &[&str], expression: Option<&str>, problems: &mut Vec<Problem>) {
    check_sql(key, expression, "this is not a SQL expression", problems);
}

fn check_sql(key: &[&str], text: Option<&str>, wrong: &str, problems: &mut Vec<Problem>) {
    if let Some(text) = text
        && let Err(cause) = DFParser::parse_sql_into_expr(text)
    {
        let error = Error::config(wrong).caused_by(cause).in_part(text, text);
        problems.push(Problem::new(key.iter().copied(), error));
    }
}

/// Returns the condition over these features.
///
/// # Errors
/// A condition that does not fit them; `what` says what it is for.
pub(super) fn over(features: &DataFrame, condition: &str, what: &str) -> Result<Expr> {
    features.parse_sql_expr(condition).map_err(|cause| {
        Error::config(format!("the condition for {what} does not fit the features"))
            .caused_by(cause)
            .in_part(condition, condition)
    })
}

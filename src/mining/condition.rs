//! A SQL condition over features, as sections of several methods have it.

use datafusion::logical_expr::Expr;
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::DFParser;

use crate::config::Problem;
use crate::error::{Error, Result};

/// Adds a problem where the condition is no SQL.
pub(super) fn check_condition(key: &[&str], condition: Option<&str>, problems: &mut Vec<Problem>) {
    if let Some(text) = condition
        && let Err(cause) = DFParser::parse_sql_into_expr(text)
    {
        problems.push(Problem::new(
            key.iter().copied(),
            Error::config("the condition is not a SQL expression").caused_by(cause).in_part(text, text),
        ));
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

//! What the engine adds to DataFusion's analysis of a plan, so that SQL says nothing false of numbers and
//! times: whatever a model, an audience, a check or a query asks passes these rules.
//!
//! ```text
//! aggregates     sum and avg that add exactly and refuse what does not fit   (accumulators)
//! days           a day beside an instant is its first instant
//! microseconds   instants in microseconds, which reach as far as days do     (date_trunc)
//! arithmetic     + - * / that refuse what does not fit, and division by zero
//! ranks          nothing is ordered by an infinity or NaN
//! expressions    the expressions of a plan, which the rules rewrite
//! sql_type       types as messages name them
//! ```
//!
//! Rules see expressions with their types, and their names do not change what columns are called.

mod accumulators;
mod aggregates;
mod arithmetic;
mod date_trunc;
mod days;
mod expressions;
mod microseconds;
mod ranks;
mod sql_type;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

/// Returns all rules of analysis, DataFusion's own among them; days are days of the zone.
pub fn rules(zone: Tz) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(aggregates::ExactAggregates),
        Arc::new(days::DaysAsInstants { zone }),
        Arc::new(TypeCoercion::new()),
        Arc::new(microseconds::Microseconds),
        Arc::new(arithmetic::CheckedArithmetic),
        Arc::new(ranks::FiniteRanks),
    ]
}

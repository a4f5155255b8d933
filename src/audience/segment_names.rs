//! The segments that conditions name: a text that is compared with `segment_name` must be the name of a segment
//! of tonight, or the list would be empty, or everybody's, without a word.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::array::AsArray;
use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, Visit, Visitor};

use super::definition::Audience;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::suggestion::did_you_mean;
use crate::warehouse::catalog::Catalog;

/// The column that says what a segment is called, whichever table carries it.
const COLUMN: &str = "segment_name";

/// Returns the table that has the names of all segments: one row per segmentation and segment, with `customers`.
pub fn segment_profiles() -> TableName {
    TableName::new("mart", "segment_profiles").expect("the name of the table is valid")
}

/// Returns the texts that an expression compares with the name of a segment: by `=`, `<>`, `in`, `not in`, or
/// `is distinct from`; none where it does not parse.
pub fn segments_named(sql: &str) -> BTreeSet<String> {
    let mut named = Named(BTreeSet::new());
    if let Ok(expression) = DFParser::parse_sql_into_expr(sql) {
        let ControlFlow::Continue(()) = expression.expr.visit(&mut named);
    }
    named.0
}

/// Refuses conditions that name a segment which no segment of tonight is called. Where nobody is segmented (empty
/// inputs, a model that is not fitted) there is nothing to compare with.
///
/// # Errors
/// Every such condition; profiles that cannot be read.
pub(super) async fn require_known(catalog: &Catalog, audiences: &[Audience]) -> Result<()> {
    require_called(catalog, audiences, "no segment of tonight").await
}

/// Refuses the same of the segments of the last release, before a run has made those of tonight.
///
/// # Errors
/// Every such condition; profiles that cannot be read.
pub async fn require_released(released: &Catalog, audiences: &[Audience]) -> Result<()> {
    require_called(released, audiences, "no segment of the last release").await
}

async fn require_called(catalog: &Catalog, audiences: &[Audience], none: &str) -> Result<()> {
    let profiles = segment_profiles();
    if !audiences.iter().any(|audience| audience.asks.contains(&profiles)) {
        return Ok(());
    }
    let known = names(catalog, &profiles).await?;
    if known.is_empty() {
        return Ok(());
    }
    let mut errors = Vec::new();
    for audience in audiences {
        for (key, sql) in audience.expressions() {
            for unknown in segments_named(&sql).into_iter().filter(|name| !known.contains(name)) {
                let near = did_you_mean(&unknown, known.iter().map(String::as_str));
                let all = known.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
                errors.push(
                    Error::config(format!("{none} is called \"{unknown}\""))
                        .in_part(&sql, &sql)
                        .hint(near.unwrap_or_else(|| format!("they are called {all}")))
                        .at(key)
                        .at(format!("audience {}", audience.name)),
                );
            }
        }
    }
    Error::all(errors)
}

async fn names(catalog: &Catalog, profiles: &TableName) -> Result<BTreeSet<String>> {
    let doing = "read the names of the segments";
    let session = catalog.session([profiles], None).await?;
    let sql = format!(
        "select distinct {COLUMN} from {profiles}
         where {COLUMN} is not null and (select sum(customers) from {profiles}) > 0"
    );
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let mut names = BTreeSet::new();
    for batch in &batches {
        names.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(names)
}

struct Named(BTreeSet<String>);

enum Never {}

impl Visitor for Named {
    type Break = Never;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Never> {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
            | Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right) => {
                for (column, value) in [(left, right), (right, left)] {
                    self.0.extend(text(value).filter(|_| is_segment_name(column)));
                }
            }
            Expr::InList { expr, list, .. } if is_segment_name(expr) => {
                self.0.extend(list.iter().filter_map(text));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_segment_name(expr: &Expr) -> bool {
    let last = match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        Expr::Nested(inner) => return is_segment_name(inner),
        _ => None,
    };
    last.is_some_and(|name| name.value.eq_ignore_ascii_case(COLUMN))
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Nested(inner) => text(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_with_the_name_of_a_segment_is_found() {
        let found = |sql: &str| segments_named(sql).into_iter().collect::<Vec<_>>();
        assert_eq!(found("orders > 1 and segment_name = 'frequent, on the web'"), ["frequent, on the web"]);
        assert_eq!(
            found("('a') <> mart.segments.segment_name or (segments.Segment_Name) in ('b', 'c')"),
            ["a", "b", "c"]
        );
        assert_eq!(found("not (base.segment_name is not distinct from 'd')"), ["d"]);
        assert_eq!(found("case when segment_name not in ('e') then churn_probability else 0 end"), ["e"]);
        assert!(
            found("channel = 'web' and segment_name like 'rare%' and segment_name is not null").is_empty()
        );
        assert!(found("segment_name = ").is_empty());
    }
}

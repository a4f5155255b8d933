//! Which tables a SQL text reads, found without running it.

use std::collections::BTreeSet;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement as SqlStatement};

use super::nesting;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::sql_text::in_short;
use crate::suggestion::did_you_mean;

/// Returns the warehouse tables of a single query (without CTEs and functions).
///
/// # Errors
/// SQL that does not parse, several statements, anything but a query, a table without its schema.
pub fn tables_read(sql: &str) -> Result<BTreeSet<TableName>> {
    tables_read_among(sql, &[])
}

/// The same where the tables that there are can be offered for a name that is none.
///
/// # Errors
/// The same.
pub fn tables_read_among(sql: &str, known: &[String]) -> Result<BTreeSet<TableName>> {
    let statement = single_query(sql)?;
    let (tables, _ctes) = resolve_table_references(&statement, true)
        .map_err(|e| Error::config("the SQL is not valid").caused_by(e))?;
    let mut reads = BTreeSet::new();
    let mut errors = Vec::new();
    for table in tables {
        match table.schema() {
            Some(schema) => match TableName::new(schema, table.table()) {
                Ok(name) => {
                    reads.insert(name);
                }
                Err(error) => errors.push(error.about(format!("{schema}.{}", table.table()))),
            },
            // Table functions (`unnest`, `generate_series`) never have a schema, nor do they need one.
            None if is_table_function(table.table()) => {}
            None => errors.push(
                Error::config(format!("the table `{}` has no schema", table.table()))
                    .about(table.table())
                    .hint(did_you_mean(table.table(), known.iter().map(String::as_str)).unwrap_or_else(
                        || format!("write raw.{0}, channel.{0}, core.{0} or mart.{0}", table.table()),
                    )),
            ),
        }
    }
    Error::all(errors)?;
    Ok(reads)
}

fn is_table_function(name: &str) -> bool {
    ["generate_series", "range", "unnest"].contains(&name)
}

fn single_query(sql: &str) -> Result<Statement> {
    nesting::require_shallow(sql)?;
    let mut statements =
        DFParser::parse_sql(sql).map_err(|e| Error::config("the SQL does not parse").caused_by(e))?;
    let found = statements.len();
    match (statements.pop_front(), found) {
        (Some(Statement::Statement(s)), 1) if matches!(&*s, SqlStatement::Query(q) if only_reads(q)) => {
            Ok(Statement::Statement(s))
        }
        (_, 1) => Err(Error::config("the SQL is not a query that only reads")
            .hint("write one SELECT (it may begin with WITH)")),
        (_, n) => Err(Error::config(format!("found {n} statements, expected one SELECT"))
            .hint("a file or query has one SELECT; use WITH for its parts")),
    }
}

/// No `SELECT … INTO`, no INSERT or UPDATE after a WITH.
fn only_reads(query: &Query) -> bool {
    fn body(expr: &SetExpr) -> bool {
        match expr {
            SetExpr::Select(select) => select.into.is_none(),
            SetExpr::Query(query) => only_reads(query),
            SetExpr::SetOperation { left, right, .. } => body(left) && body(right),
            SetExpr::Values(_) | SetExpr::Table(_) => true,
            _ => false,
        }
    }
    body(&query.body)
        && query.with.as_ref().is_none_or(|with| with.cte_tables.iter().all(|cte| only_reads(&cte.query)))
}

/// Returns the warehouse tables that the subqueries of an expression read.
///
/// # Errors
/// A text that is no SQL expression, a table without its schema.
pub fn tables_asked(expression: &str) -> Result<BTreeSet<TableName>> {
    require_expression(expression)?;
    // On lines of its own: a comment may end it.
    let query = format!("select (\n{expression}\n)");
    tables_read(&query).map_err(|e| e.in_part(&query, expression))
}

/// Checks that a text is one SQL expression, as conditions and rankings of the pipeline file are.
///
/// # Errors
/// A text that is no SQL expression, or that nests too deep.
pub fn require_expression(text: &str) -> Result<()> {
    let parsed = nesting::require_shallow(text).and_then(|()| {
        DFParser::parse_sql_into_expr(text)
            .map(drop)
            .map_err(|e| Error::config(format!("`{}` is not a SQL expression", in_short(text))).caused_by(e))
    });
    parsed.map_err(|e| e.in_part(text, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(sql: &str) -> Vec<String> {
        tables_read(sql).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tables_are_found_wherever_they_stand() {
        assert_eq!(
            reads(
                "with recent as (select * from core.orders where ordered_at > $as_of)
                 select * from recent r join core.customers using (customer_id)
                 where exists (select 1 from raw.pos p where p.card = r.card)
                 union all select * from mart.old"
            ),
            ["core.customers", "core.orders", "mart.old", "raw.pos"]
        );
        assert!(reads("select * from generate_series(1, 3)").is_empty());
    }

    #[test]
    fn the_tables_of_an_expression_are_those_of_its_subqueries() {
        let asked = |sql: &str| -> Vec<String> {
            tables_asked(sql).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            asked(
                "orders > (select avg(n) from mart.counts) and not exists (select 1 from core.calls c
                 where c.customer_id = base.customer_id and c.id in (select id from raw.bad)) -- no more"
            ),
            ["core.calls", "mart.counts", "raw.bad"]
        );
        assert!(asked("orders > 1").is_empty());
        for wrong in ["orders > 1 as much", "1; select 2", "exists (select 1 from calls)", "x from core.y"] {
            assert!(tables_asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn anything_but_one_query_is_refused() {
        for (sql, message) in [
            ("select 1; select 2", "2 statements"),
            ("drop table core.orders", "not a query"),
            ("select * into core.mine from core.orders", "not a query"),
            ("with x as (select 1) insert into core.orders select * from x", "not a query"),
            ("select * from orders", "has no schema"),
            ("selec 1", "does not parse"),
            ("", "0 statements"),
        ] {
            let error = tables_read(sql).unwrap_err();
            assert!(error.to_string().contains(message), "{sql}: {error}");
        }
    }
}

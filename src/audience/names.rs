//! Resolves names in an audience's SQL: the row of the customer, or a table of a subquery.
//!
//! The customer's own columns are `orders_total`, `base.orders_total` or `customer_360.orders_total`. Inside
//! a subquery they need the qualifier: a name without it that the subquery's tables do not have would
//! silently be the customer's column, and `customer_id in (select customer_id from core.products)` would be
//! true for everybody.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectNamePart, Query, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::candidates::{BASE, Candidates, ambiguous};
use crate::error::{Error, Result};
use crate::sql_text::in_short;
use crate::suggestion::did_you_mean_or_list;

/// A text whose names are all the customer's or a subquery's.
#[derive(Debug)]
pub(super) struct Named {
    pub sql: String,
    /// The customer's columns that were written with a qualifier.
    pub qualified: BTreeSet<String>,
}

/// Brings `customer_360.x` to `base.x`, wherever `customer_360` is not a table of a subquery.
///
/// # Errors
/// Names that could be those of several tables; a table of `from` without such a column; a table of a
/// subquery that is called `base`.
pub(super) fn resolve(sql: &str, candidates: &Candidates) -> Result<Named> {
    let mut expression = DFParser::parse_sql_into_expr(sql)
        .map_err(|e| Error::config(format!("`{}` is not a SQL expression", in_short(sql))).caused_by(e))?
        .expr;
    let mut names = Names {
        candidates,
        scopes: Vec::new(),
        qualified: BTreeSet::new(),
        errors: Vec::new(),
        changed: false,
    };
    let ControlFlow::Continue(()) = expression.visit(&mut names);
    Error::all(names.errors).map_err(|e| e.in_part(sql, sql))?;
    // What people wrote is planned as they wrote it, wherever it can be.
    let sql = if names.changed { expression.to_string() } else { sql.to_owned() };
    Ok(Named { sql, qualified: names.qualified })
}

struct Names<'c> {
    candidates: &'c Candidates,
    /// The tables of each subquery around, by schema (where it can be written) and name.
    scopes: Vec<Vec<(Option<String>, String)>>,
    qualified: BTreeSet<String>,
    errors: Vec<Error>,
    changed: bool,
}

enum Never {}

impl VisitorMut for Names<'_> {
    type Break = Never;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Never> {
        let mut tables = Vec::new();
        tables_of(&query.body, &mut tables);
        if tables.iter().any(|(_, name)| name == BASE) {
            self.errors.push(
                Error::config(format!("a table of a subquery is named `{BASE}`"))
                    .hint("this name is the row of the customer; give the table another name with `as`"),
            );
        }
        self.scopes.push(tables);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Never> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Never> {
        match expr {
            Expr::Identifier(name) if self.scopes.is_empty() => {
                let name = written(name);
                if let Some(tables) = self.candidates.shared_by(&name) {
                    self.errors.push(ambiguous(&name, tables));
                }
                if Candidates::is_qualified(&name) {
                    self.qualified.insert(name);
                }
            }
            Expr::CompoundIdentifier(parts) => {
                let names: Vec<String> = parts.iter().map(written).collect();
                let (schema, table, column) = match names.as_slice() {
                    [table, column] => (None, table, column),
                    [schema, table, column] => (Some(schema.as_str()), table, column),
                    _ => return ControlFlow::Continue(()),
                };
                if let Some(called) = self.qualified(schema, table, column)
                    && (table != BASE || called != *column)
                {
                    *parts = vec![Ident::new(BASE), Ident::with_quote('"', called)];
                    self.changed = true;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Names<'_> {
    /// Returns what the row of the customer calls the column, if it is the customer's.
    fn qualified(&mut self, schema: Option<&str>, table: &str, column: &str) -> Option<String> {
        let of_subquery = self
            .scopes
            .iter()
            .flatten()
            .any(|(of, name)| name == table && (schema.is_none() || of.as_deref() == schema));
        if of_subquery {
            return None;
        }
        if schema.is_none() && table == BASE {
            if let Some(tables) = self.candidates.shared_by(column) {
                self.errors.push(ambiguous(column, tables));
            }
            self.qualified.insert(column.to_owned());
            return Some(column.to_owned());
        }
        let table = self.candidates.table(schema, table)?;
        let called = self.candidates.column_of(table, column);
        match &called {
            Some(called) => {
                self.qualified.insert(called.clone());
            }
            None => {
                let known = self.candidates.columns_of(table);
                self.errors.push(
                    Error::config(format!("{table} has no column `{column}`"))
                        .about(format!("{}.{column}", table.table()))
                        .hint(did_you_mean_or_list(column, known, "its columns are")),
                );
            }
        }
        called
    }
}

/// Returns the name as SQL takes it: lower case, unless it is in quotes.
fn written(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// The tables that a query selects from, as its columns may be qualified.
fn tables_of(body: &SetExpr, tables: &mut Vec<(Option<String>, String)>) {
    match body {
        SetExpr::Select(select) => select.from.iter().for_each(|from| joined(from, tables)),
        SetExpr::Query(query) => tables_of(&query.body, tables),
        SetExpr::SetOperation { left, right, .. } => {
            tables_of(left, tables);
            tables_of(right, tables);
        }
        _ => {}
    }
}

fn joined(from: &TableWithJoins, tables: &mut Vec<(Option<String>, String)>) {
    factor(&from.relation, tables);
    from.joins.iter().for_each(|join| factor(&join.relation, tables));
}

fn factor(relation: &TableFactor, tables: &mut Vec<(Option<String>, String)>) {
    match relation {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::TableFunction { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => tables.push((None, written(&alias.name))),
        TableFactor::Table { name, alias: None, .. } => {
            let mut parts = name.0.iter().rev().filter_map(ObjectNamePart::as_ident).map(written);
            if let Some(table) = parts.next() {
                tables.push((parts.next(), table));
            }
        }
        TableFactor::NestedJoin { table_with_joins, .. } => joined(table_with_joins, tables),
        _ => {}
    }
}

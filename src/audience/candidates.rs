//! The candidates of an audience: the tables in `from`, joined to one row per customer, which SQL calls
//! `base`.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, JoinType, col};
use datafusion::prelude::DataFrame;

use super::grain::CUSTOMER_ID;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Session;

/// The SQL name of the customer's own row.
pub(super) const BASE: &str = "base";

/// The tables in `from`, the base first; each was seen to have one row per customer.
pub(super) struct Candidates {
    tables: Vec<Source>,
    /// Columns that several of them have: ambiguous names.
    shared: BTreeMap<String, Vec<TableName>>,
}

struct Source {
    name: TableName,
    frame: DataFrame,
    columns: Vec<String>,
}

impl Candidates {
    /// Opens the tables of a `from`.
    ///
    /// # Errors
    /// A table that the session does not know.
    pub async fn open(session: &Session, from: &[TableName]) -> Result<Self> {
        let mut tables = Vec::new();
        let mut holders: BTreeMap<String, Vec<TableName>> = BTreeMap::new();
        for name in from {
            let frame = session.table(name).await?;
            let columns: Vec<String> = frame.schema().fields().iter().map(|f| f.name().clone()).collect();
            for column in columns.iter().filter(|c| *c != CUSTOMER_ID) {
                holders.entry(column.clone()).or_default().push(name.clone());
            }
            tables.push(Source { name: name.clone(), frame, columns });
        }
        holders.retain(|_, tables| tables.len() > 1);
        Ok(Candidates { tables, shared: holders })
    }

    /// Returns the tables that have the column, when they are several.
    pub(super) fn shared_by(&self, column: &str) -> Option<&[TableName]> {
        self.shared.get(column).map(Vec::as_slice)
    }

    /// Returns the table that a qualifier in SQL means: `segments`, or `mart.segments` with its schema.
    pub fn table(&self, schema: Option<&str>, table: &str) -> Option<&TableName> {
        let mut meant = self
            .tables
            .iter()
            .map(|source| &source.name)
            .filter(|name| name.table() == table && schema.is_none_or(|schema| name.schema() == schema));
        let first = meant.next()?;
        // `core.orders` and `mart.orders` differ only in their schemas.
        meant.next().is_none().then_some(first)
    }

    /// Returns what the row of the customer calls a table's column; `None` where the table has no such
    /// column.
    pub fn column_of(&self, table: &TableName, column: &str) -> Option<String> {
        let source = self.tables.iter().find(|source| source.name == *table)?;
        source.columns.iter().any(|c| c == column).then(|| self.called(table, column))
    }

    /// Returns the columns of a table.
    pub fn columns_of(&self, table: &TableName) -> Vec<&str> {
        let source = self.tables.iter().filter(|source| source.name == *table);
        source.flat_map(|source| source.columns.iter().map(String::as_str)).collect()
    }

    fn called(&self, table: &TableName, column: &str) -> String {
        // The id of a table that is joined is null where it does not know the customer.
        let joined_id = column == CUSTOMER_ID && self.tables.first().is_none_or(|base| base.name != *table);
        if joined_id || self.shared.contains_key(column) {
            format!("{table}.{column}")
        } else {
            column.to_owned()
        }
    }

    /// Returns whether the row of the customer calls a column by its table, since its own name is ambiguous.
    pub(super) fn is_qualified(called: &str) -> bool {
        called.contains('.')
    }

    /// Returns the row of the customer with these columns, or all of them; tables of which none is needed are
    /// left alone.
    pub fn base(&self, needed: Option<&BTreeSet<String>>) -> Result<DataFrame> {
        const JOINED: &str = "__joined_customer_id";
        let wanted = |name: &str| needed.is_none_or(|needed| needed.contains(name));
        let mut tables = self.tables.iter();
        let base =
            tables.next().ok_or_else(|| Error::config("an audience needs at least one table in `from`"))?;
        let columns = |source: &Source, id: &str| -> Vec<Expr> {
            let others = source.columns.iter().filter_map(|column| {
                let called = self.called(&source.name, column);
                (called != CUSTOMER_ID && wanted(&called)).then(|| plain(column).alias(called))
            });
            std::iter::once(plain(CUSTOMER_ID).alias(id)).chain(others).collect()
        };
        let doing = "join the tables of the audience by customer_id";
        let mut frame = base.frame.clone().select(columns(base, CUSTOMER_ID)).doing(doing)?;
        for source in tables {
            let columns = columns(source, JOINED);
            if columns.len() == 1 {
                continue;
            }
            let other = source.frame.clone().select(columns).doing(doing)?;
            frame = frame
                .join(other, JoinType::Left, &[CUSTOMER_ID], &[JOINED], None)
                .and_then(|joined| joined.drop_columns(&[JOINED]))
                .doing(doing)?;
        }
        frame.alias(BASE).doing(doing)
    }

    /// Returns the columns that an export names, each with what the row of the customer calls it and with its
    /// name in the export.
    ///
    /// # Errors
    /// Columns that no table has, or that several have.
    pub fn exported(&self, export: &[String]) -> Result<Vec<(String, String)>> {
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for written in export {
            match self.exported_column(written) {
                Ok(called) => {
                    let name = written.rsplit('.').next().unwrap_or(written);
                    found.push((called, name.to_owned()));
                }
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)?;
        Ok(found)
    }

    fn exported_column(&self, written: &str) -> Result<String> {
        if let Some((table, column)) = written.rsplit_once('.') {
            let (schema, table) = match table.split_once('.') {
                Some((schema, table)) => (Some(schema), table),
                None => (None, table),
            };
            return self
                .table(schema, table)
                .and_then(|table| self.column_of(table, column))
                .ok_or_else(|| self.no_column(written));
        }
        if let Some(tables) = self.shared_by(written) {
            return Err(ambiguous(written, tables));
        }
        let holder = self.tables.iter().find(|source| source.columns.iter().any(|c| c == written));
        match holder {
            Some(_) => Ok(written.to_owned()),
            None => Err(self.no_column(written)),
        }
    }

    fn no_column(&self, written: &str) -> Error {
        let known: BTreeSet<&str> = self
            .tables
            .iter()
            .flat_map(|source| source.columns.iter().map(String::as_str))
            .filter(|column| *column != CUSTOMER_ID)
            .collect();
        let tables: Vec<String> = self.tables.iter().map(|source| source.name.to_string()).collect();
        let listed = format!("the columns of {} are", tables.join(", "));
        Error::config(format!("no table in `from` has a column `{written}`"))
            .in_value("export", written)
            .hint(did_you_mean_or_list(written, known.iter().copied(), &listed))
    }

    /// Returns one row per customer: `customer_id` and these columns under these names.
    pub fn renamed(&self, columns: &[(String, String)]) -> Result<DataFrame> {
        let needed = columns.iter().map(|(called, _)| called.clone()).collect();
        let renamed = columns.iter().map(|(called, name)| plain(called).alias(name));
        let all = std::iter::once(plain(CUSTOMER_ID).alias(CUSTOMER_ID)).chain(renamed).collect::<Vec<_>>();
        self.base(Some(&needed))?.select(all).doing("select the columns of the export")
    }
}

/// Returns a name that several tables have.
pub(super) fn ambiguous(column: &str, tables: &[TableName]) -> Error {
    let shown = |f: &dyn Fn(&TableName) -> String| tables.iter().map(f).collect::<Vec<_>>();
    Error::config(format!(
        "`{column}` is ambiguous: it could be that of {}",
        shown(&ToString::to_string).join(" or of ")
    ))
    .about(column)
    .hint(format!(
        "write {}, or rename one of them in its model",
        shown(&|table| format!("{}.{column}", table.table())).join(" or ")
    ))
}

/// Returns a column by its exact name.
pub(super) fn plain(column: &str) -> Expr {
    col(Column::from_name(column))
}

/// Returns a column of the row of the customer, by its exact name.
pub(super) fn of_base(column: &str) -> Expr {
    col(Column::new(Some(BASE), column))
}

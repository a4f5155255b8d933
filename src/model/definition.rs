//! A model file: one SELECT, and the table that it makes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use datafusion::prelude::DataFrame;

use super::sql;
use crate::error::{Context, Error, Result, SqlOrigin};
use crate::name::TableName;
use crate::step::StepContext;
use crate::step::ties::break_ties;

/// A model file, parsed: what it makes and what it reads.
#[derive(Debug, Clone)]
pub struct Model {
    pub table: TableName,
    /// The path as messages show it, relative to the user's working folder.
    pub path: PathBuf,
    pub sql: String,
    pub reads: BTreeSet<TableName>,
}

impl Model {
    /// Returns the model that a SQL text makes.
    ///
    /// # Errors
    /// What is wrong with the text, at its places in the file.
    pub(super) fn of_sql(table: TableName, path: &Path, sql: String) -> Result<Model> {
        match sql::tables_read(&sql) {
            Ok(reads) => Ok(Model { table, path: path.to_owned(), sql, reads }),
            Err(error) => Err(error.in_sql(&SqlOrigin::file(path.display(), &sql))),
        }
    }

    /// Returns the path of the file in which properties of its table are declared.
    pub fn properties_path(&self) -> PathBuf {
        self.path.with_extension("toml")
    }

    /// Returns whether its rows may differ from instant to instant over the same tables.
    pub(super) fn depends_on_the_instant(&self) -> bool {
        self.sql.contains("$as_of")
    }

    /// Adds the place in the model's file to an error about its SQL.
    pub fn place(&self, error: Error) -> Error {
        error.in_sql(&SqlOrigin::file(self.path.display(), &self.sql))
    }
}

impl Model {
    /// Returns the model's query as it is written, with rows that tie put in an order.
    pub(super) async fn query(&self, context: &StepContext) -> Result<DataFrame> {
        let place = |e: Error| self.place(e);
        let session = context.catalog.session(&self.reads, Some(context.as_of)).await.map_err(place)?;
        let frame = session.sql(&self.sql).await.doing("plan the model").map_err(place)?;
        let (state, plan) = frame.into_parts();
        Ok(DataFrame::new(state, break_ties(plan).map_err(place)?))
    }
}

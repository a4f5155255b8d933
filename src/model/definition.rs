//! A model file: one SELECT, and the table that it makes.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use datafusion::prelude::DataFrame;

use super::sql;
use crate::error::{Context, Error, Result, SqlOrigin};
use crate::name::TableName;
use crate::step::StepContext;

/// A model file, parsed: what it makes and what it reads.
#[derive(Debug, Clone)]
pub struct Model {
    pub table: TableName,
    /// The path as messages show it, relative to the user's working folder.
    pub path: PathBuf,
    pub sql: String,
    pub reads: BTreeSet<TableName>,
}

/// The models of a folder, as far as they could be read.
#[derive(Debug, Default)]
pub struct Models {
    pub read: Vec<Model>,
    /// Everything that is wrong with the others.
    pub errors: Vec<Error>,
}

/// Reads every `<schema>/<table>.sql` below the folder, in path order; all errors at once.
pub fn load(folder: &Path) -> Models {
    let mut models = Models::default();
    let files = match sql_files(folder) {
        Ok(files) => files,
        Err(error) => return Models { errors: vec![error], ..models },
    };
    for path in files {
        match load_file(&path) {
            Ok(model) => models.read.push(model),
            Err(error) => models.errors.push(error),
        }
    }
    models
}

fn load_file(path: &Path) -> Result<Model> {
    let place = |error: Error| error.at_line(&path.display().to_string(), None);
    let table = table_of(path).map_err(place)?;
    let sql = std::fs::read_to_string(path)
        .map_err(|e| place(Error::config("the model cannot be read").caused_by(e)))?;
    Model::of_sql(table, path, sql)
}

/// Returns the table that a model file makes, by its folder and name.
fn table_of(path: &Path) -> Result<TableName> {
    let name_of =
        |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    let schema = name_of(path.parent().and_then(Path::file_name));
    let table = TableName::new(&schema, &name_of(path.file_stem()))?;
    if ["raw", "ops"].contains(&table.schema()) {
        return Err(Error::config(format!("a model cannot make {table}"))
            .hint("raw tables are made by sources and ops tables by runs; use channel, core or mart"));
    }
    Ok(table)
}

impl Model {
    /// Returns the model that a SQL text makes.
    ///
    /// # Errors
    /// What is wrong with the text, at its places in the file.
    fn of_sql(table: TableName, path: &Path, sql: String) -> Result<Model> {
        match sql::tables_read(&sql) {
            Ok(reads) => Ok(Model { table, path: path.to_owned(), sql, reads }),
            Err(error) => Err(error.in_sql(&SqlOrigin::file(path.display(), &sql))),
        }
    }

    /// Adds the place in the model's file to an error about its SQL.
    pub fn place(&self, error: Error) -> Error {
        error.in_sql(&SqlOrigin::file(self.path.display(), &self.sql))
    }
}

fn sql_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| {
        Error::config(format!("the models folder {} cannot be read", folder.display()))
            .caused_by(e)
            .hint("`models` in the pipeline file is relative to the folder of the file")
    };
    let mut files = Vec::new();
    for schema in std::fs::read_dir(folder).map_err(unreadable)? {
        let schema = schema.map_err(unreadable)?.path();
        let below = match std::fs::read_dir(&schema) {
            // A file, or a link that leads nowhere.
            Err(e) if [ErrorKind::NotADirectory, ErrorKind::NotFound].contains(&e.kind()) => continue,
            found => found.map_err(unreadable)?,
        };
        for file in below {
            let file = file.map_err(unreadable)?.path();
            if file.extension().is_some_and(|e| e == "sql") {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

impl Model {
    /// Returns the model's query as it is written.
    pub(super) async fn query(&self, context: &StepContext) -> Result<DataFrame> {
        let place = |e: Error| self.place(e);
        let session = context.catalog.session(&self.reads, Some(context.as_of)).await.map_err(place)?;
        session.sql(&self.sql).await.doing("plan the model").map_err(place)
    }
}

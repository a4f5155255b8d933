//! The folder of a pipeline's models: `<schema>/<table>.sql`, and beside them what is declared of tables.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::definition::Model;
use crate::error::{Error, Result};
use crate::name::TableName;

/// What is in the folder of a pipeline's models, as far as it could be read.
#[derive(Debug, Default)]
pub struct Models {
    pub read: Vec<Model>,
    /// What is declared of tables, of models and of others.
    pub properties: Vec<PropertiesFile>,
    /// Everything that is wrong with the others.
    pub errors: Vec<Error>,
}

/// `<schema>/<table>.toml`, not parsed yet.
#[derive(Debug, Clone)]
pub struct PropertiesFile {
    pub table: TableName,
    /// The path as messages show it.
    pub path: PathBuf,
    pub text: String,
}

/// Reads every `<schema>/<table>.sql` and `<schema>/<table>.toml` below the folder, in path order; all errors
/// at once. Unit tests (`<table>.test.toml`) are read when they are run.
pub fn load(folder: &Path) -> Models {
    let mut models = Models::default();
    let files = match model_files(folder) {
        Ok(files) => files,
        Err(error) => return Models { errors: vec![error], ..models },
    };
    for path in files {
        let is_sql = path.extension().is_some_and(|e| e == "sql");
        let wrong = if is_sql {
            read_model(&path).map(|model| models.read.push(model))
        } else {
            read_properties(&path).map(|file| models.properties.push(file))
        };
        models.errors.extend(wrong.err());
    }
    models
}

fn read_model(path: &Path) -> Result<Model> {
    let place = |error: Error| error.at_line(&path.display().to_string(), None);
    let table = table_of(path).map_err(place)?;
    if ["raw", "ops"].contains(&table.schema()) {
        return Err(place(
            Error::config(format!("a model cannot make {table}"))
                .hint("raw tables are made by sources and ops tables by runs; use channel, core or mart"),
        ));
    }
    let sql = std::fs::read_to_string(path)
        .map_err(|e| place(Error::config("the model cannot be read").caused_by(e)))?;
    Model::of_sql(table, path, sql)
}

fn read_properties(path: &Path) -> Result<PropertiesFile> {
    let place = |error: Error| error.at_line(&path.display().to_string(), None);
    let table = table_of(path).map_err(place)?;
    let elsewhere = match table.schema() {
        "raw" => Some("declare it in the source: time, valid_from, checks, description"),
        "ops" => Some("tables of the history are what they are"),
        _ => None,
    };
    if let Some(hint) = elsewhere {
        return Err(place(Error::config(format!("{table} cannot have a properties file")).hint(hint)));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|e| place(Error::config("the properties cannot be read").caused_by(e)))?;
    Ok(PropertiesFile { table, path: path.to_owned(), text })
}

/// Returns the table that a file is about, by its folder and name.
fn table_of(path: &Path) -> Result<TableName> {
    let name_of =
        |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    let schema = name_of(path.parent().and_then(Path::file_name));
    TableName::new(&schema, &name_of(path.file_stem()))
}

/// Returns the files of models and of their properties, in path order.
fn model_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| {
        Error::config(format!("the models folder {} cannot be read", folder.display())).caused_by(e).hint(
            "`models` in the pipeline file is a path from the project's folder, the one above pipelines/",
        )
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
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.ends_with(".sql") || (name.ends_with(".toml") && !name.ends_with(".test.toml")) {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

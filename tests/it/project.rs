//! A small project written in the test: a pipeline, models, delivered files, and the binary run over it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shop::{CommandResult, sillage};

/// A folder with `pipeline.toml`, `sql/…` and what was delivered, deleted at the end of the test.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A project whose models are in `sql/`.
    pub fn new(pipeline: &str) -> Project {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        project.file("pipeline.toml", format!("name = \"p\"\nmodels = \"sql\"\n{pipeline}"));
        fs::create_dir_all(project.path().join("sql/mart")).unwrap();
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file there.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Project {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Puts the model of a table there, `schema.table`.
    pub fn model(&self, table: &str, sql: &str) -> &Project {
        self.file(&format!("sql/{}.sql", table.replace('.', "/")), sql)
    }

    /// Declares the properties of a table, `schema.table`, beside its model.
    pub fn properties(&self, table: &str, toml: &str) -> &Project {
        self.file(&format!("sql/{}.toml", table.replace('.', "/")), toml)
    }

    /// Runs the pipeline.
    pub fn run(&self, arguments: &[&str]) -> CommandResult {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.current_dir(self.path()).args(["run", "pipeline.toml", "--warehouse", "warehouse"]);
        CommandResult::of(command.args(arguments).output().unwrap())
    }

    /// Runs another verb on the warehouse.
    pub fn verb(&self, arguments: &[&str]) -> CommandResult {
        let warehouse = self.path().join("warehouse");
        sillage(arguments.iter().copied().chain(["--warehouse", warehouse.to_str().unwrap()]))
    }

    /// The rows of a query over the last release, as lines of CSV without their header.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<String> {
        self.query_with(sql, &[])
    }

    /// The same with more arguments.
    #[track_caller]
    pub fn query_with(&self, sql: &str, arguments: &[&str]) -> Vec<String> {
        let all = ["query", sql, "--format", "csv"].iter().chain(arguments).copied().collect::<Vec<_>>();
        let text = self.verb(&all).published().stdout;
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

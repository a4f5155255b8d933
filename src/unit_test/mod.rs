//! Unit tests of models: given rows → expected rows, without data and without a warehouse.
//!
//! `sql/<pipeline>/<schema>/<table>.test.toml` is beside the model it tests:
//!
//! ```toml
//! as_of = "2026-07-01"             # of every test of the file; a test may say its own
//!
//! [[test]]
//! name = "a return is not an order"
//! given."core.orders" = [
//!   { customer_id = "c1", ordered_at = "2026-06-30 10:00", is_return = false },
//!   { customer_id = "c1", ordered_at = "2026-06-30 11:00", is_return = true },
//! ]
//! given."core.customers" = """
//!   customer_id, first_name
//!   c1,          Ada
//! """
//! expect = [{ customer_id = "c1", orders_total = 1 }]
//! ```
//!
//! A table that is read and not given is empty; a column that is not given is null. Only the columns
//! that `expect` names are compared (every row names the same), in any order of rows unless
//! `ordered = true`. Instants without a
//! zone are the pipeline's. Events at or after `as_of` are hidden, as in a run. In the CSV form an
//! empty field is null and `""` the empty text; blanks around a field do not count.
//!
//! Types come from the sources' declarations and from planning the models in between over empty
//! tables (`run::rehearsal`); `file` reads the TOML with `grid` and `cell`, `case` tries one test, `compare`
//! finds the difference, `verdict` is how it ended.

pub mod case;
pub mod cell;
pub mod compare;
pub mod file;
pub mod grid;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::name::StepName;
use crate::pipeline::{DeclaredStep, Pipeline};
use crate::run::rehearsal::Rehearsal;
use crate::warehouse::engine::Limits;
use file::TestFile;
use verdict::Tried;

/// The end of a test file's name, after the table's.
const ENDING: &str = "test.toml";

/// All tests of the chosen models as they ended, and how many of these models have any.
#[derive(Debug, Default)]
pub struct Report {
    pub tried: Vec<Tried>,
    pub models: usize,
    pub models_with_tests: usize,
}

impl Report {
    pub fn failed(&self) -> usize {
        self.tried.iter().filter(|t| !t.passed()).count()
    }
}

/// Tries every test of the models among `chosen`, in the order of the models' names and the files.
///
/// # Errors
/// Everything that is wrong with the test files or with a model they need, at once; then no test is
/// tried. A test that fails is not an error but a [`Verdict`](verdict::Verdict).
pub async fn run(pipeline: &Arc<Pipeline>, chosen: &BTreeSet<StepName>, limits: Limits) -> Result<Report> {
    let models: Vec<&Arc<Model>> = chosen
        .iter()
        .filter_map(|name| match pipeline.steps.get(name) {
            Some(DeclaredStep::Model(step)) => Some(&step.model),
            _ => None,
        })
        .collect();
    let (files, mut errors) = load(pipeline, &models);
    let tested = files.iter().map(|f| f.table.clone()).collect();
    let types = match Rehearsal::of(pipeline, &tested, limits).await {
        Ok(types) => types,
        Err(error) => {
            errors.push(error);
            return Err(Error::all_by_line(errors, "").expect_err("an error was just added"));
        }
    };
    let mut cases = Vec::new();
    for file in &files {
        match case::of_file(file, pipeline, &types) {
            Ok(found) => cases.extend(found),
            Err(wrong) => errors.extend(wrong),
        }
    }
    Error::all_by_line(errors, "")?;
    let mut report = Report { models: models.len(), models_with_tests: files.len(), ..Report::default() };
    for case in cases {
        report.tried.push(case.run(pipeline, &types).await);
    }
    Ok(report)
}

/// Returns the test files of the models, as far as they could be read.
fn load(pipeline: &Pipeline, models: &[&Arc<Model>]) -> (Vec<TestFile>, Vec<Error>) {
    let (mut files, mut errors) = (Vec::new(), orphans(pipeline));
    for model in models {
        let path = model.path.with_extension(ENDING);
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => {
                errors.push(Error::config("the tests cannot be read").caused_by(e).at(shown));
                continue;
            }
        };
        match file::read(&shown, &text, model.table.clone(), pipeline.timezone) {
            Ok(file) => files.push(file),
            Err(wrong) => errors.extend(wrong),
        }
    }
    (files, errors)
}

/// Returns an error for each test file without a model, which would never run.
fn orphans(pipeline: &Pipeline) -> Vec<Error> {
    let mut models: BTreeMap<&Path, BTreeSet<PathBuf>> = BTreeMap::new();
    for step in pipeline.steps.values() {
        if let DeclaredStep::Model(step) = step
            && let model = &step.model
            && let Some(folder) = model.path.parent()
        {
            models.entry(folder).or_default().insert(model.path.with_extension(ENDING));
        }
    }
    let mut errors = Vec::new();
    for (folder, expected) in models {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
            .unwrap_or_default();
        found.retain(|path| path.to_string_lossy().ends_with(&format!(".{ENDING}")));
        found.sort();
        for path in found.iter().filter(|path| !expected.contains(*path)) {
            errors.push(
                Error::config("there is no model next to these tests").at(path.display().to_string()).hint(
                    "the tests of a model are named after it: core/orders.sql has core/orders.test.toml",
                ),
            );
        }
    }
    errors
}

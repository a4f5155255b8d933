//! Runs one test: checks its rows against the tables' columns, then computes the model over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;

use super::cell::Written;
use super::compare::{Expected, compare};
use super::file::{Given, TestDeclaration, TestFile};
use super::grid::Grid;
use super::verdict::{Tried, Verdict};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::model::Model;
use crate::name::TableName;
use crate::pipeline::Pipeline;
use crate::run::rehearsal::Rehearsal;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::snapshot_history::VALID_FROM;
use crate::warehouse::stage::Mode;
use crate::warehouse::time_value::instant_value;
use crate::warehouse::visibility::KnownSince;

/// A checked test.
pub struct Case<'f> {
    declared: &'f TestDeclaration,
    model: Arc<Model>,
    given: BTreeMap<TableName, RecordBatch>,
    expected: Expected,
}

/// Checks all tests of a file.
///
/// # Errors
/// A table that no model makes; tests that give tables or columns that are not there, or values of
/// another type; all of them.
pub fn of_file<'f>(
    file: &'f TestFile,
    pipeline: &Pipeline,
    types: &Rehearsal,
) -> Result<Vec<Case<'f>>, Vec<Error>> {
    let Some(step) = pipeline.model(&file.table) else {
        return Err(vec![Error::config(format!("{} is not made by a model", file.table))]);
    };
    let (mut cases, mut errors) = (Vec::new(), Vec::new());
    for declared in &file.tests {
        match check(declared, &step.model, pipeline, types) {
            Ok(case) => cases.push(case),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(cases) } else { Err(errors) }
}

fn check<'f>(
    declared: &'f TestDeclaration,
    model: &Arc<Model>,
    pipeline: &Pipeline,
    types: &Rehearsal,
) -> Result<Case<'f>, Vec<Error>> {
    let mut errors = Vec::new();
    let mut given = BTreeMap::new();
    for (table, rows) in &declared.given {
        let Some(columns) = types.columns(table).filter(|_| model.reads.contains(table)) else {
            let reads = model.reads.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            errors.push(
                Error::config(format!("{} does not read {table}", model.table))
                    .at(rows.place.clone())
                    .hint(format!("it reads {reads}")),
            );
            continue;
        };
        errors.extend(hidden_unseen(declared, table, rows, pipeline));
        match batch(table, rows, columns, is_history(pipeline, table), pipeline.timezone) {
            Ok(batch) => {
                given.insert(table.clone(), batch);
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let expected = match types.columns(&model.table) {
        Some(columns) => expected(declared, &model.table, columns, pipeline.timezone),
        None => Err(vec![Error::failed(format!("the columns of {} are not known", model.table))]),
    };
    match expected {
        Ok(expected) if errors.is_empty() => {
            return Ok(Case { declared, model: model.clone(), given, expected });
        }
        Ok(_) => {}
        Err(wrong) => errors.extend(wrong),
    }
    Err(errors)
}

/// Returns whether the table is the history of a source of snapshots.
fn is_history(pipeline: &Pipeline, table: &TableName) -> bool {
    pipeline.sources().any(|source| source.contract.snapshot.is_some() && source.raw_table() == *table)
}

/// Returns an error for rows without the time from which they are known: all of them would be hidden, and
/// the test would pass or fail for a reason that it does not show.
fn hidden_unseen(
    declared: &TestDeclaration,
    table: &TableName,
    given: &Given,
    pipeline: &Pipeline,
) -> Option<Error> {
    let KnownSince::At(time) = pipeline.rules(table).known else { return None };
    let named = given.rows.columns.iter().any(|(column, _)| *column == time.name);
    let is_list = time.name == VALID_FROM && is_history(pipeline, table);
    if is_list || named || declared.as_of.is_none() || given.rows.rows.is_empty() {
        return None;
    }
    Some(
        Error::config(format!("the rows of {table} do not say from when they are known"))
            .at(given.place.clone())
            .hint(format!("give `{}`: rows without it are hidden, as in a run", time.name)),
    )
}

fn unknown_column(table: &TableName, column: &str, columns: &SchemaRef) -> Error {
    let names: Vec<&str> = columns.fields().iter().map(|f| f.name().as_str()).collect();
    Error::config(format!("{table} has no column `{column}`")).hint(did_you_mean_or_list(
        column,
        names,
        "its columns are",
    ))
}

/// Returns the given rows with all columns of the table; what is not given is null.
fn batch(
    table: &TableName,
    given: &Given,
    columns: &SchemaRef,
    is_history: bool,
    zone: Tz,
) -> Result<RecordBatch, Vec<Error>> {
    let mut errors = Vec::new();
    for (column, place) in &given.rows.columns {
        if columns.field_with_name(column).is_err() {
            errors.push(unknown_column(table, column, columns).at(place.clone()));
        }
    }
    let rows = given.rows.rows.len();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for field in columns.fields() {
        let at = given.rows.columns.iter().position(|(name, _)| name == field.name());
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            let value = match at {
                Some(at) => {
                    let cell = &given.rows.rows[row][at];
                    let place = |e: Error| e.at(format!("column {}", field.name())).at(cell.place.clone());
                    cell.typed(field.data_type(), zone).map_err(place)
                }
                None => unnamed(field.name(), field.data_type(), row),
            };
            match value {
                // A row of a list is valid, unless the test gives its `valid_from`.
                Ok(value) if value.is_null() && is_history && field.name() == VALID_FROM => {
                    values.push(instant_value(Instant::UNIX_EPOCH));
                }
                Ok(value) => values.push(value),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            continue;
        }
        let array = if values.is_empty() {
            Ok(arrow::array::new_empty_array(field.data_type()))
        } else {
            ScalarValue::iter_to_array(values).doing(format!("build the column {}", field.name()))
        };
        match array {
            Ok(array) => arrays.push(array),
            Err(error) => errors.push(error.at(given.place.clone())),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    RecordBatch::try_new(columns.clone(), arrays)
        .doing(format!("build the rows of {table}"))
        .map_err(|e| vec![e.at(given.place.clone())])
}

/// Returns a column that is not given: null, except the place of a raw row: of rows with one key the later
/// one in the test wins, as the later line of a file does.
fn unnamed(column: &str, kind: &arrow::datatypes::DataType, row: usize) -> Result<ScalarValue> {
    Ok(match column {
        "_file" => ScalarValue::Utf8(Some("given".to_owned())),
        "_line" => ScalarValue::Int64(Some(row as i64 + 1)),
        "_element" => ScalarValue::Int64(Some(1)),
        "_run" => ScalarValue::Int64(Some(1)),
        _ => ScalarValue::try_from(kind).doing(format!("remove the column {column}"))?,
    })
}

fn expected(
    declared: &TestDeclaration,
    table: &TableName,
    columns: &SchemaRef,
    zone: Tz,
) -> Result<Expected, Vec<Error>> {
    let Grid { columns: named, rows: written } = &declared.expect;
    let (mut errors, mut kinds) = (Vec::new(), Vec::new());
    for (column, place) in named {
        match columns.index_of(column) {
            Ok(at) => kinds.push((at, columns.field(at).data_type())),
            Err(_) => errors.push(unknown_column(table, column, columns).at(place.clone())),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut rows = Vec::new();
    for cells in written {
        let mut row = Vec::new();
        for ((cell, (column, _)), (_, kind)) in cells.iter().zip(named).zip(&kinds) {
            // Null, or not to be compared? Either guess would let some test pass for the wrong reason.
            if cell.written == Written::Unnamed {
                errors.push(
                    Error::config(format!("the row has no `{column}`, but another row has it"))
                        .at(cell.place.clone())
                        .hint(
                            "give it in every row; to expect null write the rows as CSV, where an empty \
                         field is null",
                        ),
                );
                continue;
            }
            match cell.typed(kind, zone) {
                Ok(value) => row.push(value),
                Err(error) => errors.push(error.at(format!("column {column}")).at(cell.place.clone())),
            }
        }
        rows.push(row);
    }
    if errors.is_empty() {
        Ok(Expected {
            columns: named.iter().map(|(column, _)| column.clone()).collect(),
            rows,
            ordered: declared.ordered,
            tolerance: declared.tolerance,
        })
    } else {
        Err(errors)
    }
}

impl Case<'_> {
    /// Computes the model over the given rows and compares.
    pub async fn run(&self, pipeline: &Pipeline, types: &Rehearsal) -> Tried {
        let verdict = match self.found(pipeline, types).await {
            Ok(found) => match compare(&self.expected, &found) {
                Ok(None) => Verdict::Passed,
                Ok(Some(difference)) => Verdict::Failed(difference),
                Err(error) => Verdict::Broken(error),
            },
            Err(error) => Verdict::Broken(self.model.place(error)),
        };
        Tried {
            model: self.model.table.clone(),
            test: self.declared.name.clone(),
            place: self.declared.place.clone(),
            verdict,
        }
    }

    /// Returns the rows that come out, with the columns' types as a warehouse keeps them.
    async fn found(&self, pipeline: &Pipeline, types: &Rehearsal) -> Result<RecordBatch> {
        let catalog =
            Catalog::new(types.warehouse.clone(), types.engine.clone(), None, pipeline.visibility());
        for table in &self.model.reads {
            let Some(columns) = types.columns(table) else {
                return Err(Error::failed(format!("the columns of {table} are not known")));
            };
            let mut stager = types.warehouse.stager(table, Mode::Replace, columns)?;
            if let Some(rows) = self.given.get(table).filter(|rows| rows.num_rows() > 0) {
                stager.write(rows).await?;
            }
            catalog.add_staged(&stager.finish().await?).await?;
        }
        let session = catalog.session(&self.model.reads, self.declared.as_of).await?;
        let frame = session.sql(&self.model.sql).await.doing("plan the model").map_err(|e| {
            if self.declared.as_of.is_none() { e.hint("give the test an as_of = \"2026-01-31\"") } else { e }
        })?;
        let batches = frame.collect().await.doing("compute the model")?;
        let Some(columns) = types.columns(&self.model.table) else {
            return Err(Error::failed(format!("the columns of {} are not known", self.model.table)));
        };
        let mut whole = Vec::new();
        for batch in &batches {
            let cast = batch
                .columns()
                .iter()
                .zip(columns.fields())
                .map(|(column, field)| arrow::compute::cast(column, field.data_type()))
                .collect::<Result<Vec<_>, _>>()
                .doing("cast the rows to the table's types")?;
            whole.push(
                RecordBatch::try_new(columns.clone(), cast).doing("cast the rows to the table's types")?,
            );
        }
        arrow::compute::concat_batches(columns, &whole).doing("collect the rows")
    }
}

//! `test`: the unit tests of models, tried on the rows they give.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use clap::Args;
use serde_json::json;

use super::args::LimitArgs;
use super::pipeline_file::load_pipeline_without_sources;
use super::progress::LogFormat;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::pipeline::selector;
use crate::unit_test::compare::{Difference, Line};
use crate::unit_test::verdict::{Tried, Verdict};
use crate::unit_test::{self, Report};

/// Rows of a difference that are shown.
const SHOWN_LINES: usize = 40;

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Pipeline file; may be left out when pipelines/ holds only one
    pipeline: Option<PathBuf>,
    /// Only the models among these steps: a table, schema.*; +x with what it reads, x+ with what reads it
    #[arg(long, value_name = "STEPS")]
    select: Vec<String>,
    /// Not these steps
    #[arg(long, value_name = "STEPS")]
    exclude: Vec<String>,
    /// Lines and tables for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn test(args: TestArgs) -> Result<()> {
    let pipeline = load_pipeline_without_sources(args.pipeline)?;
    let place = |e: Error| e.at(format!("pipeline {}", pipeline.name));
    let chosen = selector::select(&pipeline, &args.select, &args.exclude).map_err(place)?;
    let report = unit_test::run(&pipeline, &chosen, args.limits.limits()).await.map_err(place)?;
    match args.log_format {
        LogFormat::Text => tell(&report)?,
        LogFormat::Json => tell_json(&report),
    }
    match report.failed() {
        0 => Ok(()),
        1 => Err(place(Error::failed(format!("1 of {} failed", tests(report.tried.len()))))),
        n => Err(place(Error::failed(format!("{n} of {} failed", tests(report.tried.len()))))),
    }
}

fn tests(count: usize) -> String {
    format!("{count} test{}", if count == 1 { "" } else { "s" })
}

fn tell(report: &Report) -> Result<()> {
    let mut model: Option<&TableName> = None;
    for tried in &report.tried {
        if model != Some(&tried.model) {
            say!("{}", tried.model);
            model = Some(&tried.model);
        }
        match &tried.verdict {
            Verdict::Passed => say!("  passed  {}", tried.test),
            Verdict::Failed(difference) => {
                say!("  FAILED  {}", tried.test);
                say!("          {}: {}", tried.place, in_words(difference));
                say!("{}", table(difference)?);
            }
            Verdict::Broken(error) => {
                say!("  FAILED  {}", tried.test);
                say!("          {}: {}", tried.place, error.to_string().replace('\n', "\n          "));
            }
        }
    }
    say!(
        "{}: {} passed, {} failed; {} of {} models have tests",
        tests(report.tried.len()),
        report.tried.len() - report.failed(),
        report.failed(),
        report.models_with_tests,
        report.models
    );
    Ok(())
}

fn in_words(difference: &Difference) -> String {
    let count = |side| difference.lines.iter().filter(|line| line.side == side).count();
    use crate::unit_test::compare::Side;
    format!(
        "{} as expected, {} missing, {} not expected",
        difference.agreeing,
        count(Side::Expected),
        count(Side::Found)
    )
}

/// The difference as a table; `≠` marks what is not as expected.
fn table(difference: &Difference) -> Result<String> {
    let shown = &difference.lines[..difference.lines.len().min(SHOWN_LINES)];
    let sides = StringArray::from_iter_values(shown.iter().map(|line| line.side.as_str()));
    let mut columns: Vec<(String, ArrayRef)> = vec![(String::new(), Arc::new(sides))];
    for (at, name) in difference.columns.iter().enumerate() {
        let cells = StringArray::from_iter_values(shown.iter().map(|line| cell(line, at)));
        columns.push((name.clone(), Arc::new(cells)));
    }
    let rows = RecordBatch::try_from_iter(columns).doing("draw the difference")?;
    let mut drawn = pretty_format_batches(&[rows]).doing("draw the difference")?.to_string();
    if shown.len() < difference.lines.len() {
        drawn.push_str(&format!("\n… and {} rows more", difference.lines.len() - shown.len()));
    }
    Ok(drawn)
}

fn cell(line: &Line, at: usize) -> String {
    let differs = line.differs.get(at).copied().unwrap_or(false);
    let text = line.cells.get(at).map(String::as_str).unwrap_or_default();
    if differs { format!("≠ {text}") } else { text.to_owned() }
}

fn tell_json(report: &Report) {
    for tried in &report.tried {
        say!("{}", json_of(tried));
    }
    let event = json!({
        "event": "tests_run", "passed": report.tried.len() - report.failed(), "failed": report.failed(),
        "models": report.models, "models_with_tests": report.models_with_tests,
    });
    say!("{event}");
}

fn json_of(tried: &Tried) -> serde_json::Value {
    let mut event = json!({
        "event": "test_ends", "model": tried.model, "test": tried.test, "place": tried.place,
        "status": if tried.passed() { "passed" } else { "failed" },
    });
    match &tried.verdict {
        Verdict::Passed => {}
        Verdict::Broken(error) => event["error"] = json!(error.to_string()),
        Verdict::Failed(difference) => {
            event["agreeing"] = json!(difference.agreeing);
            event["columns"] = json!(difference.columns);
            let line = |line: &Line| json!({"side": line.side.as_str(), "cells": line.cells});
            event["rows"] = difference.lines.iter().map(line).collect();
        }
    }
    event
}

//! `check`: the checks of a pipeline, asked of a release or of what a failed run left.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

use super::args::{LimitArgs, PipelineArgs};
use super::pipeline_file::load_pipeline_without_sources;
use super::progress::{LogFormat, counted_rows};
use crate::check::{Finding, Severity};
use crate::clock::{Instant, show_instant};
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::pipeline::placeholder::Placeholders;
use crate::pipeline::{Pipeline, selector};
use crate::run::{self, checks};
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::Limits;
use crate::warehouse::release::Outcome;

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    place: PipelineArgs,
    /// An earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    /// What a run left that failed or was cut off; it is kept until the next run begins
    #[arg(long, value_name = "N", conflicts_with = "release")]
    run: Option<u64>,
    /// All rows that break a check, by the key of their table; whole rows where it has none
    #[arg(long)]
    rows: bool,
    /// Only the tables of these steps: a table, schema.*; +x with what it reads, x+ with what reads it
    #[arg(long, value_name = "STEPS")]
    select: Vec<String>,
    /// Not these steps
    #[arg(long, value_name = "STEPS")]
    exclude: Vec<String>,
    /// Lines for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn check(args: CheckArgs) -> Result<()> {
    let pipeline = load_pipeline_without_sources(args.place.pipeline)?;
    let place = |e: Error| e.at(format!("pipeline {}", pipeline.name));
    let location = match args.place.warehouse {
        Some(location) => location,
        // Sources may lack their place here, the warehouse may not.
        None => Placeholders::default().expand(&pipeline.warehouse).map_err(place)?,
    };
    let chosen = selector::select(&pipeline, &args.select, &args.exclude).map_err(place)?;
    let warehouse = Warehouse::open(&location).await?;
    let limits = args.limits.limits();
    let asked = asked(&pipeline, &warehouse, args.release, args.run, limits).await?;
    let made: BTreeSet<TableName> = chosen
        .iter()
        .flat_map(|step| pipeline.steps[step].step().tables_made())
        .filter(|t| has_checks(&pipeline, t))
        .collect();
    let (there, absent): (BTreeSet<_>, BTreeSet<_>) = {
        let names = asked.catalog.names();
        made.into_iter().partition(|table| names.contains(table))
    };
    let catalog = &asked.catalog;
    let results = checks::run(&pipeline, &there, catalog, Some(asked.as_of), limits.steps_at_once()).await;
    let (passed, warned, failed) = results.counts();
    let broken: &[Finding] = if args.rows { &results.findings } else { &[] };
    let failed_checks = failed + results.errored.len();
    match args.log_format {
        LogFormat::Text => {
            tell(&asked, &results.findings, &absent);
            let tell = |finding: &Finding, row: String| {
                say!("  {}  {}  {row}", finding.table, finding.check);
            };
            each_broken_row(&pipeline, &asked, broken, tell).await?;
            say!("checks: {passed} passed, {warned} warned, {failed_checks} failed");
        }
        LogFormat::Json => {
            tell_json(&asked, &results.findings, &absent);
            let tell = |finding: &Finding, row: String| {
                let event = json!({
                    "event": "broken_row", "table": finding.table, "check": finding.check, "row": row,
                });
                say!("{event}");
            };
            each_broken_row(&pipeline, &asked, broken, tell).await?;
            let mut event = json!({
                "event": "checks_run", "passed": passed, "warned": warned, "failed": failed_checks,
            });
            event[asked.noun()] = json!(asked.number);
            say!("{event}");
        }
    }
    let mut errors = results.errored;
    if failed > 0 {
        let plural = if failed == 1 { " is" } else { "s are" };
        errors.push(
            Error::failed(format!("{failed} check{plural} broken in {} {}", asked.noun(), asked.number)).hint(
                match (asked.is_run, args.rows) {
                    (false, false) => "the release stands as it is; --rows lists the rows".to_owned(),
                    (false, true) => "the release stands as it is; `sillage query` shows the rows".to_owned(),
                    (true, false) => "nothing was published; --rows lists the rows".to_owned(),
                    (true, true) => format!(
                        "nothing was published; `sillage query --run {}` shows the rows until the next run begins",
                        asked.number
                    ),
                },
            ),
        );
    }
    Error::all(errors).map_err(place)
}

/// The tables that are checked.
struct Asked {
    catalog: Catalog,
    number: u64,
    /// What a run left that did not publish, not a release.
    is_run: bool,
    pipeline: String,
    as_of: Instant,
    /// A later run that failed and published nothing.
    failed_after: Option<u64>,
}

impl Asked {
    fn noun(&self) -> &'static str {
        if self.is_run { "run" } else { "release" }
    }
}

async fn asked(
    pipeline: &Pipeline,
    warehouse: &Warehouse,
    release: Option<u64>,
    run: Option<u64>,
    limits: Limits,
) -> Result<Asked> {
    let engine = run::engine_of(pipeline, limits, warehouse)?;
    if let Some(run) = run {
        let left = run::unpublished(warehouse, engine, run, Some(pipeline.visibility())).await?;
        let (catalog, as_of) = (left.catalog, left.as_of);
        let pipeline = pipeline.name.clone();
        return Ok(Asked { catalog, number: run, is_run: true, pipeline, as_of, failed_after: None });
    }
    let last = warehouse.require_last_release().await?;
    let release = match release {
        Some(number) => warehouse.release(number).await?,
        None => last.clone(),
    };
    // The release of a failed run has the tables of the one before it.
    let tables_of = release.last_published.unwrap_or(release.release);
    let published = warehouse.release(tables_of).await?;
    Ok(Asked {
        catalog: Catalog::new(warehouse.clone(), engine, Some(&release), pipeline.visibility()),
        number: tables_of,
        is_run: false,
        pipeline: published.pipeline,
        as_of: published.as_of,
        failed_after: (last.outcome == Outcome::Failed && last.release >= release.release)
            .then_some(last.release),
    })
}

/// Tells every row that breaks a check which found some, as it is found.
async fn each_broken_row(
    pipeline: &Pipeline,
    asked: &Asked,
    findings: &[Finding],
    tell: impl Fn(&Finding, String),
) -> Result<()> {
    let catalog = &asked.catalog;
    for finding in findings.iter().filter(|finding| !finding.passed()) {
        let Some(rules) = pipeline.tables.get(&finding.table) else { continue };
        let mut columns = rules.key.clone();
        if columns.is_empty()
            && let Some(table) = catalog.table(&finding.table).await?
        {
            columns = table.schema.fields().iter().map(|field| field.name().clone()).collect();
        }
        for check in rules.checks.iter().filter(|check| check.name() == finding.check) {
            check
                .each_broken_row(catalog, Some(asked.as_of), &columns, None, |row| tell(finding, row))
                .await?;
        }
    }
    Ok(())
}

fn has_checks(pipeline: &Pipeline, table: &TableName) -> bool {
    pipeline.tables.get(table).is_some_and(|rules| !rules.checks.is_empty())
}

fn word(finding: &Finding) -> &'static str {
    if finding.passed() {
        "passed"
    } else if finding.stops_the_run() {
        "BROKEN"
    } else {
        "warning"
    }
}

fn tell(asked: &Asked, findings: &[Finding], absent: &BTreeSet<TableName>) {
    say!("{} {} of {} as of {}", asked.noun(), asked.number, asked.pipeline, show_instant(asked.as_of));
    if let Some(run) = asked.failed_after {
        say!(
            "  run {run} failed after it and published nothing: `sillage check --run {run}` asks what it left"
        );
    }
    let width = findings.iter().map(|f| f.table.to_string().len()).max().unwrap_or(0);
    for finding in findings {
        let rows = match finding.failures {
            0 => String::new(),
            n => format!(": {}", counted_rows(n, &finding.rows)),
        };
        say!("  {:7}  {:width$}  {}{rows}", word(finding), finding.table.to_string(), finding.check);
    }
    for table in absent {
        say!("  absent   {table}: not in this {}", asked.noun());
    }
}

fn tell_json(asked: &Asked, findings: &[Finding], absent: &BTreeSet<TableName>) {
    for finding in findings {
        let severity = match finding.severity {
            Severity::Warn => "warn",
            Severity::Error => "error",
        };
        let mut event = json!({
            "event": "check_ends", "table": finding.table, "check": finding.check, "severity": severity,
            "passed": finding.passed(), "failures": finding.failures, "rows": finding.rows,
        });
        event[asked.noun()] = json!(asked.number);
        say!("{event}");
    }
    for table in absent {
        let mut event = json!({"event": "table_absent", "table": table});
        event[asked.noun()] = json!(asked.number);
        say!("{event}");
    }
}

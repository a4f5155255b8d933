//! `check`: the checks of a pipeline, asked of a release.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

use super::args::{LimitArgs, PipelineArgs};
use super::pipeline_file::load_pipeline_without_sources;
use super::progress::{LogFormat, grouped};
use crate::check::{Finding, Severity};
use crate::clock::show_instant;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::pipeline::placeholder::Placeholders;
use crate::pipeline::{Pipeline, selector};
use crate::run::{self, checks};
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::Release;

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    place: PipelineArgs,
    /// An earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
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
    let release = match args.release {
        Some(number) => warehouse.release(number).await?,
        None => warehouse.require_last_release().await?,
    };
    let limits = args.limits.limits();
    let engine = run::engine_of(&pipeline, limits, &warehouse)?;
    let catalog = Catalog::new(warehouse, engine, Some(&release), pipeline.visibility());
    let made: BTreeSet<TableName> = chosen
        .iter()
        .flat_map(|step| pipeline.steps[step].step().tables_made())
        .filter(|t| has_checks(&pipeline, t))
        .collect();
    let (there, absent): (BTreeSet<_>, BTreeSet<_>) =
        made.into_iter().partition(|table| release.tables.contains_key(table));
    let results = checks::run(&pipeline, &there, &catalog, limits.steps_at_once()).await;
    let (passed, warned, failed) = results.counts();
    match args.log_format {
        LogFormat::Text => {
            tell(&release, &results.findings, &absent);
            say!("checks: {passed} passed, {warned} warned, {} failed", failed + results.errored.len());
        }
        LogFormat::Json => {
            tell_json(&release, &results.findings, &absent);
            let event = json!({
                "event": "checks_run", "release": release.release,
                "passed": passed, "warned": warned, "failed": failed + results.errored.len(),
            });
            say!("{event}");
        }
    }
    let mut errors = results.errored;
    if failed > 0 {
        let plural = if failed == 1 { " is" } else { "s are" };
        errors.push(
            Error::failed(format!("{failed} check{plural} broken in release {}", release.release))
                .hint("the release stands as it is; `sillage query` shows the rows"),
        );
    }
    Error::all(errors).map_err(place)
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

fn tell(release: &Release, findings: &[Finding], absent: &BTreeSet<TableName>) {
    say!("release {} of {} as of {}", release.release, release.pipeline, show_instant(release.as_of));
    let width = findings.iter().map(|f| f.table.to_string().len()).max().unwrap_or(0);
    for finding in findings {
        let rows = match finding.failures {
            0 => String::new(),
            1 => ": 1 row".to_owned(),
            n => format!(": {} rows", grouped(n)),
        };
        say!("  {:7}  {:width$}  {}{rows}", word(finding), finding.table.to_string(), finding.check);
    }
    for table in absent {
        say!("  absent   {table}: not in this release");
    }
}

fn tell_json(release: &Release, findings: &[Finding], absent: &BTreeSet<TableName>) {
    for finding in findings {
        let severity = match finding.severity {
            Severity::Warn => "warn",
            Severity::Error => "error",
        };
        let event = json!({
            "event": "check_ends", "release": release.release, "table": finding.table,
            "check": finding.check, "severity": severity, "passed": finding.passed(),
            "failures": finding.failures,
        });
        say!("{event}");
    }
    for table in absent {
        say!("{}", json!({"event": "table_absent", "release": release.release, "table": table}));
    }
}

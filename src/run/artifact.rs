//! The artifacts of a run: `manifest.json` (what it was to do) and `run_results.json` (how it went).
//!
//! For schedulers and dashboards that read files and not tables; the figures are those of `ops.runs`,
//! `ops.steps` and `ops.checks`. Counts, names and instants only: no row values, no paths of sources,
//! nothing of the environment.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::plan::Plan;
use super::progress::{Event, Progress};
use super::record::RunRecord;
use crate::check::{Check, Finding};
use crate::clock::show_instant;
use crate::error::Error;
use crate::name::StepName;
use crate::ops::steps::StepRecord;
use crate::pipeline::{DeclaredStep, Pipeline};
use crate::warehouse::Warehouse;
use crate::warehouse::visibility::KnownSince;

/// Raised when a key changes its meaning or goes; new keys may come without.
pub(super) const VERSION: u32 = 1;

pub(super) const RUN_RESULTS: &str = "run_results";

/// Both artifacts, ready to be written once the run has ended.
pub struct Artifacts {
    run: u64,
    manifest: Value,
    run_results: Value,
}

impl Artifacts {
    pub fn of(pipeline: &Pipeline, plan: &Plan, record: &RunRecord) -> Self {
        Artifacts {
            run: plan.run,
            manifest: manifest(pipeline, plan),
            run_results: run_results(plan, record),
        }
    }

    /// Writes both. A night that is published stays so whatever happens here: a failure is only reported.
    pub async fn write(&self, warehouse: &Warehouse, progress: &dyn Progress) {
        for (name, value) in [("manifest", &self.manifest), (RUN_RESULTS, &self.run_results)] {
            if let Err(error) = warehouse.put_artifact(self.run, name, value).await {
                tell_unwritten(name, "this run", &error, progress);
            }
        }
    }
}

pub(super) fn tell_unwritten(name: &str, run: &str, error: &Error, progress: &dyn Progress) {
    let message = format!("{name}.json of {run} is not written: {}", error.to_string().replace("\n  ", " "));
    progress.tell(Event::Warning { step: StepName::new("artifacts"), message });
}

fn manifest(pipeline: &Pipeline, plan: &Plan) -> Value {
    let steps: Vec<Value> = pipeline
        .graph
        .order()
        .iter()
        .map(|name| {
            let (declared, step) = (&pipeline.steps[name], pipeline.steps[name].step());
            let planned = plan.steps.iter().find(|planned| planned.name == *name);
            let mut entry = json!({
                "step": name,
                "kind": step.kind(),
                "reads": step.reads(),
                "writes": step.tables_made(),
                "needs": pipeline.graph.needs(name).collect::<Vec<_>>(),
                "selected": planned.is_some(),
            });
            if let Some(planned) = planned {
                entry["why"] = json!(planned.why);
            }
            if let DeclaredStep::Model(step) = declared {
                // Tells which models changed between two runs.
                entry["sql_sha256"] = json!(hex::encode(Sha256::digest(&step.model.sql)));
            }
            entry
        })
        .collect();
    let tables: Vec<Value> = pipeline
        .steps
        .iter()
        .flat_map(|(name, step)| step.step().tables_made().into_iter().map(move |table| (name, table)))
        .map(|(name, table)| {
            let rules = pipeline.rules(&table);
            let known_by = match &rules.known {
                KnownSince::At(time) => json!(time.name),
                KnownSince::Always => json!("always"),
                KnownSince::Undeclared => Value::Null,
            };
            let check = |check: &Check| json!({"check": check.name(), "severity": check.severity});
            json!({
                "table": table,
                "made_by": name,
                "key": rules.key,
                "known_by": known_by,
                "description": rules.description.text,
                "columns": rules.description.columns,
                "tags": rules.tags,
                "owner": rules.owner,
                "checks": rules.checks.iter().map(check).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "artifact": "manifest",
        "version": VERSION,
        "sillage": env!("CARGO_PKG_VERSION"),
        "run": plan.run,
        "as_of": show_instant(plan.as_of),
        "builds_on": plan.base,
        "fingerprint": plan.fingerprint,
        "pipeline": {
            "name": pipeline.name,
            "description": pipeline.description,
            "schedule": pipeline.schedule,
            "timezone": pipeline.timezone.name(),
            "seed": pipeline.seed,
        },
        "steps": steps,
        "tables": tables,
    })
}

fn run_results(plan: &Plan, record: &RunRecord) -> Value {
    let step = |step: &StepRecord| {
        let metrics = &step.metrics;
        json!({
            "step": step.step,
            "kind": step.kind,
            "status": step.status,
            "rows": metrics.rows,
            "refused": metrics.refused,
            "expired": metrics.expired,
            "files": metrics.files,
            "bytes": metrics.bytes,
            "began_at": metrics.began_at.map(show_instant),
            "wall_ms": metrics.wall_ms,
            "warnings": metrics.warnings,
            "note": step.note,
        })
    };
    let check = |finding: &Finding| {
        json!({
            "table": finding.table,
            "check": finding.check,
            "severity": finding.severity,
            "passed": finding.passed(),
            "failures": finding.failures,
        })
    };
    json!({
        "artifact": RUN_RESULTS,
        "version": VERSION,
        "sillage": env!("CARGO_PKG_VERSION"),
        "run": record.run.run,
        "pipeline": record.run.pipeline,
        "as_of": show_instant(record.run.as_of),
        "fingerprint": plan.fingerprint,
        "outcome": if record.run.failed { "failed" } else { "published" },
        "resumed": record.run.resumed,
        "began_at": show_instant(record.run.began_at),
        "ended_at": show_instant(record.run.ended_at),
        "wall_ms": (record.run.ended_at - record.run.began_at).num_milliseconds(),
        "steps": record.steps.iter().map(step).collect::<Vec<_>>(),
        "checks": record.findings.iter().map(check).collect::<Vec<_>>(),
    })
}

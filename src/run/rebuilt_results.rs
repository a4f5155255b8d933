//! `run_results.json` of a run whose process ended after its release and before its artifacts: rebuilt
//! from the history by the run after it.
//!
//! The figures are those of `ops.runs`, `ops.steps` and `ops.checks`, which the release has. What they do
//! not have stays open: `fingerprint` is null, and warnings are in a step's `note` only. What the run
//! was to do (`manifest.json`) nobody knows any more.

use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use chrono::DateTime;
use serde_json::{Value, json};

use super::artifact::{self, RUN_RESULTS};
use super::progress::Progress;
use crate::error::{Context, Error, Result};
use crate::ops::{checks, runs, steps};
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::release::{Origin, Release};

const DOING: &str = "rebuild run_results.json of the last run";

/// Leaves the results of the last run, where they are not there. A night goes on whatever happens
/// here: a failure is only reported.
pub async fn complete(catalog: &Catalog, last: Option<&Release>, progress: &dyn Progress) {
    if let Err(error) = rebuild(catalog, last).await {
        artifact::tell_unwritten(RUN_RESULTS, "the last run", &error, progress);
    }
}

async fn rebuild(catalog: &Catalog, last: Option<&Release>) -> Result<()> {
    let Some(last) = last else { return Ok(()) };
    // The usual case, settled by one look.
    if last.origin == Origin::Run && catalog.warehouse().has_artifact(last.release, RUN_RESULTS).await? {
        return Ok(());
    }
    let tables = [runs::table(), steps::table(), checks::table()];
    for table in &tables {
        if catalog.table(table).await?.is_none() {
            return Ok(());
        }
    }
    let session = catalog.session(&tables, None).await?;
    let last = rows(&session, "select max(run) as run from ops.runs").await?;
    let Some(run) = last.first().and_then(|row| row["run"].as_u64()) else { return Ok(()) };
    // A vacuum that let the run's release go took its artifacts too.
    if !catalog.warehouse().releases().await?.contains(&run)
        || catalog.warehouse().has_artifact(run, RUN_RESULTS).await?
    {
        return Ok(());
    }
    let run_rows = rows(
        &session,
        &format!(
            "select pipeline, as_of, status as outcome, resumed, began_at, ended_at from ops.runs where run = {run}"
        ),
    )
    .await?;
    let Some(last_run) = run_rows.into_iter().next() else { return Ok(()) };
    // A history written before rows could expire does not have the column.
    let counted =
        catalog.table(&tables[1]).await?.is_some_and(|steps| steps.schema.index_of("rows_expired").is_ok());
    let expired = if counted { "coalesce(rows_expired, 0)" } else { "0" };
    let steps = format!(
        "select step, kind, status, rows, rows_refused as refused, {expired} as expired, \
         files_read as files, bytes_written as bytes, began_at, wall_ms, note \
         from ops.steps where run = {run} order by step"
    );
    let mut steps = rows(&session, &steps).await?;
    for step in &mut steps {
        step["warnings"] = json!([]);
    }
    let checks = format!(
        "select table_name as \"table\", check_name as \"check\", severity, passed, failures \
         from ops.checks where run = {run} order by table_name, check_name"
    );
    let checks = rows(&session, &checks).await?;
    let instant = |key: &str| last_run[key].as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let wall =
        instant("ended_at").zip(instant("began_at")).map(|(end, begin)| (end - begin).num_milliseconds());
    let results = json!({
        "artifact": RUN_RESULTS,
        "version": artifact::VERSION,
        "sillage": env!("CARGO_PKG_VERSION"),
        "rebuilt": true,
        "run": run,
        "pipeline": last_run["pipeline"],
        "as_of": last_run["as_of"],
        "fingerprint": Value::Null,
        "outcome": last_run["outcome"],
        "resumed": last_run["resumed"],
        "began_at": last_run["began_at"],
        "ended_at": last_run["ended_at"],
        "wall_ms": wall,
        "steps": steps,
        "checks": checks,
    });
    catalog.warehouse().put_artifact(run, RUN_RESULTS, &results).await
}

/// The rows of a query, instants as texts.
async fn rows(session: &Session, sql: &str) -> Result<Vec<Value>> {
    let batches = session.sql(sql).await.doing(DOING)?.collect().await.doing(DOING)?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).doing(DOING)?;
    writer.finish().doing(DOING)?;
    let bytes = writer.into_inner();
    match serde_json::from_slice(if bytes.is_empty() { b"[]" } else { &bytes }) {
        Ok(Value::Array(rows)) => Ok(rows),
        _ => Err(Error::failed("the history does not hold what sillage writes there")),
    }
}

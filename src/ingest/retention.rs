//! Retention: rows older than their source keeps them leave its raw table in the night, refused records
//! older than that leave the quarantine.
//!
//! Age is counted back from the run's instant: of a row by the column that `keep` names, of a refused
//! record by the instant of the run that refused it. A row without a value there is kept: of a list, who is
//! still on it. Of a source
//! with a key the latest row of each counts; when that one is too old, the rows it has replaced leave
//! with it, or an outdated value would count again. The register of files stays as it is: a file whose rows have
//! left is known, and adds nothing when it comes again.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::DateTime;
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::DataFrame;

use super::definition::Ingest;
use super::retention_policy::Policy;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::name::{StepName, TableName};
use crate::ops::steps::StepMetrics;
use crate::ops::{quarantine, runs};
use crate::sql_text::quoted;
use crate::step::StepContext;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::row_removal::{Least, SplitTable};
use crate::warehouse::row_versions::Versions;
use crate::warehouse::stage::{Mode, Staged};

impl Ingest {
    /// The source's rows as they are to be committed, without those that are too old: `rows` itself
    /// when there is none.
    pub(super) async fn without_expired(
        &self,
        context: &StepContext,
        rows: Staged,
        metrics: &mut StepMetrics,
    ) -> Result<Staged> {
        let source = &self.source;
        let Some(policy) = Policy::of(self, context.as_of) else { return Ok(rows) };
        let mut parted = context.catalog.split_files(rows, |statistics| policy.may_touch(statistics)).await?;
        if !parted.has_affected_files() {
            return Ok(parted.unchanged());
        }
        let session = parted.session()?;
        let all = session.table(parted.table()).await?;
        let too_old = policy.too_old(&all)?;
        let mut expired =
            count(all.clone().filter(too_old.clone()), "count the rows that are too old").await?;
        if expired == 0 {
            return Ok(parted.unchanged());
        }
        let mut kept = all.filter(too_old.is_not_true()).doing("leave out the rows that are too old")?;
        // A state that ended earlier than another of its key left with it.
        if !source.contract.key.is_empty() && source.contract.snapshot.is_none() {
            let replaced = Replaced::by(&policy, &parted).await?;
            let outdated =
                replaced.rows("semi").await?.count().await.doing("count what they have replaced")?;
            if outdated > 0 {
                // It may lie in any file.
                parted = parted.with_all_files_affected();
                kept = replaced.rows("anti").await?;
                expired += outdated as u64;
            }
        }
        metrics.expired = expired;
        metrics.notes.push(format!(
            "{expired} row{} left the table: kept for {} by {}, from {} on",
            if expired == 1 { "" } else { "s" },
            policy.span,
            policy.by,
            show_instant(policy.since.instant)
        ));
        parted.with_rows(kept).await.map_err(|e| e.at(format!("source {}", source.name)))
    }
}

async fn count(rows: datafusion::error::Result<DataFrame>, doing: &str) -> Result<u64> {
    Ok(rows.doing(doing)?.count().await.doing(doing)? as u64)
}

/// The rows of a table that are young enough, beside those too old with the same key that came later.
struct Replaced {
    session: Session,
    key: Vec<String>,
    /// The columns that order versions, the weightiest first.
    order: Vec<String>,
}

impl Replaced {
    async fn by(policy: &Policy<'_>, parted: &SplitTable<'_>) -> Result<Replaced> {
        let session = parted.session_of_all()?;
        let all = session.table(parted.table()).await?;
        let too_old = policy.too_old(&all)?;
        let key = policy.source.contract.key.clone();
        let mut columns: Vec<&str> = key.iter().map(String::as_str).collect();
        let order = policy.versions.as_ref().map(Versions::order).unwrap_or_default();
        columns.extend(order.iter().copied().filter(|column| !key.iter().any(|k| k == column)));
        let doing = "leave out the rows that are too old";
        let old =
            all.clone().filter(too_old.clone()).and_then(|old| old.select_columns(&columns)).doing(doing)?;
        session.register_view(&TableName::new("retention", "old")?, old)?;
        let young = all.filter(too_old.is_not_true()).doing(doing)?;
        session.register_view(&TableName::new("retention", "young")?, young)?;
        let order = order.into_iter().map(str::to_owned).collect();
        Ok(Replaced { session, key, order })
    }

    /// `semi`: those that a row too old has replaced; `anti`: all others.
    async fn rows(&self, which: &str) -> Result<DataFrame> {
        let same: Vec<String> = self.key.iter().map(|k| format!("old.\"{k}\" = young.\"{k}\"")).collect();
        // Held in memory is what is too old, not the table.
        let sql = format!(
            "select young.* from retention.old old right {which} join retention.young young on {} and {}",
            same.join(" and "),
            later("old", "young", &self.order)
        );
        self.session.sql(&sql).await.doing("look for what the rows that are too old have replaced")
    }
}

/// SQL: whether the one row is a later version than the other, by these columns; no value comes first.
fn later(one: &str, other: &str, order: &[String]) -> String {
    order.iter().rev().fold("false".to_owned(), |among_equals, column| {
        let (one, other) = (format!("{one}.\"{column}\""), format!("{other}.\"{column}\""));
        format!(
            "(coalesce({one} > {other}, {one} is not null and {other} is null) or \
             (({one} = {other} or ({one} is null and {other} is null)) and {among_equals}))"
        )
    })
}

/// What leaves the quarantine.
pub struct Expired {
    pub staged: Staged,
    /// By the step of the source.
    pub notes: BTreeMap<StepName, String>,
}

/// The quarantine without the records of this run's sources that are too old; `None` when there is none.
///
/// A run is too old when it and all before it were: words on one record leave in the order in which
/// they were written, so that the last one to stay is the one that counts.
///
/// # Errors
/// A quarantine or a history of runs that cannot be read; a quarantine that cannot be written anew.
pub async fn expire_refusals(
    ingests: impl Iterator<Item = &Ingest>,
    context: &StepContext,
) -> Result<Option<Expired>> {
    let sources: Vec<Policy> = ingests.filter_map(|ingest| Policy::of(ingest, context.as_of)).collect();
    let catalog = &context.catalog;
    let table = quarantine::table();
    if sources.is_empty() || !catalog.released().any(|released| *released == table) {
        return Ok(None);
    }
    let runs = instants_of_runs(&context.pipeline, catalog).await?;
    let first_kept: Vec<(&Policy, u64)> = sources
        .iter()
        .map(|policy| {
            let first = runs.iter().find(|(_, as_of)| *as_of >= policy.since.instant);
            (policy, first.map_or(context.run, |(run, _)| *run))
        })
        .collect();
    let highest = first_kept.iter().map(|(_, run)| *run).max().unwrap_or(0);
    let Some(grown) = catalog.table(&table).await? else { return Ok(None) };
    let nothing = catalog.warehouse().stager(&table, Mode::Append, &grown.schema)?.finish().await?;
    let parted = catalog
        .split_files(nothing, |statistics| match statistics.least("_run") {
            Least::Value(least) => least.as_u64().is_none_or(|least| least < highest),
            Least::NoValue => false,
            Least::Unknown => true,
        })
        .await?;
    if !parted.has_affected_files() {
        return Ok(None);
    }
    let doing = "look for refused records that are too old";
    let all = parted.session()?.table(&table).await?;
    let (mut notes, mut too_old) = (BTreeMap::new(), lit(false));
    for (policy, run) in &first_kept {
        let of_source =
            col("source").eq(lit(policy.source.name.as_str())).and(col("_run").lt(lit(*run as i64)));
        too_old = too_old.or(of_source.clone());
        let records = count(all.clone().filter(of_source), doing).await?;
        if records > 0 {
            let note = format!(
                "{records} refused record{} left the quarantine: kept for {}",
                if records == 1 { "" } else { "s" },
                policy.span
            );
            notes.insert(StepName::from(&policy.source.raw_table()), note);
        }
    }
    if notes.is_empty() {
        return Ok(None);
    }
    let kept = all.filter(too_old.is_not_true()).doing(doing)?;
    Ok(Some(Expired { staged: parted.with_rows(kept).await?, notes }))
}

/// The pipeline's runs so far, each with the instant it was evaluated at, in order.
async fn instants_of_runs(pipeline: &str, catalog: &Catalog) -> Result<Vec<(u64, Instant)>> {
    let table = runs::table();
    if catalog.table(&table).await?.is_none() {
        return Ok(Vec::new());
    }
    let doing = "read the history of runs";
    // Pipelines have the names of identifiers.
    let sql = format!("select run, as_of from ops.runs where pipeline = {} order by run", quoted(pipeline));
    let session = catalog.session([&table], None).await?;
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let damaged = || Error::failed("ops.runs does not hold what sillage writes there");
    let mut runs = Vec::new();
    for batch in &batches {
        let numbers = batch.column(0).as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
        let instants = batch.column(1).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(damaged)?;
        for row in 0..batch.num_rows() {
            let as_of = DateTime::from_timestamp_micros(instants.value(row)).ok_or_else(damaged)?;
            runs.push((numbers.value(row) as u64, as_of));
        }
    }
    Ok(runs)
}

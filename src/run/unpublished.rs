//! The tables of a run that failed or was cut off, as far as it came.

use std::collections::BTreeMap;

use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::Engine;
use crate::warehouse::release::{Outcome, Release};
use crate::warehouse::visibility::Visibility;

/// What a run left without publishing it.
pub struct Unpublished {
    /// The tables of the release before it, and in the place of those that it made its own.
    pub catalog: Catalog,
    /// The release before it, as of the run's instant.
    pub release: Option<Release>,
    pub as_of: Instant,
}

/// Opens what a run left that did not publish. It is there until another run begins.
///
/// Raw tables show what the models of the run saw, unless `visibility` says how rows become known.
///
/// # Errors
/// A run that published, is unknown, or whose tables are gone.
pub async fn unpublished(
    warehouse: &Warehouse,
    engine: Engine,
    run: u64,
    visibility: Option<BTreeMap<TableName, Visibility>>,
) -> Result<Unpublished> {
    let release = warehouse.last_release().await?;
    let left = warehouse.unfinished_run(release.as_ref()).await?;
    let Some(left) = left.filter(|left| left.begun.run == run) else {
        let last = release.map_or(0, |release| release.release);
        return Err(gone(warehouse, run, last).await);
    };
    let as_of = left.begun.as_of;
    let mut release = release;
    if let Some(release) = &mut release {
        release.reading.as_of = Some(as_of);
    }
    let catalog = match (&release, visibility) {
        (Some(release), None) => Catalog::of_release(warehouse.clone(), engine, release),
        (release, visibility) => {
            Catalog::new(warehouse.clone(), engine, release.as_ref(), visibility.unwrap_or_default())
        }
    };
    for staged in left.finished.values().flat_map(|step| &step.staged) {
        catalog.add_staged(staged).await?;
    }
    Ok(Unpublished { catalog, release, as_of })
}

async fn gone(warehouse: &Warehouse, run: u64, last: u64) -> Error {
    if run > last {
        return Error::config(format!("there was no run {run}")).hint("`sillage history` lists the runs");
    }
    match warehouse.release(run).await {
        Ok(release) if release.outcome == Outcome::Published => Error::config(format!("run {run} published its tables"))
            .hint(format!("read them with --release {run}")),
        _ => Error::config(format!("the tables of run {run}, which published nothing, are gone"))
            .hint("they are kept until the next run begins; what it counted is in ops.runs, ops.steps and ops.checks"),
    }
}

//! `history` and `releases`: what was run, what was published.

use clap::Args;

use super::args::{LimitArgs, WarehouseArg};
use super::listing::Listing;
use super::output::OutputArgs;
use super::query::open;
use crate::clock::show_instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::Warehouse;
use crate::warehouse::release::{Origin, Outcome, Release};

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The steps of one run, instead of the runs
    run: Option<u64>,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct ReleasesArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    output: OutputArgs,
}

pub async fn history(args: HistoryArgs) -> Result<()> {
    let catalog = open(&args.warehouse.warehouse, None, &args.limits).await?;
    // A note may be long; a table on the screen shows its beginning.
    let note = if args.output.is_screen_table() { "left(note, 60) as note" } else { "note" };
    let (table, sql) = match args.run {
        None => ("runs", "select * from ops.runs order by run desc".to_owned()),
        Some(run) => (
            "steps",
            format!(
                "select step, kind, status, rows, rows_refused, files_read, bytes_written, wall_ms, {note} \
                 from ops.steps where run = {run} order by step"
            ),
        ),
    };
    let table = TableName::new("ops", table)?;
    if catalog.table(&table).await?.is_none() {
        args.output.beside("no run has ended yet");
        return Ok(());
    }
    let session = catalog.session([&table], None).await?;
    if let Some(run) = args.run
        && session.sql(&sql).await.doing("read the history")?.count().await.doing("read the history")? == 0
    {
        return Err(Error::config(format!("there is no run {run}")).hint("`sillage history` lists them"));
    }
    args.output.write(&catalog, session.sql(&sql).await.doing("read the history")?).await?;
    Ok(())
}

pub async fn releases(args: ReleasesArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let mut releases = Vec::new();
    for number in warehouse.releases().await?.into_iter().rev() {
        releases.push(warehouse.release(number).await?);
    }
    let outcome = |release: &Release| match release.outcome {
        Outcome::Published => "published",
        Outcome::Failed => "failed",
    };
    Listing::default()
        .numbers("release", releases.iter().map(|r| Some(r.release)))
        .text("outcome", releases.iter().map(outcome))
        .text("as_of", releases.iter().map(|r| show_instant(r.as_of)))
        .text(
            "published_at",
            releases.iter().map(|r| r.published_at.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        )
        .numbers("tables", releases.iter().map(|r| Some(r.tables.len() as u64)))
        .text("made_by", releases.iter().map(made_by))
        .write(&args.output)?;
    let last = warehouse.last_release().await?;
    if let Some(unfinished) = warehouse.unfinished_run(last.as_ref()).await? {
        let (ended, next) = match unfinished.failed {
            true => ("failed", "`sillage retry` goes on"),
            false => ("was cut off", "the next `run` goes on"),
        };
        let (run, steps) = (unfinished.begun.run, unfinished.finished.len());
        args.output.beside(&format!("run {run} {ended} after {steps} steps; {next}"));
    }
    Ok(())
}

fn made_by(release: &Release) -> String {
    match release.origin {
        Origin::Run => release.pipeline.clone(),
        Origin::Restore { release } => format!("restore of release {release}"),
        Origin::Optimize => "optimize".to_owned(),
        Origin::Vacuum => "vacuum".to_owned(),
        Origin::Forget => "forget".to_owned(),
        Origin::Dismiss => "quarantine dismiss".to_owned(),
        Origin::Migrate { from } => format!("migrate from format {from}"),
    }
}

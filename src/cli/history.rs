//! `history` and `releases`: what was run, what was published.

use clap::Args;

use super::args::{LimitArgs, WarehouseArg};
use super::output::OutputArgs;
use super::query::open;
use crate::clock::show_instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::Warehouse;
use crate::warehouse::release::{Origin, Outcome};

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
        say!("no run has ended yet");
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
    say!("{:>7}  {:10}  {:30} {:20} {:>6}  made by", "release", "outcome", "as of", "published at", "tables");
    for number in warehouse.releases().await?.into_iter().rev() {
        let release = warehouse.release(number).await?;
        let outcome = match release.outcome {
            Outcome::Published => "published",
            Outcome::Failed => "failed",
        };
        let made_by = match release.origin {
            Origin::Run => release.pipeline.clone(),
            Origin::Restore { release } => format!("restore of release {release}"),
            Origin::Optimize => "optimize".to_owned(),
            Origin::Vacuum => "vacuum".to_owned(),
            Origin::Forget => "forget".to_owned(),
            Origin::Dismiss => "quarantine dismiss".to_owned(),
            Origin::Migrate { from } => format!("migrate from format {from}"),
        };
        say!(
            "{number:>7}  {outcome:10}  {:30} {:20} {:>6}  {made_by}",
            show_instant(release.as_of),
            release.published_at.format("%Y-%m-%dT%H:%M:%SZ"),
            release.tables.len(),
        );
    }
    let last = warehouse.last_release().await?;
    if let Some(unfinished) = warehouse.unfinished_run(last.as_ref()).await? {
        let (ended, next) = match unfinished.failed {
            true => ("failed", "`sillage retry` goes on"),
            false => ("was cut off", "the next `run` goes on"),
        };
        say!("run {} {ended} after {} steps; {next}", unfinished.begun.run, unfinished.finished.len());
    }
    Ok(())
}

//! `why`: the change of a metric between two releases, split by cause.

use clap::Args;

use super::args::{LimitArgs, WarehouseArg};
use super::output::OutputArgs;
use crate::error::{Error, Result};
use crate::metric::change::{OfRelease, Question, explain};
use crate::run;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::Release;

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A metric, as the pipeline declares it
    metric: String,
    /// The earlier release; the one before the later one when not given
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// The later release; the last one when not given
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// A period, the same of both releases: 2026-05, 2026-Q2, 2026; the last one that was over at each when not given
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    /// The dimension by which the mix is split; the metric's first when not given
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Show the parts by value of the dimension
    #[arg(long)]
    by_value: bool,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn why(args: WhyArgs) -> Result<()> {
    args.output.require_fitting()?;
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let to = match args.to {
        Some(number) => kept(&warehouse, number).await?,
        None => warehouse.require_last_release().await?,
    };
    let from = match args.from {
        Some(number) => kept(&warehouse, number).await?,
        None => before(&warehouse, &to).await?,
    };
    if from.release >= to.release {
        return Err(Error::config(format!("release {} is not before release {}", from.release, to.release))
            .hint("the earlier one is --from"));
    }
    if from.instant() > to.instant() {
        return Err(Error::config(format!(
            "release {} is as of an earlier instant than release {}",
            to.release, from.release
        ))
        .hint("a night that was filled in later cannot be explained by one after it"));
    }
    let catalog = |release: &Release| -> Result<Catalog> {
        let engine = run::engine(args.limits.limits(), &warehouse)?;
        Ok(Catalog::of_release(warehouse.clone(), engine, release))
    };
    let (earlier, later) = (catalog(&from)?, catalog(&to)?);
    let side = |release: &Release| (release.release, release.instant());
    let of = |(number, instant), catalog| OfRelease { number, catalog, instant };
    let question =
        Question { metric: args.metric, by: args.by, period: args.period, by_value: args.by_value };
    let explained = explain(&of(side(&from), &earlier), &of(side(&to), &later), &question).await?;
    args.output.beside(&explained.summary);
    args.output.write_list(explained.rows)?;
    for remark in &explained.remarks {
        args.output.beside(remark);
    }
    Ok(())
}

/// Returns a release, or says that it is no longer kept.
async fn kept(warehouse: &Warehouse, number: u64) -> Result<Release> {
    let releases = warehouse.releases().await?;
    match (releases.first(), releases.last()) {
        (Some(first), Some(last)) if !releases.contains(&number) && number < *first && number > 0 => {
            Err(Error::config(format!("release {number} is gone: those from {first} to {last} are kept")).hint(
                "`vacuum` and `forget` delete earlier releases; what their metrics were is in mart.metrics of the last",
            ))
        }
        _ => warehouse.release(number).await,
    }
}

/// Returns the release before one.
async fn before(warehouse: &Warehouse, later: &Release) -> Result<Release> {
    let releases = warehouse.releases().await?;
    match releases.into_iter().rev().find(|number| *number < later.release) {
        Some(number) => warehouse.release(number).await,
        None => Err(Error::config(format!("there is no release before {}", later.release))
            .hint("a metric is compared between two releases: run the pipeline again")),
    }
}

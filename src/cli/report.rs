//! `report`: what a release has to say, as one HTML file.

use std::path::PathBuf;

use clap::Args;

use super::args::{LimitArgs, WarehouseArg};
use super::output::write_whole;
use crate::error::Result;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::{report, run};

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    /// Tell of an earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn report(args: ReportArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let release = match args.release {
        Some(number) => warehouse.release(number).await?,
        None => warehouse.require_last_release().await?,
    };
    let engine = run::engine(args.limits.limits(), &warehouse)?;
    let catalog = Catalog::new(warehouse, engine, Some(&release), std::collections::BTreeMap::new());
    let page = report::page(&catalog, &release).await?;
    // Nothing in it is about a person, so an erasure need not find it.
    write_whole(&args.output, page.as_bytes())?;
    say!("release {} in {}", release.release, args.output.display());
    Ok(())
}

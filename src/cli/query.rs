//! `query`: SQL over a release.

use std::collections::BTreeMap;

use clap::Args;

use super::output::OutputArgs;
use super::{LimitArgs, WarehouseArg};
use crate::error::{Context, Result};
use crate::model::sql::tables_read;
use crate::run;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// One SELECT over the tables of the warehouse, for example "select * from mart.segments"
    sql: String,
    #[command(flatten)]
    read: ReadArgs,
}

/// Which release is read, and where the answer goes.
#[derive(Debug, Args)]
pub struct ReadArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    /// Read an earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl ReadArgs {
    pub async fn open(&self) -> Result<Catalog> {
        open(&self.warehouse.warehouse, self.release, &self.limits).await
    }
}

pub async fn query(args: QueryArgs) -> Result<()> {
    let catalog = args.read.open().await?;
    let tables = tables_read(&args.sql)?;
    let session = catalog.session(&tables, None).await?;
    let frame = session.sql(&args.sql).await.doing("understand the query")?;
    args.read.output.write(&catalog, frame).await?;
    Ok(())
}

/// A release, the last one unless said otherwise, as tables.
pub async fn open(location: &str, release: Option<u64>, limits: &LimitArgs) -> Result<Catalog> {
    let warehouse = Warehouse::open(location).await?;
    let release = match release {
        Some(number) => Some(warehouse.release(number).await?),
        None => warehouse.last_release().await?,
    };
    let engine = run::engine(limits.limits(), &warehouse)?;
    Ok(Catalog::new(warehouse, engine, release.as_ref(), BTreeMap::new()))
}

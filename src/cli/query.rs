//! `query`: SQL over a release.

use std::collections::BTreeMap;

use clap::Args;

use super::output::OutputArgs;
use super::{LimitArgs, WarehouseArg};
use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::model::sql::tables_read;
use crate::name::TableName;
use crate::run;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::{Catalog, Visibility};
use crate::warehouse::release::Release;

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

    /// The release as its run saw it: its instant, and how rows become known.
    pub async fn open_as_of(
        &self,
        visibility: BTreeMap<TableName, Visibility>,
    ) -> Result<(Catalog, Option<Instant>)> {
        let (warehouse, release) = release(&self.warehouse.warehouse, self.release).await?;
        let engine = run::engine(self.limits.limits(), &warehouse)?;
        let catalog = Catalog::new(warehouse, engine, release.as_ref(), visibility);
        Ok((catalog, release.map(|release| release.as_of)))
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
pub async fn open(location: &str, number: Option<u64>, limits: &LimitArgs) -> Result<Catalog> {
    let (warehouse, release) = release(location, number).await?;
    let engine = run::engine(limits.limits(), &warehouse)?;
    Ok(Catalog::new(warehouse, engine, release.as_ref(), BTreeMap::new()))
}

async fn release(location: &str, number: Option<u64>) -> Result<(Warehouse, Option<Release>)> {
    let warehouse = Warehouse::open(location).await?;
    let release = match number {
        Some(number) => Some(warehouse.release(number).await?),
        None => warehouse.last_release().await?,
    };
    Ok((warehouse, release))
}

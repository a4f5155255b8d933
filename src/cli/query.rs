//! `query`: SQL over a release.

use std::collections::BTreeMap;

use clap::Args;
use datafusion::prelude::DataFrame;

use super::args::{LimitArgs, WarehouseArg};
use super::output::OutputArgs;
use crate::error::{Context, Result, SqlOrigin};
use crate::model::sql::tables_read_among;
use crate::name::TableName;
use crate::run::{self, Unpublished};
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::Release;
use crate::warehouse::visibility::Visibility;

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// One SELECT over the tables of the warehouse, for example "select * from mart.segments"
    sql: String,
    #[command(flatten)]
    versions: VersionArgs,
    #[command(flatten)]
    read: ReadArgs,
}

/// Which rows of raw tables are shown.
#[derive(Debug, Default, Args)]
pub struct VersionArgs {
    /// Show every row of raw tables: versions that were replaced, and what came after the release's instant
    #[arg(long)]
    all_versions: bool,
}

/// Which release is read, and where the answer goes.
#[derive(Debug, Args)]
pub struct ReadArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    /// Read an earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    /// Read what a run left that failed or was cut off; it is kept until the next run begins
    #[arg(long, value_name = "N", conflicts_with = "release")]
    run: Option<u64>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl ReadArgs {
    /// Opens the release; its raw tables show what its models saw.
    pub async fn open(&self) -> Result<Catalog> {
        self.output.require_fitting()?;
        if self.run.is_some() {
            return self.open_with(&VersionArgs::default()).await;
        }
        open(&self.warehouse.warehouse, self.release, &self.limits).await
    }

    /// Opens the release with these rows of its raw tables.
    pub async fn open_with(&self, versions: &VersionArgs) -> Result<Catalog> {
        self.output.require_fitting()?;
        if let Some(run) = self.run {
            let visibility = versions.all_versions.then(BTreeMap::new);
            return Ok(self.unpublished(run, visibility).await?.catalog);
        }
        open_with(&self.warehouse.warehouse, self.release, &self.limits, versions).await
    }

    /// Opens the release as its run saw it, its instant with it; how rows become known is asked of the release.
    pub async fn open_as_of(
        &self,
        visibility: impl FnOnce(&Release) -> BTreeMap<TableName, Visibility>,
    ) -> Result<(Catalog, Option<Release>)> {
        self.output.require_fitting()?;
        if let Some(run) = self.run {
            let before = release(&self.warehouse.warehouse, None).await?.1;
            let visibility = before.as_ref().map(visibility).unwrap_or_default();
            let left = self.unpublished(run, Some(visibility)).await?;
            return Ok((left.catalog, left.release));
        }
        let (warehouse, release) = release(&self.warehouse.warehouse, self.release).await?;
        let engine = run::engine(self.limits.limits(), &warehouse)?;
        let Some(release) = release else {
            return Ok((Catalog::new(warehouse, engine, None, BTreeMap::new()), None));
        };
        let engine = engine.in_zone(release.reading.zone());
        let visibility = visibility(&release);
        Ok((Catalog::new(warehouse, engine, Some(&release), visibility), Some(release)))
    }

    async fn unpublished(
        &self,
        run: u64,
        visibility: Option<BTreeMap<TableName, Visibility>>,
    ) -> Result<Unpublished> {
        let warehouse = Warehouse::open(&self.warehouse.warehouse).await?;
        let engine = run::engine(self.limits.limits(), &warehouse)?;
        run::unpublished(&warehouse, engine, run, visibility).await
    }
}

pub async fn query(args: QueryArgs) -> Result<()> {
    let catalog = args.read.open_with(&args.versions).await?;
    let frame =
        planned(&catalog, &args.sql).await.map_err(|e| e.in_sql(&SqlOrigin::typed("query", &args.sql)))?;
    args.read.output.write(&catalog, frame).await?;
    Ok(())
}

async fn planned(catalog: &Catalog, sql: &str) -> Result<DataFrame> {
    let known: Vec<String> = catalog.names().iter().map(ToString::to_string).collect();
    let tables = tables_read_among(sql, &known)?;
    let session = catalog.session(&tables, None).await?;
    session.sql(sql).await.doing("understand the query")
}

/// A release, the last one unless said otherwise, as tables; the raw ones show what its models saw.
pub async fn open(location: &str, number: Option<u64>, limits: &LimitArgs) -> Result<Catalog> {
    open_with(location, number, limits, &VersionArgs::default()).await
}

async fn open_with(
    location: &str,
    number: Option<u64>,
    limits: &LimitArgs,
    versions: &VersionArgs,
) -> Result<Catalog> {
    let (warehouse, release) = release(location, number).await?;
    let engine = run::engine(limits.limits(), &warehouse)?;
    Ok(match release {
        Some(release) if !versions.all_versions => Catalog::of_release(warehouse, engine, &release),
        Some(release) => {
            let engine = engine.in_zone(release.reading.zone());
            Catalog::new(warehouse, engine, Some(&release), BTreeMap::new())
        }
        None => Catalog::new(warehouse, engine, None, BTreeMap::new()),
    })
}

async fn release(location: &str, number: Option<u64>) -> Result<(Warehouse, Option<Release>)> {
    let warehouse = Warehouse::open(location).await?;
    let release = match number {
        Some(number) => Some(warehouse.release(number).await?),
        None => warehouse.last_release().await?,
    };
    Ok((warehouse, release))
}

//! `restore`, `optimize`, `vacuum`, `backup`, `migrate`: what keeps a warehouse in shape.

use std::time::Duration;

use clap::Args;

use super::args::{LimitArgs, WaitArg, WarehouseArg, parse_duration};
use super::progress::grouped;
use crate::clock::show_instant;
use crate::error::{Error, Result};
use crate::ops;
use crate::warehouse::Warehouse;
use crate::warehouse::export_register::{ExportKind, Exported};
use crate::warehouse::format::FORMAT;
use crate::warehouse::vacuum::Retention;

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The release whose tables come back, as the next release
    release: u64,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    wait: WaitArg,
}

#[derive(Debug, Args)]
pub struct OptimizeArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    wait: WaitArg,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct VacuumArgs {
    /// How many of the newest releases stay readable and restorable
    #[arg(long, value_name = "N", default_value_t = 30)]
    keep_releases: usize,
    /// Releases that were the last one within this time stay, for readers in mid-scan: 90s, 30m, 12h, 7d
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = parse_duration)]
    older_than: Duration,
    /// Say what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    wait: WaitArg,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Empty folder or object-store URL that becomes a warehouse with the last release
    to: String,
    #[command(flatten)]
    warehouse: WarehouseArg,
}

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    wait: WaitArg,
}

pub async fn restore(args: RestoreArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let release = warehouse.restore(args.release, args.wait.wait()).await?;
    say!(
        "release {} published: the tables of release {}, as of {}",
        release.release,
        args.release,
        show_instant(release.as_of)
    );
    Ok(())
}

pub async fn optimize(args: OptimizeArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let optimized = warehouse.optimize(args.limits.limits(), args.wait.wait()).await?;
    if optimized.is_empty() {
        say!("no table has many small files");
    }
    for table in optimized {
        say!("{}: {} files became {}", table.table, table.files_before, table.files_after);
    }
    Ok(())
}

pub async fn vacuum(args: VacuumArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let retention = Retention { releases: args.keep_releases, grace: args.older_than };
    let vacuumed = warehouse.vacuum(retention, args.dry_run, args.wait.wait()).await?;
    let (would, gone) =
        if args.dry_run { ("would be ", "") } else { ("", "; they cannot be restored any more") };
    say!(
        "{} files, {} bytes {would}deleted; {} releases {would}forgotten{gone}",
        grouped(vacuumed.files as u64),
        grouped(vacuumed.bytes),
        vacuumed.releases.len()
    );
    Ok(())
}

pub async fn backup(args: BackupArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let export = warehouse.begin_export(Exported::new(&args.to, ExportKind::Backup)).await?;
    let export = export.ok_or_else(|| {
        Error::failed("the warehouse cannot be written to, so `sillage forget` would not find the copy")
            .hint("back up as the user that runs the nights")
    })?;
    // A copy that was cut off holds rows too.
    export.written().await?;
    let copied = warehouse.backup(&args.to).await;
    // One that stays is ended by the next command.
    let _ = export.end().await;
    let backup = copied?;
    say!(
        "release {} copied: {} files, {} bytes; {} is a warehouse of its own",
        backup.release.release,
        grouped(backup.files as u64),
        grouped(backup.bytes),
        args.to
    );
    Ok(())
}

pub async fn migrate(args: MigrateArgs) -> Result<()> {
    let location = &args.warehouse.warehouse;
    let migration = Warehouse::migrate(location, ops::schema, args.dry_run, args.wait.wait()).await?;
    let from = migration.from;
    match (from == FORMAT, migration.done.is_empty(), args.dry_run) {
        (true, true, _) => say!("{location} has format {FORMAT}: there is nothing to do"),
        (true, false, true) => say!("{location} has format {FORMAT}; to do:"),
        (false, _, true) => say!("{location} has format {from}; to bring it to format {FORMAT}:"),
        (true, false, false) => say!("{location} has format {FORMAT}; done:"),
        (false, _, false) => say!("{location} had format {from} and has format {FORMAT} now; done:"),
    }
    for line in migration.done {
        say!("  {line}");
    }
    Ok(())
}

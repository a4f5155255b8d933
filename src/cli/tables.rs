//! `ls` and `show`: what there is.

use clap::Args;

use super::args::{LimitArgs, WarehouseArg};
use super::progress::grouped;
use super::query::{ReadArgs, VersionArgs, open};
use crate::error::{Context, Result};
use crate::name::TableName;

#[derive(Debug, Args)]
pub struct LsArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// schema.table, for example mart.segments
    table: TableName,
    /// How many rows
    #[arg(short = 'n', long, default_value_t = 10)]
    rows: usize,
    #[command(flatten)]
    versions: VersionArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub async fn ls(args: LsArgs) -> Result<()> {
    let catalog = open(&args.warehouse.warehouse, args.release, &args.limits).await?;
    say!("{:36} {:>14} {:>12} {:>8}", "table", "rows", "KB", "version");
    for name in catalog.released() {
        if let Some(table) = catalog.table(name).await? {
            let version = table.version.map(|v| v.to_string()).unwrap_or_default();
            say!(
                "{:36} {:>14} {:>12} {version:>8}",
                name.to_string(),
                grouped(table.rows),
                grouped(table.bytes / 1024)
            );
        }
    }
    Ok(())
}

pub async fn show(args: ShowArgs) -> Result<()> {
    let catalog = args.read.open_with(&args.versions).await?;
    let Some(table) = catalog.table(&args.table).await? else {
        return Err(catalog.unknown(&args.table));
    };
    if args.read.output.output.is_none() && args.read.output.format.is_none() {
        say!("{}: {} rows", args.table, grouped(table.rows));
        for field in table.schema.fields() {
            say!("  {:34} {}", field.name(), field.data_type());
        }
    }
    let session = catalog.session([&args.table], None).await?;
    let frame = session.table(&args.table).await?.limit(0, Some(args.rows)).doing("take the first rows")?;
    args.read.output.write(&catalog, frame).await?;
    Ok(())
}

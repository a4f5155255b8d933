//! Whether the disk has room for the night, looked at before it begins.
//!
//! What a night writes is known only when it is written. What it writes at least is not far from
//! what its tables had the night before, plus a part of the new files: a CSV file becomes a Parquet
//! file of a third or so. With less room than that the run would fail after all its work.

use super::plan::Plan;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// A new file takes at least this part of its size as a table.
const TABLE_PER_FILE: u64 = 4;

/// Refuses a run that the disk has no room for.
pub async fn require(plan: &Plan, catalog: &Catalog) -> Result<()> {
    let storage = catalog.warehouse().storage();
    let Some(free) = storage.free_bytes() else { return Ok(()) };
    let new: u64 = plan.intakes.values().flat_map(|intake| &intake.files).map(|file| file.size).sum();
    let mut expected = new / TABLE_PER_FILE;
    for step in &plan.steps {
        // Raw tables grow by the new files only; the others are written anew.
        for table in step.step.tables_made().into_iter().filter(|table| table.schema() != "raw") {
            expected += written(catalog, &table).await?;
        }
    }
    if free >= expected {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the disk of {} has {} free, the run is expected to write {} at least",
        catalog.warehouse().location(),
        shown(free),
        shown(expected)
    ))
    .hint("free some space, for example with `sillage vacuum`, and run again"))
}

async fn written(catalog: &Catalog, table: &TableName) -> Result<u64> {
    if !catalog.released().any(|released| released == table) {
        return Ok(0);
    }
    Ok(catalog.table(table).await?.map_or(0, |table| table.bytes))
}

fn shown(bytes: u64) -> String {
    let (size, unit) = match bytes as f64 {
        small if small < 1e6 => (small / 1e3, "kB"),
        large if large < 1e9 => (large / 1e6, "MB"),
        huge => (huge / 1e9, "GB"),
    };
    format!("{size:.1} {unit}")
}

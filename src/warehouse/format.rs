//! The format version of a warehouse: an older one must be migrated, a newer one is refused.

use std::cmp::Ordering;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::location::Warehouse;
use crate::error::{Error, Result};

/// The format this sillage reads and writes.
pub const FORMAT: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: u32,
    /// Which sillage made the warehouse, or brought it to this format; for people, not for decisions.
    made_by: String,
}

impl Format {
    fn this() -> Format {
        Format { format: FORMAT, made_by: format!("sillage {}", env!("CARGO_PKG_VERSION")) }
    }
}

pub(super) fn path() -> Path {
    Path::from("_sillage/format.json")
}

pub(super) async fn require(warehouse: &Warehouse) -> Result<()> {
    match warehouse.read_json::<Format>(&path()).await? {
        Some(found) => check(warehouse, &found),
        None => Err(none(warehouse)),
    }
}

pub(super) async fn require_or_create(warehouse: &Warehouse) -> Result<()> {
    if let Some(found) = warehouse.read_json::<Format>(&path()).await? {
        return check(warehouse, &found);
    }
    if let Some(other) = warehouse.first_visible_object().await? {
        // The format is the first thing in a warehouse: another run may have made it since the look.
        if let Some(found) = warehouse.read_json::<Format>(&path()).await? {
            return check(warehouse, &found);
        }
        return Err(Error::config(format!(
            "{} is not a sillage warehouse, and it is not empty: it contains {other}",
            warehouse.location()
        ))
        .hint(
            "give an empty or new folder with --warehouse DIR; if it was a warehouse, restore its _sillage/",
        ));
    }
    if !warehouse.put_json_if_absent(&path(), &Format::this()).await? {
        // Another process created it in between.
        return Box::pin(require(warehouse)).await;
    }
    Ok(())
}

/// Returns the format that the warehouse has: this one or an older one.
pub(super) async fn found(warehouse: &Warehouse) -> Result<u32> {
    let Some(found) = warehouse.read_json::<Format>(&path()).await? else { return Err(none(warehouse)) };
    if found.format > FORMAT {
        check(warehouse, &found)?;
    }
    Ok(found.format)
}

/// From here on the warehouse has this format.
pub(super) async fn switch(warehouse: &Warehouse) -> Result<()> {
    warehouse.put_json(&path(), &Format::this()).await
}

fn check(warehouse: &Warehouse, found: &Format) -> Result<()> {
    let Format { format, made_by } = found;
    let location = warehouse.location();
    match format.cmp(&FORMAT) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::config(format!(
            "the warehouse {location} has format {format}, this sillage knows format {FORMAT}"
        ))
        .hint(format!("it was made by {made_by}; use that version or a newer one"))),
        Ordering::Less => Err(Error::config(format!(
            "the warehouse {location} has format {format}, this sillage needs format {FORMAT}"
        ))
        .hint(format!(
            "`sillage migrate --warehouse {location}` upgrades it; --dry-run shows what it would do"
        ))),
    }
}

fn none(warehouse: &Warehouse) -> Error {
    Error::config(format!("{} is not a sillage warehouse", warehouse.location()))
        .hint("name one with --warehouse DIR, or create one with `sillage run PIPELINE`")
}

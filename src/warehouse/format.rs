//! The format version that a warehouse carries; an unknown one is refused.

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::Warehouse;
use crate::error::{Error, Result};

/// The format this sillage reads and writes.
pub const FORMAT: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: u32,
    /// Which sillage made the warehouse; for people, not for decisions.
    made_by: String,
}

fn path() -> Path {
    Path::from("_sillage/format.json")
}

pub(super) async fn require(warehouse: &Warehouse) -> Result<()> {
    match warehouse.read_json::<Format>(&path()).await? {
        Some(found) => check(warehouse, &found),
        None => Err(Error::config(format!("{} is not a warehouse of sillage", warehouse.location()))
            .hint("give its place with --warehouse DIR, or make one with `sillage run PIPELINE`")),
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
            "{} is no warehouse of sillage, and it is not empty: there is {other}",
            warehouse.location()
        ))
        .hint(
            "give an empty or new folder with --warehouse DIR; if it was a warehouse, restore its _sillage/",
        ));
    }
    let made = Format { format: FORMAT, made_by: format!("sillage {}", env!("CARGO_PKG_VERSION")) };
    if !warehouse.put_json_if_absent(&path(), &made).await? {
        // Somebody made it in between.
        return Box::pin(require(warehouse)).await;
    }
    Ok(())
}

fn check(warehouse: &Warehouse, found: &Format) -> Result<()> {
    if found.format == FORMAT {
        return Ok(());
    }
    Err(Error::config(format!(
        "the warehouse {} has format {}, this sillage knows format {FORMAT}",
        warehouse.location(),
        found.format
    ))
    .hint(format!("it was made by {}; use that version or a newer one", found.made_by)))
}

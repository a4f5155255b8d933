//! Migrations: bring a warehouse of an older format to this one.
//!
//! There is one step per format, each in its own file. Every part of a step can be repeated, and the format
//! file is changed last: an interrupted migration is started again and gives the same result, and until then
//! every other command refuses the warehouse. Everything happens under the lock, which is the same in all
//! formats.
//!
//! Columns added to history tables (`history_columns`) need no new format: earlier rows have null there.

mod attempts;
mod history_columns;

use arrow::datatypes::SchemaRef;

use super::format::{self, FORMAT};
use super::location::Warehouse;
use super::lock::{Lock, Wait};
use crate::error::{Error, Result};
use crate::name::TableName;

/// What a migration did, or would.
#[derive(Debug)]
pub struct Migration {
    pub from: u32,
    /// What was done, a line each, in the order in which it was.
    pub done: Vec<String>,
}

impl Warehouse {
    /// Brings the warehouse to this format; with `dry_run` only reports what it would do. `history`
    /// knows the columns that a table of the history has today.
    ///
    /// # Errors
    /// A newer format; a release that was being published and cannot be any more.
    pub async fn migrate(
        location: &str,
        history: impl Fn(&TableName) -> Option<SchemaRef>,
        dry_run: bool,
        wait: Wait,
    ) -> Result<Migration> {
        let warehouse = Warehouse::at(location)?;
        let from = format::found(&warehouse).await?;
        if dry_run {
            let mut done = warehouse.steps(from, None).await?;
            done.extend(warehouse.grow_history(&history, None, from).await?);
            return Ok(Migration { from, done });
        }
        let held = async |lock: &Lock| {
            // Another may have migrated it while this one waited.
            let from = format::found(&warehouse).await?;
            let mut done = warehouse.steps(from, Some(lock)).await?;
            done.extend(warehouse.grow_history(&history, Some(lock), from).await?);
            if from != FORMAT {
                lock.still_held().await?;
                format::switch(&warehouse).await?;
            }
            Ok(Migration { from, done })
        };
        warehouse.holding(wait, held).await
    }

    /// Returns the steps from a format to this one; without the lock they are only reported.
    async fn steps(&self, from: u32, lock: Option<&Lock>) -> Result<Vec<String>> {
        let mut done = Vec::new();
        for format in from..FORMAT {
            match format {
                1 => done.extend(self.name_attempts(lock).await?),
                unknown => {
                    return Err(Error::config(format!(
                        "the warehouse {} has format {unknown}, which no sillage ever wrote",
                        self.location()
                    ))
                    .hint("_sillage/format.json was changed; restore it from a backup"));
                }
            }
        }
        Ok(done)
    }
}

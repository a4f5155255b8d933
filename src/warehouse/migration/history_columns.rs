//! Adds columns to history tables that were made before these columns existed.
//!
//! Only their schema changes, in a separate release: no file is written, and old files read as null in the
//! new columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use serde::Deserialize;

use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::location::Warehouse;
use crate::warehouse::lock::Lock;
use crate::warehouse::object::numbered;
use crate::warehouse::release::{FOLDER, Origin};

impl Warehouse {
    /// Without the lock it is only told.
    pub(super) async fn grow_history(
        &self,
        history: &impl Fn(&TableName) -> Option<SchemaRef>,
        lock: Option<&Lock>,
        from: u32,
    ) -> Result<Vec<String>> {
        if let Some(lock) = lock {
            self.recover(lock).await?;
        }
        let (mut staged, mut done) = (Vec::new(), Vec::new());
        for (name, version) in self.last_tables().await? {
            let Some(today) = history(&name) else { continue };
            let Some(table) = self.table(&name, version).await? else { continue };
            let there = table.schema.fields();
            let new: Vec<&str> = today
                .fields()
                .iter()
                .filter(|field| table.schema.field_with_name(field.name()).is_err())
                .map(|field| field.name().as_str())
                .collect();
            if new.is_empty() {
                continue;
            }
            done.push(format!(
                "add to {name} the column{} {}, null in earlier rows",
                if new.len() == 1 { "" } else { "s" },
                new.join(", ")
            ));
            if lock.is_some() {
                // In today's order: what runs append must begin with the columns that are there.
                let gone = there.iter().filter(|field| today.field_with_name(field.name()).is_err());
                let fields: Vec<FieldRef> = today.fields().iter().chain(gone).cloned().collect();
                self.verify_files(&table).await?;
                staged.push(self.staged_at(&name, version, Arc::new(Schema::new(fields))).await?);
            }
        }
        if let (Some(lock), false) = (lock, staged.is_empty()) {
            let last = self.require_last_release().await?;
            self.publish(lock, self.upkeep(&last, Origin::Migrate { from }, staged).await?).await?;
        }
        Ok(done)
    }

    /// Returns the tables of the last release, whatever its format.
    async fn last_tables(&self) -> Result<BTreeMap<TableName, u64>> {
        #[derive(Deserialize)]
        struct Tables {
            tables: BTreeMap<TableName, u64>,
        }
        let last = self.last_release_number().await?;
        let release: Option<Tables> = self.read_json(&numbered(FOLDER, last)).await?;
        Ok(release.map(|release| release.tables).unwrap_or_default())
    }
}

//! Opens a table's Delta log with delta-rs over our own store.

use std::sync::Arc;

use deltalake::DeltaTable;
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};

use super::location::Warehouse;
use crate::error::{Context, Result};
use crate::name::TableName;

impl Warehouse {
    /// Returns the table's log store. Built from our own object store, so that delta-rs needs no cloud
    /// feature of its own (its S3 support would bring the whole AWS SDK).
    pub(super) fn log_store(&self, name: &TableName) -> LogStoreRef {
        default_logstore(
            self.table_store(name),
            self.storage().root_store.clone(),
            &self.table_url(name),
            &StorageConfig::default(),
        )
    }

    /// Returns the table at a version, or at its newest; `None` when there is no table.
    pub(super) async fn delta_table(
        &self,
        name: &TableName,
        version: Option<u64>,
    ) -> Result<Option<DeltaTable>> {
        let log_store = self.log_store(name);
        let exists = log_store.is_delta_table_location().await.doing(format!("look for the table {name}"))?;
        if !exists {
            return Ok(None);
        }
        let mut table = DeltaTable::new(Arc::clone(&log_store));
        match version {
            Some(version) => table
                .load_version(version)
                .await
                .doing(format!("read version {version} of the table {name}"))?,
            None => table.load().await.doing(format!("read the table {name}"))?,
        }
        Ok(Some(table))
    }
}

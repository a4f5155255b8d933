//! The location of a warehouse: its storage, and where in it each table is.

use std::sync::Arc;

use object_store::ObjectStore;

use super::description::{Descriptions, TableDescription};
use super::unjournaled::Unjournaled;
use crate::error::Result;
use crate::name::TableName;
use crate::storage::{Storage, spill};

/// A warehouse that exists and whose format this sillage can read.
#[derive(Debug, Clone)]
pub struct Warehouse {
    storage: Storage,
    /// Sees only what is below the warehouse.
    store: Arc<dyn ObjectStore>,
    /// As the user wrote it, for messages.
    location: String,
    pub(super) unjournaled: Unjournaled,
    /// Those of the pipeline that writes; without one, tables keep what they have.
    descriptions: Option<Arc<Descriptions>>,
}

impl Warehouse {
    /// Returns a warehouse in memory, for SQL over rows that a test gives.
    ///
    /// # Errors
    /// None: its location is always the same.
    pub fn in_memory() -> Result<Self> {
        Ok(Self::of(Storage::in_memory()?, "in memory"))
    }

    pub(super) fn at(location: &str) -> Result<Self> {
        let storage = Storage::open(location)?;
        // Rows that a process which died had spilled are in plain text.
        spill::sweep(storage.local_folder().as_deref());
        Ok(Self::of(storage, location))
    }

    fn of(storage: Storage, location: &str) -> Self {
        Warehouse {
            store: storage.store(),
            storage,
            location: location.to_owned(),
            unjournaled: Unjournaled::default(),
            descriptions: None,
        }
    }

    pub fn location(&self) -> &str {
        &self.location
    }

    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(super) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Returns a store that sees only the table's folder.
    pub(super) fn table_store(&self, name: &TableName) -> Arc<dyn ObjectStore> {
        Arc::new(object_store::prefix::PrefixStore::new(self.store.clone(), name.folder()))
    }

    pub(super) fn table_url(&self, name: &TableName) -> url::Url {
        let mut url = self.storage.url.clone();
        url.set_path(&format!("{}{}/", url.path(), name.folder()));
        url
    }

    /// Returns the warehouse, in which tables that are written from now on bear these descriptions.
    ///
    /// Without it they bear those that they had.
    #[must_use]
    pub fn describing(mut self, descriptions: Descriptions) -> Self {
        self.descriptions = Some(Arc::new(descriptions));
        self
    }

    /// Returns what a table is to be described with; `None` where it keeps what it had.
    pub(super) fn description(&self, table: &TableName) -> Option<TableDescription> {
        let descriptions = self.descriptions.as_ref()?;
        Some(descriptions.get(table).cloned().unwrap_or_default())
    }
}

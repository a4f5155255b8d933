//! The warehouse: Delta tables in a folder or an object store, published release by release.
//!
//! ```text
//! warehouse/
//!   raw/pos/  core/orders/  mart/segments/ …   Delta tables
//!   ops/runs/ ops/steps/ …                     the history, as tables
//!   bi/mart/segments.parquet                   the shelf
//!   _sillage/  format.json  lock/  journal/  releases/  shelf/  artifacts/
//!              exported/  erasing/  purge/  receipts/  spill/
//!              backup.json (in a copy that is being made)
//! ```
//!
//! Invariants: a table's files are written before any log speaks of them (`stage`); logs are
//! committed only under the lock and after the intent is in the journal (`publish`); what own
//! readers see is what the last release file lists (`release`), never "the newest version".

mod analyzer;
mod artifact;
mod as_of;
pub mod backup;
mod bounded_functions;
pub mod catalog;
mod delta;
pub mod engine;
pub mod expiry;
pub mod exported;
pub mod format;
pub mod journal;
mod kept_types;
pub mod lineage;
mod local_day;
pub mod lock;
pub mod migration;
mod named_files;
mod object;
pub mod publish;
mod purge;
pub mod release;
pub mod shelf;
pub mod snapshot_history;
pub mod stage;
pub mod table;
mod unjournaled;
pub mod upkeep;
pub mod vacuum;
pub mod versions;
pub mod visibility;

use std::sync::Arc;

use object_store::ObjectStore;
use unjournaled::Unjournaled;

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
    unjournaled: Unjournaled,
}

impl Warehouse {
    /// Opens the warehouse for reading; one that does not exist is an error.
    pub async fn open(location: &str) -> Result<Self> {
        let warehouse = Self::at(location)?;
        format::require(&warehouse).await?;
        warehouse.require_release_of_shelf().await?;
        Ok(warehouse)
    }

    /// Opens the warehouse, making it first if the place is empty.
    pub async fn open_or_create(location: &str) -> Result<Self> {
        let warehouse = Self::at(location)?;
        format::require_or_create(&warehouse).await?;
        Ok(warehouse)
    }

    /// A warehouse that is gone with the process: where SQL is tried on rows given by hand.
    pub fn in_memory() -> Result<Self> {
        Ok(Self::of(Storage::in_memory()?, "in memory"))
    }

    fn at(location: &str) -> Result<Self> {
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
        }
    }

    pub fn location(&self) -> &str {
        &self.location
    }

    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// A store that sees only the table's folder.
    fn table_store(&self, name: &TableName) -> Arc<dyn ObjectStore> {
        Arc::new(object_store::prefix::PrefixStore::new(self.store.clone(), name.folder()))
    }

    fn table_url(&self, name: &TableName) -> url::Url {
        let mut url = self.storage.url.clone();
        url.set_path(&format!("{}{}/", url.path(), name.folder()));
        url
    }
}

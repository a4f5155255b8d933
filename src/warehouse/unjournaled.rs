//! Files that this process has staged and that neither the journal nor a decision mentions yet.
//!
//! They are deleted if their writer fails. Above all a writer that slept longer than its lease must not leave
//! them: an erasure that was published and purged meanwhile did not see them, and they would contain the
//! person until the next vacuum. Files in the journal are safe: they existed before another process could
//! take over the warehouse, so that process saw them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Paths below the warehouse.
#[derive(Debug, Clone, Default)]
pub(super) struct Unjournaled(Arc<Mutex<BTreeSet<String>>>);

impl Unjournaled {
    pub(super) fn add(&self, files: impl IntoIterator<Item = String>) {
        self.0.lock().expect("no holder of it panics").extend(files);
    }

    /// Others know of these files from now on.
    pub(super) fn remove(&self, files: impl IntoIterator<Item = String>) {
        let mut unjournaled = self.0.lock().expect("no holder of it panics");
        for file in files {
            unjournaled.remove(&file);
        }
    }

    pub(super) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.0.lock().expect("no holder of it panics"))
    }
}

//! Files that this process has staged and that nobody else knows of yet: neither a journal nor a decision
//! speaks of them.
//!
//! They go when their writer fails. Above all one that slept past its lease must not leave them: an
//! erasure may have been published and purged meanwhile, which never saw them, and the person would be in
//! them until the next vacuum. Those that the journal speaks of were there before anybody else could have
//! taken the warehouse over, so whoever did has seen them.

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

//! Counts the bytes read from and written to storages, so that a watchdog sees whether a run still makes
//! progress.

use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Counts a part of a file that was read, or rows that were written.
pub fn note() {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// Returns how many there were since the process began.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

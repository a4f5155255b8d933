//! The lock: one writer per warehouse, by numbered objects that are put only if absent, a lease and a fencing
//! number.
//!
//! The newest object of `_sillage/lock/` names the holder. Taking, renewing and releasing the lock are each
//! "put the next number if absent", which folders and object stores both do atomically (the local store has
//! no conditional update). A holder renews it three times per lease. A holder that is known to be dead loses
//! it at once. If this cannot be known, because the holder runs on another machine, it loses the lock when it
//! renewed nothing for one lease, measured by the clock of the process that waits: no other clock is used.
//!
//! The lock only avoids wasted work; correctness does not depend on it. A holder that slept longer than its
//! lease does no harm when it wakes up: see `publish`. The number of the object that took the lock is its
//! fence, and names the holder's attempt in the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::location::Warehouse;
use super::object::{number_of, numbered};
use crate::clock::{self, Instant, show_instant};
use crate::error::{Error, Kind, Result};
use crate::storage::process::{Life, Process};

const FOLDER: &str = "_sillage/lock";
const LEASE: Duration = Duration::from_secs(60);
/// How often a waiting process looks.
const POLL: Duration = Duration::from_millis(200);

/// Returns how long a holder that renews nothing keeps the warehouse.
#[cfg(not(any(debug_assertions, feature = "faults")))]
fn lease() -> Duration {
    LEASE
}

/// Returns the same, or what a test asks for.
#[cfg(any(debug_assertions, feature = "faults"))]
fn lease() -> Duration {
    let asked = std::env::var("SILLAGE_FAULT_LEASE_MS").ok().and_then(|ms| ms.parse().ok());
    asked.map_or(LEASE, Duration::from_millis)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// Random, one a holder.
    owner: String,
    held: bool,
    since: Instant,
    process: Option<Process>,
    /// When it was put, by the machine's own count, which no setting of clocks moves.
    #[serde(default)]
    uptime_seconds: f64,
}

impl Entry {
    /// Returns whether the holder lives. One that sleeps on this machine and renewed nothing for a lease is
    /// as dead.
    fn life(&self) -> Life {
        let life = self.process.as_ref().map_or(Life::Unseen, Process::life);
        let silent = uptime_seconds().is_some_and(|now| now - self.uptime_seconds >= lease().as_secs_f64());
        if life == Life::Alive && silent { Life::Dead } else { life }
    }
}

fn uptime_seconds() -> Option<f64> {
    std::fs::read_to_string("/proc/uptime").ok()?.split_whitespace().next()?.parse().ok()
}

/// The warehouse, held. Given back by `release`; a process that dies loses it.
#[derive(Debug)]
pub struct Lock {
    warehouse: Warehouse,
    owner: String,
    fence: u64,
    lost: Arc<AtomicBool>,
    renewal: JoinHandle<()>,
}

/// How long to wait for a warehouse that another run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wait {
    /// Do not wait: fail and name the holder.
    #[default]
    No,
    AtMost(Duration),
    Forever,
}

impl Wait {
    fn is_over(self, since: std::time::Instant) -> bool {
        match self {
            Wait::No => true,
            Wait::AtMost(most) => since.elapsed() >= most,
            Wait::Forever => false,
        }
    }
}

impl Warehouse {
    /// Does the work under the lock, and releases the lock in any case. Work that fails leaves
    /// no unknown file.
    ///
    /// # Errors
    /// `Locked` when another process holds the warehouse for longer than the wait; what the work fails for.
    pub async fn holding<T>(&self, wait: Wait, work: impl AsyncFnOnce(&Lock) -> Result<T>) -> Result<T> {
        let lock = self.lock(wait).await?;
        let result = work(&lock).await;
        if result.is_err() {
            // The error of the work is the one to tell; what stays goes with a vacuum. A storage that does
            // not answer any more must not keep the process.
            let _ = tokio::time::timeout(lease(), self.delete_unjournaled()).await;
        }
        // A lock that cannot be given back is over with its process, or its lease: what was done is done.
        let _ = lock.release().await;
        result
    }

    /// Takes the lock; if it is held for longer than the wait, the error names the holder and since when.
    ///
    /// Whether a holder elsewhere lives shows within a lease: so long it is watched, however short the
    /// wait.
    async fn lock(&self, wait: Wait) -> Result<Lock> {
        let owner = uuid::Uuid::new_v4().to_string();
        let began = std::time::Instant::now();
        // The entry that was seen to be the newest, and since when.
        let mut watched: Option<(u64, std::time::Instant)> = None;
        loop {
            let newest = self.newest_entry().await?;
            if let Some((number, entry)) = &newest
                && entry.held
                && entry.owner != owner
            {
                let seen_since = match watched {
                    Some((seen, since)) if seen == *number => since,
                    _ => std::time::Instant::now(),
                };
                let renewed = watched.is_some_and(|(seen, _)| seen != *number);
                watched = Some((*number, seen_since));
                let life = entry.life();
                let is_over = life == Life::Dead || seen_since.elapsed() >= lease();
                if !is_over {
                    let lives = renewed || life == Life::Alive;
                    if lives && wait.is_over(began) {
                        return Err(self.held_by(entry));
                    }
                    tokio::time::sleep(POLL.min(lease())).await;
                    continue;
                }
            }
            let next = match newest {
                None => 1,
                Some((number, _)) => number.checked_add(1).ok_or_else(|| {
                    Error::failed(format!("{FOLDER} holds an object with the number {number}"))
                        .at(format!("warehouse {}", self.location()))
                        .hint("sillage did not put it there: delete it")
                })?,
            };
            if self.put_json_if_absent(&numbered(FOLDER, next), &Entry::new(&owner, clock::now())).await? {
                self.sweep_entries(next).await?;
                let lost = Arc::new(AtomicBool::new(false));
                let renewal = tokio::spawn(renew(self.clone(), owner.clone(), lost.clone()));
                return Ok(Lock { warehouse: self.clone(), owner, fence: next, lost, renewal });
            }
            // Another process was quicker: look again.
        }
    }

    fn held_by(&self, entry: &Entry) -> Error {
        let who =
            entry.process.as_ref().map_or("another process".to_owned(), |p| format!("process {}", p.pid()));
        let since = show_instant(entry.since);
        Error::new(
            Kind::Locked,
            format!("the warehouse {} is locked by {who} since {since}", self.location()),
        )
        .hint(
            "wait for that process to end, or use --wait; if the process is dead, its lock is \
             removed automatically",
        )
    }

    async fn newest_entry(&self) -> Result<Option<(u64, Entry)>> {
        loop {
            let Some(number) = self.list_objects(FOLDER).await?.iter().filter_map(number_of).max() else {
                return Ok(None);
            };
            // It may have been swept by a newer holder since the listing.
            if let Some(entry) = self.read_json(&numbered(FOLDER, number)).await? {
                return Ok(Some((number, entry)));
            }
        }
    }

    /// Deletes entries that a newer one has replaced.
    async fn sweep_entries(&self, newest: u64) -> Result<()> {
        let old: Vec<Path> = self
            .list_objects(FOLDER)
            .await?
            .into_iter()
            .filter(|path| number_of(path).is_some_and(|n| n < newest))
            .collect();
        for path in old {
            self.delete_object(&path).await?;
        }
        Ok(())
    }

    /// Puts the next entry, if the newest is still this owner's.
    async fn follow(&self, owner: &str, held: bool) -> Result<bool> {
        match self.newest_entry().await? {
            Some((number, entry)) if entry.owner == owner && entry.held => {
                let next = Entry { held, ..Entry::new(owner, entry.since) };
                let Some(following) = number.checked_add(1) else { return Ok(false) };
                let put = self.put_json_if_absent(&numbered(FOLDER, following), &next).await?;
                if put {
                    self.sweep_entries(following).await?;
                }
                Ok(put)
            }
            _ => Ok(false),
        }
    }
}

impl Entry {
    fn new(owner: &str, since: Instant) -> Entry {
        Entry {
            owner: owner.to_owned(),
            held: true,
            since,
            process: Some(Process::this()),
            uptime_seconds: uptime_seconds().unwrap_or_default(),
        }
    }
}

async fn renew(warehouse: Warehouse, owner: String, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(lease() / 3).await;
        // A store that fails for a moment is asked again before the lease ends.
        if let Ok(false) = warehouse.follow(&owner, true).await {
            lost.store(true, Ordering::SeqCst);
            return;
        }
    }
}

impl Lock {
    /// Grows with every holder of the warehouse; no two have the same.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Checks that no other process took over the warehouse, before a run decides its release.
    pub(super) async fn still_held(&self) -> Result<()> {
        let ours = !self.lost.load(Ordering::SeqCst)
            && self
                .warehouse
                .newest_entry()
                .await?
                .is_some_and(|(_, entry)| entry.owner == self.owner && entry.held);
        if ours {
            return Ok(());
        }
        Err(Error::new(Kind::Locked, "another run took over the warehouse while this one slept")
            .hint("this run published nothing; the other one continues"))
    }

    /// Gives the warehouse back.
    async fn release(self) -> Result<()> {
        self.renewal.abort();
        self.warehouse.follow(&self.owner, false).await.map(drop)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

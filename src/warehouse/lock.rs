//! One writer a warehouse: numbered objects put only if absent, a lease, a fencing number.
//!
//! The newest object of `_sillage/lock/` says who holds the warehouse. Taking it, renewing it and
//! giving it back are each "put the next number if absent", which folders and object stores both
//! do atomically (the local store has no conditional update). A holder that dies loses it when its
//! lease ends, or at once when it died on this machine.
//!
//! The lock spares work; it does not keep the warehouse right. A holder that slept through its lease
//! does no harm when it wakes, whatever the clocks say: see `publish`. The number of the object
//! that took the lock is its fence, and names the holder's attempt in the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::Warehouse;
use super::object::{number_of, numbered};
use crate::clock::{self, Instant, show_instant};
use crate::error::{Error, Kind, Result};

const FOLDER: &str = "_sillage/lock";
const LEASE: Duration = Duration::from_secs(60);
/// How often somebody who waits looks.
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// Random, one a holder.
    owner: String,
    held: bool,
    since: Instant,
    expires: Instant,
    process: Option<Process>,
}

/// Enough to see that a holder on this machine is dead: its number and when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Process {
    machine_boot: String,
    pid: u32,
    started: String,
}

impl Process {
    fn this() -> Option<Process> {
        let pid = std::process::id();
        Some(Process { machine_boot: boot_id()?, pid, started: start_of(pid)? })
    }

    /// Known dead: it ran since this machine's boot and is there no more.
    fn is_dead(&self) -> bool {
        boot_id().is_some_and(|boot| boot == self.machine_boot)
            && start_of(self.pid).is_none_or(|started| started != self.started)
    }
}

fn boot_id() -> Option<String> {
    Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

/// When the process started, in clock ticks since boot: field 22 of its stat, after the name in
/// parentheses. A zombie is dead: it can publish nothing.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
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
    /// Not at all: say who holds it.
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
    /// Does the work under the lock, and gives the lock back whatever comes of it.
    pub async fn holding<T>(&self, wait: Wait, work: impl AsyncFnOnce(&Lock) -> Result<T>) -> Result<T> {
        let lock = self.lock(wait).await?;
        let result = work(&lock).await;
        let released = lock.release().await;
        let done = result?;
        released?;
        Ok(done)
    }

    /// Takes the lock; when it is held for longer than the wait, says by whom and since when.
    async fn lock(&self, wait: Wait) -> Result<Lock> {
        let owner = uuid::Uuid::new_v4().to_string();
        let began = std::time::Instant::now();
        loop {
            let newest = self.newest_entry().await?;
            if let Some((_, entry)) = &newest
                && entry.held
                && entry.owner != owner
                && entry.expires > clock::now()
                && !entry.process.as_ref().is_some_and(Process::is_dead)
            {
                if !wait.is_over(began) {
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                let who = entry
                    .process
                    .as_ref()
                    .map_or("another process".to_owned(), |p| format!("process {}", p.pid));
                return Err(Error::new(
                    Kind::Locked,
                    format!(
                        "the warehouse {} is held by {who} since {}",
                        self.location(),
                        show_instant(entry.since)
                    ),
                )
                .hint(
                    "wait for that run to end, or let --wait do so; a dead holder is recognised by itself",
                ));
            }
            let next = newest.as_ref().map_or(1, |(number, _)| number + 1);
            if self.put_json_if_absent(&numbered(FOLDER, next), &Entry::new(&owner, clock::now())).await? {
                self.sweep_entries(next).await?;
                let lost = Arc::new(AtomicBool::new(false));
                let renewal = tokio::spawn(renew(self.clone(), owner.clone(), lost.clone()));
                return Ok(Lock { warehouse: self.clone(), owner, fence: next, lost, renewal });
            }
            // Somebody was quicker: look again who.
        }
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
                let put = self.put_json_if_absent(&numbered(FOLDER, number + 1), &next).await?;
                if put {
                    self.sweep_entries(number + 1).await?;
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
            expires: clock::now() + LEASE,
            process: Process::this(),
        }
    }
}

async fn renew(warehouse: Warehouse, owner: String, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(LEASE / 3).await;
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

    /// That nobody took the warehouse over: looked at before a run decides its release.
    pub async fn still_held(&self) -> Result<()> {
        let ours = !self.lost.load(Ordering::SeqCst)
            && self
                .warehouse
                .newest_entry()
                .await?
                .is_some_and(|(_, entry)| entry.owner == self.owner && entry.held);
        if ours {
            return Ok(());
        }
        Err(Error::new(Kind::Locked, "another run took the warehouse over while this one slept")
            .hint("this run published nothing; the other one goes on"))
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

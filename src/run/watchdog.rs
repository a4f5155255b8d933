//! The watchdog: a run in which nothing moves any more ends with an error, instead of never.
//!
//! Something moves as long as the process computes, or a part of a file is read or written. Where the
//! system does not tell how much a process has computed, nobody watches.

use std::time::{Duration, Instant};

use crate::storage::activity;

/// Less of one core than this, and the process is not computing: it draws its progress and looks around.
const IDLE_SHARE: f64 = 0.02;
/// The ticks in which Linux counts the time of a process, everywhere.
const TICKS_PER_SECOND: f64 = 100.0;

/// Watches whether the steps of a run move.
pub(super) struct Watchdog {
    most: Duration,
    seen: Moves,
    seen_at: Instant,
    moved_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Moves {
    /// `None` where nobody tells.
    cpu_seconds: Option<f64>,
    storage: u64,
}

impl Moves {
    fn now() -> Moves {
        Moves { cpu_seconds: cpu_seconds(), storage: activity::count() }
    }

    /// Whether anything moved since, in so many seconds.
    fn since(self, before: Moves, seconds: f64) -> bool {
        let computed = match (self.cpu_seconds, before.cpu_seconds) {
            (Some(now), Some(then)) => now - then >= IDLE_SHARE * seconds,
            _ => true,
        };
        computed || self.storage != before.storage
    }
}

impl Watchdog {
    /// Begins to watch; `most` is how long nothing may move.
    pub fn new(most: Duration) -> Watchdog {
        let now = Instant::now();
        Watchdog { most, seen: Moves::now(), seen_at: now, moved_at: now }
    }

    /// Ends when nothing has moved for as long as is allowed. May be given up and begun again.
    pub async fn stalled(&mut self) {
        let between = (self.most / 20).clamp(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            tokio::time::sleep(between).await;
            let (moves, now) = (Moves::now(), Instant::now());
            if moves.since(self.seen, (now - self.seen_at).as_secs_f64()) {
                self.moved_at = now;
            }
            (self.seen, self.seen_at) = (moves, now);
            if now - self.moved_at >= self.most {
                return;
            }
        }
    }

    /// Returns how long nothing may move.
    pub fn most(&self) -> Duration {
        self.most
    }

    /// A step ended or began: that is a move.
    pub fn moved(&mut self) {
        self.moved_at = Instant::now();
    }
}

/// What the process has computed since it began: fields 14 and 15 of its stat, after the name in
/// parentheses.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_computes_or_reads_moves() {
        let moves = |cpu_seconds, storage| Moves { cpu_seconds, storage };
        assert!(!moves(Some(1.0), 7).since(moves(Some(1.0), 7), 5.0));
        assert!(!moves(Some(1.05), 7).since(moves(Some(1.0), 7), 5.0));
        assert!(moves(Some(1.2), 7).since(moves(Some(1.0), 7), 5.0));
        assert!(moves(Some(1.0), 8).since(moves(Some(1.0), 7), 5.0));
        assert!(moves(None, 7).since(moves(None, 7), 5.0), "where nobody tells, nobody watches");
    }

    #[tokio::test]
    async fn a_process_that_rests_is_stalled() {
        let begun = Instant::now();
        Watchdog::new(Duration::from_millis(300)).stalled().await;
        assert!(begun.elapsed() >= Duration::from_millis(300));
    }
}

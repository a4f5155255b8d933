//! Identifies the process that left or holds something, and whether it is alive: its number, its start time,
//! and where this number is valid. Containers on one machine have the same numbers, and so does the machine
//! after a restart.

use std::fs;

use serde::{Deserialize, Serialize};

/// A process; what it leaves is named by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The id of the machine's boot; empty if the system does not provide it.
    machine_boot: String,
    /// That its number is of.
    #[serde(default)]
    pid_namespace: String,
    pid: u32,
    /// In clock ticks since boot.
    started: String,
}

/// What is known about a process from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Alive,
    Dead,
    /// It runs, or ran, elsewhere: on another machine, in another container, before this boot.
    Unseen,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}-{}", self.pid, self.started, self.pid_namespace, self.machine_boot)
    }
}

impl Process {
    /// Returns this process.
    pub fn this() -> Self {
        let pid = std::process::id();
        Process {
            machine_boot: machine_boot(),
            pid_namespace: pid_namespace(),
            pid,
            started: start_of(pid).unwrap_or_default(),
        }
    }

    /// Returns the process of a name, whatever follows it there.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('-').map(str::to_owned);
        let (pid, started) = (parts.next()?.parse().ok()?, parts.next()?);
        Some(Process { pid_namespace: parts.next()?, machine_boot: parts.next()?, pid, started })
    }

    /// Returns its number, for people.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns whether it lives, as far as can be seen from here.
    pub fn life(&self) -> Life {
        let is_here = !self.machine_boot.is_empty()
            && self.machine_boot == machine_boot()
            && self.pid_namespace == pid_namespace();
        match (is_here, start_of(self.pid)) {
            (false, _) => Life::Unseen,
            (true, Some(started)) if started == self.started => Life::Alive,
            (true, _) => Life::Dead,
        }
    }
}

/// Returns the random number of the machine's boot, in hexadecimal.
fn machine_boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.chars().filter(char::is_ascii_hexdigit).collect()
}

/// Returns the number of the namespace that this process has its number in.
fn pid_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// Returns when a process started: field 22 of its stat, after the name in parentheses. A zombie has ended.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_name() {
        let this = Process::this();
        assert_eq!(Process::of(&this.to_string()).as_ref(), Some(&this));
        assert_eq!(Process::of(&format!("{this}-1")).as_ref(), Some(&this));
        assert_eq!(Process::of("x-1-2-3"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_process_elsewhere_nothing_is_seen() {
        let this = Process::this();
        assert_eq!(this.life(), Life::Alive);
        assert_eq!(Process { started: "1".to_owned(), ..this.clone() }.life(), Life::Dead);
        assert_eq!(Process { pid_namespace: "7".to_owned(), ..this.clone() }.life(), Life::Unseen);
        assert_eq!(Process { machine_boot: "7".to_owned(), ..this }.life(), Life::Unseen);
    }
}

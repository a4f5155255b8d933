//! Which process left something, and whether it lives: its number, when it started, and the namespace
//! that the number is of, for containers of one machine have the same numbers.

use std::fs;

/// A process, as what it leaves is named by it.
#[derive(Debug, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    /// In clock ticks since boot.
    started: String,
    namespace: String,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.pid, self.started, self.namespace)
    }
}

impl Process {
    /// Returns this process.
    pub fn this() -> Self {
        let pid = std::process::id();
        Process { pid, started: start_of(pid).unwrap_or_default(), namespace: Self::namespace() }
    }

    /// Returns the process of a name.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let (pid, started, namespace) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Process { pid: pid.parse().ok()?, started: started.to_owned(), namespace: namespace.to_owned() })
    }

    /// Returns the number of the namespace that this process has its number in.
    pub fn namespace() -> String {
        let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
    }

    /// Returns whether its number says something here.
    pub fn is_of_this_namespace(&self) -> bool {
        self.namespace == Self::namespace()
    }

    /// Returns whether it is known to live.
    pub fn is_alive(&self) -> bool {
        self.is_of_this_namespace() && start_of(self.pid).is_some_and(|started| started == self.started)
    }
}

/// When a process started: field 22 of its stat, after the name in parentheses. A zombie has ended.
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
        assert!(this.is_alive() || !std::path::Path::new("/proc/self/stat").exists());
        let reused = Process { started: "1".to_owned(), ..Process::this() };
        let elsewhere = Process { namespace: "7".to_owned(), ..Process::this() };
        assert!(!reused.is_alive() && !elsewhere.is_alive());
        assert_eq!(Process::of("x-1-2"), None);
    }
}

//! Counts how often something occurred in a file, and where first.

/// A count with its first line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u64,
    pub first_line: i64,
}

impl Tally {
    pub fn add(&mut self, line: i64) {
        if self.count == 0 {
            self.first_line = line;
        }
        self.count += 1;
    }
}

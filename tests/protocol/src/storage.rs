//! What lies in the storage.

use crate::Verb;

/// Names an attempt, as the fence of its lock does. An attempt has a name from its first write on.
pub type Attempt = u16;
/// The number of a release, and the version that it commits to each table.
pub type Number = u8;
/// A set of attempts' files, of releases or of versions: one bit each.
pub type Bits = u32;

pub const TABLES: usize = 2;

/// What an attempt proposes: which attempt's file each table gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intent {
    pub attempt: Attempt,
    pub number: Number,
    pub verb: Verb,
    pub files: [Attempt; TABLES],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Storage {
    /// Every release there ever was, by number from 1.
    pub releases: Vec<Intent>,
    /// Those of which the file was deleted.
    pub gone: Bits,
    /// The intents that lie there.
    pub intents: Vec<Intent>,
    pub logs: [Log; TABLES],
    /// Attempts in the journal, with the number they are for and whether the first table's file is
    /// their own.
    pub journal: Vec<(Number, Attempt, bool)>,
    /// Files that are there.
    pub files: [Bits; TABLES],
    /// Files, there or not, in which the person is whom an erasure removes.
    pub personal: [Bits; TABLES],
    /// What the link shows.
    pub shelf: Number,
    /// The shelves that are there, by release.
    pub shelves: Bits,
    /// Purges that are to be done once the attempt is the release.
    pub orders: Vec<(Number, Attempt)>,
}

/// A table's log. Versions count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Log {
    /// What each version committed: of which release, with whose file.
    pub commits: Vec<(Number, Attempt)>,
    /// The versions whose entry is there.
    pub entries: Bits,
    /// The versions of which a checkpoint is there.
    pub checkpoints: Bits,
}

impl Log {
    pub fn commit(&mut self, number: Number, file: Attempt) {
        self.commits.push((number, file));
        self.entries |= 1 << self.commits.len();
    }

    pub fn is_readable(&self, version: Number) -> bool {
        is_readable(self.entries, self.checkpoints, version)
    }
}

/// Whether a log with these entries and checkpoints tells a version: it goes back, without a gap, to a
/// checkpoint or to the beginning.
pub fn is_readable(entries: Bits, checkpoints: Bits, version: Number) -> bool {
    for at in (1..=version).rev() {
        if checkpoints & (1 << at) != 0 {
            return true;
        }
        if entries & (1 << at) == 0 {
            return false;
        }
    }
    version > 0
}

/// The numbers below this one.
pub fn below(number: Number) -> Bits {
    (1 << number) - 1
}

impl Storage {
    /// After so many nights, each swept: the attempt of each is named by its place.
    pub fn after(history: Number) -> Storage {
        let attempts = 0..Attempt::from(history);
        let release = |attempt: Attempt| Intent {
            attempt,
            number: attempt as Number + 1,
            verb: Verb::Night,
            files: [attempt; TABLES],
        };
        let mut log = Log::default();
        attempts.clone().for_each(|attempt| log.commit(attempt as Number + 1, attempt));
        Storage {
            releases: attempts.map(release).collect(),
            gone: 0,
            intents: Vec::new(),
            logs: [log.clone(), log],
            journal: Vec::new(),
            files: [below(history); TABLES],
            personal: [below(history); TABLES],
            shelf: history,
            shelves: if history == 0 { 0 } else { 1 << history },
            orders: Vec::new(),
        }
    }

    pub fn last(&self) -> Number {
        self.releases.len() as Number
    }

    pub fn release(&self, number: Number) -> Option<&Intent> {
        self.releases.get(usize::from(number).checked_sub(1)?)
    }

    pub fn is_there(&self, number: Number) -> bool {
        number <= self.last() && self.gone & (1 << number) == 0
    }

    /// The releases that are there.
    pub fn present(&self) -> impl Iterator<Item = &Intent> {
        self.releases.iter().filter(|release| self.is_there(release.number))
    }

    pub fn intent(&self, number: Number) -> Option<Intent> {
        self.intents.iter().find(|intent| intent.number == number).copied()
    }

    pub fn has(&self, table: usize, file: Attempt) -> bool {
        self.files[table] & (1 << file) != 0
    }

    /// Whether all files of the intent are there.
    pub fn has_all(&self, intent: &Intent) -> bool {
        (0..TABLES).all(|table| self.has(table, intent.files[table]))
    }

    pub fn delete(&mut self, table: usize, files: Bits) {
        self.files[table] &= !files;
    }

    /// Whether the table's log has this release, or a later one.
    pub fn carries(&self, table: usize, number: Number) -> bool {
        self.logs[table].commits.last().is_some_and(|(last, _)| *last >= number)
    }

    /// The files that are there and that none of the releases from this one to the last needs.
    pub fn unneeded(&self, from: Number) -> [Bits; TABLES] {
        let mut unneeded = self.files;
        for release in self.present().filter(|release| release.number >= from) {
            for (table, file) in release.files.into_iter().enumerate() {
                unneeded[table] &= !(1 << file);
            }
        }
        unneeded
    }
}

//! The backup: the last release copied, without the lock.

use crate::storage::{Bits, Number, Storage, TABLES, below, is_readable};
use crate::{Mistake, Place, Protocol};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copying {
    pub number: Number,
    pub step: Copy,
    /// What of each table's log was listed.
    pub entries: [Bits; TABLES],
    pub checkpoints: [Bits; TABLES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Copy {
    Begin,
    Load(usize),
    List(usize),
    Table(usize),
    End,
}

impl Copying {
    pub fn begin() -> Copying {
        Copying { number: 0, step: Copy::Begin, entries: [0; TABLES], checkpoints: [0; TABLES] }
    }
}

impl Protocol {
    pub(crate) fn copy(&self, storage: &Storage, mut copy: Copying) -> Place {
        let release = storage.release(copy.number);
        let has_file = |table: usize| release.is_some_and(|r| storage.has(table, r.files[table]));
        copy.step = match copy.step {
            Copy::Begin => {
                copy.number = storage.last();
                Copy::Load(0)
            }
            Copy::Load(table) if storage.logs[table].is_readable(copy.number) && has_file(table) => {
                Copy::List(table)
            }
            Copy::Load(_) => return Place::Failed,
            Copy::List(table) => {
                copy.entries[table] = storage.logs[table].entries & below(copy.number + 1);
                copy.checkpoints[table] = storage.logs[table].checkpoints & below(copy.number + 1);
                if table + 1 < TABLES { Copy::Load(table + 1) } else { Copy::Table(0) }
            }
            Copy::Table(table) => {
                let log = &storage.logs[table];
                let is_there = copy.entries[table] & !log.entries == 0
                    && copy.checkpoints[table] & !log.checkpoints == 0
                    && has_file(table);
                // What is missing is an error, never less.
                if !is_there && !self.makes(Mistake::BackupSkipsWhatIsGone) {
                    return Place::Failed;
                }
                copy.entries[table] &= if has_file(table) { log.entries } else { 0 };
                copy.checkpoints[table] &= if has_file(table) { log.checkpoints } else { 0 };
                if table + 1 < TABLES { Copy::Table(table + 1) } else { Copy::End }
            }
            Copy::End => {
                let there = storage.is_there(copy.number);
                if !there && !self.makes(Mistake::BackupDoesNotLookAtItsReleaseAgain) {
                    return Place::Failed;
                }
                let is_whole = |t: usize| is_readable(copy.entries[t], copy.checkpoints[t], copy.number);
                return Place::Saved { whole: (0..TABLES).all(is_whole), there };
            }
        };
        Place::Copy(copy)
    }
}

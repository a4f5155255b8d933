//! The purge of what was before an erasure.

use crate::storage::{Attempt, Bits, Number, Storage, TABLES, below};
use crate::{Mistake, Place, Protocol, Verb, after};

/// How far an order is carried out, by which everything before `last` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purging {
    pub order: (Number, Attempt),
    pub last: Number,
    /// What was listed.
    pub unneeded: [Bits; TABLES],
    pub step: Purge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purge {
    List,
    /// Nobody has taken the lock since.
    Held,
    Releases,
    Journal,
    /// Reads the table for its checkpoint.
    Load(usize),
    Checkpoint(usize),
    /// A later purge may have taken the entry that the checkpoint is of.
    Entry(usize),
    Log(usize),
    Files(usize),
    Shelves,
    Order,
}

const STEPS: [Purge; 16] = [
    Purge::List,
    Purge::Held,
    Purge::Releases,
    Purge::Journal,
    Purge::Load(0),
    Purge::Checkpoint(0),
    Purge::Entry(0),
    Purge::Log(0),
    Purge::Load(1),
    Purge::Checkpoint(1),
    Purge::Entry(1),
    Purge::Log(1),
    Purge::Files(0),
    Purge::Files(1),
    Purge::Shelves,
    Purge::Order,
];

impl Protocol {
    fn purge_steps(&self) -> [Purge; STEPS.len()] {
        let mut steps = STEPS;
        match self.mistake {
            Some(Mistake::PurgeListsAfterItsLook) => steps.swap(0, 1),
            // Releases, journal and logs after the files.
            Some(Mistake::PurgeDeletesFilesFirst) => steps[2..14].rotate_right(2),
            Some(Mistake::LogGoesBeforeItsCheckpoint) => steps[4..8].rotate_right(1),
            Some(Mistake::ShelvesGoBeforeFiles) => steps[12..15].rotate_right(1),
            _ => {}
        }
        steps
    }

    /// The next order that is to be carried out; an order whose release never came is dropped.
    pub(crate) fn next_order(&self, storage: &mut Storage, published: Option<bool>) -> Place {
        let last = storage.last();
        let Some(order) = storage.orders.iter().find(|(number, _)| *number <= last).copied() else {
            return match published {
                Some(found) => Place::Published { found },
                None => Place::Begin,
            };
        };
        let (number, attempt) = order;
        let is_there = storage.is_there(number);
        let ordered = storage.releases[number as usize - 1];
        let is_its_own = is_there && ordered.verb == Verb::Forget && ordered.attempt == attempt;
        let is_carried_out = is_its_own || is_there && self.makes(Mistake::OrderOfAnotherIsCarriedOut);
        if !is_carried_out || self.makes(Mistake::OrderIsDroppedFirst) {
            storage.orders.retain(|there| *there != order);
        }
        if !is_carried_out {
            return Place::Orders { published };
        }
        let step = self.purge_steps()[0];
        Place::Purge { purge: Purging { order, last, unneeded: [0; TABLES], step }, published }
    }

    /// The next step of a purge; none when that was the last, and an error where the verb fails.
    pub(crate) fn purge(
        &self,
        storage: &mut Storage,
        mut purge: Purging,
        holds: bool,
    ) -> Result<Option<Purging>, ()> {
        let last = purge.last;
        match purge.step {
            Purge::List => purge.unneeded = storage.unneeded(last),
            Purge::Held if holds || self.makes(Mistake::PurgeDoesNotLookAtTheLock) => {}
            Purge::Held => return Err(()),
            Purge::Releases => storage.gone |= below(last) & !1,
            Purge::Journal => {
                let all = self.makes(Mistake::PurgeDeletesTheWholeJournal);
                storage.journal.retain(|(number, ..)| *number > last && !all);
                storage.intents.retain(|intent| intent.number > last && !all);
            }
            Purge::Load(table) => {
                let log = &storage.logs[table];
                if log.checkpoints & (1 << last) != 0 {
                    purge.step = Purge::Entry(table);
                } else if !log.is_readable(last) {
                    return Err(());
                }
            }
            Purge::Checkpoint(table) => storage.logs[table].checkpoints |= 1 << last,
            Purge::Entry(table) => {
                let log = &mut storage.logs[table];
                if log.entries & (1 << last) == 0 && !self.makes(Mistake::CheckpointIsNotTakenBack) {
                    log.checkpoints &= !(1 << last);
                    return Err(());
                }
            }
            Purge::Log(table) => {
                let goes = match self.makes(Mistake::PurgeDeletesTheWholeLog) {
                    true => !(1 << last),
                    false => below(last),
                };
                storage.logs[table].entries &= !goes;
                storage.logs[table].checkpoints &= !goes;
            }
            Purge::Files(table) => storage.delete(table, purge.unneeded[table]),
            Purge::Shelves if self.makes(Mistake::PurgeDeletesNewerShelves) => storage.shelves &= 1 << last,
            Purge::Shelves => storage.shelves &= !below(last),
            Purge::Order => storage.orders.retain(|there| *there != purge.order),
        }
        let Some(step) = after(&self.purge_steps(), purge.step) else { return Ok(None) };
        purge.step = step;
        Ok(Some(purge))
    }
}

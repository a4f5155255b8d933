//! The vacuum: what the three newest releases do not need goes.

use crate::storage::{Bits, Number, Storage, TABLES, below};
use crate::{Mistake, Place, Protocol, after};

/// Releases that a vacuum keeps.
const KEPT: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vacuuming {
    /// The oldest release that is kept.
    pub from: Number,
    /// What was listed.
    pub unneeded: [Bits; TABLES],
    pub step: Vacuum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vacuum {
    Look,
    Releases,
    List,
    /// Nobody has taken the lock since.
    Held,
    Files(usize),
}

/// The releases go before the look at the lock: who takes it later finds none of them to restore.
const STEPS: [Vacuum; 6] =
    [Vacuum::Look, Vacuum::Releases, Vacuum::List, Vacuum::Held, Vacuum::Files(0), Vacuum::Files(1)];

impl Vacuuming {
    /// Once its own release is there.
    pub fn begin() -> Vacuuming {
        Vacuuming { from: 0, unneeded: [0; TABLES], step: Vacuum::Look }
    }
}

impl Protocol {
    pub(crate) fn vacuum(&self, storage: &mut Storage, mut vacuum: Vacuuming, holds: bool) -> Place {
        match vacuum.step {
            Vacuum::Look => {
                let present: Vec<Number> = storage.present().map(|release| release.number).collect();
                vacuum.from = present[present.len().saturating_sub(KEPT)];
            }
            Vacuum::List => {
                vacuum.unneeded =
                    storage.unneeded(match self.makes(Mistake::VacuumKeepsFilesOfTheLastAlone) {
                        true => storage.last(),
                        false => vacuum.from,
                    });
            }
            Vacuum::Held if holds || self.makes(Mistake::VacuumDoesNotLookAtTheLock) => {}
            Vacuum::Held => return Place::Failed,
            Vacuum::Releases => storage.gone |= below(vacuum.from) & !1,
            Vacuum::Files(table) => storage.delete(table, vacuum.unneeded[table]),
        }
        let mut steps = STEPS;
        match self.mistake {
            Some(Mistake::VacuumDeletesFilesFirst) => steps[1..].rotate_left(1),
            Some(Mistake::VacuumDeletesReleasesAfterItsLook) => steps[1..4].rotate_left(1),
            _ => {}
        }
        match after(&steps, vacuum.step) {
            Some(step) => Place::Vacuum(Vacuuming { step, ..vacuum }),
            None => Place::Published { found: true },
        }
    }
}

//! From the base to a release: begin, stage, propose, decide, carry out.

use crate::storage::{Attempt, Bits, Intent, Number, Storage, TABLES, below};
use crate::vacuum::Vacuuming;
use crate::{Mistake, Place, Protocol, Then, Verb};

/// How far an intent is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carry {
    Look,
    /// The table, and the version of its log that was seen.
    Load(usize),
    Commit(usize, u8),
    Release,
    Shelf,
    /// The release whose shelf is built, and the one that was shown.
    Build(Number, Number),
    Switch(Number, Number),
    LookAgain(Number, Number),
    Sweep,
    Forget,
    /// Its number was taken before the intent was put: the intent is withdrawn.
    Void,
}

impl Protocol {
    pub(crate) fn settle(&self, storage: &Storage, published: Option<bool>) -> Place {
        let last = storage.last();
        let then = Then::Settle { published };
        let ahead = storage.intent(last + 1).filter(|_| !self.makes(Mistake::DecisionIsNotLookedFor));
        match (ahead, storage.intent(last)) {
            (Some(intent), _) => Place::Carry { intent, step: Carry::Look, then },
            (None, Some(intent)) if storage.releases[last as usize - 1].attempt == intent.attempt => {
                Place::Carry { intent, step: Carry::Shelf, then }
            }
            (None, Some(intent)) => Place::Carry { intent, step: Carry::Void, then },
            (None, None) if last > 0 && (storage.shelf != last || storage.shelves & (1 << last) == 0) => {
                // Of the intent nothing but the number counts.
                let intent = Intent { attempt: 0, number: last, verb: Verb::Night, files: [0; TABLES] };
                Place::Carry { intent, step: Carry::Shelf, then: Then::Shelf { published } }
            }
            (None, None) => Place::Orders { published },
        }
    }

    pub(crate) fn begin(&self, storage: &Storage, verb: Verb, named: &mut Attempt) -> Place {
        let number = storage.last() + 1;
        let mut without_files = |files: [Attempt; TABLES]| {
            let attempt = *named;
            *named += 1;
            Place::Propose { intent: Intent { attempt, number, verb, files } }
        };
        match verb {
            Verb::Vacuum if self.makes(Mistake::VacuumPublishesNothing) => Place::Vacuum(Vacuuming::begin()),
            Verb::Vacuum => without_files(storage.releases[storage.last() as usize - 1].files),
            Verb::Restore => match storage.present().find(|release| release.number == 1) {
                Some(first)
                    if storage.has_all(first) && storage.logs.iter().all(|log| log.is_readable(1)) =>
                {
                    without_files(first.files)
                }
                _ => Place::Failed,
            },
            _ => {
                // The finished step of the newest attempt that was interrupted, if its file is there.
                let mut journal = storage.journal.iter().filter(|_| verb == Verb::Night);
                let inherited = journal
                    .rfind(|(of, _, own)| *of == number && *own)
                    .map(|(_, before, _)| *before)
                    .filter(|before| storage.has(0, *before));
                Place::Stage { number, inherited }
            }
        }
    }

    pub(crate) fn put_files(
        &self,
        storage: &mut Storage,
        verb: Verb,
        number: Number,
        attempt: Attempt,
        inherited: Option<Attempt>,
    ) -> [Attempt; TABLES] {
        let base = storage.release(number - 1).copied();
        let files = match (verb, base) {
            (Verb::Optimize, Some(base)) => [attempt, base.files[1]],
            _ => [inherited.unwrap_or(attempt), attempt],
        };
        for (table, file) in files.into_iter().enumerate().filter(|(_, file)| *file == attempt) {
            storage.files[table] |= 1 << file;
            let personal = match base {
                _ if verb == Verb::Forget => false,
                Some(base) => storage.personal[table] & (1 << base.files[table]) != 0,
                None => false,
            };
            storage.personal[table] |= Bits::from(personal) << file;
        }
        files
    }

    /// Who slept while it wrote deletes what nobody has heard of.
    pub(crate) fn journal(
        &self,
        storage: &mut Storage,
        verb: Verb,
        number: Number,
        files: [Attempt; TABLES],
        holds: bool,
    ) -> Place {
        // The table that is always its own.
        let attempt = if verb == Verb::Optimize { files[0] } else { files[1] };
        if !holds && !self.makes(Mistake::StragglerKeepsItsFiles) {
            for table in (0..TABLES).filter(|table| files[*table] == attempt) {
                storage.delete(table, 1 << attempt);
            }
            return Place::Failed;
        }
        if verb != Verb::Optimize {
            storage.journal.push((number, attempt, files[0] == attempt));
        }
        let intent = Intent { attempt, number, verb, files };
        match verb {
            Verb::Forget if !self.makes(Mistake::OrderIsPutAfterTheRelease) => Place::Order { intent },
            _ => Place::Propose { intent },
        }
    }

    pub(crate) fn propose(&self, storage: &Storage, intent: Intent, holds: bool) -> Place {
        if self.needs_lock() {
            // What an erasure has removed must not be published again before it is purged.
            let is_erased = storage.orders.iter().any(|(number, _)| *number < intent.number);
            if !holds || is_erased && !self.makes(Mistake::OrdersAreNotLookedAt) {
                return Place::Failed;
            }
        }
        let whole = storage.has_all(&intent);
        // Nobody committed the versions that this release would have.
        let unwritten = storage.logs.iter().all(|log| log.commits.len() == storage.releases.len());
        if whole && unwritten && storage.last() + 1 == intent.number {
            Place::Decide { intent }
        } else {
            Place::Failed
        }
    }

    pub(crate) fn decide(&self, storage: &mut Storage, intent: Intent) -> Place {
        if self.makes(Mistake::IntentIsPutOverAnother) {
            storage.intents.retain(|there| there.number != intent.number);
        }
        if storage.intent(intent.number).is_some() {
            return Place::Failed;
        }
        storage.intents.push(intent);
        Place::Carry { intent, step: Carry::Look, then: Then::Own }
    }

    pub(crate) fn carried_out(
        &self,
        storage: &mut Storage,
        intent: &Intent,
        step: Carry,
        then: Then,
    ) -> Place {
        match then {
            Then::Settle { published } | Then::Shelf { published } => Place::Settle { published },
            Then::Own if step == Carry::Void => Place::Failed,
            Then::Own => {
                let release = storage.release(intent.number);
                let found = release.is_some_and(|release| release.attempt == intent.attempt);
                match intent.verb {
                    Verb::Vacuum => Place::Vacuum(Vacuuming::begin()),
                    Verb::Forget => {
                        if self.makes(Mistake::OrderIsPutAfterTheRelease) {
                            storage.orders.push((intent.number, intent.attempt));
                        }
                        Place::Settle { published: Some(found) }
                    }
                    _ => Place::Published { found },
                }
            }
        }
    }

    /// The next step of carrying the intent out; none when that was the last.
    pub(crate) fn carry(
        &self,
        storage: &mut Storage,
        intent: &Intent,
        step: Carry,
    ) -> Result<Option<Carry>, ()> {
        let number = intent.number;
        let release_first = self.makes(Mistake::ReleaseComesBeforeItsTables);
        let next = match step {
            Carry::Look => {
                if storage.last() < number {
                    if release_first { Carry::Release } else { Carry::Load(0) }
                } else if storage.releases[number as usize - 1].attempt == intent.attempt
                    || self.makes(Mistake::LateIntentIsCarriedOut)
                {
                    Carry::Shelf
                } else {
                    Carry::Void
                }
            }
            Carry::Load(TABLES) if release_first => Carry::Shelf,
            Carry::Load(TABLES) => {
                if self.makes(Mistake::IntentGoesBeforeTheRelease) {
                    storage.intents.retain(|there| there.number > number);
                }
                Carry::Release
            }
            Carry::Load(table) => {
                if storage.carries(table, number) && !self.makes(Mistake::TransactionIsNotLookedAt) {
                    Carry::Load(table + 1)
                } else {
                    Carry::Commit(table, storage.logs[table].commits.len() as u8)
                }
            }
            Carry::Commit(table, version) => {
                // Put only if absent; whoever finds it there looks again.
                if storage.logs[table].commits.len() as u8 == version
                    || self.makes(Mistake::CommitIsPutWhateverIsThere)
                {
                    storage.logs[table].commit(number, intent.files[table]);
                }
                match self.makes(Mistake::TransactionIsNotLookedAt) {
                    true => Carry::Load(table + 1),
                    false => Carry::Load(table),
                }
            }
            Carry::Release => {
                if storage.last() + 1 == number {
                    storage.releases.push(*intent);
                }
                if release_first { Carry::Load(0) } else { Carry::Shelf }
            }
            Carry::Shelf => Carry::Build(storage.last(), storage.shelf),
            Carry::Build(seen, before) => {
                // The shelf's files are links to the tables' own.
                let Some(release) = storage.release(seen).copied() else { return Err(()) };
                if !storage.has_all(&release) {
                    return Err(());
                }
                storage.shelves |= 1 << seen;
                Carry::Switch(seen, before)
            }
            Carry::Switch(seen, before) => {
                storage.shelf = seen;
                Carry::LookAgain(seen, before)
            }
            Carry::LookAgain(seen, before) => {
                if storage.last() != seen && !self.makes(Mistake::ShelfIsNotLookedAtAgain) {
                    Carry::Shelf
                } else {
                    let older = below(seen) & !(1 << before);
                    storage.shelves &= !older;
                    Carry::Sweep
                }
            }
            Carry::Sweep => {
                self.sweep(storage, intent);
                Carry::Forget
            }
            Carry::Forget => {
                storage.intents.retain(|there| there.number > number);
                return Ok(None);
            }
            Carry::Void => {
                storage.intents.retain(|there| there.number != number);
                return Ok(None);
            }
        };
        Ok(Some(next))
    }

    /// Forgets all attempts up to the release, and deletes what its own attempts staged in vain.
    fn sweep(&self, storage: &mut Storage, intent: &Intent) {
        let number = intent.number;
        for (of, attempt, own) in std::mem::take(&mut storage.journal) {
            if of > number {
                storage.journal.push((of, attempt, own));
                continue;
            }
            // An earlier release that is not swept yet may read what its attempts staged.
            for table in 0..TABLES {
                let its_own = table == 1 || own;
                let is_kept = intent.files[table] == attempt && !self.makes(Mistake::OwnFilesAreSwept);
                let in_vain = of == number || self.makes(Mistake::FilesOfEarlierNumbersAreSwept);
                if its_own && !is_kept && in_vain {
                    storage.delete(table, 1 << attempt);
                }
            }
        }
    }
}

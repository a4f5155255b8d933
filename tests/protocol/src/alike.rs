//! States that behave alike are one: the one that `State::alike` makes of each of them.
//!
//! What is left out can change no later step and no property:
//!
//! - which writer is which, and what attempts are called: writers are put in order, attempts are named
//!   by where the storage first speaks of them;
//! - how often a writer crashed that is done;
//! - whether a writer holds the lock that will not ask any more;
//! - journal entries of a release that is there, once nobody can sweep with its number any more, and
//!   the order of entries but for the newest step of the next release, which alone is inherited;
//! - shelves before the last release's, unless somebody may be forgotten who is in them;
//! - files that nothing speaks of, unless the person is in them whom an erasure removes;
//! - whether the attempt of an old release had inherited a file that nothing else speaks of.

use crate::storage::{Attempt, Bits, Intent, Number, TABLES, below};
use crate::{Carry, Place, State, Then, Verb, Writer};

const UNNAMED: Attempt = Attempt::MAX;
/// More than attempts can be at once.
const MOST: usize = Bits::BITS as usize;

fn bit(name: Attempt) -> Bits {
    1 << name
}

fn ones(bits: Bits) -> impl Iterator<Item = Attempt> {
    (0..MOST as Attempt).filter(move |name| bits & bit(*name) != 0)
}

impl Intent {
    fn renamed(mut self, to: impl Fn(Attempt) -> Attempt) -> Intent {
        self.attempt = to(self.attempt);
        self.files = self.files.map(to);
        self
    }

    fn names(&self) -> [Attempt; 1 + TABLES] {
        [self.attempt, self.files[0], self.files[1]]
    }
}

impl Place {
    fn renamed(mut self, to: impl Fn(Attempt) -> Attempt) -> Place {
        match &mut self {
            Place::Carry { then: Then::Shelf { .. }, .. } => {}
            Place::Stage { inherited, .. } => *inherited = inherited.map(to),
            Place::Journal { files, .. } => *files = files.map(to),
            Place::Order { intent }
            | Place::Propose { intent }
            | Place::Decide { intent }
            | Place::Carry { intent, .. } => *intent = intent.renamed(to),
            Place::Purge { purge, .. } => purge.order.1 = to(purge.order.1),
            _ => {}
        }
        self
    }

    fn names(&self) -> Bits {
        let listed = self.listed().map_or(0, |listed| listed.iter().fold(0, |all, files| all | files));
        listed
            | match self {
                Place::Carry { then: Then::Shelf { .. }, .. } => 0,
                Place::Stage { inherited, .. } => inherited.map_or(0, bit),
                Place::Journal { files, .. } => bit(files[0]) | bit(files[1]),
                Place::Order { intent }
                | Place::Propose { intent }
                | Place::Decide { intent }
                | Place::Carry { intent, .. } => intent.names().into_iter().fold(0, |all, n| all | bit(n)),
                Place::Purge { purge, .. } => bit(purge.order.1),
                _ => 0,
            }
    }

    /// The files that it will delete.
    fn listed(&self) -> Option<&[Bits; TABLES]> {
        match self {
            Place::Purge { purge, .. } => Some(&purge.unneeded),
            Place::Vacuum(vacuum) => Some(&vacuum.unneeded),
            _ => None,
        }
    }

    fn listed_mut(&mut self) -> Option<&mut [Bits; TABLES]> {
        match self {
            Place::Purge { purge, .. } => Some(&mut purge.unneeded),
            Place::Vacuum(vacuum) => Some(&mut vacuum.unneeded),
            _ => None,
        }
    }
}

impl Writer {
    /// Whether it will still look whether somebody took the lock.
    fn asks(&self) -> bool {
        let deletes = matches!(self.verb, Verb::Forget | Verb::Vacuum);
        match self.place {
            Place::Decide { .. } => deletes,
            Place::Carry { then: Then::Own, .. } => deletes,
            Place::Copy(_) => false,
            _ => !self.is_over(),
        }
    }
}

impl State {
    /// The state that stands for all that behave like this one.
    pub(super) fn alike(mut self) -> State {
        for writer in &mut self.writers {
            writer.holds &= writer.asks();
            if writer.is_over() {
                writer.crashes = 0;
            }
        }
        self.forget_older_shelves();
        self.forget_swept_entries();
        self.forget_what_was_inherited_long_ago();
        self.rename();
        self
    }

    fn forget_older_shelves(&mut self) {
        if self.writers.iter().any(|writer| writer.verb == Verb::Forget) {
            return;
        }
        self.storage.shelves &= !below(self.storage.last());
        for writer in &mut self.writers {
            if let Place::Carry {
                step: Carry::Build(_, before) | Carry::Switch(_, before) | Carry::LookAgain(_, before),
                ..
            } = &mut writer.place
            {
                *before = 0;
            }
        }
    }

    /// Whether anybody may yet sweep with this number, that of a release that is there. Only the
    /// intent that became the release is carried so far; one that was put later is withdrawn.
    fn may_sweep(&self, number: Number) -> bool {
        let decided = self.storage.releases[number as usize - 1].attempt;
        let carried = |intent: &Intent| intent.number == number && intent.attempt == decided;
        self.storage.intents.iter().any(carried)
            || self.writers.iter().any(|writer| match &writer.place {
                Place::Carry { then: Then::Shelf { .. }, .. } => false,
                Place::Carry { intent, step, .. } => *step != Carry::Forget && carried(intent),
                _ => false,
            })
    }

    fn forget_swept_entries(&mut self) {
        let last = self.storage.last();
        let mut journal = std::mem::take(&mut self.storage.journal);
        journal.retain(|(number, ..)| *number > last || self.may_sweep(*number));
        self.storage.journal = journal;
    }

    fn forget_what_was_inherited_long_ago(&mut self) {
        for at in 0..self.storage.releases.len() {
            let release = self.storage.releases[at];
            let [first, own] = release.files;
            let whole = self.storage.has_all(&release);
            let both = bit(first) | bit(own);
            let named = |names: [Attempt; 1 + TABLES]| names.into_iter().any(|name| both & bit(name) != 0);
            let spoken_of = self.storage.journal.iter().any(|(_, name, _)| both & bit(*name) != 0)
                || self.storage.orders.iter().any(|(_, name)| both & bit(*name) != 0)
                || self.storage.intents.iter().any(|intent| named(intent.names()))
                || self.writers.iter().any(|writer| writer.place.names() & both != 0)
                || self.storage.releases.iter().enumerate().any(|(other, r)| other != at && named(r.names()));
            let committed = |table: usize| {
                let commits = self.storage.logs[table].commits.iter();
                commits.filter(|(_, file)| *file == release.files[table]).count() == 1
            };
            if first != own && release.attempt == own && whole && !spoken_of && (0..TABLES).all(committed) {
                self.storage.releases[at].files[0] = own;
                for files in [&mut self.storage.files[0], &mut self.storage.personal[0]] {
                    let there = *files & bit(first) != 0;
                    *files = *files & !both | Bits::from(there) << own;
                }
                for (_, file) in self.storage.logs[0].commits.iter_mut().filter(|(_, file)| *file == first) {
                    *file = own;
                }
            }
        }
    }

    fn rename(&mut self) {
        let storage = &mut self.storage;
        storage.intents.sort_unstable_by_key(|intent| intent.number);
        let next = storage.last() + 1;
        let newest = storage.journal.iter().rposition(|(number, _, own)| *number == next && *own);
        let newest = newest.map(|at| storage.journal.remove(at));

        let mut names = Names { new: [UNNAMED; MOST], next: 0 };
        for release in storage.releases.iter().chain(&storage.intents) {
            release.names().into_iter().for_each(|name| names.give(name));
        }
        storage.logs.iter().flat_map(|log| &log.commits).for_each(|(_, file)| names.give(*file));
        storage.orders.iter().for_each(|(_, name)| names.give(*name));
        newest.iter().for_each(|(_, name, _)| names.give(*name));
        // Those that no order gives a name yet are told apart by what lies there of them.
        let listed = self.writers.iter().filter_map(|writer| writer.place.listed());
        let listed = listed.fold([0; TABLES], |[first, second], files| [first | files[0], second | files[1]]);
        let seen = names.or_else(|name| {
            let sets = storage.files.iter().chain(&storage.personal).chain(&listed);
            let files = sets.fold(0, |seen, files| seen << 1 | (files >> name & 1) as Attempt);
            let entry = storage.journal.iter().find(|(_, of, _)| *of == name);
            64 * entry.map_or(0, |(number, _, own)| 1 + Attempt::from(*number) * 2 + Attempt::from(*own))
                + files
        });
        let shown = |name: Attempt| seen[name as usize];
        self.writers.sort_by_cached_key(|writer| {
            // Two unnamed attempts may look the same, but one is not two.
            let alone = writer.place.names().count_ones() <= 1;
            let mut place = writer.place.renamed(shown);
            let listed = place.listed_mut().map(|listed| {
                let mut shown =
                    std::mem::take(listed).map(|files| ones(files).map(shown).collect::<Vec<_>>());
                shown.iter_mut().for_each(|names| names.sort_unstable());
                shown
            });
            (Writer { place, ..*writer }, listed, alone)
        });
        storage.journal.sort_by_cached_key(|(number, name, own)| (*number, *own, shown(*name)));
        for writer in &self.writers {
            writer.place.in_order().into_iter().flatten().for_each(|name| names.give(name));
        }
        storage.journal.iter().for_each(|(_, name, _)| names.give(*name));
        let strays = (0..TABLES).fold(0, |all, t| all | storage.files[t] & storage.personal[t]);
        let mut rest: Vec<Attempt> =
            ones(strays).filter(|name| names.new[*name as usize] == UNNAMED).collect();
        rest.sort_by_key(|name| shown(*name));
        rest.into_iter().for_each(|name| names.give(name));

        let to = |name: Attempt| names.new[name as usize];
        let to_bits =
            |bits: Bits| ones(bits).map(to).filter(|name| *name != UNNAMED).fold(0, |all, n| all | bit(n));
        for intent in storage.releases.iter_mut().chain(&mut storage.intents) {
            *intent = intent.renamed(to);
        }
        storage.logs.iter_mut().flat_map(|log| &mut log.commits).for_each(|(_, file)| *file = to(*file));
        storage.orders.iter_mut().for_each(|(_, name)| *name = to(*name));
        storage.journal.iter_mut().for_each(|(_, name, _)| *name = to(*name));
        storage.journal.sort_unstable();
        storage.journal.extend(newest.map(|(number, name, own)| (number, to(name), own)));
        for files in storage.files.iter_mut().chain(&mut storage.personal) {
            *files = to_bits(*files);
        }
        for writer in &mut self.writers {
            writer.place = writer.place.renamed(to);
            if let Some(listed) = writer.place.listed_mut() {
                *listed = listed.map(to_bits);
            }
        }
        self.named = names.next;
    }
}

impl Place {
    /// The attempts that it names outright.
    fn in_order(&self) -> [Option<Attempt>; 1 + TABLES] {
        match self {
            Place::Carry { then: Then::Shelf { .. }, .. } => [None; 3],
            Place::Stage { inherited, .. } => [*inherited, None, None],
            Place::Journal { files, .. } => [Some(files[0]), Some(files[1]), None],
            Place::Order { intent }
            | Place::Propose { intent }
            | Place::Decide { intent }
            | Place::Carry { intent, .. } => intent.names().map(Some),
            Place::Purge { purge, .. } => [Some(purge.order.1), None, None],
            _ => [None; 3],
        }
    }
}

/// The new name of each old one.
struct Names {
    new: [Attempt; MOST],
    next: Attempt,
}

impl Names {
    fn give(&mut self, name: Attempt) {
        let new = &mut self.new[name as usize];
        if *new == UNNAMED {
            *new = self.next;
            self.next += 1;
        }
    }

    /// The new names as they are now; of the others what tells them apart, above all names.
    fn or_else(&self, otherwise: impl Fn(Attempt) -> Attempt) -> [Attempt; MOST] {
        let mut all = self.new;
        for (name, new) in all.iter_mut().enumerate().filter(|(_, new)| **new == UNNAMED) {
            *new = MOST as Attempt + otherwise(name as Attempt);
        }
        all
    }
}

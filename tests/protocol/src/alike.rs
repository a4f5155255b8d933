//! States that behave alike are one: the one that `State::alike` makes of each of them.
//!
//! What is left out can change no later step and no property:
//!
//! - which writer is which, and what attempts are called: writers are put in order, attempts are named
//!   by where the storage first speaks of them;
//! - how often a writer crashed that is done;
//! - journal entries of a release that is there, once nobody can sweep with its number any more, and
//!   the order of entries but for the newest step of the next release, which alone is inherited;
//! - files that nothing speaks of;
//! - whether the attempt of an old release had inherited a file that nothing else speaks of.

use super::{Attempt, Carry, Intent, Number, Place, State, TABLES, Writer};

const UNNAMED: Attempt = Attempt::MAX;
/// More than attempts can be at once.
const MOST: usize = 32;

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
    fn renamed(self, to: impl Fn(Attempt) -> Attempt) -> Place {
        match self {
            Place::Stage { number, inherited } => Place::Stage { number, inherited: inherited.map(to) },
            Place::Propose { number, files } => Place::Propose { number, files: files.map(to) },
            Place::Decide { intent } => Place::Decide { intent: intent.renamed(to) },
            Place::Carry { intent, step, own } => Place::Carry { intent: intent.renamed(to), step, own },
            Place::Settle | Place::Begin | Place::Published { .. } | Place::Overtaken => self,
        }
    }

    fn names(&self) -> impl Iterator<Item = Attempt> {
        let mut names = [None; 3];
        match self {
            Place::Stage { inherited, .. } => names[0] = *inherited,
            Place::Propose { files, .. } => names[..TABLES].copy_from_slice(&files.map(Some)),
            Place::Decide { intent } | Place::Carry { intent, .. } => names = intent.names().map(Some),
            Place::Settle | Place::Begin | Place::Published { .. } | Place::Overtaken => {}
        }
        names.into_iter().flatten()
    }
}

impl State {
    /// The state that stands for all that behave like this one.
    pub(super) fn alike(mut self) -> State {
        for writer in self.writers.iter_mut().filter(|writer| writer.is_over()) {
            writer.crashes = 0;
        }
        self.forget_swept_entries();
        self.forget_what_was_inherited_long_ago();
        self.rename();
        self
    }

    /// Whether anybody may yet sweep with this number, that of a release that is there. Only the
    /// intent that became the release is carried so far; one that was put later is withdrawn.
    fn may_sweep(&self, number: Number) -> bool {
        let decided = self.storage.releases[number as usize - 1].attempt;
        let carried = |intent: &Intent| intent.number == number && intent.attempt == decided;
        self.storage.intents.iter().any(carried)
            || self.writers.iter().any(|writer| match &writer.place {
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
            let whole = self.storage.has(0, first) && self.storage.has(1, own);
            let both = |name: Attempt| name == first || name == own;
            let spoken_of = self.storage.journal.iter().any(|(_, name, _)| both(*name))
                || self.storage.intents.iter().any(|intent| intent.names().into_iter().any(both))
                || self.writers.iter().any(|writer| writer.place.names().any(both))
                || self
                    .storage
                    .releases
                    .iter()
                    .enumerate()
                    .any(|(other, r)| other != at && r.names().into_iter().any(both));
            let committed = |table: usize| {
                self.storage.logs[table].iter().filter(|(_, f)| *f == release.files[table]).count() == 1
            };
            if first != own && whole && !spoken_of && (0..TABLES).all(committed) {
                self.storage.releases[at].files[0] = own;
                self.storage.files[0] |= 1 << own;
                for (_, file) in self.storage.logs[0].iter_mut().filter(|(_, file)| *file == first) {
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
        storage.logs.iter().flatten().for_each(|(_, file)| names.give(*file));
        newest.iter().for_each(|(_, name, _)| names.give(*name));
        // Those that no order gives a name yet are told apart by what lies there of them.
        let seen = names.or_else(|name| {
            let files = storage.files.iter().fold(0, |seen, files| seen << 1 | (files >> name & 1) as u8);
            let entry = storage.journal.iter().find(|(_, of, _)| *of == name);
            4 * entry.map_or(0, |(number, _, own)| 1 + number * 2 + u8::from(*own)) + files
        });
        let shown = |name: Attempt| seen[name as usize];
        self.writers.sort_by_cached_key(|writer| {
            // Two unnamed attempts may look the same, but one is not two.
            let alone = writer.place.names().min() == writer.place.names().max();
            (Writer { place: writer.place.renamed(shown), ..*writer }, alone)
        });
        storage.journal.sort_by_cached_key(|(number, name, own)| (*number, *own, shown(*name)));
        for name in self.writers.iter().flat_map(|writer| writer.place.names()) {
            names.give(name);
        }
        storage.journal.iter().for_each(|(_, name, _)| names.give(*name));

        let to = |name: Attempt| names.new[name as usize];
        for intent in storage.releases.iter_mut().chain(&mut storage.intents) {
            *intent = intent.renamed(to);
        }
        storage.logs.iter_mut().flatten().for_each(|(_, file)| *file = to(*file));
        storage.journal.iter_mut().for_each(|(_, name, _)| *name = to(*name));
        storage.journal.sort_unstable();
        storage.journal.extend(newest.map(|(number, name, own)| (number, to(name), own)));
        for files in &mut storage.files {
            let there = std::mem::take(files);
            for (old, new) in names.new.iter().enumerate().filter(|(_, new)| **new != UNNAMED) {
                *files |= (there >> old & 1) << new;
            }
        }
        for writer in &mut self.writers {
            writer.place = writer.place.renamed(to);
        }
        self.named = names.next;
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

//! A model of the release protocol (`src/warehouse/publish.rs`), checked exhaustively.
//!
//! Several writers each want to publish one release of two tables. Every access to the storage is a
//! step of its own, and between any two steps any other writer may go on, for as long as it likes:
//! that is a lock whose lease runs out at the worst moment, so the lock itself is left out. A writer
//! may crash after any step and is started again as a new attempt.
//!
//! A crash is tried right after each step that changed the storage, as one action with it. That is
//! every crash there is: between that change and a later crash the writer has only read, nobody saw
//! it read, and the new attempt starts from nothing. States that behave alike are visited once (see
//! `alike`). What must hold:
//!
//! - no half release: when a release is there, every table has that release's own commit;
//! - no lost release: a writer that was told of its success finds its release under that number;
//! - no double rows: no attempt's files are committed twice, and no release twice to a table;
//! - nothing vanishes: the files that a release reads are there;
//! - the shelf shows the last release once everybody is done.

mod alike;

use stateright::{Model, Property};

/// Names an attempt, as the fence of its lock does. An attempt has a name from its first write on.
type Attempt = u8;
type Number = u8;

const TABLES: usize = 2;

/// What an attempt proposes: which attempt's file each table gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intent {
    attempt: Attempt,
    number: Number,
    files: [Attempt; TABLES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    /// Looks for a decision that was not carried out.
    Settle,
    /// Another's decision is carried out first; then it looks again.
    Carry {
        intent: Intent,
        step: Carry,
        own: bool,
    },
    /// Reads the base, and the journal for finished steps.
    Begin,
    Stage {
        number: Number,
        inherited: Option<Attempt>,
    },
    Propose {
        number: Number,
        files: [Attempt; TABLES],
    },
    Decide {
        intent: Intent,
    },
    /// Told of its success. Releases are never changed: what it finds then it finds for good.
    Published {
        found: bool,
    },
    /// Told that another was first: published nothing.
    Overtaken,
}

/// How far an intent is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Carry {
    Look,
    /// The table, and the version of its log that was seen.
    Load(usize),
    Commit(usize, u8),
    Release,
    Shelf,
    Switch(Number),
    LookAgain(Number),
    Sweep,
    Forget,
    /// Its number was taken before the intent was put: the intent is withdrawn.
    Void,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Writer {
    place: Place,
    crashes: u8,
}

impl Writer {
    fn is_over(&self) -> bool {
        matches!(self.place, Place::Published { .. } | Place::Overtaken)
    }
}

/// What lies in the storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Storage {
    /// By number, from 1.
    releases: Vec<Intent>,
    /// The intents that lie there.
    intents: Vec<Intent>,
    /// The commits of each table: of which release, with whose file.
    logs: [Vec<(Number, Attempt)>; TABLES],
    /// Attempts in the journal, with the number they are for and whether the first table's file is
    /// their own.
    journal: Vec<(Number, Attempt, bool)>,
    /// Files that are there: one bit an attempt.
    files: [u32; TABLES],
    shelf: Number,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    storage: Storage,
    /// In no order that matters: any of them may do what any other may.
    writers: Vec<Writer>,
    /// How many attempts have a name; the names are those below.
    named: Attempt,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    Step(usize),
    /// A step that changes the storage, and no further.
    StepAndCrash(usize),
}

pub struct Protocol {
    pub writers: usize,
    pub crashes: u8,
}

impl Storage {
    fn last(&self) -> Number {
        self.releases.len() as Number
    }

    fn intent(&self, number: Number) -> Option<Intent> {
        self.intents.iter().find(|intent| intent.number == number).copied()
    }

    fn has(&self, table: usize, file: Attempt) -> bool {
        self.files[table] & (1 << file) != 0
    }

    /// Whether the table's log has this release, or a later one.
    fn carries(&self, table: usize, number: Number) -> bool {
        self.logs[table].last().is_some_and(|(last, _)| *last >= number)
    }
}

impl Protocol {
    fn step(&self, state: &mut State, writer: usize) {
        let storage = &mut state.storage;
        state.writers[writer].place = match state.writers[writer].place {
            Place::Settle => {
                let last = storage.last();
                match (storage.intent(last + 1), storage.intent(last)) {
                    (Some(intent), _) => Place::Carry { intent, step: Carry::Look, own: false },
                    (None, Some(intent)) if storage.releases[last as usize - 1].attempt == intent.attempt => {
                        Place::Carry { intent, step: Carry::Shelf, own: false }
                    }
                    (None, Some(intent)) => Place::Carry { intent, step: Carry::Void, own: false },
                    (None, None) => Place::Begin,
                }
            }
            Place::Begin => {
                let number = storage.last() + 1;
                // The finished step of the newest attempt that was cut off, if its file is there.
                let inherited = storage
                    .journal
                    .iter()
                    .rev()
                    .find(|(of, _, own)| *of == number && *own)
                    .map(|(_, before, _)| *before)
                    .filter(|before| storage.has(0, *before));
                Place::Stage { number, inherited }
            }
            Place::Stage { number, inherited } => {
                let attempt = state.named;
                state.named += 1;
                let first = inherited.unwrap_or(attempt);
                storage.files[1] |= 1 << attempt;
                if inherited.is_none() {
                    storage.files[0] |= 1 << attempt;
                }
                storage.journal.push((number, attempt, inherited.is_none()));
                Place::Propose { number, files: [first, attempt] }
            }
            Place::Propose { number, files } => {
                let whole = (0..TABLES).all(|table| storage.has(table, files[table]));
                // Nobody committed the versions that this release would have.
                let unwritten = storage.logs.iter().all(|log| log.len() == storage.releases.len());
                if whole && unwritten && storage.last() + 1 == number {
                    // The last table's file is always its own.
                    Place::Decide { intent: Intent { attempt: files[1], number, files } }
                } else {
                    Place::Overtaken
                }
            }
            Place::Decide { intent } => {
                if storage.intent(intent.number).is_none() {
                    storage.intents.push(intent);
                    Place::Carry { intent, step: Carry::Look, own: true }
                } else {
                    Place::Overtaken
                }
            }
            Place::Carry { intent, step, own } => match self.carry(storage, &intent, step) {
                Some(step) => Place::Carry { intent, step, own },
                None if own && step != Carry::Void => {
                    let release = storage.releases.get(intent.number as usize - 1);
                    Place::Published { found: release.is_some_and(|r| r.attempt == intent.attempt) }
                }
                None if own => Place::Overtaken,
                None => Place::Settle,
            },
            ended @ (Place::Published { .. } | Place::Overtaken) => ended,
        };
    }

    /// The state after the action; none where it is no other than without it.
    fn follow(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Step(writer) => self.step(&mut next, writer),
            Action::StepAndCrash(writer) => {
                self.step(&mut next, writer);
                if next.storage == state.storage {
                    return None;
                }
                let crashes = state.writers[writer].crashes + 1;
                next.writers[writer] = Writer { place: Place::Settle, crashes };
            }
        }
        Some(next)
    }

    /// The next step of carrying the intent out; none when that was the last.
    fn carry(&self, storage: &mut Storage, intent: &Intent, step: Carry) -> Option<Carry> {
        let number = intent.number;
        Some(match step {
            Carry::Look => {
                if storage.last() < number {
                    Carry::Load(0)
                } else if storage.releases[number as usize - 1].attempt == intent.attempt {
                    Carry::Shelf
                } else {
                    Carry::Void
                }
            }
            Carry::Load(TABLES) => Carry::Release,
            Carry::Load(table) => {
                if storage.carries(table, number) {
                    Carry::Load(table + 1)
                } else {
                    Carry::Commit(table, storage.logs[table].len() as u8)
                }
            }
            Carry::Commit(table, version) => {
                // Put only if absent; whoever finds it there looks again.
                if storage.logs[table].len() as u8 == version {
                    storage.logs[table].push((number, intent.files[table]));
                }
                Carry::Load(table)
            }
            Carry::Release => {
                if storage.last() + 1 == number {
                    storage.releases.push(*intent);
                }
                Carry::Shelf
            }
            Carry::Shelf => Carry::Switch(storage.last()),
            Carry::Switch(seen) => {
                storage.shelf = seen;
                Carry::LookAgain(seen)
            }
            Carry::LookAgain(seen) if storage.last() == seen => Carry::Sweep,
            Carry::LookAgain(_) => Carry::Shelf,
            Carry::Sweep => {
                for (of, attempt, own) in std::mem::take(&mut storage.journal) {
                    if of > number {
                        storage.journal.push((of, attempt, own));
                        continue;
                    }
                    // An earlier release that is not swept yet may read what its attempts staged.
                    for table in (0..TABLES).filter(|_| of == number) {
                        let its_own = table == 1 || own;
                        if its_own && intent.files[table] != attempt {
                            storage.files[table] &= !(1 << attempt);
                        }
                    }
                }
                Carry::Forget
            }
            Carry::Forget => {
                storage.intents.retain(|there| there.number > number);
                return None;
            }
            Carry::Void => {
                storage.intents.retain(|there| there.number != number);
                return None;
            }
        })
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let storage = Storage {
            releases: Vec::new(),
            intents: Vec::new(),
            logs: [Vec::new(), Vec::new()],
            journal: Vec::new(),
            files: [0; TABLES],
            shelf: 0,
        };
        let writer = Writer { place: Place::Settle, crashes: 0 };
        vec![State { storage, writers: vec![writer; self.writers], named: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (n, writer) in state.writers.iter().enumerate().filter(|(_, writer)| !writer.is_over()) {
            actions.push(Action::Step(n));
            if writer.crashes < self.crashes {
                actions.push(Action::StepAndCrash(n));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.follow(state, action).map(State::alike)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no half release", |_, state: &State| {
                let storage = &state.storage;
                storage.releases.iter().enumerate().all(|(version, release)| {
                    let committed = |table: usize| storage.logs[table].get(version).copied();
                    (0..TABLES).all(|t| committed(t) == Some((release.number, release.files[t])))
                })
            }),
            Property::always("no lost release", |_, state: &State| {
                state.writers.iter().all(|writer| writer.place != Place::Published { found: false })
            }),
            Property::always("no double rows", |_, state: &State| {
                state.storage.logs.iter().all(|log| {
                    log.iter().enumerate().all(|(at, (number, file))| {
                        *number as usize == at + 1 && log[..at].iter().all(|(_, earlier)| earlier != file)
                    })
                })
            }),
            Property::always("nothing vanishes", |_, state: &State| {
                let storage = &state.storage;
                storage.releases.iter().all(|r| (0..TABLES).all(|t| storage.has(t, r.files[t])))
            }),
            Property::always("the shelf shows the last release in the end", |_, state: &State| {
                !state.writers.iter().all(Writer::is_over) || state.storage.shelf == state.storage.last()
            }),
            Property::sometimes("everybody publishes", |_, state: &State| {
                state.writers.iter().all(|w| matches!(w.place, Place::Published { .. }))
            }),
            Property::sometimes("somebody carries another's decision out", |_, state: &State| {
                state
                    .writers
                    .iter()
                    .any(|w| matches!(w.place, Place::Carry { own: false, step: Carry::Commit(..), .. }))
            }),
            Property::sometimes("a late intent is withdrawn", |_, state: &State| {
                state.writers.iter().any(|w| matches!(w.place, Place::Carry { step: Carry::Void, .. }))
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use stateright::Checker;

    use super::*;

    fn asked(name: &str, otherwise: usize) -> usize {
        std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
    }

    /// Eleven million states. `PROTOCOL_WRITERS=2 PROTOCOL_CRASHES=3` for other bounds.
    #[test]
    fn whatever_the_order_no_release_is_half_lost_or_double() {
        let model =
            Protocol { writers: asked("PROTOCOL_WRITERS", 3), crashes: asked("PROTOCOL_CRASHES", 1) as u8 };
        let threads = std::thread::available_parallelism().unwrap().get();
        let checker = model.checker().threads(threads).spawn_bfs().join();
        println!("{} states, {} of them unlike", checker.state_count(), checker.unique_state_count());
        checker.assert_properties();
    }

    /// All that can be reached, each state as `stand_in` makes it.
    fn reached(model: &Protocol, stand_in: fn(State) -> State) -> HashSet<State> {
        let mut seen: HashSet<State> = model.init_states().into_iter().map(stand_in).collect();
        let mut next: Vec<State> = seen.iter().cloned().collect();
        let mut actions = Vec::new();
        while let Some(state) = next.pop() {
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                if let Some(state) = model.follow(&state, action).map(stand_in)
                    && seen.insert(state.clone())
                {
                    next.push(state);
                }
            }
        }
        seen
    }

    #[test]
    fn what_is_reached_by_states_that_stand_for_others_is_what_is_reached_by_all() {
        for (writers, crashes) in [(2, 0), (2, 1), (3, 0)] {
            let model = Protocol { writers, crashes };
            let all = reached(&model, |state| state);
            let standing = reached(&model, State::alike);
            assert!(standing.len() < all.len());
            let of_all: HashSet<State> = all.into_iter().map(State::alike).collect();
            assert!(standing == of_all, "{} and {}", standing.len(), of_all.len());
        }
    }
}

//! A model of the release protocol (`src/warehouse/publish.rs`), checked exhaustively.
//!
//! Several writers each want to publish one release of two tables. Every access to the storage is a
//! step of its own, and between any two steps any other writer may go on, for as long as it likes:
//! that is a lock whose lease runs out at the worst moment, so the lock itself is left out. A writer
//! may crash after any step and is started again as a new attempt. What must hold:
//!
//! - no half release: when a release is there, every table has that release's own commit;
//! - no lost release: a writer that was told of its success finds its release under that number;
//! - no double rows: no attempt's files are committed twice, and no release twice to a table;
//! - nothing vanishes: the files that a release reads are there;
//! - the shelf shows the last release once everybody is done.

use stateright::{Model, Property};

/// Writer and how often it had crashed: names an attempt, as the fence of its lock does.
type Attempt = u8;
type Number = u8;

const TABLES: usize = 2;
const MOST_CRASHES: u8 = 4;

/// What an attempt proposes: which attempt's file each table gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Intent {
    attempt: Attempt,
    number: Number,
    files: [Attempt; TABLES],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Idle,
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
    Published {
        number: Number,
    },
    /// Told that another was first: published nothing.
    Overtaken,
}

/// How far an intent is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Writer {
    place: Place,
    crashes: u8,
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
    writers: Vec<Writer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    Step(usize),
    Crash(usize),
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
    fn attempt(&self, writer: usize, crashes: u8) -> Attempt {
        writer as u8 * (MOST_CRASHES + 1) + crashes
    }

    fn step(&self, state: &mut State, writer: usize) {
        let attempt = self.attempt(writer, state.writers[writer].crashes);
        let storage = &mut state.storage;
        state.writers[writer].place = match state.writers[writer].place.clone() {
            Place::Idle => Place::Settle,
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
                    Place::Decide { intent: Intent { attempt, number, files } }
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
                None if own && step != Carry::Void => Place::Published { number: intent.number },
                None if own => Place::Overtaken,
                None => Place::Settle,
            },
            ended @ (Place::Published { .. } | Place::Overtaken) => ended,
        };
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
        let writer = Writer { place: Place::Idle, crashes: 0 };
        vec![State { storage, writers: vec![writer; self.writers] }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (n, writer) in state.writers.iter().enumerate() {
            if !matches!(writer.place, Place::Published { .. } | Place::Overtaken) {
                actions.push(Action::Step(n));
                if writer.crashes < self.crashes && writer.place != Place::Idle {
                    actions.push(Action::Crash(n));
                }
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Step(writer) => self.step(&mut state, writer),
            Action::Crash(writer) => {
                let writer = &mut state.writers[writer];
                *writer = Writer { place: Place::Idle, crashes: writer.crashes + 1 };
            }
        }
        Some(state)
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
            Property::always("no lost release", |model: &Protocol, state: &State| {
                state.writers.iter().enumerate().all(|(n, writer)| match writer.place {
                    Place::Published { number } => {
                        let release = state.storage.releases.get(number as usize - 1);
                        release.is_some_and(|r| r.attempt == model.attempt(n, writer.crashes))
                    }
                    _ => true,
                })
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
                let over = |w: &Writer| matches!(w.place, Place::Published { .. } | Place::Overtaken);
                // Writers that were overtaken leave the shelf to the one that overtook them.
                let all_published = state.writers.iter().all(|w| matches!(w.place, Place::Published { .. }));
                !state.writers.iter().all(over)
                    || !all_published
                    || state.storage.shelf == state.storage.last()
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
    use stateright::Checker;

    use super::*;

    /// `PROTOCOL_WRITERS=3 PROTOCOL_CRASHES=1` for the large one.
    fn asked(name: &str, otherwise: usize) -> usize {
        std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
    }

    #[test]
    fn whatever_the_order_no_release_is_half_lost_or_double() {
        let model =
            Protocol { writers: asked("PROTOCOL_WRITERS", 2), crashes: asked("PROTOCOL_CRASHES", 1) as u8 };
        let threads = std::thread::available_parallelism().unwrap().get();
        let checker = model.checker().threads(threads).spawn_bfs().join();
        println!("{} states, {} of them unlike", checker.state_count(), checker.unique_state_count());
        checker.assert_properties();
    }
}

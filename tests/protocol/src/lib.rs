//! A model of the release protocol (`src/warehouse/publish.rs`) and of the verbs that delete or copy
//! (`purge.rs`, `vacuum.rs`, `backup.rs`, `upkeep.rs`), checked exhaustively.
//!
//! Several writers each carry out one verb on a warehouse of two tables. Every access to the storage is
//! a step of its own, and between any two steps any other writer may go on, for as long as it likes:
//! that is a process that sleeps past its lease anywhere. The lock keeps nobody out; what remains of it
//! is that a writer which took it can see whether somebody took it since. A writer may crash after any
//! step and is started again as a new attempt.
//!
//! A crash is tried right after each step that changed the storage, as one action with it. That is
//! every crash there is: between that change and a later crash the writer has only read, nobody saw
//! it read, and the new attempt starts from nothing. States that behave alike are visited once (see
//! `alike`). What must hold is in `properties`; `mistake` lists protocols that are wrong in one place,
//! each of which must be found out.
//!
//! Bounds: two tables, one file a table and release, each release commits to both; listings, and the
//! deletion of what one step deletes of one kind, are not interrupted; a process that is killed while
//! it writes after it slept past its lease is left out (its file stays until the next vacuum).

mod alike;
mod backup;
mod mistake;
mod properties;
mod publish;
mod purge;
mod storage;
mod vacuum;

pub use mistake::Mistake;
use stateright::{Model, Property};

use backup::Copying;
use publish::Carry;
use purge::{Purge, Purging};
use storage::{Attempt, Intent, Number, Storage, TABLES};
use vacuum::Vacuuming;

/// What a writer does to the warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// A run: takes finished steps over from an attempt that was interrupted.
    Night,
    /// A run without a person, and the purge of what was before it.
    Forget,
    /// Writes the first table again and leaves the second.
    Optimize,
    /// Publishes the files of the first release again.
    Restore,
    Vacuum,
    Backup,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    Lock,
    /// Looks for a decision that was not carried out; `published` once its own release is there.
    Settle {
        published: Option<bool>,
    },
    /// A decision is carried out.
    Carry {
        intent: Intent,
        step: Carry,
        then: Then,
    },
    /// Looks for purges that were ordered.
    Orders {
        published: Option<bool>,
    },
    Purge {
        purge: Purging,
        published: Option<bool>,
    },
    /// Reads the base, and the journal for finished steps.
    Begin,
    Stage {
        number: Number,
        inherited: Option<Attempt>,
    },
    /// Its files are there; nobody knows of them yet.
    Journal {
        number: Number,
        files: [Attempt; TABLES],
    },
    Order {
        intent: Intent,
    },
    Propose {
        intent: Intent,
    },
    Decide {
        intent: Intent,
    },
    Vacuum(Vacuuming),
    Copy(Copying),
    /// Told of its success. Releases are never changed: what it finds then it finds for good.
    Published {
        found: bool,
    },
    /// A backup that was reported of its success.
    Saved {
        /// Whether each table of the copy can be read.
        whole: bool,
        /// Whether its release was still there at the end.
        there: bool,
    },
    /// Told that it failed, or that another was first.
    Failed,
}

/// What comes after a decision was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Then {
    /// It was the writer's own.
    Own,
    Settle {
        published: Option<bool>,
    },
    /// Only the shelf of the last release was missing.
    Shelf {
        published: Option<bool>,
    },
}

impl Place {
    /// Whether the step puts something that only this writer would delete again.
    fn puts_what_is_not_known(&self) -> bool {
        match self {
            Place::Stage { .. } | Place::Journal { .. } => true,
            Place::Purge { purge, .. } => matches!(purge.step, Purge::Checkpoint(_)),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Writer {
    verb: Verb,
    place: Place,
    crashes: u8,
    /// Nobody has taken the lock since this writer took it.
    holds: bool,
}

impl Writer {
    fn is_over(&self) -> bool {
        matches!(self.place, Place::Published { .. } | Place::Saved { .. } | Place::Failed)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    storage: Storage,
    /// In no order that matters: any of them may do what any other of the same verb may.
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

/// Who works on which warehouse, and what is wrong with the protocol.
#[derive(Debug, Clone)]
pub struct Protocol {
    pub verbs: Vec<Verb>,
    /// Releases that are there at the beginning.
    pub history: Number,
    /// How often each writer may crash.
    pub crashes: u8,
    pub mistake: Option<Mistake>,
}

impl Protocol {
    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Whether somebody deletes what is read off a listing: only then the lock matters.
    fn needs_lock(&self) -> bool {
        self.verbs.iter().any(|verb| matches!(verb, Verb::Forget | Verb::Vacuum))
    }

    fn start(&self, verb: Verb) -> Place {
        match verb {
            Verb::Backup => Place::Copy(Copying::begin()),
            _ if self.needs_lock() => Place::Lock,
            _ => Place::Settle { published: None },
        }
    }

    fn step(&self, state: &mut State, at: usize) {
        let Writer { verb, place, holds, .. } = state.writers[at];
        let storage = &mut state.storage;
        state.writers[at].place = match place {
            Place::Lock => {
                for (other, writer) in state.writers.iter_mut().enumerate() {
                    writer.holds = other == at;
                }
                Place::Settle { published: None }
            }
            Place::Settle { published } => self.settle(storage, published),
            Place::Orders { published } => self.next_order(storage, published),
            Place::Purge { purge, published } => match self.purge(storage, purge, holds) {
                Ok(Some(purge)) => Place::Purge { purge, published },
                Ok(None) => Place::Orders { published },
                Err(()) => Place::Failed,
            },
            Place::Begin => self.begin(storage, verb, &mut state.named),
            Place::Stage { number, inherited } => {
                let attempt = state.named;
                state.named += 1;
                let files = self.put_files(storage, verb, number, attempt, inherited);
                if !self.needs_lock() {
                    storage.journal.push((number, attempt, inherited.is_none()));
                    Place::Propose { intent: Intent { attempt, number, verb, files } }
                } else {
                    Place::Journal { number, files }
                }
            }
            Place::Journal { number, files } => self.journal(storage, verb, number, files, holds),
            Place::Order { intent } => {
                storage.orders.push((intent.number, intent.attempt));
                Place::Propose { intent }
            }
            Place::Propose { intent } => self.propose(storage, intent, holds),
            Place::Decide { intent } => self.decide(storage, intent),
            Place::Carry { intent, step, then } => match self.carry(storage, &intent, step) {
                Ok(Some(Carry::Sweep)) if matches!(then, Then::Shelf { .. }) => {
                    self.carried_out(storage, &intent, step, then)
                }
                Ok(Some(step)) => Place::Carry { intent, step, then },
                Ok(None) => self.carried_out(storage, &intent, step, then),
                Err(()) => Place::Failed,
            },
            Place::Vacuum(vacuum) => self.vacuum(storage, vacuum, holds),
            Place::Copy(copy) => self.copy(storage, copy),
            ended @ (Place::Published { .. } | Place::Saved { .. } | Place::Failed) => ended,
        };
    }

    /// The state after the action; none where it is no other than without it.
    fn follow(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Step(writer) => self.step(&mut next, writer),
            Action::StepAndCrash(at) => {
                self.step(&mut next, at);
                if next.storage == state.storage {
                    return None;
                }
                let Writer { verb, crashes, .. } = state.writers[at];
                let place = self.start(verb);
                next.writers[at] = Writer { verb, place, crashes: crashes + 1, holds: false };
            }
        }
        // Only whoever deletes, or is seen to write, still asks.
        for writer in next.writers.iter_mut().filter(|writer| writer.is_over()) {
            writer.holds = false;
        }
        Some(next)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let writer = |verb: &Verb| Writer { verb: *verb, place: self.start(*verb), crashes: 0, holds: false };
        vec![State {
            storage: Storage::after(self.history),
            writers: self.verbs.iter().map(writer).collect(),
            named: self.history.into(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (n, writer) in state.writers.iter().enumerate().filter(|(_, writer)| !writer.is_over()) {
            actions.push(Action::Step(n));
            let writes_asleep = self.needs_lock() && !writer.holds && writer.place.puts_what_is_not_known();
            if writer.crashes < self.crashes && !writes_asleep {
                actions.push(Action::StepAndCrash(n));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.follow(state, action).map(State::alike)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}

/// The step that comes after this one.
fn after<S: PartialEq + Copy>(steps: &[S], step: S) -> Option<S> {
    steps.iter().skip_while(|other| **other != step).nth(1).copied()
}

#[cfg(test)]
mod tests;

//! What must hold whatever the order:
//!
//! - no half release: when a release is there, every table has that release's own commit;
//! - no lost release: a writer that was reported of its success finds its release under that number;
//! - no double rows: no release is committed twice to a table, and no attempt's files but by a verb that
//!   publishes what was there;
//! - nothing vanishes: every release that is there can be read, log and files, and the last is there;
//! - only an erasure, once it is decided, or a vacuum deletes a release;
//! - once everybody is done: what was decided is carried out, the shelf shows the last release and is
//!   there, and of whom was removed nothing is left, unless an order stands that the next command
//!   carries out;
//! - whom an erasure took out is in no later release;
//! - a backup that was reported of its success is whole, and its release was there at the end.

use stateright::Property;

use crate::publish::Carry;
use crate::storage::{Number, Storage, TABLES, below};
use crate::{Place, Protocol, State, Verb, Writer};

impl State {
    fn is_over(&self) -> bool {
        self.writers.iter().all(Writer::is_over)
    }
}

impl Storage {
    /// The releases that erasures were.
    fn erasures(&self) -> impl DoubleEndedIterator<Item = Number> {
        self.releases.iter().filter(|release| release.verb == Verb::Forget).map(|release| release.number)
    }

    fn is_forgotten(&self, erasure: Number) -> bool {
        let before = below(erasure) & !1;
        (0..TABLES).all(|table| self.files[table] & self.personal[table] == 0)
            && before & !self.gone == 0
            && self.logs.iter().all(|log| (log.entries | log.checkpoints) & before == 0)
            && self.shelves & before == 0
    }
}

pub fn all(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always("no half release", |_, state: &State| {
            let storage = &state.storage;
            storage.releases.iter().enumerate().all(|(version, release)| {
                let committed = |table: usize| storage.logs[table].commits.get(version).copied();
                (0..TABLES).all(|t| committed(t) == Some((release.number, release.files[t])))
            })
        }),
        Property::always("no lost release", |_, state: &State| {
            state.writers.iter().all(|writer| writer.place != Place::Published { found: false })
        }),
        Property::always("no double rows", |protocol: &Protocol, state: &State| {
            let republish = [Verb::Optimize, Verb::Restore, Verb::Vacuum];
            let by_files = !protocol.verbs.iter().any(|verb| republish.contains(verb));
            state.storage.logs.iter().all(|log| {
                log.commits.iter().enumerate().all(|(at, (number, file))| {
                    let again = log.commits[..at].iter().any(|(_, earlier)| earlier == file);
                    *number as usize == at + 1 && !(by_files && again)
                })
            })
        }),
        Property::always("nothing vanishes", |_, state: &State| {
            let storage = &state.storage;
            let is_readable = |number| storage.logs.iter().all(|log| log.is_readable(number));
            (storage.last() == 0 || storage.is_there(storage.last()))
                && storage.present().all(|release| storage.has_all(release) && is_readable(release.number))
        }),
        Property::always("only what was ordered goes", |_, state: &State| {
            let storage = &state.storage;
            storage.gone == 0
                || storage.erasures().next().is_some()
                || storage.releases.iter().any(|release| release.verb == Verb::Vacuum)
        }),
        Property::always("what was decided is carried out in the end", |_, state: &State| {
            let storage = &state.storage;
            !state.is_over() || storage.intents.iter().all(|intent| intent.number <= storage.last())
        }),
        Property::always("the shelf shows the last release in the end", |_, state: &State| {
            let storage = &state.storage;
            let is_there = storage.last() == 0 || storage.shelves & (1 << storage.shelf) != 0;
            !state.is_over() || storage.shelf == storage.last() && is_there
        }),
        Property::always("who was forgotten is nowhere in the end", |_, state: &State| {
            let storage = &state.storage;
            let erasure =
                storage.erasures().next_back().filter(|_| state.is_over() && storage.orders.is_empty());
            erasure.is_none_or(|erasure| storage.is_forgotten(erasure))
        }),
        Property::always("who was forgotten is in no later release", |_, state: &State| {
            let storage = &state.storage;
            let is_personal = |t: usize, file: u16| storage.personal[t] & (1 << file) != 0;
            let later =
                storage.releases.iter().skip(storage.erasures().next().map_or(usize::MAX, usize::from));
            later.into_iter().all(|release| (0..TABLES).all(|t| !is_personal(t, release.files[t])))
        }),
        Property::always("a backup is whole", |_, state: &State| {
            let is_right = |place: &Place| match place {
                Place::Saved { whole, there } => *whole && *there,
                _ => true,
            };
            state.writers.iter().all(|writer| is_right(&writer.place))
        }),
        Property::sometimes("everybody succeeds", |_, state: &State| {
            let succeeds = |w: &Writer| matches!(w.place, Place::Published { .. } | Place::Saved { .. });
            state.writers.iter().all(succeeds)
        }),
    ];
    let publish = |verb: &&Verb| **verb != Verb::Backup;
    if protocol.verbs.iter().filter(publish).count() > 1 {
        properties.push(Property::sometimes(
            "somebody carries another's decision out",
            |_, state: &State| {
                state.writers.iter().any(|writer| match &writer.place {
                    Place::Carry { then, step: Carry::Commit(..), .. } => *then != crate::Then::Own,
                    _ => false,
                })
            },
        ));
        properties.push(Property::sometimes("a late intent is withdrawn", |_, state: &State| {
            state.writers.iter().any(|w| matches!(w.place, Place::Carry { step: Carry::Void, .. }))
        }));
    }
    properties
}

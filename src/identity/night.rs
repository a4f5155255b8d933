//! The night for which identities are resolved: tonight, or one of the past.

use chrono_tz::Tz;

use crate::clock::Instant;

/// Whether a record, by source and id, belongs to an erased person.
pub type IsForgotten<'n> = &'n (dyn Fn(&str, &str) -> bool + Send + Sync);

/// What resolution has to know of the run it is a step of.
#[derive(Clone, Copy)]
pub struct Night<'n> {
    pub pipeline: &'n str,
    pub as_of: Instant,
    /// Of lengths of time.
    pub zone: Tz,
    /// Whether all pairs are compared again, with the parameters in force.
    pub full_refresh: bool,
    /// Whether it is a night of the past, resolved again with what is known tonight of parameters, terms, and
    /// pairs that are as they were: of the history of ids it reads and writes nothing.
    pub recalled: bool,
    /// A person is being erased: the person is also removed from the history of ids.
    pub is_forgotten: Option<IsForgotten<'n>>,
}

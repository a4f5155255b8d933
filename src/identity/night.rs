//! The night for which identities are resolved.

use chrono_tz::Tz;

use crate::clock::Instant;

/// Whether a record, by source and id, is of a person who is forgotten.
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
    /// Somebody is removed of the warehouse: they leave what is remembered of ids, too.
    pub is_forgotten: Option<IsForgotten<'n>>,
}

//! Linkage: which pairs of person records are probably of one person (Fellegi and Sunter 1969).
//!
//! ```text
//! model           comparisons, levels, rules; person.toml is the shipped one
//! links           tonight's links, made of
//!   person_records  what channels say of persons, in one spelling    → core.person_records
//!   term_frequency  how common each name is                          → core.match_terms
//!   candidates      blocking and comparing, as SQL
//!   em, weight      what each level of agreement says
//!   fitted          what was learnt, as rows                         → ops.models
//!   since           what changed since last night: only that is compared
//! explain         the waterfall of two records
//! ```

pub mod candidates;
mod changed_records;
pub mod em;
mod explain;
pub mod fitted;
pub mod links;
mod model;
pub mod person_records;
mod term_frequency;
pub mod weight;

pub use explain::explain;
pub use model::{ATTRIBUTES, Comparison, KeyRule, Linkage};

//! Linkage: which pairs of person records are probably of one person (Fellegi and Sunter 1969).
//!
//! ```text
//! model           comparisons and rules; person.toml is the shipped one
//!   comparison      what of two records is compared, in levels
//!   own_attributes  what a pipeline compares beside that
//!   key_rule        which records are brought together
//! links           tonight's links, made of
//!   person_records  what channels say of persons, in one spelling    → core.person_records
//!   term_frequency  how common each name is                          → core.match_terms
//!   candidates      blocking and comparing, as SQL
//!   em, weight      what each level of agreement says
//!   proposals       blocking rules that would find more
//!   fitted          what was learnt, as rows                         → ops.models
//!   since           what changed since last night: only that is compared
//! explain         the waterfall of two records
//! ```

pub mod candidates;
mod changed_records;
mod comparison;
pub mod em;
mod explain;
pub mod fitted;
pub(super) mod key_rule;
pub mod links;
mod model;
mod own_attributes;
pub mod person_records;
mod proposals;
mod term_frequency;
pub mod weight;

pub use comparison::Comparison;
pub use explain::explain;
pub use key_rule::KeyRule;
pub use model::Linkage;
pub use own_attributes::OwnAttribute;

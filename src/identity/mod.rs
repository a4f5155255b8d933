//! Who is who: records that share a key, or that are probably of one person, are one customer.
//!
//! ```text
//! standardise     one spelling for names, addresses, numbers, dates     (pure, also SQL functions)
//! likeness        how alike two values are                              (pure, also SQL functions)
//! resolve         the step: linkage, then customers
//!   linkage         which pairs of person records are of one person     → core.person_records, ops.models
//!   customers       from rulings, keys and links to customers           → core.customer_ids, …
//!   match_links     what became of each pair                            → core.match_links
//!   review          what a steward may decide                           → core.match_review
//! quality         how good all of it is, beside a truth or without      → mart.match_weights and others
//!
//! golden_record   which record says an attribute best                   → core.golden_records
//! households      who lives together                                    → core.households
//! organisations   key accounts and their contacts                       → core.organisations
//!   spelling        an attribute's one spelling, as SQL
//!   equal_keys      members that hold an equal key, grouped
//! ```
//!
//! Records (`source`, `record_id`) and keys (`key_kind`, `key_value`) form a graph, and so do records
//! and links; its connected components are the customers. Nothing depends on the order of arrival or
//! on the threads.

mod customers;
mod declaration;
mod equal_keys;
mod golden_record;
mod households;
mod likeness;
mod linkage;
mod match_links;
mod night;
mod organisations;
pub mod quality;
mod record_name;
mod resolve;
mod review;
mod scratch;
mod spelling;
mod sql_function;
pub mod standardise;
mod steps;
mod tables;
mod writing;

pub use customers::{trace_id, trace_record};
pub use declaration::{Identity, IdentityDeclaration, Persons};
pub use writing::Writing;

use crate::placeholder_value::PlaceholderValues;
pub use golden_record::{GoldenRecord, GoldenRecordDeclaration};
pub use households::{Households, HouseholdsDeclaration};
pub use linkage::{Linkage, explain};
pub use organisations::{Organisations, OrganisationsDeclaration};
pub use record_name::RecordName;
pub use tables::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, table};

/// Returns the functions that standardise and compare, for the SQL of models: `standard_email(email)`,
/// `jaro_winkler(a, b)` and the others.
pub fn sql_functions(placeholders: &PlaceholderValues) -> Vec<datafusion::logical_expr::ScalarUDF> {
    standardise::functions(placeholders).into_iter().chain(likeness::functions()).collect()
}

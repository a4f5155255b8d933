//! Who is who: records that share a key, or that are probably of one person, are one customer.
//!
//! ```text
//! standardise     one spelling for names, addresses, numbers, dates     (pure, also SQL functions)
//! likeness        how alike two values are                              (pure, also SQL functions)
//! linkage         the model: comparisons, levels, rules; person.toml is the shipped one
//! person_records  what channels say of persons                          → core.person_records
//! candidates      blocking and comparing, as SQL
//! em, weight      what each level of agreement says                     → ops.models
//! clusters        from keys and links to customers, guarded             → core.customer_ids
//! resolve         the step                                              → core.match_links
//! explain         the waterfall of two records
//! quality         how good all of it is, beside a truth or without      → mart.match_weights and others
//! ```
//!
//! Records (`source`, `record_id`) and keys (`key_kind`, `key_value`) form a graph, and so do records
//! and links; its connected components are the customers. A customer's id is derived from the
//! component's smallest record, so that it depends neither on the order of arrival nor on the
//! threads.

mod candidates;
mod clusters;
mod components;
mod declaration;
mod em;
mod explain;
mod fitted;
mod likeness;
mod linkage;
mod person_records;
pub mod quality;
mod resolve;
mod sql_function;
pub mod standardise;
mod universe;
mod weight;

pub use declaration::{Identity, IdentityDeclaration, Persons};
pub use explain::{RecordName, explain};
pub use fitted::MODEL;
pub use linkage::Linkage;
pub use resolve::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, Resolution, resolve, table};

/// The functions that standardise and compare, for the SQL of models: `standard_email(email)`,
/// `jaro_winkler(a, b)` and the others.
pub fn sql_functions() -> Vec<datafusion::logical_expr::ScalarUDF> {
    standardise::functions().into_iter().chain(likeness::functions()).collect()
}

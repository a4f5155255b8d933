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
//!
//! spelling        an attribute's one spelling, as SQL
//! golden_record   which record says an attribute best, and says so      → core.golden_records
//! equal_keys      members that hold an equal key, grouped
//! households      who lives together                                    → core.households
//! organisations   key accounts and their contacts                       → core.organisations
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
mod equal_keys;
mod explain;
mod fitted;
mod golden_record;
mod households;
mod likeness;
mod linkage;
mod made;
mod organisations;
mod person_records;
mod resolve;
mod spelling;
mod sql_function;
pub mod standardise;
mod universe;
mod weight;

pub use declaration::{Identity, IdentityDeclaration, Persons};
pub use explain::{RecordName, explain};
pub use fitted::MODEL;
pub use golden_record::{GOLDEN_RECORDS, GoldenRecord, GoldenRecordDeclaration, golden_record};
pub use households::{HOUSEHOLDS, Households, HouseholdsDeclaration, households};
pub use linkage::Linkage;
pub use made::Made;
pub use organisations::{
    ORGANISATION_CONTACTS, ORGANISATION_IDS, ORGANISATIONS, Organisations, OrganisationsDeclaration,
    organisations,
};
pub use resolve::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, Resolution, resolve, table};

/// The functions that standardise and compare, for the SQL of models: `standard_email(email)`,
/// `jaro_winkler(a, b)` and the others.
pub fn sql_functions() -> Vec<datafusion::logical_expr::ScalarUDF> {
    standardise::functions().into_iter().chain(likeness::functions()).collect()
}

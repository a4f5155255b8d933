//! Who is who: records that share a key, or that are probably of one person, are one customer.
//!
//! ```text
//! standardise     one spelling for names, addresses, numbers, dates     (pure, also SQL functions)
//! likeness        how alike two values are                              (pure, also SQL functions)
//! linkage         the model: comparisons, levels, rules; person.toml is the shipped one
//! resolve         the step, made of
//!   links           which pairs weigh enough tonight
//!     person_records  what channels say of persons                      → core.person_records
//!     term_frequency  how common each name is                           → core.match_terms
//!     candidates      blocking and comparing, as SQL
//!     em, weight      what each level of agreement says                 → ops.models (fitted)
//!     since           what changed since last night: only that is compared
//!   customers       from rulings, keys and links to customers           → core.customer_ids
//!     steward         a steward's decisions, which always win
//!     clusters        groups of records, guarded
//!     succession      tonight's customers take over last night's ids
//!     id_memory       who was who, what changed                         → core.customer_id_history, …
//!   match_links     what became of each pair                            → core.match_links
//!   review          what a steward may decide                           → core.match_review
//! explain         the waterfall of two records
//! trace           who a record or an id was, night by night
//!
//! spelling        an attribute's one spelling, as SQL
//! golden_record   which record says an attribute best, and says so      → core.golden_records
//! equal_keys      members that hold an equal key, grouped
//! households      who lives together                                    → core.households
//! organisations   key accounts and their contacts                       → core.organisations
//! quality         how good all of it is, beside a truth or without      → mart.match_weights and others
//! ```
//!
//! Records (`source`, `record_id`) and keys (`key_kind`, `key_value`) form a graph, and so do records
//! and links; its connected components are the customers. Nothing depends on the order of arrival or
//! on the threads.

mod candidates;
mod clusters;
mod components;
mod customer_id;
mod customers;
mod declaration;
mod em;
mod equal_keys;
mod explain;
mod fitted;
mod golden_record;
mod households;
mod id_memory;
mod likeness;
mod linkage;
mod links;
mod made;
mod match_links;
mod night;
mod organisations;
mod person_records;
pub mod quality;
mod resolve;
mod review;
mod scratch;
mod since;
mod slips;
mod spelling;
mod sql_function;
pub mod standardise;
mod steward;
mod succession;
mod term_frequency;
mod trace;
mod universe;
mod weight;

pub use declaration::{Identity, IdentityDeclaration, Persons};
pub use explain::{RecordName, explain};
pub use fitted::MODEL;
pub use golden_record::{GOLDEN_RECORDS, GoldenRecord, GoldenRecordDeclaration, golden_record};
pub use households::{HOUSEHOLDS, Households, HouseholdsDeclaration, households};
pub use linkage::Linkage;
pub use made::Made;
pub use night::{IsForgotten, Night};
pub use organisations::{
    ORGANISATION_CONTACTS, ORGANISATION_IDS, ORGANISATIONS, Organisations, OrganisationsDeclaration,
    organisations,
};
pub use resolve::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, Resolution, resolve, table, tables};
pub use trace::{trace_id, trace_record};

/// The functions that standardise and compare, for the SQL of models: `standard_email(email)`,
/// `jaro_winkler(a, b)` and the others.
pub fn sql_functions() -> Vec<datafusion::logical_expr::ScalarUDF> {
    standardise::functions().into_iter().chain(likeness::functions()).collect()
}

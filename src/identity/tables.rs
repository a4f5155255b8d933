//! The tables that resolution makes.

use crate::name::TableName;

/// The records' customers. Grain: one row per record.
pub const CUSTOMER_IDS: &str = "customer_ids";
/// Grain: one row per record and night on which its customer became another; the latest up to an instant is
/// who the record was then.
pub(super) const CUSTOMER_ID_HISTORY: &str = "customer_id_history";
/// Grain: one row per night, former id and id that records of it bear since; numbered as they came.
pub(super) const CUSTOMER_ID_CHANGES: &str = "customer_id_changes";
/// Grain: one row per id that is no longer in use.
pub(super) const FORMER_CUSTOMER_IDS: &str = "former_customer_ids";
/// Grain: one row per key that joins nobody (`key_kind`, `key_value`), with the reason and how many records
/// hold it; and one row, without a key, a reason for which records join nobody by any of theirs.
pub(super) const REFUSED_KEYS: &str = "refused_keys";
/// What is known of persons, standardised. Grain: one row per person record.
pub const PERSON_RECORDS: &str = "person_records";
/// Grain: one row per pair of person records that is linked, or was refused, or waits for review.
pub const MATCH_LINKS: &str = "match_links";
/// Grain: one row per pair of customers who are not joined and not decided by a steward; with the two
/// records that speak most for it, why they were not joined, and how many pairs of records are alike.
pub(super) const MATCH_REVIEW: &str = "match_review";
/// How frequent terms were when the parameters were estimated. Grain: one row per attribute and term.
pub(super) const MATCH_TERMS: &str = "match_terms";

pub fn table(name: &str) -> TableName {
    TableName::new("core", name).expect("our own table names are valid")
}

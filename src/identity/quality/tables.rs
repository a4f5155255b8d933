//! The tables that the step writes.

use crate::name::TableName;

/// Grain: one row per number of records that a customer has.
pub const CUSTOMER_SIZES: &str = "customer_sizes";
/// Grain: one row per comparison and level; the prior is a comparison of its own.
pub const MATCH_WEIGHTS: &str = "match_weights";
/// Grain: one row per decision about pairs.
pub const MATCH_DECISIONS: &str = "match_decisions";
/// Grain: one row per match weight.
pub const UNLINKABLES: &str = "unlinkables";
/// Grain: one row per source of person records and attribute.
pub const COMPLETENESS: &str = "completeness";
/// Grain: one row per blocking rule.
pub const BLOCKING_RULES: &str = "blocking_rules";
/// Grain: one row per blocking rule that would find pairs which none compares.
pub const BLOCKING_PROPOSALS: &str = "blocking_proposals";
/// Grain: one row per measure and, for links, threshold.
pub const MATCH_ACCURACY: &str = "match_accuracy";

/// The key of each table that the step writes.
pub const KEYS: [(&str, &[&str]); 8] = [
    (CUSTOMER_SIZES, &["records"]),
    (MATCH_WEIGHTS, &["comparison", "level"]),
    (MATCH_DECISIONS, &["decision"]),
    (UNLINKABLES, &["match_weight"]),
    (COMPLETENESS, &["source", "attribute"]),
    (BLOCKING_RULES, &["position"]),
    (BLOCKING_PROPOSALS, &["position"]),
    (MATCH_ACCURACY, &["position"]),
];

pub fn mart(name: &str) -> TableName {
    TableName::new("mart", name).expect("our own table names are valid")
}

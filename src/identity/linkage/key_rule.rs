//! Rules by which records are brought together: those whose key is equal.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Problem;
use crate::error::Error;

/// Pairs that one rule may give, for each record there is.
const PAIRS_A_RECORD: u64 = 20;
/// However few records there are, a rule may give as many pairs as for so many.
const FEW_RECORDS: u64 = 2_500;

/// Records whose key is equal; its parts are SQL over the attributes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// SQL expressions over the attributes: records in which all are equal are compared.
    #[schemars(example = ["last_name", "postcode"])]
    pub key: Vec<String>,
    /// How many pairs the rule may give for each record there is, 20 if not given: where there would be more,
    /// the largest blocks are not compared.
    #[schemars(example = 2)]
    pub max_pairs_a_record: Option<u64>,
}

impl KeyRule {
    pub fn name(&self) -> String {
        self.key.join(", ")
    }

    /// Returns one text from all parts; null when one of them is.
    pub fn sql(&self) -> String {
        let parts: Vec<String> = self.key.iter().map(|part| format!("nullif({part}, '')")).collect();
        format!("block_key({})", parts.join(" || chr(31) || "))
    }

    /// Returns how many pairs the rule may give among so many records.
    pub(super) fn most_pairs(&self, records: u64) -> u64 {
        records.max(FEW_RECORDS).saturating_mul(self.max_pairs_a_record.unwrap_or(PAIRS_A_RECORD))
    }

    /// Returns whether an attribute takes part in the key.
    pub(super) fn names(&self, attribute: &str) -> bool {
        self.key.iter().any(|part| names(part, attribute))
    }
}

/// Returns all that is wrong with the rules at a key of `[identity]`.
pub fn check(at: &str, rules: &[KeyRule]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (n, rule) in rules.iter().enumerate() {
        if rule.key.is_empty() {
            let error = Error::config("the key of a rule is empty").hint("write key = [\"email\"]");
            problems.push(Problem::new([at.to_owned(), n.to_string(), "key".to_owned()], error));
        }
        if rule.max_pairs_a_record == Some(0) {
            let error = Error::config("`max_pairs_a_record` is 0, but it must be at least 1");
            problems
                .push(Problem::new([at.to_owned(), n.to_string(), "max_pairs_a_record".to_owned()], error));
        }
    }
    problems
}

/// Returns whether an identifier is in an expression.
pub(super) fn names(expression: &str, identifier: &str) -> bool {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == identifier)
}

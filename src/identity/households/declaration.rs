//! `[households]` of the pipeline file, and the rules it declares once checked.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Problem;
use crate::error::Error;
use crate::identity::writing::Writing;

/// Stands for street, house number and postcode (or city) together, where no attribute is called so.
pub(super) const ADDRESS: &str = "address";

/// Customers who live together, found by their golden records.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HouseholdsDeclaration {
    /// What members of a household have in common; the rules are tried in their order.
    #[serde(default = "same_name_and_address")]
    pub rules: Vec<HouseholdRule>,
    /// How many members a household has at most: more only share an address, or a mistake.
    #[serde(default = "max_members")]
    pub max_members: u64,
}

/// What members of a household have in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HouseholdRule {
    /// Golden attributes that are the same in one spelling, `address` for the whole of it.
    #[serde(default)]
    #[schemars(example = ["last_name", "address"])]
    pub same: Vec<String>,
    /// A golden attribute of which one word is the same, as in Dupont-Martin and Martin.
    #[schemars(example = &"last_name")]
    pub shares_word: Option<String>,
}

impl HouseholdRule {
    /// As the table names it.
    pub fn name(&self) -> String {
        let word = self.shares_word.iter().map(|column| format!("a word of {column}"));
        self.same.iter().cloned().chain(word).collect::<Vec<_>>().join(", ")
    }
}

fn same_name_and_address() -> Vec<HouseholdRule> {
    vec![HouseholdRule { same: vec!["last_name".to_owned(), ADDRESS.to_owned()], shares_word: None }]
}

fn max_members() -> u64 {
    8
}

/// Households, checked.
#[derive(Debug, Clone)]
pub struct Households {
    pub rules: Vec<HouseholdRule>,
    pub max_members: u64,
    /// The golden attributes there are.
    pub columns: Vec<String>,
    pub writing: Writing,
}

impl HouseholdsDeclaration {
    /// Returns all that is wrong with the section, or what it means; `columns` are the golden attributes.
    /// Does no I/O.
    ///
    /// # Errors
    /// No rule, a rule that nothing is the same by, an attribute that is not chosen.
    pub fn check(self, columns: &[String], writing: &Writing) -> Result<Households, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, error: Error| problems.push(Problem::new([key], error));
        if self.max_members < 2 {
            wrong(
                "max_members",
                Error::config(format!("`max_members` is {}, but it must be at least 2", self.max_members)),
            );
        }
        if self.rules.is_empty() {
            wrong(
                "rules",
                Error::config("the list of rules is empty")
                    .hint("rules = [{ same = [\"last_name\", \"address\"] }]"),
            );
        }
        let has = |column: &str| columns.iter().any(|c| c == column);
        let has_address = has("street") && (has("postcode") || has("city"));
        let (whole, known) =
            (if has_address { ", and `address` for the whole of it" } else { "" }, columns.join(", "));
        for rule in &self.rules {
            if rule.same.is_empty() {
                wrong(
                    "rules",
                    Error::config("a household rule has an empty `same`")
                        .hint("write at least { same = [\"address\"] }"),
                );
            }
            for word in rule.same.iter().chain(&rule.shares_word) {
                if has(word) {
                    continue;
                }
                if word == ADDRESS && rule.shares_word.as_ref() != Some(word) {
                    if !has_address {
                        wrong(
                            "rules",
                            Error::config("`address` is made of `street` and `postcode` or `city`, which the golden record does not have")
                                .hint("choose them under [golden_record.attributes]"),
                        );
                    }
                } else {
                    wrong(
                        "rules",
                        Error::config(format!("the golden record has no attribute `{word}`"))
                            .hint(format!("it has {known}{whole}")),
                    );
                }
            }
        }
        if problems.is_empty() {
            Ok(Households {
                rules: self.rules,
                max_members: self.max_members,
                columns: columns.to_vec(),
                writing: writing.clone(),
            })
        } else {
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, columns: &[&str]) -> Result<Households, Vec<String>> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        toml::from_str::<HouseholdsDeclaration>(text)
            .unwrap()
            .check(&columns, &Writing::of("FR"))
            .map_err(|problems| problems.iter().map(|p| p.error.message().to_owned()).collect())
    }

    #[test]
    fn without_a_rule_it_is_name_and_address() {
        let households = check("", &["last_name", "street", "city"]).unwrap();
        assert_eq!(households.rules[0].name(), "last_name, address");
        assert_eq!(households.max_members, 8);
    }

    #[test]
    fn all_that_is_wrong_is_reported_at_once() {
        let messages = check(
            "max_members = 1\nrules = [{ same = [] }, { same = ['address', 'surname'], shares_word = 'name' }]",
            &["last_name", "city"],
        )
        .unwrap_err();
        assert_eq!(messages.len(), 5, "{messages:#?}");
    }
}

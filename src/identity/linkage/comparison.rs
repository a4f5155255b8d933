//! What of two records is compared, and in which levels of agreement.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::key_rule::{KeyRule, names};

/// What is known of a person, as text; the columns of `core.person_records` beside its key.
/// `address` is made of street, number and postcode (or city).
pub const ATTRIBUTES: [&str; 10] = [
    "first_name",
    "last_name",
    "birth_date",
    "email",
    "phone",
    "street",
    "house_number",
    "postcode",
    "city",
    "address",
];

/// What of two records is compared, and in which levels.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// How reports name it.
    #[schemars(example = &"last_name")]
    pub name: String,
    /// Attributes that both records need; otherwise the comparison has no level.
    #[schemars(example = ["last_name"])]
    pub columns: Vec<String>,
    /// SQL expressions that the levels share, by name.
    #[serde(default)]
    pub measures: BTreeMap<String, String>,
    /// A further SQL condition under which the comparison has no level.
    pub silent_when: Option<String>,
    /// The levels of agreement, the most telling first.
    pub levels: Vec<Level>,
}

/// A degree of agreement.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// How reports name it.
    #[schemars(example = &"same")]
    pub name: String,
    /// The SQL condition over the two records, `<attribute>_l` and `<attribute>_r`.
    #[schemars(example = &"last_name_l = last_name_r")]
    pub when: String,
    /// The share of pairs of one person, 0 to 1, expected at this level before the estimation.
    #[schemars(example = 0.75)]
    pub m: f64,
    /// The attribute whose frequency among the records counts: rare agreement says more.
    #[schemars(example = &"last_name")]
    pub term: Option<String>,
    /// The share of pairs of two persons of one household, 0 to 1, expected at this level: they share an address
    /// and are not one person.
    #[schemars(example = 0.9)]
    pub household: Option<f64>,
}

impl Comparison {
    /// Levels from 0, "different", upwards; the most telling has the highest number.
    pub(crate) fn level_count(&self) -> usize {
        self.levels.len() + 1
    }

    /// Returns the level with a number; `None` for "different".
    pub fn level(&self, number: usize) -> Option<&Level> {
        self.levels.len().checked_sub(number).and_then(|n| self.levels.get(n))
    }

    pub fn level_name(&self, number: usize) -> &str {
        self.level(number).map_or("different", |level| level.name.as_str())
    }

    /// Returns the shares expected among pairs of one person, by level number.
    pub(crate) fn expected_m(&self) -> Vec<f64> {
        let mut shares: Vec<f64> = self.levels.iter().rev().map(|level| level.m).collect();
        shares.insert(0, (1.0 - shares.iter().sum::<f64>()).max(0.001));
        let sum: f64 = shares.iter().sum();
        shares.into_iter().map(|share| share / sum).collect()
    }

    /// Returns whether the rule holds equal what is compared here.
    pub(super) fn is_touched_by(&self, rule: &KeyRule) -> bool {
        let sql = || self.levels.iter().map(|level| &level.when).chain(self.measures.values());
        let compares = |side: String| sql().any(|sql| names(sql, &side));
        self.columns.iter().any(|column| rule.names(column))
            || ATTRIBUTES
                .into_iter()
                .filter(|attribute| rule.names(attribute))
                .any(|attribute| compares(format!("{attribute}_l")) && compares(format!("{attribute}_r")))
    }

    /// Returns the attributes that it looks at, in their order.
    pub(super) fn attributes<'a>(&self, known: &[&'a str]) -> Vec<&'a str> {
        let sql = || self.levels.iter().map(|level| &level.when).chain(self.measures.values());
        let looks_at = |attribute: &str| {
            self.columns.iter().any(|column| column == attribute)
                || ["l", "r"].iter().any(|side| sql().any(|sql| names(sql, &format!("{attribute}_{side}"))))
        };
        known.iter().copied().filter(|attribute| looks_at(attribute)).collect()
    }

    /// Returns the terms whose frequencies the levels count, each once.
    pub fn terms(&self) -> Vec<&str> {
        let mut terms: Vec<&str> = self.levels.iter().filter_map(|level| level.term.as_deref()).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Returns the level number of a pair, -1 if the comparison has none.
    pub(super) fn gamma_sql(&self) -> String {
        let mut silent: Vec<String> =
            self.columns.iter().flat_map(|c| [format!("{c}_l is null"), format!("{c}_r is null")]).collect();
        silent.extend(self.silent_when.iter().map(|condition| format!("coalesce({condition}, false)")));
        let mut sql = "cast(case".to_owned();
        if !silent.is_empty() {
            sql.push_str(&format!(" when {} then -1", silent.join(" or ")));
        }
        for (n, level) in self.levels.iter().enumerate() {
            sql.push_str(&format!(" when {} then {}", level.when, self.levels.len() - n));
        }
        sql + " else 0 end as tinyint)"
    }
}

//! A linkage model: comparisons with levels, blocking and training rules. `person.toml` is the built-in one;
//! a pipeline may replace any of the three lists.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Context, Error, Result};
use crate::name::is_identifier;

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

/// How records are compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linkage {
    pub comparisons: Vec<Comparison>,
    pub blocking: Vec<KeyRule>,
    pub training: Vec<KeyRule>,
}

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

/// Records whose key is equal; its parts are SQL over the attributes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// SQL expressions over the attributes: records in which all are equal are compared.
    #[schemars(example = ["last_name", "postcode"])]
    pub key: Vec<String>,
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

    fn columns(&self) -> impl Iterator<Item = &'static str> {
        ATTRIBUTES.into_iter().filter(|a| self.key.iter().any(|part| names(part, a)))
    }
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
        rule.columns().any(|column| {
            self.columns.iter().any(|c| c == column)
                || self.levels.iter().any(|level| {
                    names(&level.when, &format!("{column}_l")) && names(&level.when, &format!("{column}_r"))
                })
        })
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

/// Returns whether an identifier is in an expression.
fn names(expression: &str, identifier: &str) -> bool {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == identifier)
}

impl Linkage {
    /// Returns the model that is shipped.
    ///
    /// # Errors
    /// None, unless the program was built from a broken file; a test reads it.
    pub fn for_persons() -> Result<Linkage> {
        let linkage: Linkage = toml::from_str(include_str!("person.toml")).doing("read the shipped model")?;
        linkage.check()?;
        Ok(linkage)
    }

    /// Returns which model it is, and which program reads it: links weighed by another do not count.
    pub fn fingerprint(&self) -> String {
        let text = format!("{} {self:?}", env!("CARGO_PKG_VERSION"));
        hex::encode(&Sha256::digest(text)[..8])
    }

    /// Returns what two persons of one household share, by comparison and level number.
    pub(super) fn shared_in_household(&self) -> Vec<Vec<Option<f64>>> {
        let of = |comparison: &Comparison| {
            (0..comparison.level_count())
                .map(|n| comparison.level(n).and_then(|level| level.household))
                .collect()
        };
        self.comparisons.iter().map(of).collect()
    }

    /// Returns the comparisons whose most telling level a key means that is made of whole attributes; `None`
    /// where it is not, or where an attribute is not compared by itself.
    pub(super) fn agreeing(&self, rule: &KeyRule) -> Option<Vec<usize>> {
        let of_part = |part: &String| {
            self.comparisons.iter().position(|comparison| comparison.columns == std::slice::from_ref(part))
        };
        rule.key.iter().map(of_part).collect()
    }

    /// Returns the attributes whose terms the levels count.
    pub fn terms(&self) -> BTreeSet<&str> {
        self.comparisons.iter().flat_map(Comparison::terms).collect()
    }

    /// Everything but the SQL, which is checked where it is planned.
    ///
    /// # Errors
    /// No comparison or no blocking rule, two comparisons of one name, one with an invalid name, an unknown
    /// attribute, too few or too many levels or an impossible `m`, a rule with an empty key; all of them.
    pub fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        for comparison in &self.comparisons {
            let place = |e: Error| e.at(format!("comparison {}", comparison.name));
            if !is_identifier(&comparison.name) {
                errors.push(place(
                    Error::config(format!("`{}` is not a valid name", comparison.name))
                        .hint("use lower-case letters, digits and underscores"),
                ));
            }
            if comparison.levels.is_empty() || comparison.levels.len() > 100 {
                errors.push(place(Error::config(format!(
                    "expected 1 to 100 levels, found {}",
                    comparison.levels.len()
                ))));
            }
            let terms = comparison.levels.iter().filter_map(|l| l.term.as_ref());
            for column in comparison.columns.iter().chain(terms) {
                if !ATTRIBUTES.contains(&column.as_str()) {
                    errors.push(place(
                        Error::config(format!("there is no attribute `{column}`"))
                            .hint(format!("attributes are {}", ATTRIBUTES.join(", "))),
                    ));
                }
            }
            if comparison.levels.iter().any(|l| !(l.m > 0.0 && l.m < 1.0)) {
                errors.push(place(Error::config("m must be between 0 and 1")));
            }
            let shared: Vec<f64> = comparison.levels.iter().filter_map(|level| level.household).collect();
            if shared.iter().any(|share| !(*share > 0.0 && *share < 1.0)) || shared.iter().sum::<f64>() >= 1.0
            {
                errors.push(place(Error::config(
                    "household must be between 0 and 1, and of all levels together below 1",
                )));
            }
        }
        let mut names: Vec<&str> = self.comparisons.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            errors.push(Error::config(format!("two comparisons are named `{}`", twice[0])));
        }
        if self.comparisons.is_empty() || self.blocking.is_empty() {
            errors.push(Error::config("linkage needs at least one comparison and one blocking rule"));
        }
        if self.blocking.iter().chain(&self.training).any(|rule| rule.key.is_empty()) {
            errors.push(Error::config("the key of a rule is empty").hint("write key = [\"email\"]"));
        }
        Error::all(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_model_is_sound() {
        let linkage = Linkage::for_persons().unwrap();
        for comparison in &linkage.comparisons {
            let m = comparison.expected_m();
            assert_eq!(m.len(), comparison.level_count());
            assert!((m.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert_eq!(comparison.level_name(0), "different");
            assert_eq!(comparison.level_name(comparison.levels.len()), comparison.levels[0].name);
            // Each can be learnt from some pairs.
            assert!(linkage.training.iter().any(|rule| !comparison.is_touched_by(rule)));
        }
    }

    #[test]
    fn a_rule_touches_what_it_holds_equal() {
        let linkage = Linkage::for_persons().unwrap();
        let touched = |key: &str| -> Vec<&str> {
            let rule = KeyRule { key: vec![key.to_owned()] };
            let all = linkage.comparisons.iter().filter(|c| c.is_touched_by(&rule));
            all.map(|c| c.name.as_str()).collect()
        };
        assert_eq!(touched("email"), ["email"]);
        assert_eq!(touched("substr(birth_date, 1, 4)"), ["birth_date"]);
        assert_eq!(touched("postcode"), ["address"]);
        // last_name looks at the first name too, for changed places.
        assert_eq!(touched("first_name"), ["first_name", "last_name"]);
    }

    #[test]
    fn what_cannot_be_a_model_is_reported() {
        let broken = Linkage { comparisons: Vec::new(), blocking: Vec::new(), training: Vec::new() };
        assert!(broken.check().unwrap_err().message().contains("comparison"));
    }
}

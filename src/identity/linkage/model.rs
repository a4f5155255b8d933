//! A linkage model: comparisons with levels, blocking and training rules. `person.toml` is the built-in one;
//! a pipeline may replace any of the three lists, and add attributes and blocking rules of its own.

use std::collections::BTreeSet;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::comparison::{ATTRIBUTES, Comparison};
use super::key_rule::{self, KeyRule};
use super::own_attributes::{self, OwnAttribute};
use crate::config::Problem;
use crate::error::{Context, Error, Result};
use crate::name::is_identifier;

/// Names of comparisons that tables have beside them.
const TAKEN: [&str; 2] = ["prior", "household"];

/// How records are compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linkage {
    /// Columns of the records table beside [`ATTRIBUTES`].
    #[serde(default)]
    pub attributes: Vec<OwnAttribute>,
    pub comparisons: Vec<Comparison>,
    pub blocking: Vec<KeyRule>,
    pub training: Vec<KeyRule>,
}

impl Linkage {
    /// Returns the model that is shipped.
    ///
    /// # Errors
    /// None, unless the program was built from a broken file; a test reads it.
    pub fn for_persons() -> Result<Linkage> {
        let linkage: Linkage = toml::from_str(include_str!("person.toml")).doing("read the shipped model")?;
        Error::all(linkage.check().into_iter().map(|problem| problem.error).collect())?;
        Ok(linkage)
    }

    /// Returns the model with a comparison for each attribute of its own that no comparison is named after.
    #[must_use]
    pub fn comparing_own_attributes(mut self) -> Linkage {
        for attribute in &self.attributes {
            if self.comparisons.iter().all(|comparison| comparison.name != attribute.name) {
                self.comparisons.push(attribute.comparison());
            }
        }
        self
    }

    /// Returns the names of all attributes, those of its own last.
    pub fn attribute_names(&self) -> Vec<&str> {
        ATTRIBUTES
            .into_iter()
            .chain(self.attributes.iter().map(|attribute| attribute.name.as_str()))
            .collect()
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

    /// Returns all that is wrong with it but the SQL, which is checked where it is planned: no comparison or no
    /// blocking rule, two comparisons of one name, one with an invalid name, an unknown attribute, too few or too
    /// many levels or an impossible share, a rule with an empty key, an attribute that is none.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = own_attributes::check(&self.attributes);
        for n in 0..self.comparisons.len() {
            problems.extend(self.wrong_with(n));
        }
        if self.comparisons.is_empty() || self.blocking.is_empty() {
            problems.push(Problem::new(
                Vec::<String>::new(),
                Error::config("linkage needs at least one comparison and one blocking rule"),
            ));
        }
        problems.extend(key_rule::check("blocking", &self.blocking));
        problems.extend(key_rule::check("training", &self.training));
        problems
    }

    /// Returns what is wrong with one comparison.
    fn wrong_with(&self, n: usize) -> Vec<Problem> {
        let comparison = &self.comparisons[n];
        let mut problems = Vec::new();
        let mut wrong = |key: &[&str], error: Error| {
            let number = n.to_string();
            let key = ["comparisons", &number].into_iter().chain(key.iter().copied());
            problems.push(Problem::new(key, error.at(format!("comparison {}", comparison.name))));
        };
        let name = comparison.name.as_str();
        if !is_identifier(name) {
            wrong(
                &["name"],
                Error::config(format!("`{name}` is not a valid name"))
                    .hint("use lower-case letters, digits and underscores"),
            );
        }
        if TAKEN.contains(&name) {
            wrong(&["name"], Error::config(format!("`{name}` is in the tables of links already")));
        }
        if self.comparisons[..n].iter().any(|earlier| earlier.name == name) {
            wrong(&["name"], Error::config(format!("two comparisons are named `{name}`")));
        }
        if comparison.levels.is_empty() || comparison.levels.len() > 100 {
            let found = comparison.levels.len();
            wrong(&["levels"], Error::config(format!("expected 1 to 100 levels, found {found}")));
        }
        let known = self.attribute_names();
        let mut unknown = |key: &[&str], attribute: &str| {
            if !known.contains(&attribute) {
                wrong(
                    key,
                    Error::config(format!("there is no attribute `{attribute}`"))
                        .hint(format!("attributes are {}", known.join(", "))),
                );
            }
        };
        comparison.columns.iter().for_each(|column| unknown(&["columns"], column));
        for (place, level) in comparison.levels.iter().enumerate() {
            let place = place.to_string();
            level.term.iter().for_each(|term| unknown(&["levels", &place], term));
        }
        for (place, level) in comparison.levels.iter().enumerate() {
            if !(level.m > 0.0 && level.m < 1.0) {
                wrong(&["levels", &place.to_string()], Error::config("m must be between 0 and 1"));
            }
        }
        let shared: Vec<f64> = comparison.levels.iter().filter_map(|level| level.household).collect();
        if shared.iter().any(|share| !(*share > 0.0 && *share < 1.0)) || shared.iter().sum::<f64>() >= 1.0 {
            wrong(
                &["levels"],
                Error::config("household must be between 0 and 1, and of all levels together below 1"),
            );
        }
        problems
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
            let rule = KeyRule { key: vec![key.to_owned()], max_pairs_a_record: None };
            let all = linkage.comparisons.iter().filter(|c| c.is_touched_by(&rule));
            all.map(|c| c.name.as_str()).collect()
        };
        assert_eq!(touched("email"), ["email"]);
        assert_eq!(touched("substr(birth_date, 1, 4)"), ["birth_date"]);
        assert_eq!(touched("postcode"), ["address"]);
        // Both look at the first name too, for names in each other's field.
        assert_eq!(touched("first_name"), ["first_name", "last_name", "crossed_name"]);
    }

    #[test]
    fn what_cannot_be_a_model_is_reported() {
        let empty = Linkage {
            attributes: Vec::new(),
            comparisons: Vec::new(),
            blocking: Vec::new(),
            training: Vec::new(),
        };
        assert!(empty.check()[0].error.message().contains("comparison"));
        let mut broken = Linkage::for_persons().unwrap();
        broken.comparisons[1].name = "first_name".to_owned();
        broken.comparisons[2].levels[1].m = 0.0;
        broken.comparisons[3].columns = vec!["mail".to_owned()];
        broken.blocking[2].key.clear();
        let places: Vec<String> = broken.check().iter().map(|problem| problem.key.join(".")).collect();
        assert_eq!(
            places,
            ["comparisons.1.name", "comparisons.2.levels.1", "comparisons.3.columns", "blocking.2.key"]
        );
    }

    #[test]
    fn an_attribute_of_its_own_is_compared_as_declared() {
        let mut linkage = Linkage::for_persons().unwrap();
        linkage.attributes.push(toml::from_str("name = 'occupation'\nterm_frequency = true").unwrap());
        let linkage = linkage.comparing_own_attributes();
        assert!(linkage.check().is_empty());
        assert_eq!(linkage.comparisons.last().unwrap().name, "occupation");
        assert!(linkage.terms().contains("occupation"));
        assert_eq!(linkage.attribute_names().last(), Some(&"occupation"));
        assert_ne!(linkage.fingerprint(), Linkage::for_persons().unwrap().fingerprint());
        // Asking again adds nothing.
        assert_eq!(linkage.clone().comparing_own_attributes(), linkage);
    }
}

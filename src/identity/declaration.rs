//! `[identity]` of the pipeline file, and what it means once checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::linkage::{Comparison, KeyRule, Linkage, OwnAttribute, key_rule};
use super::tables::{
    CUSTOMER_ID_CHANGES, CUSTOMER_ID_HISTORY, CUSTOMER_IDS, FORMER_CUSTOMER_IDS, MATCH_LINKS, MATCH_REVIEW,
    MATCH_TERMS, PERSON_RECORDS, REFUSED_KEYS, table,
};
use super::writing::Writing;
use crate::config::Problem;
use crate::error::Error;
use crate::name::TableName;
use crate::placeholder_value::PlaceholderValues;
use crate::span::Span;

/// Which records are of one customer: by keys that they share, by what is known of the person, or both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityDeclaration {
    /// The table of keys: `source`, `record_id`, `key_kind`, `key_value`; one row per record and key.
    #[schemars(example = &"channel.person_keys")]
    pub keys: Option<TableName>,
    /// The table of person records: `source`, `record_id` and what is known of the person.
    #[schemars(example = &"channel.persons")]
    pub records: Option<TableName>,
    /// The table of a steward's decisions: `record_a`, `record_b` (`source:record_id`), `decision` (`link`
    /// or `cut`), `decided_at`.
    #[schemars(example = &"channel.link_decisions")]
    pub decisions: Option<TableName>,
    /// Where numbers and postcodes without a country were written down: two letters.
    #[serde(default)]
    #[schemars(example = &"FR", extend("default" = ""))]
    pub country: String,
    /// Placeholder values, in addition to the common ones: they join no records.
    #[serde(default)]
    #[schemars(example = ["inconnu"])]
    pub placeholders: Vec<String>,
    /// The probability, 0 to 1, from which on two records are linked.
    #[serde(default = "link_probability")]
    pub link_probability: f64,
    /// The probability, 0 to 1, from which on a pair is kept for review.
    #[serde(default = "review_probability")]
    pub review_probability: f64,
    /// Blocks of more records are not compared pair by pair.
    #[serde(default = "max_block_records")]
    pub max_block_records: u64,
    /// How many person records one customer has at most by probable links.
    #[serde(default = "max_customer_records")]
    pub max_customer_records: u64,
    /// How many names may hold one key: a key with more is unusable, and so are the keys of a record that has
    /// more of one kind.
    #[serde(default = "max_key_persons")]
    pub max_key_persons: u64,
    /// By source: so many of its records, of which no name is known, may hold one key. Of a source that is
    /// not named each record counts as a person. Tickets and orders are events, of which a person has many.
    #[serde(default)]
    pub max_key_records: BTreeMap<String, u64>,
    /// How long parameters and term frequencies stay in force before they are estimated again.
    #[serde(default = "estimate_every")]
    pub estimate_every: String,
    /// Further columns of the records table that are compared.
    #[serde(default)]
    pub attributes: Vec<OwnAttribute>,
    /// In place of the shipped comparisons: what is compared, and in which levels.
    pub comparisons: Option<Vec<Comparison>>,
    /// In place of the shipped blocking rules: which pairs are compared.
    pub blocking: Option<Vec<KeyRule>>,
    /// Blocking rules beside the shipped ones, or beside `blocking`.
    #[serde(default)]
    pub further_blocking: Vec<KeyRule>,
    /// In place of the shipped training rules: which pairs the weights are estimated from.
    pub training: Option<Vec<KeyRule>>,
}

fn link_probability() -> f64 {
    0.9
}

fn review_probability() -> f64 {
    0.6
}

fn max_block_records() -> u64 {
    500
}

fn max_customer_records() -> u64 {
    100
}

fn max_key_persons() -> u64 {
    20
}

fn estimate_every() -> String {
    "30 days".to_owned()
}

/// The checked `[identity]` section.
#[derive(Debug, Clone)]
pub struct Identity {
    pub keys: Option<TableName>,
    pub persons: Option<Persons>,
    pub decisions: Option<TableName>,
    pub limits: KeyLimits,
    pub placeholders: PlaceholderValues,
}

/// How many may hold one key, and still be one customer by it.
#[derive(Debug, Clone)]
pub struct KeyLimits {
    pub max_persons: u64,
    /// By source, for records of which no name is known.
    pub max_records: BTreeMap<String, u64>,
}

/// Person records and how they are linked.
#[derive(Debug, Clone)]
pub struct Persons {
    pub records: TableName,
    pub writing: Writing,
    pub link_probability: f64,
    pub review_probability: f64,
    pub max_block_records: u64,
    pub max_customer_records: u64,
    pub estimate_every: Span,
    pub linkage: Linkage,
}

impl Identity {
    /// Returns the tables that the step reads.
    pub(super) fn tables_read(&self) -> impl Iterator<Item = &TableName> {
        self.keys.iter().chain(self.persons.iter().map(|p| &p.records)).chain(&self.decisions)
    }

    /// Returns the tables that the step makes, `core.customer_ids` first.
    pub(super) fn tables_written(&self) -> Vec<TableName> {
        let mut tables = vec![CUSTOMER_IDS, CUSTOMER_ID_HISTORY, CUSTOMER_ID_CHANGES, FORMER_CUSTOMER_IDS];
        if self.keys.is_some() {
            tables.push(REFUSED_KEYS);
        }
        if self.persons.is_some() {
            tables.extend([PERSON_RECORDS, MATCH_LINKS, MATCH_REVIEW, MATCH_TERMS]);
        }
        tables.into_iter().map(table).collect()
    }
}

impl IdentityDeclaration {
    /// Returns the conventions in which customer data was written.
    pub fn writing(&self) -> Writing {
        Writing {
            country: self.country.to_ascii_uppercase(),
            placeholders: PlaceholderValues::with(&self.placeholders),
        }
    }

    /// Returns all that is wrong with the section, or what resolution works with. Does no I/O.
    ///
    /// # Errors
    /// Neither keys nor records, a probability that is none, a linkage model that cannot be one.
    pub fn check(self) -> Result<Identity, Vec<Problem>> {
        let mut problems = Vec::new();
        let writing = self.writing();
        if self.keys.is_none() && self.records.is_none() {
            problems.push(Problem::new(
                Vec::<String>::new(),
                Error::config("[identity] has neither `keys` nor `records`").hint(
                    "keys = \"channel.person_keys\" joins records with equal keys, records = \
                     \"channel.persons\" joins those that are probably of one person",
                ),
            ));
        }
        for (key, value) in
            [("link_probability", self.link_probability), ("review_probability", self.review_probability)]
        {
            if !(value > 0.0 && value < 1.0) {
                problems.push(Problem::new(
                    [key],
                    Error::config(format!("`{key}` is {value}, but it must be between 0 and 1")),
                ));
            }
        }
        if self.review_probability > self.link_probability {
            problems.push(Problem::new(
                ["review_probability"],
                Error::config("`review_probability` must not be above `link_probability`"),
            ));
        }
        for (key, value) in [
            ("max_block_records", self.max_block_records),
            ("max_customer_records", self.max_customer_records),
            ("max_key_persons", self.max_key_persons),
        ] {
            if value < 2 {
                problems.push(Problem::new(
                    [key],
                    Error::config(format!("`{key}` is {value}, but it must be at least 2")),
                ));
            }
        }
        for (source, value) in &self.max_key_records {
            if *value < 2 {
                problems.push(Problem::new(
                    ["max_key_records", source],
                    Error::config(format!("`{source}` is {value}, but it must be at least 2")),
                ));
            }
        }
        if let Some(nothing) = self.placeholders.iter().find(|value| !writing.placeholders.declares(value)) {
            problems.push(Problem::new(
                ["placeholders"],
                Error::config(format!("`{nothing}` has no letter and no digit"))
                    .hint("values of blanks and punctuation are always unusable: remove it"),
            ));
        }
        if !(self.country.is_empty()
            || self.country.len() == 2 && self.country.bytes().all(|b| b.is_ascii_alphabetic()))
        {
            problems.push(Problem::new(
                ["country"],
                Error::config(format!("`{}` is not a country", self.country))
                    .hint("write two letters, for example FR or GB"),
            ));
        }
        let estimate_every = Span::parse(&self.estimate_every);
        if estimate_every.is_none() {
            problems.push(Problem::new(
                ["estimate_every"],
                Error::config(format!("`{}` is not a length of time", self.estimate_every))
                    .hint("write for example \"30 days\" or \"3 months\"; \"1 day\" is every night"),
            ));
        }
        let linkage = Linkage::for_persons().map(|shipped| Linkage {
            attributes: self.attributes,
            comparisons: self.comparisons.unwrap_or(shipped.comparisons),
            blocking: self.blocking.unwrap_or(shipped.blocking),
            training: self.training.unwrap_or(shipped.training),
        });
        problems.extend(linkage.iter().flat_map(Linkage::check));
        problems.extend(key_rule::check("further_blocking", &self.further_blocking));
        match (linkage, estimate_every) {
            (Ok(mut linkage), Some(estimate_every)) if problems.is_empty() => Ok(Identity {
                keys: self.keys,
                decisions: self.decisions,
                limits: KeyLimits { max_persons: self.max_key_persons, max_records: self.max_key_records },
                placeholders: writing.placeholders.clone(),
                persons: self.records.map(|records| {
                    linkage.blocking.extend(self.further_blocking);
                    Persons {
                        records,
                        writing,
                        link_probability: self.link_probability,
                        review_probability: self.review_probability,
                        max_block_records: self.max_block_records,
                        max_customer_records: self.max_customer_records,
                        estimate_every,
                        linkage: linkage.comparing_own_attributes(),
                    }
                }),
            }),
            (Ok(_), _) => Err(problems),
            (Err(error), _) => {
                problems.push(Problem::new(Vec::<String>::new(), error));
                Err(problems)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Identity, Vec<Problem>> {
        toml::from_str::<IdentityDeclaration>(text).unwrap().check()
    }

    #[test]
    fn keys_alone_are_enough_and_so_are_records() {
        assert!(check("keys = 'channel.person_keys'").unwrap().persons.is_none());
        let identity = check("records = 'channel.persons'\ncountry = 'fr'").unwrap();
        assert_eq!(identity.tables_read().count(), 1);
        assert_eq!(identity.persons.unwrap().writing, Writing::of("FR"));
    }

    #[test]
    fn all_that_is_wrong_is_reported_at_once() {
        let problems =
            check("link_probability = 1.5\nmax_block_records = 1\ncountry = 'France'").unwrap_err();
        assert_eq!(problems.len(), 4);
        assert_eq!(check("keys = 'channel.keys'\nestimate_every = 'often'").unwrap_err().len(), 1);
    }

    #[test]
    fn who_may_hold_a_key_is_declared_and_safe_without_a_word() {
        assert_eq!(check("keys = 'channel.keys'").unwrap().limits.max_persons, 20);
        let identity = check(
            "keys = 'channel.keys'\nmax_key_records = { tickets = 500 }\nplaceholders = ['sans carte']",
        );
        let identity = identity.unwrap();
        assert_eq!(identity.limits.max_records["tickets"], 500);
        assert!(identity.placeholders.of_key("Sans carte").is_some());
        let wrong = "keys = 'channel.keys'\nmax_key_records = { tickets = 1 }\nplaceholders = ['-']";
        assert_eq!(check(wrong).unwrap_err().len(), 2);
    }

    #[test]
    fn a_pipeline_may_have_rules_of_its_own() {
        let identity = check("records = 'channel.persons'\n[[blocking]]\nkey = ['email']").unwrap();
        let linkage = identity.persons.unwrap().linkage;
        assert_eq!(linkage.blocking.len(), 1);
        assert_eq!(linkage.comparisons, Linkage::for_persons().unwrap().comparisons);
        let more = "records = 'channel.persons'\n[[further_blocking]]\nkey = ['birth_date', 'email']";
        let shipped = Linkage::for_persons().unwrap().blocking.len();
        assert_eq!(check(more).unwrap().persons.unwrap().linkage.blocking.len(), shipped + 1);
    }

    #[test]
    fn attributes_of_its_own_are_checked_with_the_rest() {
        let attributes = "records = 'channel.persons'\nlink_probability = 2\n\
            [[attributes]]\nname = 'city'\n[[attributes]]\nname = 'occupation'\nm = 0\n\
            [[further_blocking]]\nkey = []";
        let problems = check(attributes).unwrap_err();
        let places: Vec<String> = problems.iter().map(|problem| problem.key.join(".")).collect();
        assert_eq!(
            places,
            ["link_probability", "attributes.0.name", "attributes.1.m", "further_blocking.0.key"]
        );
    }
}

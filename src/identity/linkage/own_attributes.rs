//! Attributes of a pipeline's own: columns of the records table that are compared beside the known ones.
//!
//! Each has a spelling and levels of likeness, and is a comparison like the shipped ones: what its levels weigh is
//! estimated from the records.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::keywords::{RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER};
use schemars::JsonSchema;
use serde::Deserialize;

use super::comparison::{ATTRIBUTES, Comparison, Level};
use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;

/// Columns that tables of linkage have already.
const TAKEN: [&str; 8] =
    ["source", "record_id", "record_number", "country", "rule", "prior", "household", "customer_id"];

/// Words of SQL that are no column where an expression begins.
const BEGIN_AN_EXPRESSION: [&str; 7] = ["case", "cast", "extract", "false", "not", "null", "true"];

/// A column of the records table that is compared, too.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnAttribute {
    /// The column, and the name of its comparison.
    #[schemars(example = &"occupation")]
    pub name: String,
    /// How its values are brought to one spelling: `words` (without case, accents and punctuation), `code`
    /// (letters and digits only), or as the attribute of that name: `first_name`, `last_name`, `birth_date`,
    /// `email`, `phone`, `street`, `postcode`, `city`.
    #[serde(default)]
    #[schemars(example = &"words", extend("default" = "words"))]
    pub standard: Spelling,
    /// The share of pairs of one person, 0 to 1, expected to have the same value, before the estimation.
    #[serde(default = "m_of_same")]
    pub m: f64,
    /// Whether a rare value that both have says more than a common one.
    #[serde(default)]
    pub term_frequency: bool,
    /// The share of pairs of two persons of one household, 0 to 1, expected to have the same value.
    pub household: Option<f64>,
    /// Likeness of values that are not the same, the most telling level first.
    #[serde(default)]
    pub levels: Vec<LikenessLevel>,
}

/// A degree of likeness of two values.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LikenessLevel {
    /// The measure: `jaro_winkler` needs `at_least`; `slips`, `damerau_levenshtein`, `mailbox_slips` and
    /// `days_between` need `at_most`; `shares_word`, `initial_of`, `short_form_of` and `day_month_swapped` neither.
    #[schemars(example = &"jaro_winkler")]
    pub by: Likeness,
    /// The least likeness, 0 to 1.
    #[schemars(example = 0.9)]
    pub at_least: Option<f64>,
    /// The largest distance.
    #[schemars(example = 1)]
    pub at_most: Option<u32>,
    /// The share of pairs of one person, 0 to 1, expected at this level before the estimation.
    #[serde(default = "m_of_alike")]
    pub m: f64,
}

fn m_of_same() -> f64 {
    0.8
}

fn m_of_alike() -> f64 {
    0.05
}

/// How values are brought to one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    #[default]
    Words,
    Code,
    FirstName,
    LastName,
    BirthDate,
    Email,
    Phone,
    Street,
    Postcode,
    City,
}

/// A measure of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    JaroWinkler,
    Slips,
    DamerauLevenshtein,
    MailboxSlips,
    DaysBetween,
    SharesWord,
    InitialOf,
    ShortFormOf,
    DayMonthSwapped,
}

/// What a measure says, and so which bound it needs.
enum Bound {
    Least,
    Most,
    None,
}

impl Spelling {
    /// Returns SQL for the standardised value; `text` and `country` are SQL of type text.
    fn sql(self, text: &str, country: &str) -> String {
        match self {
            Spelling::Words => format!("standard_words({text})"),
            Spelling::Code => format!("standard_code({text})"),
            Spelling::FirstName => format!("standard_first_name({text})"),
            Spelling::LastName => format!("standard_last_name({text})"),
            Spelling::BirthDate => format!("standard_birth_date({text})"),
            Spelling::Email => format!("standard_email({text})"),
            Spelling::Phone => format!("standard_phone({text}, {country})"),
            Spelling::Street => format!("standard_street({text})"),
            Spelling::Postcode => format!("standard_postcode({text}, {country})"),
            Spelling::City => format!("standard_city({text})"),
        }
    }
}

impl Likeness {
    fn function(self) -> &'static str {
        match self {
            Likeness::JaroWinkler => "jaro_winkler",
            Likeness::Slips => "slips",
            Likeness::DamerauLevenshtein => "damerau_levenshtein",
            Likeness::MailboxSlips => "mailbox_slips",
            Likeness::DaysBetween => "days_between",
            Likeness::SharesWord => "shares_word",
            Likeness::InitialOf => "initial_of",
            Likeness::ShortFormOf => "short_form_of",
            Likeness::DayMonthSwapped => "day_month_swapped",
        }
    }

    fn bound(self) -> Bound {
        match self {
            Likeness::JaroWinkler => Bound::Least,
            Likeness::Slips
            | Likeness::DamerauLevenshtein
            | Likeness::MailboxSlips
            | Likeness::DaysBetween => Bound::Most,
            Likeness::SharesWord
            | Likeness::InitialOf
            | Likeness::ShortFormOf
            | Likeness::DayMonthSwapped => Bound::None,
        }
    }
}

impl LikenessLevel {
    fn level(&self, attribute: &str) -> Level {
        let function = self.by.function();
        let of = format!("{function}({attribute}_l, {attribute}_r)");
        let (name, when) = match (self.at_least, self.at_most) {
            (Some(least), _) => (format!("{function} at least {least}"), format!("{of} >= {least:e}")),
            (_, Some(most)) => (format!("{function} at most {most}"), format!("{of} <= {most}")),
            (None, None) => (function.to_owned(), of),
        };
        Level { name, when, m: self.m, term: None, household: None }
    }

    fn wrong(&self) -> Option<Error> {
        let function = self.by.function();
        let (needed, unwanted, hint) = match self.by.bound() {
            Bound::Least => (self.at_least.is_some(), self.at_most.is_some(), "at_least = 0.9"),
            Bound::Most => (self.at_most.is_some(), self.at_least.is_some(), "at_most = 1"),
            Bound::None => (true, self.at_least.is_some() || self.at_most.is_some(), ""),
        };
        if unwanted && hint.is_empty() {
            return Some(
                Error::config(format!("`{function}` holds or does not"))
                    .hint("take `at_least` and `at_most` out"),
            );
        }
        if !needed || unwanted {
            return Some(
                Error::config(format!("`{function}` has not the bound that it needs"))
                    .hint(format!("write {{ by = \"{function}\", {hint} }}")),
            );
        }
        let too_far = self.by == Likeness::Slips || self.by == Likeness::MailboxSlips;
        if self.at_least.is_some_and(|least| !(least > 0.0 && least < 1.0)) {
            return Some(Error::config("`at_least` must be between 0 and 1"));
        }
        if too_far && self.at_most.is_some_and(|most| most > 2) {
            return Some(
                Error::config(format!("`{function}` counts up to 3, which is three or more"))
                    .hint("`at_most` is 0, 1 or 2; damerau_levenshtein counts further"),
            );
        }
        (!(self.m > 0.0 && self.m < 1.0)).then(|| Error::config("`m` must be between 0 and 1"))
    }
}

impl OwnAttribute {
    /// Returns SQL for the standardised value; `text` and `country` are SQL of type text.
    pub(super) fn standard_sql(&self, text: &str, country: &str) -> String {
        self.standard.sql(text, country)
    }

    /// Returns the attribute as a comparison: the same, and its levels of likeness.
    pub(super) fn comparison(&self) -> Comparison {
        let name = &self.name;
        let same = Level {
            name: "same".to_owned(),
            when: format!("{name}_l = {name}_r"),
            m: self.m,
            term: self.term_frequency.then(|| name.clone()),
            household: self.household,
        };
        let alike = self.levels.iter().map(|level| level.level(name));
        Comparison {
            name: name.clone(),
            columns: vec![name.clone()],
            measures: BTreeMap::new(),
            silent_when: None,
            levels: std::iter::once(same).chain(alike).collect(),
        }
    }

    fn wrong(&self) -> Vec<(Vec<String>, Error)> {
        let mut wrong = Vec::new();
        let mut at = |key: &[&str], error: Error| {
            wrong.push((key.iter().map(|part| (*part).to_owned()).collect(), error));
        };
        let name = &self.name;
        if !is_identifier(name) {
            at(
                &["name"],
                Error::config(format!("`{name}` is not a valid name")).hint(
                    "use lower-case letters, digits and underscores, as in the column of the records table",
                ),
            );
        } else if ATTRIBUTES.contains(&name.as_str()) {
            at(&["name"], Error::config(format!("`{name}` is compared already")).hint(
                "[[identity.comparisons]] replace the shipped comparisons; attributes of your own have other names",
            ));
        } else if TAKEN.contains(&name.as_str()) || is_word_of_sql(name) {
            at(
                &["name"],
                Error::config(format!("`{name}` has a meaning of its own here"))
                    .hint("give the column another name where the records table is made"),
            );
        }
        if !(self.m > 0.0 && self.m < 1.0) {
            at(&["m"], Error::config(format!("`m` is {}, but it must be between 0 and 1", self.m)));
        }
        if self.household.is_some_and(|share| !(share > 0.0 && share < 1.0)) {
            at(&["household"], Error::config("`household` must be between 0 and 1"));
        }
        for (n, level) in self.levels.iter().enumerate() {
            if let Some(error) = level.wrong() {
                at(&["levels", &n.to_string()], error);
            }
        }
        let all: f64 = self.m + self.levels.iter().map(|level| level.m).sum::<f64>();
        if self.m < 1.0 && all > 1.0 {
            at(
                &["levels"],
                Error::config(format!("`m` of all levels is {all:.2} together, which is more than 1"))
                    .hint("`m` is the share of pairs of one person at a level; what is left differs"),
            );
        }
        wrong
    }
}

/// Returns all that is wrong with the attributes, below `[identity]`.
pub(super) fn check(attributes: &[OwnAttribute]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = |n: usize, key: Vec<String>| ["attributes".to_owned(), n.to_string()].into_iter().chain(key);
    for (n, attribute) in attributes.iter().enumerate() {
        let named = |error: Error| error.at(format!("attribute {}", attribute.name));
        for (key, error) in attribute.wrong() {
            problems.push(Problem::new(place(n, key), named(error)));
        }
        if attributes[..n].iter().any(|earlier| earlier.name == attribute.name) {
            let error = Error::config(format!("two attributes are named `{}`", attribute.name));
            problems.push(Problem::new(place(n, vec!["name".to_owned()]), error));
        }
    }
    problems
}

/// Returns whether SQL reads the name as something else than a column.
fn is_word_of_sql(name: &str) -> bool {
    let reserved = RESERVED_FOR_COLUMN_ALIAS.iter().chain(RESERVED_FOR_IDENTIFIER);
    reserved.map(|word| format!("{word:?}")).any(|word| word.eq_ignore_ascii_case(name))
        || BEGIN_AN_EXPRESSION.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(text: &str) -> OwnAttribute {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_attribute_is_a_comparison() {
        let attribute = attribute(
            "name = 'occupation'\nterm_frequency = true\n\
             levels = [{ by = 'jaro_winkler', at_least = 0.9 }, { by = 'shares_word', m = 0.02 }]",
        );
        assert!(check(std::slice::from_ref(&attribute)).is_empty());
        let comparison = attribute.comparison();
        let levels: Vec<&str> = comparison.levels.iter().map(|level| level.when.as_str()).collect();
        assert_eq!(
            levels,
            [
                "occupation_l = occupation_r",
                "jaro_winkler(occupation_l, occupation_r) >= 9e-1",
                "shares_word(occupation_l, occupation_r)"
            ]
        );
        assert_eq!(comparison.levels[0].term.as_deref(), Some("occupation"));
        assert_eq!(attribute.standard_sql("t", "c"), "standard_words(t)");
    }

    #[test]
    fn all_that_is_wrong_is_said_with_its_place() {
        let wrong = [
            attribute("name = 'last_name'"),
            attribute("name = 'group'\nm = 2"),
            attribute("name = 'licence'\nlevels = [{ by = 'slips' }, { by = 'slips', at_most = 3 }]"),
            attribute("name = 'licence'\nlevels = [{ by = 'shares_word', at_least = 0.5, m = 0.4 }]"),
        ];
        let problems = check(&wrong);
        let places: Vec<String> = problems.iter().map(|problem| problem.key.join(".")).collect();
        assert_eq!(
            places,
            [
                "attributes.0.name",
                "attributes.1.name",
                "attributes.1.m",
                "attributes.2.levels.0",
                "attributes.2.levels.1",
                "attributes.3.levels.0",
                "attributes.3.levels",
                "attributes.3.name"
            ]
        );
        assert!(problems[0].error.to_string().contains("is compared already"));
    }
}

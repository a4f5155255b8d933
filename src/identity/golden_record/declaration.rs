//! `[golden_record]` of the pipeline file, and the survivorship it declares once checked.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::survivorship::Rule;
use crate::config::Problem;
use crate::error::Error;
use crate::identity::spelling::Subject;
use crate::identity::writing::Writing;
use crate::name::{TableName, is_identifier};

/// What is known of each customer, chosen among their records.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoldenRecordDeclaration {
    /// The table of records: `source`, `record_id` and a column for each attribute; one row per record.
    #[schemars(example = &"channel.persons")]
    pub records: TableName,
    /// The column with the date of the record.
    #[schemars(example = &"seen_at")]
    pub seen_at: Option<String>,
    /// Sources, the most trusted first.
    #[serde(default)]
    #[schemars(example = ["card", "account"])]
    pub trust: Vec<String>,
    /// For each attribute the rule by which its value is chosen, or rules in their order: `most_trusted`,
    /// `most_recent`, `most_frequent`, `longest`.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeDeclaration>,
}

/// `last_name = "most_trusted"`, a list of rules, or a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a rule, a list of rules, or a table such as { columns = [\"street\", \"city\"], by = \"most_recent\" } (keys: columns, needs, by)"
)]
pub enum AttributeDeclaration {
    By(Rules),
    Of(ColumnGroup),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Rules {
    One(String),
    Several(Vec<String>),
}

/// Columns that come from one record.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnGroup {
    /// The columns whose values come from one record; without it the attribute's own name.
    #[schemars(example = ["street", "postcode", "city"])]
    pub columns: Option<Vec<String>>,
    /// The columns that a record must have to be complete; all if not given.
    #[schemars(example = ["street"])]
    pub needs: Option<Vec<String>>,
    /// The rule, or rules in their order.
    #[schemars(example = &"most_recent")]
    pub by: Rules,
}

impl Rules {
    fn words(&self) -> &[String] {
        match self {
            Rules::One(word) => std::slice::from_ref(word),
            Rules::Several(words) => words,
        }
    }
}

/// How the golden values are chosen among records.
#[derive(Debug, Clone)]
pub struct Survivorship {
    pub subject: Subject,
    pub writing: Writing,
    pub seen_at: Option<String>,
    pub trust: Vec<String>,
    pub attributes: Vec<Attribute>,
}

/// One attribute: columns whose values come from one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub columns: Vec<String>,
    pub needs: Vec<String>,
    pub rules: Vec<Rule>,
}

/// The golden record, checked.
#[derive(Debug, Clone)]
pub struct GoldenRecord {
    pub records: TableName,
    pub survivorship: Survivorship,
}

impl Survivorship {
    /// Returns the columns that hold golden values.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().flat_map(|a| &a.columns).map(String::as_str)
    }
}

impl GoldenRecordDeclaration {
    /// Returns all that is wrong with the section, or what it means. Does no I/O: which columns there are
    /// shows when the step runs.
    ///
    /// # Errors
    /// No attribute, an unknown rule, a rule without the order it needs, a column chosen twice.
    pub fn check(self, writing: &Writing) -> Result<GoldenRecord, Vec<Problem>> {
        let choice = Choice { seen_at: self.seen_at, trust: self.trust, attributes: self.attributes };
        let survivorship = choice.check(Subject::Person, writing, "customer_id")?;
        Ok(GoldenRecord { records: self.records, survivorship })
    }
}

/// The part that sections about golden values have in common.
pub struct Choice {
    pub seen_at: Option<String>,
    pub trust: Vec<String>,
    pub attributes: BTreeMap<String, AttributeDeclaration>,
}

impl Choice {
    /// `id` is the column that the golden values are given beside.
    pub fn check(self, subject: Subject, writing: &Writing, id: &str) -> Result<Survivorship, Vec<Problem>> {
        let mut problems = Vec::new();
        if self.attributes.is_empty() {
            problems.push(Problem::new(
                ["attributes"],
                Error::config("no attribute is declared").hint(
                    "an attribute is a column with the rule that chooses its value: email = \
                     \"most_recent\"",
                ),
            ));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.trust.iter().find(|source| !seen.insert(source.as_str())) {
            problems.push(Problem::new(
                ["trust"],
                Error::config(format!("`{twice}` is listed twice in `trust`")),
            ));
        }
        let mut attributes: Vec<Attribute> = Vec::new();
        for (name, declared) in &self.attributes {
            let attribute = attribute(name, declared, &mut problems);
            for (rule, needs, hint) in [
                (
                    Rule::MostTrusted,
                    self.trust.is_empty().then_some("trust"),
                    "trust = [\"card\", \"account\"], the most trusted source first",
                ),
                (
                    Rule::MostRecent,
                    self.seen_at.is_none().then_some("seen_at"),
                    "seen_at = \"…\", the column with the date of the record",
                ),
            ] {
                if let Some(key) = needs.filter(|_| attribute.rules.contains(&rule)) {
                    let word = Rule::ALL.iter().find(|(_, r)| *r == rule).map_or("", |(word, _)| word);
                    problems.push(Problem::new(
                        ["attributes", name],
                        Error::config(format!("`{word}` needs `{key}`, which is not declared"))
                            .hint(format!("add {hint}")),
                    ));
                }
            }
            attributes.push(attribute);
        }
        let mut made = BTreeSet::from([id.to_owned(), "records".to_owned()]);
        for attribute in &attributes {
            let own = [format!("{}_source", attribute.name), format!("{}_record_id", attribute.name)];
            for column in attribute.columns.iter().chain(&own) {
                if !made.insert(column.clone()) {
                    problems.push(Problem::new(
                        ["attributes", attribute.name.as_str()],
                        Error::config(format!("the golden record would have two columns `{column}`"))
                            .hint("a column belongs to one attribute; give the attribute another name"),
                    ));
                }
            }
        }
        if problems.is_empty() {
            Ok(Survivorship {
                subject,
                writing: writing.clone(),
                seen_at: self.seen_at,
                trust: self.trust,
                attributes,
            })
        } else {
            Err(problems)
        }
    }
}

fn attribute(name: &str, declared: &AttributeDeclaration, problems: &mut Vec<Problem>) -> Attribute {
    let (columns, needs, by) = match declared {
        AttributeDeclaration::By(by) => (None, None, by),
        AttributeDeclaration::Of(together) => {
            (together.columns.clone(), together.needs.clone(), &together.by)
        }
    };
    let columns = columns.unwrap_or_else(|| vec![name.to_owned()]);
    for word in columns.iter().map(String::as_str).chain([name]).filter(|word| !is_identifier(word)) {
        problems.push(Problem::new(
            ["attributes", name],
            Error::config(format!("`{word}` is not a column name"))
                .hint("use lower-case letters, digits and underscores"),
        ));
    }
    if columns.is_empty() {
        problems.push(Problem::new(
            ["attributes", name, "columns"],
            Error::config(
                "the list of columns is \
         empty",
            ),
        ));
    }
    let needs = needs.unwrap_or_else(|| columns.clone());
    for other in needs.iter().filter(|need| !columns.contains(need)) {
        problems.push(Problem::new(
            ["attributes", name, "needs"],
            Error::config(format!("`{other}` is not one of the attribute's columns"))
                .hint(format!("they are {}", columns.join(", "))),
        ));
    }
    let mut rules = Vec::new();
    for word in by.words() {
        match Rule::named(word) {
            Some(rule) => rules.push(rule),
            None => problems.push(Problem::new(
                ["attributes", name],
                Error::config(format!("`{word}` is not a survivorship rule"))
                    .hint(format!("the rules are {}", Rule::ALL.map(|(word, _)| word).join(", "))),
            )),
        }
    }
    if by.words().is_empty() {
        problems.push(Problem::new(
            ["attributes", name],
            Error::config("the list of rules is empty")
                .hint(format!("name one of {}", Rule::ALL.map(|(word, _)| word).join(", "))),
        ));
    }
    Attribute { name: name.to_owned(), columns, needs, rules }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<GoldenRecord, Vec<String>> {
        let declaration: GoldenRecordDeclaration = toml::from_str(text).unwrap();
        declaration
            .check(&Writing::of("FR"))
            .map_err(|problems| problems.iter().map(|p| p.error.message().to_owned()).collect())
    }

    #[test]
    fn a_rule_a_list_and_a_group_are_attributes() {
        let golden = check(
            "records = 'channel.persons'\nseen_at = 'seen_at'\ntrust = ['card']\n[attributes]\n\
             email = 'longest'\nname = ['most_trusted', 'most_recent']\n\
             address = { columns = ['street', 'city'], needs = ['street'], by = 'most_recent' }",
        )
        .unwrap();
        let columns: Vec<&str> = golden.survivorship.columns().collect();
        assert_eq!(columns, ["street", "city", "email", "name"]);
        assert_eq!(golden.survivorship.attributes[0].needs, ["street"]);
        assert_eq!(golden.survivorship.attributes[2].rules, [Rule::MostTrusted, Rule::MostRecent]);
    }

    #[test]
    fn all_that_is_wrong_is_reported_at_once() {
        let messages = check(
            "records = 'channel.persons'\ntrust = ['card', 'card']\n[attributes]\n\
             email = 'newest'\nphone = 'most_recent'\nrecords = []\n\
             address = { columns = ['street', 'phone'], needs = ['city'], by = 'longest' }",
        )
        .unwrap_err();
        for part in [
            "`card` is listed twice in `trust`",
            "`newest` is not a survivorship rule",
            "`most_recent` needs `seen_at`",
            "the list of rules is empty",
            "two columns `records`",
            "two columns `phone`",
            "`city` is not one of",
        ] {
            assert!(messages.iter().any(|message| message.contains(part)), "{part}: {messages:#?}");
        }
        assert_eq!(messages.len(), 7, "{messages:#?}");
    }

    #[test]
    fn without_attributes_there_is_nothing_to_choose() {
        assert_eq!(check("records = 'channel.persons'").unwrap_err(), ["no attribute is declared"]);
    }
}

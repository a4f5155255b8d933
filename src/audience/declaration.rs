//! `[audiences.<name>]` of the pipeline file.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::address::{Address, AddressKind, Reach};
use super::definition::{Audience, Condition, WeakModel};
use super::tables::LIST_COLUMNS;
use crate::config::Problem;
use crate::error::Error;
use crate::name::{TableName, is_identifier};
use crate::sql_text::one_line;

/// `[audiences.<name>]` as written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudienceDeclaration {
    /// The tables whose columns the conditions may name, each with one row per customer; everybody in the first
    /// is a candidate.
    #[schemars(example = ["mart.customer_360", "mart.churn_scores"])]
    pub from: Vec<TableName>,
    /// The SQL condition for being on the list, or several, each with a line of its own in the waterfall.
    #[serde(rename = "where")]
    #[schemars(example = &"orders_total > 0 and churn_probability > 0.3")]
    pub rule: RuleDeclaration,
    /// Conditions that keep people off, each with the reason that the waterfall names.
    #[serde(default)]
    pub exclude: Vec<ConditionDeclaration>,
    /// The SQL expression by which people are ranked, the highest first.
    #[schemars(example = &"net_amount_365d")]
    pub rank_by: String,
    /// How many people the list has at most.
    #[schemars(example = 1000)]
    pub limit: Option<u64>,
    /// The channel of the campaign, by which consent is looked up.
    #[schemars(example = &"email")]
    pub channel: String,
    /// Whether only those are on the list who consented on the channel, as `core.consents` says.
    #[schemars(extend("default" = true))]
    pub consent: Option<bool>,
    /// What the consent must be for; of several each.
    #[schemars(example = &"promotions")]
    pub purpose: Option<PurposeDeclaration>,
    /// Whether only those are on the list who can be reached on the channel: by an e-mail address, a telephone
    /// number or a complete postal address that can be used. A condition in place of `true`, or the columns
    /// that hold the address.
    #[schemars(example = true, example = &"push_token is not null", extend("default" = true))]
    pub reachable: Option<ReachableDeclaration>,
    /// The share of the list, 0 to 1, that is drawn as a control group and not contacted.
    #[serde(default)]
    #[schemars(example = 0.1)]
    pub control: f64,
    /// A word that draws another control group from the same people.
    #[schemars(example = &"spring", extend("default" = ""))]
    pub salt: Option<String>,
    /// What happens where a condition or the ranking reads the score of a model that may be no better than chance.
    #[serde(default)]
    #[schemars(extend("default" = "warn"))]
    pub weak_model: WeakModel,
    /// Columns that the exported list has beside those of every list.
    #[serde(default)]
    #[schemars(example = ["email", "first_name"])]
    pub export: Vec<String>,
}

/// `where = "…"`, or a list of conditions that each have their own line in the waterfall.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a condition, or a list of conditions and { reason, where }")]
pub enum RuleDeclaration {
    One(String),
    All(Vec<RuleEntry>),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a condition, or { reason = \"…\", where = \"…\" }")]
pub enum RuleEntry {
    Plain(String),
    Named(ConditionDeclaration),
}

/// `{ reason = "…", where = "…" }`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionDeclaration {
    /// What the waterfall calls it.
    #[schemars(example = &"complaint in the last 30 days")]
    pub reason: String,
    /// The SQL condition.
    #[serde(rename = "where")]
    #[schemars(example = &"incidents_30d > 0")]
    pub condition: String,
}

/// `purpose = "…"`, or a list of which each must be granted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a purpose or a list of purposes")]
pub enum PurposeDeclaration {
    One(String),
    All(Vec<String>),
}

/// `reachable = true`, `false`, a condition, or `{ email = "…" }`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected true, false, a condition, or the columns of the address: { email = \"…\" }, \
                 { phone = \"…\" }, { mobile = \"…\" } or { street = \"…\", postcode = \"…\", city = \"…\" }"
)]
pub enum ReachableDeclaration {
    Checked(bool),
    Condition(String),
    Address(AddressDeclaration),
}

/// The columns, or SQL expressions, that hold the address that a campaign is sent to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressDeclaration {
    /// The e-mail address.
    #[schemars(example = &"work_email")]
    pub email: Option<String>,
    /// The telephone number to call.
    #[schemars(example = &"home_phone")]
    pub phone: Option<String>,
    /// The number to send text messages to.
    #[schemars(example = &"mobile_phone")]
    pub mobile: Option<String>,
    /// The street of a postal address, which has all three.
    #[schemars(example = &"delivery_street")]
    pub street: Option<String>,
    /// Its postcode.
    #[schemars(example = &"delivery_postcode")]
    pub postcode: Option<String>,
    /// Its city.
    #[schemars(example = &"delivery_city")]
    pub city: Option<String>,
}

const OUTSIDE: &str = "outside the rule";

impl RuleDeclaration {
    fn conditions(&self) -> Vec<Condition> {
        let plain = |sql: &str, reason: String| Condition { reason, sql: sql.to_owned() };
        match self {
            RuleDeclaration::One(sql) => vec![plain(sql, OUTSIDE.to_owned())],
            RuleDeclaration::All(entries) => entries
                .iter()
                .map(|entry| match entry {
                    RuleEntry::Plain(sql) => {
                        let shown = one_line(sql);
                        plain(sql, format!("{OUTSIDE}: {shown}"))
                    }
                    RuleEntry::Named(named) => named.condition(),
                })
                .collect(),
        }
    }
}

impl ConditionDeclaration {
    fn condition(&self) -> Condition {
        Condition { reason: self.reason.clone(), sql: self.condition.clone() }
    }
}

impl PurposeDeclaration {
    /// Returns the purposes by name, each once.
    fn check(&self) -> Result<Vec<String>, Error> {
        let mut purposes = match self {
            PurposeDeclaration::One(one) => vec![one.clone()],
            PurposeDeclaration::All(all) => all.clone(),
        };
        purposes.sort_unstable();
        if purposes.is_empty() || purposes.iter().any(String::is_empty) {
            return Err(Error::config("a purpose has no name")
                .hint("name one that customers were asked for: purpose = \"promotions\""));
        }
        match duplicate(&purposes) {
            Some(duplicate) => Err(Error::config(format!("the purpose \"{duplicate}\" is listed twice"))),
            None => Ok(purposes),
        }
    }
}

impl AddressDeclaration {
    /// Returns the kind of address, and where its parts are.
    fn check(&self) -> Result<(AddressKind, Vec<String>), Error> {
        let kinds = [
            (AddressKind::Email, vec![&self.email]),
            (AddressKind::Phone, vec![&self.phone]),
            (AddressKind::Mobile, vec![&self.mobile]),
            (AddressKind::Post, vec![&self.street, &self.postcode, &self.city]),
        ];
        let mut named = kinds.into_iter().filter(|(_, parts)| parts.iter().any(|part| part.is_some()));
        let hint = "name one: { email = \"…\" }, { phone = \"…\" }, { mobile = \"…\" } or \
                    { street = \"…\", postcode = \"…\", city = \"…\" }";
        let (Some((kind, parts)), None) = (named.next(), named.next()) else {
            return Err(Error::config("a campaign is sent to one kind of address").hint(hint));
        };
        let written: Vec<String> = parts.into_iter().flatten().cloned().collect();
        if written.len() < kind.parts().len() || written.iter().any(|part| part.trim().is_empty()) {
            return Err(Error::config("a part of the address has no column").hint(hint));
        }
        Ok((kind, written))
    }
}

impl AudienceDeclaration {
    /// Returns how it is found out whether customers can be reached.
    fn reach(&self, country: &str) -> Result<Reach, Error> {
        let kind = AddressKind::of_channel(&self.channel);
        let address = |kind: AddressKind, expressions: Vec<String>, is_declared: bool| {
            Reach::Address(Address { kind, expressions, is_declared, country: country.to_owned() })
        };
        let usual = |kind: AddressKind| {
            address(kind, kind.parts().iter().map(|part| (*part).to_owned()).collect(), false)
        };
        match &self.reachable {
            None => Ok(kind.map_or(Reach::UnknownChannel, usual)),
            Some(ReachableDeclaration::Checked(false)) => Ok(Reach::Unchecked),
            Some(ReachableDeclaration::Checked(true)) => kind.map(usual).ok_or_else(|| {
                Error::config(format!("what customers need to be reached by {} is not known", self.channel))
                    .hint("name the column: reachable = { email = \"…\" }, or a condition: reachable = \"…\"")
            }),
            Some(ReachableDeclaration::Condition(sql)) => Ok(Reach::Condition(sql.clone())),
            Some(ReachableDeclaration::Address(declared)) => {
                declared.check().map(|(kind, expressions)| address(kind, expressions, true))
            }
        }
    }

    /// Turns the declaration into an audience; what its SQL reads is not known here. National telephone numbers
    /// and postcodes are those of `country`.
    ///
    /// # Errors
    /// All that is wrong with it: an invalid name, no table in `from`, no condition, one without a reason or
    /// with one that is used twice, a number out of its bounds, an export or a purpose that cannot be.
    pub fn check(&self, name: &str, country: &str) -> Result<Audience, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, error: Error| problems.push(Problem::new([key], error));
        if !is_identifier(name) {
            wrong(
                "",
                Error::config(format!("`{name}` is not a valid audience name"))
                    .hint("use lower-case letters, digits and underscores"),
            );
        }
        if self.from.is_empty() {
            wrong(
                "from",
                Error::config("an audience needs at least one table in `from`")
                    .hint("from = [\"mart.customer_360\"]"),
            );
        }
        if let Some(duplicate) = duplicate(&self.from) {
            wrong("from", Error::config(format!("{duplicate} is listed twice")).hint("name each table once"));
        }
        if !(0.0..1.0).contains(&self.control) {
            wrong(
                "control",
                Error::config(format!("control is {}, but it must be at least 0 and below 1", self.control)),
            );
        }
        if self.limit == Some(0) {
            wrong("limit", Error::config("the limit must be at least 1"));
        }
        if self.channel.trim().is_empty() {
            wrong("channel", Error::config("the channel has no name").hint("channel = \"email\""));
        }
        let rules = self.rule.conditions();
        if rules.is_empty() {
            wrong(
                "where",
                Error::config("the audience has no condition")
                    .hint("where = \"true\" means every customer of the first table in `from`"),
            );
        }
        let exclusions: Vec<Condition> = self.exclude.iter().map(ConditionDeclaration::condition).collect();
        for (key, conditions) in [("where", &rules), ("exclude", &exclusions)] {
            if conditions.iter().any(|c| c.reason.trim().is_empty()) {
                wrong(
                    key,
                    Error::config("a condition has no reason")
                        .hint("reason = \"…\" is the name of the condition in the waterfall"),
                );
            }
        }
        let reasons: Vec<&str> = rules.iter().chain(&exclusions).map(|c| c.reason.as_str()).collect();
        if let Some(duplicate) = duplicate(&reasons) {
            let key = if exclusions.iter().any(|c| c.reason == *duplicate) { "exclude" } else { "where" };
            wrong(key, Error::config(format!("the reason \"{duplicate}\" is used twice")));
        }
        for error in wrong_exports(&self.export) {
            wrong("export", error);
        }
        let consent = self.consent.unwrap_or(true);
        let purposes = match self.purpose.as_ref().map(PurposeDeclaration::check) {
            None => Vec::new(),
            Some(Ok(_)) if !consent => {
                wrong(
                    "purpose",
                    Error::config(
                        "`purpose` is what the consent is for, but the audience does not ask \
                     for consent",
                    )
                    .hint("remove `consent = false`, or `purpose`"),
                );
                Vec::new()
            }
            Some(Ok(purposes)) => purposes,
            Some(Err(error)) => {
                wrong("purpose", error);
                Vec::new()
            }
        };
        let reach = self.reach(country).unwrap_or_else(|error| {
            wrong("reachable", error);
            Reach::Unchecked
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Audience {
            name: name.to_owned(),
            from: self.from.clone(),
            rules,
            exclusions,
            rank_by: self.rank_by.clone(),
            asks: BTreeSet::new(),
            limit: self.limit,
            channel: self.channel.clone(),
            consent,
            purposes,
            reach,
            has_bounces: false,
            reached_by: Vec::new(),
            control: self.control,
            salt: self.salt.clone().unwrap_or_default(),
            weak_model: self.weak_model,
            scores: BTreeSet::new(),
            export: self.export.clone(),
        })
    }
}

/// Returns the errors of an export: columns listed twice, and columns that every list has anyway.
fn wrong_exports(export: &[String]) -> Vec<Error> {
    let names: Vec<&str> = export.iter().map(|c| c.rsplit('.').next().unwrap_or(c)).collect();
    let mut errors = Vec::new();
    if let Some(duplicate) = duplicate(&names) {
        errors.push(
            Error::config(format!("two columns of the export would be named `{duplicate}`"))
                .hint("list each column once, or rename one of them in its model"),
        );
    }
    for own in names.iter().filter(|name| LIST_COLUMNS.contains(name)) {
        errors.push(Error::config(format!("`{own}` is a column of every list")).hint(format!(
            "remove it: {} are always exported; a column of your own needs another name in its model",
            LIST_COLUMNS.join(", ")
        )));
    }
    errors
}

/// Returns the first entry that occurs more than once.
fn duplicate<T: Ord + Clone>(entries: &[T]) -> Option<T> {
    let mut sorted = entries.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}

//! `[audiences.<name>]` of the pipeline file.

use serde::Deserialize;

use super::{Audience, Exclusion};
use crate::config::Problem;
use crate::error::Error;
use crate::name::{TableName, is_identifier};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceDeclaration {
    pub from: Vec<TableName>,
    #[serde(rename = "where")]
    pub rule: String,
    #[serde(default)]
    pub exclude: Vec<ExclusionDeclaration>,
    pub rank_by: String,
    pub limit: Option<u64>,
    pub channel: String,
    pub consent: Option<bool>,
    pub purpose: Option<PurposeDeclaration>,
    #[serde(default)]
    pub control: f64,
    pub salt: Option<String>,
    #[serde(default)]
    pub export: Vec<String>,
}

/// `purpose = "…"`, or a list of which each must be granted.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a purpose or a list of purposes")]
pub enum PurposeDeclaration {
    One(String),
    All(Vec<String>),
}

impl PurposeDeclaration {
    /// The purposes by name, each once.
    fn check(&self) -> Result<Vec<String>, Error> {
        let mut purposes = match self {
            PurposeDeclaration::One(one) => vec![one.clone()],
            PurposeDeclaration::All(all) => all.clone(),
        };
        purposes.sort_unstable();
        if purposes.is_empty() || purposes.iter().any(String::is_empty) {
            return Err(Error::config("a purpose without a name")
                .hint("name one that customers were asked about: purpose = \"promotions\""));
        }
        match purposes.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(Error::config(format!("the purpose \"{}\" stands twice", twice[0]))),
            None => Ok(purposes),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExclusionDeclaration {
    pub reason: String,
    #[serde(rename = "where")]
    pub condition: String,
}

impl AudienceDeclaration {
    pub fn check(&self, name: &str) -> Result<Audience, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, error: Error| problems.push(Problem::new([key], error));
        if !is_identifier(name) {
            wrong(
                "",
                Error::config(format!("`{name}` is not a name for an audience"))
                    .hint("use lower-case letters, digits and underscores"),
            );
        }
        if self.from.is_empty() {
            wrong(
                "from",
                Error::config("an audience is drawn from at least one table")
                    .hint("from = [\"mart.customer_360\"]"),
            );
        }
        if !(0.0..1.0).contains(&self.control) {
            wrong(
                "control",
                Error::config(format!("found {}, expected a share from 0 to below 1", self.control)),
            );
        }
        if self.limit == Some(0) {
            wrong("limit", Error::config("a list of nobody: expected a limit of at least 1"));
        }
        let mut reasons: Vec<&str> = self.exclude.iter().map(|e| e.reason.as_str()).collect();
        reasons.sort_unstable();
        if let Some(twice) = reasons.windows(2).find(|pair| pair[0] == pair[1]) {
            wrong("exclude", Error::config(format!("the reason \"{}\" stands twice", twice[0])));
        }
        let consent = self.consent.unwrap_or(true);
        let purposes = match self.purpose.as_ref().map(PurposeDeclaration::check) {
            None => Vec::new(),
            Some(Ok(_)) if !consent => {
                wrong(
                    "purpose",
                    Error::config("a purpose says what the consent is for, but the audience asks for none")
                        .hint("take `consent = false` out, or `purpose`"),
                );
                Vec::new()
            }
            Some(Ok(purposes)) => purposes,
            Some(Err(error)) => {
                wrong("purpose", error);
                Vec::new()
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Audience {
            name: name.to_owned(),
            from: self.from.clone(),
            rule: self.rule.clone(),
            exclusions: self
                .exclude
                .iter()
                .map(|e| Exclusion { reason: e.reason.clone(), condition: e.condition.clone() })
                .collect(),
            rank_by: self.rank_by.clone(),
            limit: self.limit,
            channel: self.channel.clone(),
            consent,
            purposes,
            control: self.control,
            salt: self.salt.clone().unwrap_or_default(),
            export: self.export.clone(),
        })
    }
}

//! `[organisations]` of the pipeline file, and what it means once checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Problem;
use crate::identity::golden_record::{AttributeDeclaration, Choice, Survivorship};
use crate::identity::spelling::Subject;
use crate::identity::writing::Writing;
use crate::name::TableName;

/// Organisations, found among records of them, and the people who work there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationsDeclaration {
    /// The table of records: `source`, `record_id`, `legal_number`, `name`, `postcode` and a column for each
    /// attribute; one row per record.
    #[schemars(example = &"channel.key_accounts")]
    pub records: TableName,
    /// The table of contacts: `organisation_source`, `organisation_record_id`, `source`, `record_id`, `role`;
    /// one row per person's record at an organisation.
    #[schemars(example = &"channel.key_account_contacts")]
    pub contacts: Option<TableName>,
    /// The column with the date of the record.
    #[schemars(example = &"seen_at")]
    pub seen_at: Option<String>,
    /// Sources, the most trusted first.
    #[serde(default)]
    #[schemars(example = ["crm", "billing"])]
    pub trust: Vec<String>,
    /// For each attribute the rule by which its value is chosen, or rules in their order.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeDeclaration>,
}

/// Organisations, checked.
#[derive(Debug, Clone)]
pub struct Organisations {
    pub records: TableName,
    pub contacts: Option<TableName>,
    pub survivorship: Survivorship,
}

impl Organisations {
    /// Returns the tables that the step reads.
    pub(in crate::identity) fn tables_read(&self) -> impl Iterator<Item = &TableName> {
        [&self.records].into_iter().chain(&self.contacts)
    }
}

impl OrganisationsDeclaration {
    /// Returns all that is wrong with the section, or what it means. Does no I/O.
    ///
    /// # Errors
    /// What is wrong with its attributes.
    pub fn check(self, writing: &Writing) -> Result<Organisations, Vec<Problem>> {
        let choice = Choice { seen_at: self.seen_at, trust: self.trust, attributes: self.attributes };
        let survivorship = choice.check(Subject::Organisation, writing, "organisation_id")?;
        Ok(Organisations { records: self.records, contacts: self.contacts, survivorship })
    }
}

//! `[organisations]` of the pipeline file, and what it means once checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::Problem;
use crate::identity::golden_record::{AttributeDeclaration, Choice, Survivorship};
use crate::identity::spelling::Subject;
use crate::identity::writing::Writing;
use crate::name::TableName;

/// `[organisations]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationsDeclaration {
    /// `source`, `record_id`, `legal_number`, `name`, `postcode` and one column per attribute; one row a
    /// record.
    pub records: TableName,
    /// `organisation_source`, `organisation_record_id`, `source`, `record_id`, `role`; one row per person's
    /// record at an organisation.
    pub contacts: Option<TableName>,
    /// The column with the date of the record.
    pub seen_at: Option<String>,
    /// Sources, the most trusted first.
    #[serde(default)]
    pub trust: Vec<String>,
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

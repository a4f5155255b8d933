//! `[match_quality]` of the pipeline file, and what it means once checked.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::tables::{
    BLOCKING_PROPOSALS, BLOCKING_RULES, COMPLETENESS, CUSTOMER_SIZES, KEYS, MATCH_ACCURACY, MATCH_DECISIONS,
    MATCH_WEIGHTS, UNLINKABLES, mart,
};
use crate::identity::declaration::{Identity, Persons};
use crate::identity::tables::{CUSTOMER_IDS, MATCH_LINKS, MATCH_TERMS, PERSON_RECORDS, table};
use crate::name::TableName;
use crate::ops::models;
use crate::step::MadeTable;

/// How good the links between records are; an empty section is enough.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QualityDeclaration {
    /// The table that knows better: `source`, `record_id`, `person`. It may know only some records.
    #[schemars(example = &"channel.true_persons")]
    pub truth: Option<TableName>,
}

/// What is judged, checked.
#[derive(Debug, Clone)]
pub struct Quality {
    pub truth: Option<TableName>,
    /// How person records are linked; `None` where only keys join.
    pub persons: Option<Persons>,
}

impl QualityDeclaration {
    /// Returns the section as the judge of this identity.
    pub fn of(self, identity: &Identity) -> Quality {
        Quality { truth: self.truth, persons: identity.persons.clone() }
    }
}

impl Quality {
    /// Returns the tables that the step reads.
    pub(in crate::identity) fn tables_read(&self) -> BTreeSet<TableName> {
        let mut reads = BTreeSet::from([table(CUSTOMER_IDS)]);
        reads.extend(self.truth.clone());
        if self.persons.is_some() {
            reads.extend([table(PERSON_RECORDS), table(MATCH_LINKS), table(MATCH_TERMS), models::table()]);
        }
        reads
    }

    /// Returns the tables that the step makes; the one that is always made comes first.
    pub(in crate::identity) fn tables_written(&self) -> Vec<MadeTable> {
        let mut writes = vec![CUSTOMER_SIZES];
        if self.persons.is_some() {
            writes.extend([
                MATCH_WEIGHTS,
                MATCH_DECISIONS,
                UNLINKABLES,
                COMPLETENESS,
                BLOCKING_RULES,
                BLOCKING_PROPOSALS,
            ]);
        }
        writes.extend(self.truth.is_some().then_some(MATCH_ACCURACY));
        let key = |table: &str| {
            KEYS.iter().find(|(name, _)| *name == table).map_or(&[] as &[&str], |(_, key)| *key)
        };
        writes.into_iter().map(|name| MadeTable::keyed(mart(name), key(name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityDeclaration;

    fn names(quality: &Quality) -> Vec<TableName> {
        quality.tables_written().into_iter().map(|table| table.name).collect()
    }

    fn quality(section: &str, identity: &str) -> Quality {
        let identity = toml::from_str::<IdentityDeclaration>(identity).unwrap().check().unwrap();
        toml::from_str::<QualityDeclaration>(section).unwrap().of(&identity)
    }

    #[test]
    fn keys_alone_and_no_truth_give_the_sizes_of_customers() {
        let quality = quality("", "keys = 'channel.keys'");
        assert_eq!(names(&quality), [mart(CUSTOMER_SIZES)]);
        assert_eq!(quality.tables_read(), [table(CUSTOMER_IDS)].into());
    }

    #[test]
    fn every_table_that_can_be_written_has_a_key() {
        let quality = quality("truth = 'channel.truth'", "records = 'channel.persons'");
        let written = quality.tables_written();
        assert_eq!(written.len(), KEYS.len());
        assert!(written.iter().all(|table| !table.key.is_empty()));
        assert_eq!(quality.tables_read().len(), 6);
    }
}

//! `[match_quality]` of the pipeline file, and what it means once checked.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::tables::{
    BLOCKING_RULES, COMPLETENESS, CUSTOMER_SIZES, MATCH_ACCURACY, MATCH_DECISIONS, MATCH_WEIGHTS,
    UNLINKABLES, mart,
};
use crate::identity::declaration::{Identity, Persons};
use crate::identity::linkage::fitted::models;
use crate::identity::tables::{CUSTOMER_IDS, MATCH_LINKS, MATCH_TERMS, PERSON_RECORDS, table};
use crate::name::TableName;

/// `[match_quality]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityDeclaration {
    /// The table that knows better: `source`, `record_id`, `person`. It may know only some records.
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
    pub fn reads(&self) -> BTreeSet<TableName> {
        let mut reads = BTreeSet::from([table(CUSTOMER_IDS)]);
        reads.extend(self.truth.clone());
        if self.persons.is_some() {
            reads.extend([table(PERSON_RECORDS), table(MATCH_LINKS), table(MATCH_TERMS), models()]);
        }
        reads
    }

    /// Returns the table that is always made comes first.
    pub fn writes(&self) -> Vec<TableName> {
        let mut writes = vec![CUSTOMER_SIZES];
        if self.persons.is_some() {
            writes.extend([MATCH_WEIGHTS, MATCH_DECISIONS, UNLINKABLES, COMPLETENESS, BLOCKING_RULES]);
        }
        writes.extend(self.truth.is_some().then_some(MATCH_ACCURACY));
        writes.into_iter().map(mart).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityDeclaration;
    use crate::identity::quality::KEYS;

    fn quality(section: &str, identity: &str) -> Quality {
        let identity = toml::from_str::<IdentityDeclaration>(identity).unwrap().check().unwrap();
        toml::from_str::<QualityDeclaration>(section).unwrap().of(&identity)
    }

    #[test]
    fn keys_alone_and_no_truth_give_the_sizes_of_customers() {
        let quality = quality("", "keys = 'channel.keys'");
        assert_eq!(quality.writes(), [mart(CUSTOMER_SIZES)]);
        assert_eq!(quality.reads(), [table(CUSTOMER_IDS)].into());
    }

    #[test]
    fn every_table_that_can_be_written_has_a_key() {
        let quality = quality("truth = 'channel.truth'", "records = 'channel.persons'");
        let mut writes = quality.writes();
        let mut keyed: Vec<TableName> = KEYS.iter().map(|(name, _)| mart(name)).collect();
        writes.sort();
        keyed.sort();
        assert_eq!(writes, keyed);
        assert_eq!(quality.reads().len(), 6);
    }
}

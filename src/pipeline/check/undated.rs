//! Which tables below the features of a past instant do not say when their rows became known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Model;
use crate::name::{StepName, TableName};
use crate::pipeline::definition::TableRules;
use crate::pipeline::step::DeclaredStep;
use crate::source::{ColumnType, Source};
use crate::warehouse::visibility::KnownSince;

/// What is known of tables and who makes them.
#[derive(Clone, Copy)]
pub(super) struct Makers<'a> {
    pub models: &'a BTreeMap<TableName, Arc<Model>>,
    pub tables: &'a BTreeMap<TableName, TableRules>,
    pub sources: &'a BTreeMap<String, Source>,
    /// Those of sections.
    pub steps: &'a BTreeMap<StepName, DeclaredStep>,
}

impl Makers<'_> {
    /// Returns the tables, of those that a table is made of or itself, whose rows count at every instant though
    /// they may have come at any; not those below a table that is declared static.
    pub fn undated(&self, table: &TableName) -> BTreeSet<TableName> {
        let mut undated = BTreeSet::new();
        self.collect(table, &mut BTreeSet::new(), &mut undated);
        undated
    }

    fn collect(&self, table: &TableName, seen: &mut BTreeSet<TableName>, undated: &mut BTreeSet<TableName>) {
        let known = self.tables.get(table).map(|rules| &rules.known);
        if known == Some(&KnownSince::Always) || !seen.insert(table.clone()) {
            return;
        }
        match self.made_of(table) {
            Some(reads) => {
                for read in reads {
                    self.collect(&read, seen, undated);
                }
            }
            None if known.is_none_or(|known| *known == KnownSince::Undeclared) => {
                let has_dated_versions = self
                    .sources
                    .values()
                    .any(|source| source.raw_table() == *table && dates_versions(source));
                if !has_dated_versions {
                    undated.insert(table.clone());
                }
            }
            None => {}
        }
    }

    /// Returns what a table is made of that is made anew as of a past instant.
    fn made_of(&self, table: &TableName) -> Option<BTreeSet<TableName>> {
        if let Some(model) = self.models.get(table) {
            return Some(model.reads.clone());
        }
        let maker = self.steps.values().find(|step| step.step().tables_made().contains(table))?;
        match maker {
            DeclaredStep::Identity(_)
            | DeclaredStep::GoldenRecord(_)
            | DeclaredStep::Households(_)
            | DeclaredStep::Organisations(_) => Some(maker.step().reads()),
            _ => None,
        }
    }
}

/// Returns whether the versions of a source's records say when they became known.
fn dates_versions(source: &Source) -> bool {
    let contract = &source.contract;
    let is_time = |name: &String| {
        let column = contract.columns.iter().find(|column| column.name == *name);
        column.is_some_and(|column| matches!(column.kind, ColumnType::Date | ColumnType::Timestamp))
    };
    let dated = match &contract.version {
        Some(version) => is_time(version),
        None => source.files().delivery.date_in_name.is_some(),
    };
    contract.has_versions() && dated
}

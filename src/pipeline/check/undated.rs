//! What features of a past instant are made of: customers who are found by records, and tables that do not say
//! when their rows became known.

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

/// What is read to make a table.
enum MadeOf {
    Rows(BTreeSet<TableName>),
    /// To find who is who.
    Identity(BTreeSet<TableName>),
}

impl Makers<'_> {
    /// Returns the tables, of those that a table is made of or itself, whose rows count at every instant though
    /// they may have come at any. A table that declares when its rows became known answers for what it is made
    /// of, but not for who is who: an order has its time, and whose it is found to be has another.
    pub fn undated(&self, table: &TableName) -> BTreeSet<TableName> {
        let mut undated = BTreeSet::new();
        self.collect(table, false, &mut BTreeSet::new(), &mut undated);
        undated
    }

    /// Returns whether a table is made of customers who are found by records.
    pub fn knows_customers(&self, table: &TableName) -> bool {
        let (mut next, mut seen) = (vec![table.clone()], BTreeSet::new());
        while let Some(table) = next.pop() {
            match self.made_of(&table) {
                Some(MadeOf::Identity(_)) => return true,
                Some(MadeOf::Rows(reads)) => {
                    next.extend(reads.into_iter().filter(|read| seen.insert(read.clone())));
                }
                None => {}
            }
        }
        false
    }

    fn collect(
        &self,
        table: &TableName,
        is_answered_for: bool,
        seen: &mut BTreeSet<(TableName, bool)>,
        undated: &mut BTreeSet<TableName>,
    ) {
        if !seen.insert((table.clone(), is_answered_for)) {
            return;
        }
        let is_declared = self.tables.get(table).is_some_and(|rules| rules.known != KnownSince::Undeclared);
        let is_answered_for = is_answered_for || is_declared;
        match self.made_of(table) {
            Some(MadeOf::Rows(reads)) => {
                for read in reads {
                    self.collect(&read, is_answered_for, seen, undated);
                }
            }
            Some(MadeOf::Identity(reads)) => {
                for read in reads {
                    self.collect(&read, false, seen, undated);
                }
            }
            None => {
                let source = self.sources.values().find(|source| source.raw_table() == *table);
                if !is_answered_for && !source.is_some_and(dates_versions) {
                    undated.insert(table.clone());
                }
            }
        }
    }

    /// Returns what a table is made of that is made anew as of a past instant.
    fn made_of(&self, table: &TableName) -> Option<MadeOf> {
        if let Some(model) = self.models.get(table) {
            return Some(MadeOf::Rows(model.reads.clone()));
        }
        let maker = self.steps.values().find(|step| step.step().tables_made().contains(table))?;
        let reads = maker.step().reads();
        match maker {
            DeclaredStep::Identity(_) => Some(MadeOf::Identity(reads)),
            DeclaredStep::GoldenRecord(_) | DeclaredStep::Households(_) | DeclaredStep::Organisations(_) => {
                Some(MadeOf::Rows(reads))
            }
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

//! The steps of a pipeline, put together once everything is known that they need of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Error;
use crate::ingest::Ingest;
use crate::model::{Dating, Model, ModelStep};
use crate::name::{StepName, TableName};
use crate::pipeline::definition::TableRules;
use crate::pipeline::step::DeclaredStep;
use crate::source::Source;
use crate::warehouse::row_versions::Versions;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::visibility::KnownSince;

/// What has been checked so far.
#[derive(Default)]
pub(super) struct Draft {
    pub sources: BTreeMap<String, Source>,
    pub models: BTreeMap<TableName, Arc<Model>>,
    pub tables: BTreeMap<TableName, TableRules>,
    /// Those of sections.
    pub steps: BTreeMap<StepName, DeclaredStep>,
}

impl Draft {
    /// Returns all steps, and what is declared of tables.
    pub(super) fn finish(
        self,
        errors: &mut Vec<Error>,
    ) -> (BTreeMap<StepName, DeclaredStep>, BTreeMap<TableName, TableRules>) {
        let Draft { sources, models, tables, mut steps } = self;
        let days = |source: &Source| {
            let names = source.contract.columns.iter().map(|column| &column.name);
            names.filter(|name| source.contract.names_only_days(name)).cloned().collect()
        };
        let dating = Arc::new(Dating {
            models: models.clone(),
            known: tables.iter().map(|(table, rules)| (table.clone(), rules.known.clone())).collect(),
            days: sources.values().map(|source| (source.raw_table(), days(source))).collect(),
        });
        let marts = marts_made_of(&models, &steps);
        for (table, model) in models {
            let mart = marts.get(&table).cloned();
            let path = model.path.display().to_string();
            let step = DeclaredStep::Model(Arc::new(ModelStep { model, dating: dating.clone(), mart }));
            if let Some(other) = steps.insert(StepName::from(&table), step) {
                let kind = other.step().kind();
                errors.push(
                    Error::config(format!("{table} is made twice: by this model and by [{kind}]"))
                        .at(path)
                        .hint("a table has one maker; rename or delete one of them"),
                );
            }
        }
        for source in sources.into_values() {
            let table = source.raw_table();
            let known = tables.get(&table).map(|rules| rules.known.clone()).unwrap_or_default();
            let versions = versions(&source, &known);
            let ingest = Ingest { source: Arc::new(source), known, versions, intake: Arc::default() };
            steps.insert(StepName::from(&table), DeclaredStep::Ingest(Arc::new(ingest)));
        }
        (steps, tables)
    }
}

/// Returns for each table that a mart is, or is made of by whatever steps, the first such mart.
fn marts_made_of(
    models: &BTreeMap<TableName, Arc<Model>>,
    steps: &BTreeMap<StepName, DeclaredStep>,
) -> BTreeMap<TableName, TableName> {
    let by_models = models.values().map(|model| (vec![model.table.clone()], model.reads.clone()));
    let by_steps = steps.values().map(|step| (step.step().tables_made(), step.step().reads()));
    let made: Vec<(Vec<TableName>, BTreeSet<TableName>)> = by_models.chain(by_steps).collect();
    let all = made.iter().flat_map(|(tables, _)| tables);
    let mut marts: BTreeMap<TableName, TableName> =
        all.filter(|table| table.schema() == "mart").map(|mart| (mart.clone(), mart.clone())).collect();
    let mut unread: Vec<TableName> = marts.keys().rev().cloned().collect();
    while let Some(table) = unread.pop() {
        let mart = marts[&table].clone();
        for read in made.iter().filter(|(tables, _)| tables.contains(&table)).flat_map(|(_, reads)| reads) {
            if !marts.contains_key(read) {
                marts.insert(read.clone(), mart.clone());
                unread.push(read.clone());
            }
        }
    }
    marts
}

/// Returns the versions of a source's records: by the declared column, else by the time from which a state
/// is valid, else as its files follow one another. `None` where records have no key.
fn versions(source: &Source, known: &KnownSince) -> Option<Versions> {
    let by = match (&source.contract.version, known) {
        (Some(column), _) => Some(TimeColumn::event(column)),
        (None, KnownSince::At(time)) if time.of == TimeOf::State => Some(time.clone()),
        (None, _) => None,
    };
    let dated_files = source.files().delivery.date_in_name.is_some();
    let elements = source.files().rows.is_some();
    let key = &source.contract.key;
    source.contract.has_versions().then(|| Versions { key: key.clone(), by, dated_files, elements })
}

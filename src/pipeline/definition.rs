//! A pipeline as checked: its steps, and what it declares of tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::step::{Step, raw_table};
use crate::check::Check;
use crate::clock::Instant;
use crate::dag::Dag;
use crate::name::{StepName, TableName};
use crate::placeholder_value::PlaceholderValues;
use crate::source::Source;
use crate::warehouse::snapshot_history::SnapshotHistory;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::versions::Versions;
use crate::warehouse::visibility::{KnownSince, Visibility};

/// A checked pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub name: String,
    pub description: String,
    /// Cron expression.
    pub schedule: Option<String>,
    /// Of the schedule, of instants written without a zone, and of whole days.
    pub timezone: Tz,
    pub warehouse: String,
    pub seed: u64,
    pub as_of: Option<Instant>,
    pub tables: BTreeMap<TableName, TableRules>,
    pub steps: BTreeMap<StepName, Step>,
    pub graph: Dag<StepName>,
    /// Hash of everything that says what the pipeline does: a run resumes only what is unchanged.
    pub fingerprint: String,
}

/// What is declared of a table.
#[derive(Debug, Clone, Default)]
pub struct TableRules {
    pub key: Vec<String>,
    pub known: KnownSince,
    pub checks: Vec<Check>,
}

impl Pipeline {
    /// How rows of each table become known, for the catalog.
    pub fn visibility(&self) -> BTreeMap<TableName, Visibility> {
        let mut visibility: BTreeMap<TableName, Visibility> = self
            .tables
            .iter()
            .map(|(name, rules)| {
                (name.clone(), Visibility { known: rules.known.clone(), ..Visibility::default() })
            })
            .collect();
        for source in self.sources() {
            let rows = visibility.entry(raw_table(&source.name)).or_default();
            rows.versions = self.versions(source);
            rows.snapshot = source.snapshot.as_ref().map(|snapshot| match snapshot.history {
                true => SnapshotHistory::Whole,
                false => SnapshotHistory::State,
            });
        }
        visibility
    }

    /// What `[identity]` says is written where nothing is known.
    pub fn placeholders(&self) -> PlaceholderValues {
        let of = |step: &Step| match step {
            Step::Resolve(identity) => Some(identity.placeholders.clone()),
            _ => None,
        };
        self.steps.values().find_map(of).unwrap_or_default()
    }

    /// The versions of a source's records: by the declared column, else by the time from which a state is
    /// valid, else as its files follow one another. `None` where records have no key.
    pub fn versions(&self, source: &Source) -> Option<Versions> {
        let by = match (&source.version, self.rules(&raw_table(&source.name)).known) {
            (Some(column), _) => Some(TimeColumn::event(column)),
            (None, KnownSince::At(time)) if time.of == TimeOf::State => Some(time),
            (None, _) => None,
        };
        let dated_files = source.delivery.date_in_name.is_some();
        let elements = source.rows.is_some();
        source.has_versions().then(|| Versions { key: source.key.clone(), by, dated_files, elements })
    }

    /// The sources, by name.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.steps.values().filter_map(|step| match step {
            Step::Ingest(source) => Some(source),
            _ => None,
        })
    }

    pub fn rules(&self, table: &TableName) -> TableRules {
        self.tables.get(table).cloned().unwrap_or_default()
    }
}

//! A pipeline as checked: its steps, and what it declares of tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::sql_origins::SqlOrigins;
use super::step::DeclaredStep;
use crate::audience::Audience;
use crate::check::Check;
use crate::clock::Instant;
use crate::dag::Dag;
use crate::identity::Identity;
use crate::ingest::Ingest;
use crate::model::ModelStep;
use crate::name::{StepName, TableName};
use crate::placeholder_value::PlaceholderValues;
use crate::source::Source;
use crate::span::Span;
use crate::step::past::Past;
use crate::warehouse::description::{Descriptions, TableDescription};
use crate::warehouse::snapshot_history::SnapshotHistory;
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
    /// How long it is kept whom a model was judged on; until its next fit where nothing is said.
    pub keep_holdout_scores: Option<Span>,
    pub tables: BTreeMap<TableName, TableRules>,
    pub steps: BTreeMap<StepName, DeclaredStep>,
    pub graph: Dag<StepName>,
    /// Hash of everything that says what the pipeline does: a run resumes only what is unchanged.
    pub fingerprint: String,
    /// Where the conditions stand in the files.
    pub sql_origins: SqlOrigins,
}

/// What is declared of a table.
#[derive(Debug, Clone, Default)]
pub struct TableRules {
    pub key: Vec<String>,
    pub known: KnownSince,
    pub checks: Vec<Check>,
    pub description: TableDescription,
    pub tags: Vec<String>,
    pub owner: Option<String>,
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
        for ingest in self.ingests() {
            let source = &ingest.source;
            let rows = visibility.entry(source.raw_table()).or_default();
            rows.versions.clone_from(&ingest.versions);
            rows.snapshot = source.contract.snapshot.as_ref().map(|snapshot| match snapshot.history {
                true => SnapshotHistory::Whole,
                false => SnapshotHistory::State,
            });
        }
        visibility
    }

    /// Returns what `[identity]` says is written where nothing is known.
    pub fn placeholders(&self) -> PlaceholderValues {
        self.identity().map(|identity| identity.placeholders.clone()).unwrap_or_default()
    }

    /// Returns who is who, where the pipeline says it.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.steps.values().find_map(|step| match step {
            DeclaredStep::Identity(identity) => Some(identity),
            _ => None,
        })
    }

    /// Returns the steps of the sources, by name.
    pub fn ingests(&self) -> impl Iterator<Item = &Arc<Ingest>> {
        self.steps.values().filter_map(|step| match step {
            DeclaredStep::Ingest(ingest) => Some(ingest),
            _ => None,
        })
    }

    /// Returns the sources, by name.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.ingests().map(|ingest| &ingest.source)
    }

    /// Returns a model and its step; `None` where the table is none's.
    pub fn model(&self, table: &TableName) -> Option<&Arc<ModelStep>> {
        match self.steps.get(&StepName::from(table)) {
            Some(DeclaredStep::Model(model)) => Some(model),
            _ => None,
        }
    }

    /// Returns the audiences, by name.
    pub fn audiences(&self) -> &[Audience] {
        let audiences = self.steps.values().find_map(|step| match step {
            DeclaredStep::Audiences(audiences) => Some(audiences.0.as_slice()),
            _ => None,
        });
        audiences.unwrap_or_default()
    }

    /// Returns what is declared of a table.
    pub fn rules(&self, table: &TableName) -> TableRules {
        self.tables.get(table).cloned().unwrap_or_default()
    }

    /// Returns what tables and their columns contain, where it is declared.
    pub fn descriptions(&self) -> Descriptions {
        self.tables.iter().map(|(table, rules)| (table.clone(), rules.description.clone())).collect()
    }

    /// Returns its tables as of earlier instants, which its steps make anew.
    pub fn past(&self) -> Past {
        Past::of(self.graph.order().iter().map(|name| self.steps[name].step()).collect())
    }

    /// Returns the columns that tell the rows of each table apart.
    pub fn keys(&self) -> BTreeMap<TableName, Vec<String>> {
        self.tables.iter().map(|(table, rules)| (table.clone(), rules.key.clone())).collect()
    }
}

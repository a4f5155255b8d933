//! A pipeline: one TOML file, checked whole, and the graph of its steps.
//!
//! `document` knows where every key stands in the text, `file` mirrors the TOML exactly, `check`
//! turns it into a [`Pipeline`] or into all that is wrong with it, `graph` works out who reads
//! whose table, `truth` keeps what judges the linkage out of its sight, `selector` picks steps. Checking does no I/O; reading the files is [`load`]'s.

mod check;
pub mod document;
mod file;
mod graph;
pub mod placeholder;
pub mod selector;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;

use crate::audience::Audience;
use crate::check::Check;
use crate::clock::Instant;
use crate::dag::Dag;
use crate::error::{Error, Result};
use crate::feature::{Cutoffs, Outcome};
use crate::identity::quality::Quality;
use crate::identity::{self, GoldenRecord, Households, Identity, Organisations};
use crate::mining::declaration::{ChurnParams, SegmentParams};
use crate::model::{self, Model, Models};
use crate::name::{StepName, TableName};
use crate::placeholder_value::PlaceholderValues;
use crate::source::Source;
use crate::warehouse::snapshot_history::SnapshotHistory;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::versions::Versions;
use crate::warehouse::visibility::{Known, Visibility};
use placeholder::Placeholders;

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
    pub known: Known,
    pub checks: Vec<Check>,
}

/// What a step does. A new kind of step is one file and one arm.
#[derive(Debug, Clone)]
pub enum Step {
    Ingest(Arc<Source>),
    Model(Arc<Model>),
    Resolve(Box<Identity>),
    GoldenRecord(Box<GoldenRecord>),
    Households(Box<Households>),
    Organisations(Box<Organisations>),
    Quality(Box<Quality>),
    Segments { params: SegmentParams, features: Arc<Model> },
    Churn { params: ChurnParams, outcome: Outcome, cutoffs: Cutoffs, features: Arc<Model> },
    Audiences(Vec<Audience>),
}

impl Step {
    /// The word for `kind:` in selectors and for `ops.steps`.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Ingest(_) => "ingest",
            Step::Model(_) => "model",
            Step::Resolve(_) => "resolve",
            Step::GoldenRecord(_) => "golden",
            Step::Households(_) => "household",
            Step::Organisations(_) => "company",
            Step::Quality(_) => "quality",
            Step::Segments { .. } => "segments",
            Step::Churn { .. } => "churn",
            Step::Audiences(_) => "audiences",
        }
    }

    /// The tables the step reads.
    pub fn reads(&self) -> BTreeSet<TableName> {
        match self {
            Step::Ingest(_) => BTreeSet::new(),
            Step::Model(model) => model.reads.clone(),
            Step::Resolve(identity) => identity.reads().cloned().collect(),
            Step::GoldenRecord(golden) => {
                [identity::table(identity::CUSTOMER_IDS), golden.records.clone()].into()
            }
            Step::Households(_) => [identity::table(identity::GOLDEN_RECORDS)].into(),
            Step::Organisations(organisations) => {
                let persons = organisations.contacts.iter().map(|_| identity::table(identity::CUSTOMER_IDS));
                organisations.reads().cloned().chain(persons).collect()
            }
            Step::Quality(quality) => quality.reads(),
            Step::Segments { params, .. } => [params.features.clone()].into(),
            Step::Churn { params, outcome, features, .. } => {
                // The features at past cut-offs are computed from what the feature model reads.
                let mut reads = features.reads.clone();
                reads.insert(params.features.clone());
                reads.insert(outcome.events.clone());
                reads
            }
            Step::Audiences(audiences) => audiences.iter().flat_map(Audience::reads).collect(),
        }
    }

    /// The tables the step makes.
    pub fn writes(&self) -> Vec<TableName> {
        let table = |schema, name| TableName::new(schema, name).expect("our own table names are valid");
        match self {
            Step::Ingest(source) => vec![raw_table(&source.name)],
            Step::Model(model) => vec![model.table.clone()],
            Step::Resolve(identity) => identity.writes(),
            Step::GoldenRecord(_) => vec![identity::table(identity::GOLDEN_RECORDS)],
            Step::Households(_) => vec![identity::table(identity::HOUSEHOLDS)],
            Step::Organisations(organisations) => {
                let mut tables = vec![identity::ORGANISATIONS, identity::ORGANISATION_IDS];
                tables.extend(organisations.contacts.iter().map(|_| identity::ORGANISATION_CONTACTS));
                tables.into_iter().map(identity::table).collect()
            }
            Step::Quality(quality) => quality.writes(),
            Step::Segments { .. } => vec![table("mart", "segments"), table("mart", "segment_profiles")],
            Step::Churn { .. } => vec![table("mart", "churn_scores")],
            Step::Audiences(_) => {
                crate::audience::MADE.iter().map(|(name, _)| crate::audience::table(*name)).collect()
            }
        }
    }
}

/// The table that a source's rows go to.
pub fn raw_table(source: &str) -> TableName {
    TableName::new("raw", source).expect("a source's name was checked to be an identifier")
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
            (None, Known::At(time)) if time.of == TimeOf::State => Some(time),
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

/// Reads and checks a pipeline file and its models; all errors at once, each with file and line.
pub fn load(path: &Path, placeholders: &Placeholders) -> Result<Pipeline> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::config(format!("the pipeline {shown} cannot be read"))
            .caused_by(e)
            .hint("give the path of a pipeline file, for example pipelines/nightly.toml")
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    of_text(&shown, &text, placeholders, |named| {
        let models_folder = match named.models {
            Some(models) => folder.join(models),
            None => folder.join("../sql").join(named.name.unwrap_or(&stem)),
        };
        model::load(&plain(&models_folder))
    })
}

/// What a pipeline file says of where its models are.
#[derive(Debug, Clone, Copy)]
pub struct Named<'f> {
    pub name: Option<&'f str>,
    pub models: Option<&'f str>,
}

/// Checks the text of a pipeline file, which messages call `shown`; `models` gives its models.
pub fn of_text(
    shown: &str,
    text: &str,
    placeholders: &Placeholders,
    models: impl FnOnce(Named) -> Models,
) -> Result<Pipeline> {
    let document = document::Document::parse(shown, text)?;
    let (file, mut errors) = file::PipelineFile::read(&document);
    let models = models(Named { name: file.name.as_deref(), models: file.models.as_deref() });
    let all_models = models.errors.is_empty();
    errors.extend(models.errors);
    let fingerprint = fingerprint(text, &models.read);
    let known = check::Known { models: models.read, all_models, placeholders };
    check::check(file, &document, known, fingerprint, errors)
}

/// `pipelines/../sql` as `sql`, where that is the same folder (a link could make it another).
fn plain(folder: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in folder.components() {
        let up = part == Component::ParentDir
            && matches!(short.components().next_back(), Some(Component::Normal(_)));
        if up {
            short.pop();
        } else {
            short.push(part);
        }
    }
    match (folder.canonicalize(), short.canonicalize()) {
        (Ok(long), Ok(same)) if long != same => folder.to_owned(),
        _ => short,
    }
}

fn fingerprint(text: &str, models: &[Model]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(text);
    for model in models {
        hash.update([0]);
        hash.update(model.table.to_string());
        hash.update([0]);
        hash.update(&model.sql);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

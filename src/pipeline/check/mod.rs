//! From the mirror of the file to the checked pipeline: everything that is wrong, at once.

mod audiences;
mod checking;
mod customers;
mod metrics;
mod mining;
mod sources;
mod steps;
mod tables;
mod undated;
mod uplift;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::checking::Checking;
use self::customers::CustomerSections;
use self::mining::Features;
use self::sources::snapshots_say_when;
use self::steps::Draft;
use super::definition::{Pipeline, TableRules};
use super::documents::{Documents, TABLES};
use super::file::PipelineFile;
use super::graph::graph;
use super::placeholder::Placeholders;
use super::project::ProjectFolder;
use super::properties::TableProperties;
use super::step::DeclaredStep;
use super::truth_isolation;
use crate::clock::parse_instant;
use crate::dag::Dag;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::name::{StepName, TableName};
use crate::span::Span;

/// What is known beside the file.
pub struct Known<'p> {
    pub models: Vec<Model>,
    /// Whether every model could be read: if not, what it would make is not missing.
    pub all_models: bool,
    pub placeholders: &'p Placeholders,
    pub project: &'p ProjectFolder,
}

/// Checks the whole file; `errors` are those met while reading it and its models.
pub fn check(
    file: PipelineFile,
    documents: &Documents,
    known: Known,
    fingerprint: String,
    errors: Vec<Error>,
) -> Result<Pipeline> {
    let Known { models, all_models, placeholders, project } = known;
    let all_sections = errors.is_empty();
    let mut checking = Checking { documents, errors, all_models };
    let timezone = checking.timezone(file.timezone.as_deref());
    let name = checking.name(file.name.as_deref());
    let as_of =
        file.as_of.as_deref().and_then(|text| checking.take(&["as_of"], parse_instant(text, timezone)));
    let warehouse = file
        .warehouse
        .as_deref()
        .and_then(|text| checking.take(&["warehouse"], placeholders.expand(text)))
        .unwrap_or_else(|| "warehouse".to_owned());
    let warehouse = project.location(&warehouse);
    checking.schedule(file.schedule.as_deref());
    let keep_holdout_scores =
        file.keep_holdout_scores.as_deref().and_then(|text| checking.span("keep_holdout_scores", text));

    let (sources, raw_tables) = checking.sources(&file, placeholders, project, timezone);
    let mut draft = Draft {
        sources,
        tables: raw_tables,
        models: models.into_iter().map(|model| (model.table.clone(), Arc::new(model))).collect(),
        ..Draft::default()
    };
    let of_sections = tables_of_sections(&file);
    let country = file.identity.as_ref().map(|identity| identity.country.clone()).unwrap_or_default();
    let sections = CustomerSections {
        identity: file.identity,
        match_quality: file.match_quality,
        golden_record: file.golden_record,
        households: file.households,
        organisations: file.organisations,
    };
    checking.customers(sections, all_sections, &mut draft.steps);
    checking.properties(&file.properties, &mut draft.tables);
    snapshots_say_when(&draft.sources, &mut draft.tables);
    let features = Features { models: &draft.models, tables: &draft.tables, sources: &draft.sources };
    checking.segments(&file.segments, features, &mut draft.steps);
    checking.propensities(&file.propensity, features, timezone, &mut draft.steps);
    checking.uplifts(&file.uplift, features, &mut draft.steps);
    checking.values(&file.value, features, timezone, &mut draft.steps);
    let is_something_promised = !file.value.is_empty() || !file.propensity.is_empty();
    checking.forecasts(file.forecasts, is_something_promised, &mut draft.steps);
    checking.audiences(&file.audiences, &country, &draft.models, &mut draft.tables, &mut draft.steps);

    checking.metrics(&file.metrics, &file.objectives, &mut draft);
    checking.rows_are_dated(&mut draft.sources, &mut draft.tables);
    checking.late_rows_have_a_time(&draft.sources, &draft.tables);
    checking.rows_referred_to_are_somebodys(&draft.sources);
    checking.kept_rows_have_an_age(&draft.sources, &draft.tables);
    checking.keys_of_made_tables(&draft.steps, &mut draft.tables);
    checking.marts_have_keys(&draft.models, &draft.tables);
    checking.metrics_are_of_keyed_tables(&file.metrics, &draft, all_sections);
    let (steps, tables) = draft.finish(&mut checking.errors);
    // A section or model left out for its errors would only look like a missing table.
    if all_sections {
        let mut made: Vec<TableName> = steps.values().flat_map(|step| step.step().tables_made()).collect();
        made.extend(of_sections);
        checking.tables_are_made(&made, &tables);
    }
    if checking.errors.is_empty() {
        checking.audiences_read_what_is_made(&steps);
    }
    checking.has_something_to_do(&steps);
    let graph = checking.graph(&steps);
    Error::all_by_line(checking.errors, documents.main().path())?;
    Ok(Pipeline {
        name,
        description: file.description.unwrap_or_default(),
        schedule: file.schedule,
        timezone,
        warehouse,
        seed: file.seed.unwrap_or(42),
        as_of,
        keep_holdout_scores,
        tables,
        steps,
        graph: graph.unwrap_or_else(empty_graph),
        fingerprint,
        sql_origins: documents.sql_origins(),
    })
}

impl Checking<'_, '_> {
    fn span(&mut self, key: &str, text: &str) -> Option<Span> {
        let span = Span::parse(text).ok_or_else(|| {
            Error::config(format!("`{text}` is not a length of time"))
                .hint("write for example \"90 days\", \"6 months\" or \"1 year\"")
        });
        self.take(&[key], span)
    }

    /// Reads what is declared of tables beside the models.
    fn properties(
        &mut self,
        properties: &BTreeMap<String, TableProperties>,
        tables: &mut BTreeMap<TableName, TableRules>,
    ) {
        for (table, properties) in properties {
            let key = [TABLES, table.as_str()];
            if let Some(name) = self.take(&key, table.parse::<TableName>()) {
                let rules = self.table(&name, properties, key);
                tables.insert(name, rules);
            }
        }
    }

    fn schedule(&mut self, cron: Option<&str>) {
        let Some(cron) = cron else { return };
        let parsed = cron.parse::<croner::Cron>().map_err(|e| {
            Error::config(format!("`{cron}` is not a cron expression"))
                .caused_by(e)
                .hint("minute hour day month weekday, for example \"0 3 * * *\"")
        });
        self.take(&["schedule"], parsed);
    }

    fn has_something_to_do(&mut self, steps: &BTreeMap<StepName, DeclaredStep>) {
        if steps.is_empty() && self.errors.is_empty() {
            self.errors.push(
                Error::config("the pipeline has nothing to do")
                    .hint("declare a source with [sources.<name>] or add models"),
            );
        }
    }

    /// Returns the graph, unless something is wrong: a section left out for its errors would only look like
    /// missing tables.
    fn graph(&mut self, steps: &BTreeMap<StepName, DeclaredStep>) -> Option<Dag<StepName>> {
        if !self.errors.is_empty() {
            return None;
        }
        match graph(steps) {
            Ok(graph) => {
                let unseen = truth_isolation::require_unseen(steps, &graph);
                self.take(&["match_quality", "truth"], unseen);
                Some(graph)
            }
            Err(found) => {
                self.errors.extend(found.into_iter().map(|e| self.documents.at_key(&[], e)));
                None
            }
        }
    }
}

fn empty_graph() -> Dag<StepName> {
    Dag::new([]).unwrap_or_else(|_| unreachable!("a graph without nodes has no cycle"))
}

/// Returns the tables that sections name, also those that were left out for their errors.
fn tables_of_sections(file: &PipelineFile) -> Vec<TableName> {
    let PipelineFile { sources, segments, propensity, uplift, value, metrics, .. } = file;
    let mut tables: Vec<TableName> =
        sources.keys().filter_map(|name| TableName::new("raw", name).ok()).collect();
    if !segments.is_empty() {
        tables.extend(["segments", "segment_profiles"].into_iter().filter_map(mart));
    }
    if !metrics.is_empty() {
        tables.extend(["metrics", "metric_definitions", "objectives"].into_iter().filter_map(mart));
    }
    tables.extend(segments.keys().filter_map(|name| mart(&format!("segments_{name}"))));
    tables.extend(propensity.keys().filter_map(|name| mart(&format!("{name}_scores"))));
    for table in ["uplift", "uplift_curve", "uplift_deciles"] {
        tables.extend(uplift.keys().filter_map(|name| mart(&format!("{name}_{table}"))));
    }
    tables.extend(value.keys().filter_map(|name| mart(&format!("{name}_value"))));
    tables.extend(value.keys().filter_map(|name| mart(&format!("{name}_value_accuracy"))));
    tables
}

fn mart(table: &str) -> Option<TableName> {
    TableName::new("mart", table).ok()
}

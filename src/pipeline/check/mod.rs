//! From the mirror of the file to the checked pipeline: everything that is wrong, at once.

mod audiences;
mod checking;
mod customers;
mod features;
mod sources;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::checking::Checking;
use self::customers::CustomerSections;
use self::sources::snapshots_say_when;
use super::definition::{Pipeline, TableRules};
use super::document::Document;
use super::file::PipelineFile;
use super::graph::graph;
use super::placeholder::Placeholders;
use super::step::{Step, raw_table};
use super::truth;
use crate::clock::parse_instant;
use crate::dag::Dag;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::name::{StepName, TableName};

/// What is known beside the file.
pub struct Known<'p> {
    pub models: Vec<Model>,
    /// Whether every model could be read: if not, what it would make is not missing.
    pub all_models: bool,
    pub placeholders: &'p Placeholders,
}

/// Checks the whole file; `errors` are those met while reading it and its models.
pub fn check(
    file: PipelineFile,
    document: &Document,
    known: Known,
    fingerprint: String,
    errors: Vec<Error>,
) -> Result<Pipeline> {
    let Known { models, all_models, placeholders } = known;
    let all_sections = errors.is_empty();
    let mut checking = Checking { document, errors, all_models };
    let timezone = checking.timezone(file.timezone.as_deref());
    let name = checking.name(file.name.as_deref());
    let as_of =
        file.as_of.as_deref().and_then(|text| checking.take(&["as_of"], parse_instant(text, timezone)));
    let warehouse = file
        .warehouse
        .as_deref()
        .and_then(|text| checking.take(&["warehouse"], placeholders.expand(text)))
        .unwrap_or_else(|| "warehouse".to_owned());
    if let Some(cron) = &file.schedule {
        let parsed = cron.parse::<croner::Cron>().map_err(|e| {
            Error::config(format!("`{cron}` is not a cron expression"))
                .caused_by(e)
                .hint("minute hour day month weekday, for example \"0 3 * * *\"")
        });
        checking.take(&["schedule"], parsed);
    }

    let models: BTreeMap<TableName, Arc<Model>> =
        models.into_iter().map(|m| (m.table.clone(), Arc::new(m))).collect();
    let mut steps = BTreeMap::new();
    for model in models.values() {
        steps.insert(StepName::from(&model.table), Step::Model(model.clone()));
    }
    for (source, declaration) in &file.sources {
        let mut declaration = declaration.clone();
        let key = ["sources", source.as_str(), "path"];
        if let Some(path) = checking.take(&key, placeholders.expand(&declaration.path)) {
            declaration.path = path;
        }
        if let Some(mut source) = checking.section(&["sources", source], declaration.check(source)) {
            if declaration.timezone.is_none()
                && let Some(snapshot) = &mut source.snapshot
            {
                snapshot.zone = timezone;
            }
            steps.insert(StepName::from(&raw_table(&source.name)), Step::Ingest(Arc::new(source)));
        }
    }
    let sections = CustomerSections {
        identity: file.identity,
        match_quality: file.match_quality,
        golden_record: file.golden_record,
        households: file.households,
        organisations: file.organisations,
    };
    checking.customers(sections, all_sections, &mut steps);

    let mut tables = BTreeMap::new();
    for (table, declaration) in &file.tables {
        let key = ["tables", table.as_str()];
        if let Some(name) = checking.take(&key, table.parse::<TableName>()) {
            let rules = checking.table(&name, declaration);
            tables.insert(name, rules);
        }
    }
    snapshots_say_when(&steps, &mut tables);
    for (name, key) in crate::identity::quality::KEYS {
        tables.entry(own(name)).or_insert_with(|| own_key(key));
    }

    if let Some(section) = &file.segments
        && let Some(params) = checking.section(&["segments"], section.check())
        && let Some(features) = checking.feature_model("segments", &params.features, &models, &tables)
    {
        tables.entry(own("segments")).or_insert_with(|| own_key(&["customer_id"]));
        tables.entry(own("segment_profiles")).or_insert_with(|| own_key(&["segment_id"]));
        steps.insert(StepName::new("mart.segments"), Step::Segments { params, features });
    }
    if let Some(section) = &file.churn
        && let Some(params) = checking.section(&["churn"], section.check())
        && let Some(features) = checking.feature_model("churn", &params.features, &models, &tables)
        && let Some((outcome, cutoffs)) = checking.outcome(section, &tables, timezone)
    {
        tables.entry(own("churn_scores")).or_insert_with(|| own_key(&["customer_id"]));
        steps.insert(StepName::new("mart.churn_scores"), Step::Churn { params, outcome, cutoffs, features });
    }
    checking.audiences(&file.audiences, &mut tables, &mut steps);

    checking.rows_are_dated(&mut steps, &mut tables);
    checking.late_rows_have_a_time(&steps, &tables);
    checking.rows_referred_to_are_somebodys(&steps);
    checking.kept_rows_have_an_age(&steps, &file.tables);
    checking.marts_have_keys(&models, &tables);
    // A section or model left out for its errors would only look like a missing table.
    if all_sections {
        let mut declared: Vec<TableName> =
            file.sources.keys().filter_map(|source| TableName::new("raw", source).ok()).collect();
        declared.extend(file.segments.iter().flat_map(|_| [own("segments"), own("segment_profiles")]));
        declared.extend(file.churn.iter().map(|_| own("churn_scores")));
        checking.tables_are_made(&steps, &tables, &declared);
    }
    if checking.errors.is_empty() {
        checking.audiences_read_what_is_made(&steps);
    }
    if steps.is_empty() && checking.errors.is_empty() {
        checking.errors.push(
            Error::config("the pipeline has nothing to do")
                .hint("declare a source with [sources.<name>] or add models"),
        );
    }
    // A section left out for its errors would only look like missing tables.
    let graph = if checking.errors.is_empty() {
        match graph(&steps) {
            Ok(graph) => {
                let unseen = truth::require_unseen(&steps, &graph);
                checking.take(&["match_quality", "truth"], unseen);
                Some(graph)
            }
            Err(found) => {
                checking.errors.extend(found.into_iter().map(|e| e.at(document.place_of(&[]))));
                None
            }
        }
    } else {
        None
    };
    Error::all(checking.errors)?;
    Ok(Pipeline {
        name,
        description: file.description.unwrap_or_default(),
        schedule: file.schedule,
        timezone,
        warehouse,
        seed: file.seed.unwrap_or(42),
        as_of,
        tables,
        steps,
        graph: graph.unwrap_or_else(empty_graph),
        fingerprint,
    })
}

fn empty_graph() -> Dag<StepName> {
    Dag::new([]).unwrap_or_else(|_| unreachable!("a graph without nodes has no cycle"))
}

fn own(table: &str) -> TableName {
    TableName::new("mart", table).expect("our own table names are valid")
}

fn own_key(key: &[&str]) -> TableRules {
    TableRules { key: key.iter().map(|k| (*k).to_owned()).collect(), ..TableRules::default() }
}

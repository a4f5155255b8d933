//! From the mirror of the file to the checked pipeline: everything that is wrong, at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::document::Document;
use super::file::{PipelineFile, TableDeclaration};
use super::graph::graph;
use super::placeholder::Placeholders;
use super::{Pipeline, Step, TableRules, raw_table, truth};
use crate::audience::Audience;
use crate::check::{Assertion, Check, Severity};
use crate::clock::parse_instant;
use crate::config::Problem;
use crate::dag::Dag;
use crate::error::{Error, Result};
use crate::feature::{Cutoffs, Outcome};
use crate::identity::quality::QualityDeclaration;
use crate::mining::declaration::{ChurnSection, CutoffsSection};
use crate::model::Model;
use crate::model::sql::require_expression;
use crate::name::{StepName, TableName, is_identifier};
use crate::source::ColumnType;
use crate::source::{KeyKind, Source};
use crate::warehouse::catalog::Known as KnownAt;

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
        if let Some(source) = checking.section(&["sources", source], declaration.check(source)) {
            steps.insert(StepName::from(&raw_table(&source.name)), Step::Ingest(Arc::new(source)));
        }
    }
    // Numbers and postcodes were written down in one country for all that is said of customers.
    let country = file.identity.as_ref().map(|i| i.country.to_ascii_uppercase()).unwrap_or_default();
    let quality = checking.match_quality(file.match_quality, file.identity.is_some());
    if let Some(identity) = file.identity
        && let Some(identity) = checking.section(&["identity"], identity.check())
    {
        if let Some(quality) = quality {
            steps.insert(StepName::new("match_quality"), Step::Quality(Box::new(quality.of(&identity))));
        }
        steps.insert(StepName::new("core.customer_ids"), Step::Resolve(Box::new(identity)));
    }
    let chosen = match file.golden_record {
        Some(section) => checking.section(&["golden_record"], section.check(&country)).map(Some),
        None => Some(None),
    };
    match (file.households, &chosen) {
        (Some(section), Some(Some(golden))) => {
            let columns: Vec<String> = golden.survivorship.columns().map(str::to_owned).collect();
            let households = section.check(&columns, &country);
            if let Some(households) = checking.section(&["households"], households) {
                steps.insert(StepName::new("core.households"), Step::Households(Box::new(households)));
            }
        }
        // A section that could not be read would only look like a missing one.
        (Some(_), Some(None)) if all_sections => checking.wrong(
            &["households"],
            Error::config("households are found by golden records, which the pipeline does not choose")
                .hint("add [golden_record] with last_name, street and postcode among its attributes"),
        ),
        _ => {}
    }
    if let Some(golden) = chosen.flatten() {
        steps.insert(StepName::new("core.golden_records"), Step::GoldenRecord(Box::new(golden)));
    }
    if let Some(section) = file.organisations
        && let Some(organisations) = checking.section(&["organisations"], section.check(&country))
    {
        steps.insert(StepName::new("core.organisations"), Step::Organisations(Box::new(organisations)));
    }

    let mut tables = BTreeMap::new();
    for (table, declaration) in &file.tables {
        let key = ["tables", table.as_str()];
        if let Some(name) = checking.take(&key, table.parse::<TableName>()) {
            let rules = checking.table(&name, declaration);
            tables.insert(name, rules);
        }
    }
    for name in [crate::audience::DECISIONS, crate::audience::LISTS] {
        tables.entry(crate::audience::table(name)).or_insert_with(|| own_key(&["audience", "customer_id"]));
    }
    tables
        .entry(crate::audience::table(crate::audience::WATERFALL))
        .or_insert_with(|| own_key(&["audience", "position"]));

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
    let audiences: Vec<_> = file
        .audiences
        .iter()
        .filter_map(|(name, declaration)| checking.section(&["audiences", name], declaration.check(name)))
        .collect();
    for audience in &audiences {
        checking.expressions(audience);
    }
    if !audiences.is_empty() {
        steps.insert(StepName::new("audiences"), Step::Audiences(audiences));
    }

    checking.late_rows_have_a_time(&steps, &tables);
    checking.rows_referred_to_are_somebodys(&steps);
    checking.kept_rows_have_an_age(&steps, &file.tables);
    checking.marts_have_keys(&models, &tables);
    // A section or model left out for its errors would only look like a missing table.
    if all_sections {
        checking.tables_are_made(&steps, &tables);
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

struct Checking<'d, 't> {
    document: &'d Document<'t>,
    errors: Vec<Error>,
    all_models: bool,
}

impl Checking<'_, '_> {
    fn wrong(&mut self, key: &[&str], error: Error) {
        self.errors.push(self.document.locate(Problem::new(key.iter().copied(), error)));
    }

    fn take<T>(&mut self, key: &[&str], result: Result<T>) -> Option<T> {
        result.map_err(|error| self.wrong(key, error)).ok()
    }

    fn section<T>(&mut self, key: &[&str], result: Result<T, Vec<Problem>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problems) => {
                for problem in problems {
                    let problem = key.iter().rev().fold(problem, |p, part| p.below(part));
                    self.errors.push(self.document.locate(problem));
                }
                None
            }
        }
    }

    /// The SQL of an audience parses; which columns there are is only known when it is drawn.
    fn expressions(&mut self, audience: &Audience) {
        let key = |last| ["audiences", audience.name.as_str(), last];
        self.take(&key("where"), require_expression(&audience.rule));
        for exclusion in &audience.exclusions {
            self.take(&key("exclude"), require_expression(&exclusion.condition));
        }
        self.take(&key("rank_by"), require_expression(&audience.rank_by));
    }

    fn name(&mut self, name: Option<&str>) -> String {
        match name {
            Some(name) if is_identifier(name) => name.to_owned(),
            Some(name) => {
                self.wrong(
                    &["name"],
                    Error::config(format!("`{name}` is not a name for a pipeline"))
                        .hint("use lower-case letters, digits and underscores"),
                );
                String::new()
            }
            None => {
                self.wrong(&["name"], Error::config("the pipeline has no name").hint("add name = \"…\""));
                String::new()
            }
        }
    }

    /// What links are judged by makes sense only where something links.
    fn match_quality(
        &mut self,
        declared: Option<QualityDeclaration>,
        identity: bool,
    ) -> Option<QualityDeclaration> {
        if declared.is_some() && !identity {
            self.wrong(
                &["match_quality"],
                Error::config("there is no [identity] whose linkage could be judged")
                    .hint("add [identity] with keys = \"…\" or records = \"…\", or take [match_quality] out"),
            );
            return None;
        }
        declared
    }

    fn timezone(&mut self, name: Option<&str>) -> Tz {
        let Some(name) = name else {
            return Tz::UTC;
        };
        let parsed = name.parse::<Tz>().map_err(|_| {
            Error::config(format!("`{name}` is not a time zone")).hint("use a name like Europe/Paris or UTC")
        });
        self.take(&["timezone"], parsed).unwrap_or(Tz::UTC)
    }

    fn table(&mut self, name: &TableName, declaration: &TableDeclaration) -> TableRules {
        let shown = name.to_string();
        let key = ["tables", shown.as_str()];
        let known = match (&declaration.time, &declaration.valid_from, declaration.is_static) {
            (Some(time), None, false) => KnownAt::At(time.clone()),
            (None, Some(from), false) => KnownAt::At(from.clone()),
            (None, None, true) => KnownAt::Always,
            (None, None, false) => KnownAt::Undeclared,
            _ => {
                self.wrong(
                    &key,
                    Error::config("a table declares one of `time`, `valid_from` and `static`, found several")
                        .hint("time for events, valid_from for states, static for what says nothing of the future"),
                );
                KnownAt::Undeclared
            }
        };
        let mut checks = Vec::new();
        for declared in &declaration.checks {
            let result = declared.check(name).and_then(|checks| {
                for check in &checks {
                    if let Assertion::Expression(text) = &check.assertion {
                        require_expression(text)?;
                    }
                }
                Ok(checks)
            });
            checks.extend(self.take(&["tables", &shown, "checks"], result).unwrap_or_default());
        }
        let unique = Assertion::Unique(declaration.key.clone());
        if !declaration.key.is_empty() && !checks.iter().any(|c| c.assertion == unique) {
            checks.push(Check { table: name.clone(), assertion: unique, severity: Severity::Error });
        }
        TableRules { key: declaration.key.clone(), known, checks }
    }

    /// The model that makes the features; it may read only what the engine can show as of the past.
    fn feature_model(
        &mut self,
        section: &str,
        features: &TableName,
        models: &BTreeMap<TableName, Arc<Model>>,
        tables: &BTreeMap<TableName, TableRules>,
    ) -> Option<Arc<Model>> {
        let Some(model) = models.get(features) else {
            if !self.all_models {
                return None;
            }
            self.wrong(
                &[section, "features"],
                Error::config(format!("{features} is not made by a model"))
                    .hint("features are a SQL model with $as_of, for example sql/<pipeline>/mart/customer_features.sql"),
            );
            return None;
        };
        let undeclared: Vec<String> = model
            .reads
            .iter()
            .filter(|read| tables.get(*read).is_none_or(|rules| rules.known == KnownAt::Undeclared))
            .map(ToString::to_string)
            .collect();
        if section == "churn" && !undeclared.is_empty() {
            self.wrong(
                &[section, "features"],
                Error::config(format!(
                    "{features} is asked about the past, but it reads {}, which does not declare when its rows became known",
                    undeclared.join(", ")
                ))
                .hint("declare time, valid_from or static under [tables.\"…\"]"),
            );
            return None;
        }
        Some(model.clone())
    }

    fn outcome(
        &mut self,
        section: &ChurnSection,
        tables: &BTreeMap<TableName, TableRules>,
        zone: Tz,
    ) -> Option<(Outcome, Cutoffs)> {
        let events = &section.outcome.events;
        if !tables.get(events).is_some_and(|rules| matches!(rules.known, KnownAt::At(_))) {
            self.wrong(
                &["churn", "outcome", "events"],
                Error::config(format!("{events} does not declare when its events happened"))
                    .hint(format!("add time = \"…\" under [tables.\"{events}\"]")),
            );
            return None;
        }
        let outcome = Outcome {
            events: events.clone(),
            window_days: u32::try_from(section.outcome.window_days).ok()?,
            condition: section.outcome.condition.clone(),
        };
        let cutoffs = match &section.cutoffs {
            CutoffsSection::Days(texts) => {
                let mut instants = Vec::new();
                for text in texts {
                    instants.extend(self.take(&["churn", "cutoffs"], parse_instant(text, zone)));
                }
                Cutoffs::At(instants)
            }
            CutoffsSection::Rhythm(rhythm) => Cutoffs::Every {
                count: u32::try_from(rhythm.count).ok()?,
                days: u32::try_from(rhythm.every_days).ok()?,
            },
        };
        Some((outcome, cutoffs))
    }

    /// A row is late by the time it tells of.
    fn late_rows_have_a_time(
        &mut self,
        steps: &BTreeMap<StepName, Step>,
        tables: &BTreeMap<TableName, TableRules>,
    ) {
        for step in steps.values() {
            let Step::Ingest(source) = step else { continue };
            let table = raw_table(&source.name);
            if source.delivery.late.is_some()
                && !tables.get(&table).is_some_and(|rules| matches!(rules.known, KnownAt::At(_)))
            {
                self.wrong(
                    &["sources", &source.name, "late"],
                    Error::config(format!("{table} does not declare when its rows happened"))
                        .hint(format!("add time = \"…\" (or valid_from) under [tables.\"{table}\"]")),
                );
            }
        }
    }

    /// A row that is somebody's by a row of another source refers to one that says whose it is.
    fn rows_referred_to_are_somebodys(&mut self, steps: &BTreeMap<StepName, Step>) {
        let sources: BTreeMap<&str, &Source> = steps
            .values()
            .filter_map(|step| match step {
                Step::Ingest(source) => Some((source.name.as_str(), source.as_ref())),
                _ => None,
            })
            .collect();
        for source in sources.values() {
            for key in source.person.iter().flat_map(|person| &person.keys) {
                let KeyKind::Rows { source: other, column } = &key.kind else { continue };
                let wrong = match sources.get(other.as_str()) {
                    None => format!("there is no source `{other}`"),
                    Some(other) if !other.columns.iter().any(|c| c.name == *column) => {
                        format!("the source {} has no column `{column}`", other.name)
                    }
                    Some(other) => match &other.person {
                        None => format!("the source {} does not say whose its rows are", other.name),
                        Some(person)
                            if person.keys.iter().all(|k| matches!(k.kind, KeyKind::Rows { .. })) =>
                        {
                            format!(
                                "the rows of {} are somebody's by those of another source only",
                                other.name
                            )
                        }
                        Some(_) => continue,
                    },
                };
                self.wrong(
                    &["sources", &source.name, "person", "keys", &key.column],
                    Error::config(wrong)
                        .hint("name a column of a source with [sources.<name>.person] and a key of its own"),
                );
            }
        }
    }

    /// A row is kept by the column that the source names, else by its table's time.
    fn kept_rows_have_an_age(
        &mut self,
        steps: &BTreeMap<StepName, Step>,
        tables: &BTreeMap<String, TableDeclaration>,
    ) {
        for step in steps.values() {
            let Step::Ingest(source) = step else { continue };
            let Some(keep) = source.keep.as_ref().filter(|keep| keep.by.is_none()) else { continue };
            let table = raw_table(&source.name);
            let declared = tables.get(&table.to_string());
            let say = |by: &str| format!("keep = {{ for = \"{}\", by = \"{by}\" }}", keep.span);
            let wrong = match declared.map(|declared| (&declared.time, &declared.valid_from)) {
                Some((Some(time), _)) => {
                    let column = source.columns.iter().find(|column| column.name == *time);
                    match column.map(|column| &column.kind) {
                        Some(ColumnType::Date | ColumnType::Timestamp) => continue,
                        Some(kind) => Error::config(format!(
                            "rows are kept by {table}'s time `{time}`, which is {kind}"
                        ))
                        .hint(format!("name a column of type date or timestamp: {}", say("…"))),
                        None => Error::config(format!(
                            "rows are kept by {table}'s time `{time}`, which is not a declared column"
                        ))
                        .hint(format!("name a column of type date or timestamp: {}", say("…"))),
                    }
                }
                // An old consent may be the one that holds today.
                Some((None, Some(from))) => Error::config(format!(
                    "{table} holds states, valid from `{from}` until the next: they do not grow old by it"
                ))
                .hint(format!("if they are to leave all the same, say {}", say(from))),
                Some((None, None)) | None => {
                    Error::config(format!("{table} does not declare when its rows happened"))
                        .hint(format!("say {}, or add time = \"…\" under [tables.\"{table}\"]", say("…")))
                }
            };
            self.wrong(&["sources", &source.name, "keep"], wrong);
        }
    }

    /// Marts are written in the total order of their key.
    fn marts_have_keys(
        &mut self,
        models: &BTreeMap<TableName, Arc<Model>>,
        tables: &BTreeMap<TableName, TableRules>,
    ) {
        for model in models.values().filter(|m| m.table.schema() == "mart") {
            if tables.get(&model.table).is_none_or(|rules| rules.key.is_empty()) {
                self.errors.push(
                    Error::config(format!("{} has no key", model.table))
                        .at(model.path.display().to_string())
                        .hint(format!(
                            "add key = [\"…\"] under [tables.\"{}\"]: a mart is written in its order",
                            model.table
                        )),
                );
            }
        }
    }

    fn tables_are_made(
        &mut self,
        steps: &BTreeMap<StepName, Step>,
        tables: &BTreeMap<TableName, TableRules>,
    ) {
        let made: Vec<TableName> = steps.values().flat_map(Step::writes).collect();
        for (table, rules) in tables {
            if !made.contains(table)
                && self
                    .document
                    .value("tables")
                    .and_then(|t| t.get_ref().get(table.to_string().as_str()))
                    .is_some()
            {
                let shown = table.to_string();
                self.wrong(
                    &["tables", &shown],
                    Error::config(format!("{table} is declared, but nothing makes it"))
                        .hint("add its model or source, or take the section out"),
                );
            }
            for check in &rules.checks {
                for read in check.reads() {
                    if !made.contains(&read) && made.contains(table) {
                        let shown = table.to_string();
                        self.wrong(
                            &["tables", &shown, "checks"],
                            Error::config(format!(
                                "the check {} needs {read}, which nothing makes",
                                check.name()
                            )),
                        );
                    }
                }
            }
        }
    }
}

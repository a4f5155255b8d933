//! Sources, and rules between them: rows that refer to others, rows that come late, rows that are kept for a time.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::checking::Checking;
use crate::config::Problem;
use crate::error::Error;
use crate::name::TableName;
use crate::pipeline::definition::TableRules;
use crate::pipeline::file::PipelineFile;
use crate::pipeline::placeholder::Placeholders;
use crate::pipeline::project::ProjectFolder;
use crate::pipeline::properties::TableProperties;
use crate::source::snapshot::VALID_FROM;
use crate::source::{KeyKind, OnDrift, Origin, Source};
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::visibility::KnownSince;

/// A list says from when on its rows hold, unless something else is declared to.
pub(super) fn snapshots_say_when(
    sources: &BTreeMap<String, Source>,
    tables: &mut BTreeMap<TableName, TableRules>,
) {
    for source in sources.values() {
        if source.contract.snapshot.is_none() {
            continue;
        }
        let rules = tables.entry(source.raw_table()).or_default();
        if rules.known == KnownSince::Undeclared {
            rules.known = KnownSince::At(TimeColumn::state(VALID_FROM));
        }
    }
}

impl Checking<'_, '_> {
    /// Returns the sources that could be checked, by name, and what they say of their raw tables.
    pub(super) fn sources(
        &mut self,
        file: &PipelineFile,
        placeholders: &Placeholders,
        project: &ProjectFolder,
        timezone: Tz,
    ) -> (BTreeMap<String, Source>, BTreeMap<TableName, TableRules>) {
        let (mut sources, mut tables) = (BTreeMap::new(), BTreeMap::new());
        // Defaults that could not be read would only look like missing ones.
        let defaults_unread =
            file.source_defaults.is_none() && self.documents.main().value("source_defaults").is_some();
        for (name, declaration) in &file.sources {
            let mut declaration = declaration.clone();
            let written_path = declaration.path.clone();
            let inherited = file
                .source_defaults
                .as_ref()
                .map(|defaults| declaration.inherit(defaults))
                .unwrap_or_default();
            let key = ["sources", name.as_str(), "path"];
            if let Some(path) = self.take(&key, placeholders.expand(&declaration.path)) {
                declaration.path = if path.trim().is_empty() { path } else { project.location(&path) };
            }
            let mut source = match declaration.check(name) {
                Ok(source) => source,
                Err(problems) => {
                    for problem in problems {
                        if problem.key.is_empty() && defaults_unread && declaration.format.is_none() {
                            continue;
                        }
                        self.wrong_source(name, problem, &inherited);
                    }
                    continue;
                }
            };
            let Origin::Files(files) = &mut source.origin;
            files.declared_path = written_path;
            if declaration.timezone.is_none()
                && let Some(snapshot) = &mut source.contract.snapshot
            {
                snapshot.zone = timezone;
            }
            let table = source.raw_table();
            let rules = self.table(&table, &TableProperties::of_source(&declaration), ["sources", name]);
            tables.insert(table, rules);
            sources.insert(source.name.clone(), source);
        }
        (sources, tables)
    }

    /// What is wrong with a default is reported there, and once however many sources have it.
    fn wrong_source(&mut self, source: &str, problem: Problem, inherited: &[&'static str]) {
        let is_default = problem.key.first().is_some_and(|key| inherited.contains(&key.as_str()));
        if !is_default {
            self.errors.push(self.documents.locate(problem.below(source).below("sources")));
            return;
        }
        let error = self.documents.locate(problem.below("source_defaults"));
        if self.errors.iter().all(|other| other.to_string() != error.to_string()) {
            self.errors.push(error);
        }
    }

    /// A row is late by the time it tells of.
    pub(super) fn late_rows_have_a_time(
        &mut self,
        sources: &BTreeMap<String, Source>,
        tables: &BTreeMap<TableName, TableRules>,
    ) {
        for source in sources.values() {
            let table = source.raw_table();
            if source.contract.late.is_some()
                && !tables.get(&table).is_some_and(|rules| matches!(rules.known, KnownSince::At(_)))
            {
                self.wrong(
                    &["sources", &source.name, "late"],
                    Error::config(format!("{table} does not declare when its rows happened"))
                        .hint("add time = \"…\" (or valid_from) to the source"),
                );
            }
        }
    }

    /// A row that is somebody's by a row of another source refers to one that says whose it is.
    pub(super) fn rows_referred_to_are_somebodys(&mut self, sources: &BTreeMap<String, Source>) {
        for source in sources.values() {
            for key in source.contract.person.iter().flat_map(|person| &person.keys) {
                let KeyKind::Rows { source: other, column } = &key.kind else { continue };
                let at = ["sources", &source.name, "person", "keys", &key.column];
                let wrong = match sources.get(other) {
                    None => {
                        let known = sources.keys().map(String::as_str);
                        let near = did_you_mean_or_list(other, known, "the sources are");
                        let error = Error::config(format!("there is no source `{other}`")).hint(near);
                        self.wrong(&at, error);
                        continue;
                    }
                    Some(other) if !other.contract.columns.iter().any(|c| c.name == *column) => {
                        format!("the source {} has no column `{column}`", other.name)
                    }
                    Some(other) => match &other.contract.person {
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
                    &at,
                    Error::config(wrong)
                        .hint("name a column of a source with [sources.<name>.person] and a key of its own"),
                );
            }
        }
    }

    /// A row is kept by the column that `keep` names, else by the time of the source.
    pub(super) fn kept_rows_have_an_age(
        &mut self,
        sources: &BTreeMap<String, Source>,
        tables: &BTreeMap<TableName, TableRules>,
    ) {
        for source in sources.values() {
            let Some(keep) = source.contract.keep.as_ref().filter(|keep| keep.by.is_none()) else { continue };
            // What is gone from a list grows old by when it was.
            if source.contract.snapshot.is_some() {
                continue;
            }
            let table = source.raw_table();
            let say = |by: &str| format!("keep = {{ for = \"{}\", by = \"{by}\" }}", keep.span);
            let wrong = match tables.get(&table).map(|rules| &rules.known) {
                Some(KnownSince::At(time)) if time.of == TimeOf::Event => {
                    let column = source.contract.columns.iter().find(|column| column.name == time.name);
                    match column.map(|column| &column.kind) {
                        // One that is no time was reported where the source declares it.
                        Some(_) => continue,
                        None if source.contract.on_drift != OnDrift::Evolve => continue,
                        None => Error::config(format!(
                            "rows are kept by {table}'s time `{}`, which is not a declared column",
                            time.name
                        ))
                        .hint(format!("name a column of type date or timestamp: {}", say("…"))),
                    }
                }
                // An old consent may be the one that holds today.
                Some(KnownSince::At(from)) => Error::config(format!(
                    "{table} holds states, valid from `{}` until the next: they do not grow old by it",
                    from.name
                ))
                .hint(format!("if they are to leave all the same, say {}", say(&from.name))),
                _ => Error::config(format!("{table} does not declare when its rows happened"))
                    .hint(format!("say {}, or add time = \"…\" to the source", say("…"))),
            };
            self.wrong(&["sources", &source.name, "keep"], wrong);
        }
    }
}

//! Rules of tables: their keys and checks, and that somebody makes what is declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checking::Checking;
use crate::check::{Assertion, Check, Severity};
use crate::error::Error;
use crate::model::Model;
use crate::model::sql::require_expression;
use crate::name::{StepName, TableName};
use crate::pipeline::definition::TableRules;
use crate::pipeline::documents::TABLES;
use crate::pipeline::properties::TableProperties;
use crate::pipeline::step::DeclaredStep;
use crate::source::snapshot::VALID_FROM;
use crate::source::{ColumnType, OnDrift, Source, Undated};
use crate::step::MadeTable;
use crate::suggestion::did_you_mean;
use crate::warehouse::description::TableDescription;
use crate::warehouse::time_column::{TimeColumn, TimeOf};
use crate::warehouse::visibility::KnownSince;

impl Checking<'_, '_> {
    /// Rows of sources say when they became known, as their tables declare it: the source refuses those
    /// that do not, or takes them as always known.
    pub(super) fn rows_are_dated(
        &mut self,
        sources: &mut BTreeMap<String, Source>,
        tables: &mut BTreeMap<TableName, TableRules>,
    ) {
        for source in sources.values_mut() {
            let table = source.raw_table();
            let Some(rules) = tables.get_mut(&table) else { continue };
            let KnownSince::At(time) = &mut rules.known else { continue };
            // A list says itself from when on its rows hold.
            if source.contract.snapshot.is_some() && time.name == VALID_FROM {
                continue;
            }
            let key = ["sources", &source.name, if time.of == TimeOf::Event { "time" } else { "valid_from" }];
            let hint = "name a declared column of type timestamp or date";
            match source.contract.columns.iter().find(|c| c.name == time.name) {
                Some(column) if matches!(column.kind, ColumnType::Timestamp | ColumnType::Date) => {}
                Some(column) => {
                    let wrong = format!("`{}` is {}, which says no time", time.name, column.kind);
                    self.wrong(&key, Error::config(wrong).hint(hint));
                }
                // What the files bring may be it.
                None if source.contract.on_drift == OnDrift::Evolve => {}
                None => {
                    let wrong = format!("the source {} has no column `{}`", source.name, time.name);
                    self.wrong(&key, Error::config(wrong).hint(hint));
                }
            }
            if time.of == TimeOf::Event {
                source.contract.date_events(&time.name);
            }
            match source.contract.undated {
                Undated::Refuse => source.contract.require(&time.name),
                Undated::Known => {
                    time.undated_known = true;
                    let dated = Assertion::NotNull(time.name.clone());
                    rules.checks.retain(|check| check.assertion != dated);
                }
            }
        }
    }

    /// Returns what is declared of a table in the section at a key.
    pub(super) fn table(
        &mut self,
        name: &TableName,
        properties: &TableProperties,
        section: [&str; 2],
    ) -> TableRules {
        let [outer, inner] = section;
        let known = match (&properties.time, &properties.valid_from, properties.is_static) {
            (Some(time), None, false) => KnownSince::At(TimeColumn::event(time)),
            (None, Some(from), false) => KnownSince::At(TimeColumn::state(from)),
            (None, None, true) => KnownSince::Always,
            (None, None, false) => KnownSince::Undeclared,
            _ => {
                // The one that is too many.
                let more = if properties.is_static { "static" } else { "valid_from" };
                self.wrong(
                    &[outer, inner, more],
                    Error::config("a table declares one of `time`, `valid_from` and `static`, found several")
                        .hint("time for events, valid_from for states, static for what says nothing of the future"),
                );
                KnownSince::Undeclared
            }
        };
        let mut checks = Vec::new();
        for declared in &properties.checks {
            let result = declared.check(name).and_then(|checks| {
                for text in checks.iter().flat_map(Check::expressions) {
                    require_expression(text)?;
                }
                Ok(checks)
            });
            checks.extend(self.take(&[outer, inner, "checks"], result).unwrap_or_default());
        }
        // A row that does not say when it became known would be invisible without a word.
        if let KnownSince::At(time) = &known {
            imply(&mut checks, name, Assertion::NotNull(time.name.clone()));
        }
        for column in &properties.key {
            imply(&mut checks, name, Assertion::NotNull(column.clone()));
        }
        if !properties.key.is_empty() {
            imply(&mut checks, name, Assertion::Unique(properties.key.clone()));
        }
        let description =
            TableDescription { text: properties.description.clone(), columns: properties.columns.clone() };
        let TableProperties { key, tags, owner, .. } = properties.clone();
        self.are_tags(&tags, section);
        TableRules { key, known, checks, description, tags, owner }
    }

    /// A tag is a word of a selector.
    fn are_tags(&mut self, tags: &[String], section: [&str; 2]) {
        for tag in tags {
            if tag.is_empty() || tag.contains([' ', ',', '+', '*']) {
                self.wrong(
                    &[section[0], section[1], "tags"],
                    Error::config(format!("`{tag}` cannot be a tag"))
                        .hint("tags are selected by --select tag:<name>: use letters, digits, - and _"),
                );
            }
        }
    }

    /// A table whose key follows from what makes it has that key, and no other.
    pub(super) fn keys_of_made_tables(
        &mut self,
        steps: &BTreeMap<StepName, DeclaredStep>,
        tables: &mut BTreeMap<TableName, TableRules>,
    ) {
        let made = steps.values().flat_map(|step| step.step().writes());
        for MadeTable { name, key } in made.filter(|made| !made.key.is_empty()) {
            let declared = &tables.entry(name.clone()).or_default().key;
            if !declared.is_empty() && *declared != key {
                let shown = name.to_string();
                let wrong = format!("the key of {name} is {}", key.join(", "));
                self.wrong(&[TABLES, &shown, "key"], Error::config(wrong).hint("take `key` out"));
            }
            let rules = tables.entry(name.clone()).or_default();
            for column in &key {
                imply(&mut rules.checks, &name, Assertion::NotNull(column.clone()));
            }
            imply(&mut rules.checks, &name, Assertion::Unique(key.clone()));
            rules.key = key;
        }
    }

    /// Marts are written in the total order of their key.
    pub(super) fn marts_have_keys(
        &mut self,
        models: &BTreeMap<TableName, Arc<Model>>,
        tables: &BTreeMap<TableName, TableRules>,
    ) {
        for model in models.values().filter(|m| m.table.schema() == "mart") {
            if tables.get(&model.table).is_none_or(|rules| rules.key.is_empty()) {
                self.errors.push(
                    Error::config(format!("{} has no key", model.table))
                        .at_line(&model.path.display().to_string(), None)
                        .hint(format!(
                            "write key = [\"…\"] into {}: the rows of a mart are sorted by it",
                            model.properties_path().display()
                        )),
                );
            }
        }
    }

    /// Every table of which something is declared is among those that are made.
    pub(super) fn tables_are_made(&mut self, made: &[TableName], tables: &BTreeMap<TableName, TableRules>) {
        let known: Vec<String> = made.iter().map(ToString::to_string).collect();
        let known = || known.iter().map(String::as_str);
        for (table, rules) in tables {
            let shown = table.to_string();
            if !made.contains(table) && self.documents.has(&[TABLES.to_owned(), shown.clone()]) {
                let near = did_you_mean(&shown, known());
                self.wrong(
                    &[TABLES, &shown],
                    Error::config(format!("{table} has properties, but nothing makes it")).hint(
                        near.unwrap_or_else(|| "add its model or source, or delete the file".to_owned()),
                    ),
                );
            }
            for check in &rules.checks {
                for read in check.reads() {
                    if !made.contains(&read) && made.contains(table) {
                        let near = did_you_mean(&read.to_string(), known());
                        let message = format!("the check {} needs {read}, which nothing makes", check.name());
                        let error = Error::config(message);
                        let section = match table.schema() {
                            "raw" => ["sources", table.table()],
                            _ => [TABLES, &shown],
                        };
                        self.wrong(
                            &[section[0], section[1], "checks"],
                            match near {
                                Some(near) => error.hint(near),
                                None => error,
                            },
                        );
                    }
                }
            }
        }
    }
}

/// Adds an assertion that follows from what is declared; one that is declared as well is no second one.
fn imply(checks: &mut Vec<Check>, table: &TableName, assertion: Assertion) {
    let is_it = |check: &Check| check.assertion == assertion;
    if checks.iter().any(|check| is_it(check) && check.severity == Severity::Error) {
        return;
    }
    checks.retain(|check| !is_it(check));
    checks.push(Check { table: table.clone(), assertion, severity: Severity::Error, standing: false });
}

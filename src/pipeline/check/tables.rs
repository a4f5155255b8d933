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
use crate::pipeline::file::TableDeclaration;
use crate::pipeline::step::DeclaredStep;
use crate::source::snapshot::VALID_FROM;
use crate::source::{ColumnType, OnDrift, Source, Undated};
use crate::step::MadeTable;
use crate::suggestion::did_you_mean;
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
            let shown = table.to_string();
            let Some(rules) = tables.get_mut(&table) else { continue };
            let KnownSince::At(time) = &mut rules.known else { continue };
            // A list says itself from when on its rows hold.
            if source.contract.snapshot.is_some() && time.name == VALID_FROM {
                continue;
            }
            let key =
                ["tables", shown.as_str(), if time.of == TimeOf::Event { "time" } else { "valid_from" }];
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

    pub(super) fn table(&mut self, name: &TableName, declaration: &TableDeclaration) -> TableRules {
        let shown = name.to_string();
        let key = ["tables", shown.as_str()];
        let known = match (&declaration.time, &declaration.valid_from, declaration.is_static) {
            (Some(time), None, false) => KnownSince::At(TimeColumn::event(time)),
            (None, Some(from), false) => KnownSince::At(TimeColumn::state(from)),
            (None, None, true) => KnownSince::Always,
            (None, None, false) => KnownSince::Undeclared,
            _ => {
                self.wrong(
                    &key,
                    Error::config("a table declares one of `time`, `valid_from` and `static`, found several")
                        .hint("time for events, valid_from for states, static for what says nothing of the future"),
                );
                KnownSince::Undeclared
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
        // A row that does not say when it became known would be invisible without a word.
        if let KnownSince::At(time) = &known {
            let dated = Assertion::NotNull(time.name.clone());
            checks.retain(|check: &Check| check.assertion != dated);
            checks.push(Check {
                table: name.clone(),
                assertion: dated,
                severity: Severity::Error,
                standing: false,
            });
        }
        let unique = Assertion::Unique(declaration.key.clone());
        if !declaration.key.is_empty() && !checks.iter().any(|c| c.assertion == unique) {
            checks.push(Check {
                table: name.clone(),
                assertion: unique,
                severity: Severity::Error,
                standing: false,
            });
        }
        TableRules { key: declaration.key.clone(), known, checks }
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
                self.wrong(&["tables", &shown, "key"], Error::config(wrong).hint("take `key` out"));
            }
            tables.entry(name).or_default().key = key;
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
                            "add key = [\"…\"] under [tables.\"{}\"]: a mart is written in its order",
                            model.table
                        )),
                );
            }
        }
    }

    /// Every table of which something is declared is among those that are made.
    pub(super) fn tables_are_made(&mut self, made: &[TableName], tables: &BTreeMap<TableName, TableRules>) {
        for (table, rules) in tables {
            if !made.contains(table)
                && self
                    .document
                    .value("tables")
                    .and_then(|t| t.get_ref().get(table.to_string().as_str()))
                    .is_some()
            {
                let shown = table.to_string();
                let known: Vec<String> = made.iter().map(ToString::to_string).collect();
                let near = did_you_mean(&shown, known.iter().map(String::as_str));
                self.wrong(
                    &["tables", &shown],
                    Error::config(format!("{table} is declared, but nothing makes it")).hint(
                        near.unwrap_or_else(|| "add its model or source, or take the section out".to_owned()),
                    ),
                );
            }
            for check in &rules.checks {
                for read in check.reads() {
                    if !made.contains(&read) && made.contains(table) {
                        let shown = table.to_string();
                        let known: Vec<String> = made.iter().map(ToString::to_string).collect();
                        let near = did_you_mean(&read.to_string(), known.iter().map(String::as_str));
                        let message = format!("the check {} needs {read}, which nothing makes", check.name());
                        let error = Error::config(message);
                        self.wrong(
                            &["tables", &shown, "checks"],
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

//! Rules of tables: their keys and checks, and that somebody makes what is declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Checking;
use crate::check::{Assertion, Check, Severity};
use crate::error::Error;
use crate::model::Model;
use crate::model::sql::require_expression;
use crate::name::{StepName, TableName};
use crate::pipeline::file::TableDeclaration;
use crate::pipeline::{Step, TableRules};
use crate::warehouse::catalog::Known as KnownAt;

impl Checking<'_, '_> {
    pub(super) fn table(&mut self, name: &TableName, declaration: &TableDeclaration) -> TableRules {
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
            checks.push(Check {
                table: name.clone(),
                assertion: unique,
                severity: Severity::Error,
                standing: false,
            });
        }
        TableRules { key: declaration.key.clone(), known, checks }
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
                        .at(model.path.display().to_string())
                        .hint(format!(
                            "add key = [\"…\"] under [tables.\"{}\"]: a mart is written in its order",
                            model.table
                        )),
                );
            }
        }
    }

    pub(super) fn tables_are_made(
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

//! Rules of audiences: what their SQL reads, and that what they make holds whatever is declared of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checking::Checking;
use crate::audience::{
    self, Audience, AudienceDeclaration, Audiences, BOUNCES, BOUNCES_VALID_FROM, CONSENTS,
    CONSENTS_VALID_FROM, score_columns, scores_read, segment_profiles, segments_named,
};
use crate::check::{Assertion, Check, Severity};
use crate::error::Error;
use crate::model::Model;
use crate::model::sql::tables_asked;
use crate::name::{StepName, TableName};
use crate::pipeline::definition::TableRules;
use crate::pipeline::documents::TABLES;
use crate::pipeline::step::DeclaredStep;
use crate::suggestion::did_you_mean;
use crate::warehouse::time_column::TimeColumn;
use crate::warehouse::visibility::KnownSince;

impl Checking<'_, '_> {
    /// Adds the step of the audiences, and what always holds of the tables that it makes and reads.
    pub(super) fn audiences(
        &mut self,
        declared: &BTreeMap<String, AudienceDeclaration>,
        country: &str,
        models: &BTreeMap<TableName, Arc<Model>>,
        tables: &mut BTreeMap<TableName, TableRules>,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        let has_bounces = models.contains_key(&audience::table(BOUNCES));
        let made: BTreeSet<TableName> = steps.values().flat_map(|step| step.step().tables_made()).collect();
        let scores = score_columns(&made);
        let has_segments = made.contains(&segment_profiles());
        let mut audiences = Vec::new();
        for (name, declaration) in declared {
            if let Some(mut audience) = self.section(&["audiences", name], declaration.check(name, country)) {
                audience.has_bounces = has_bounces;
                self.read_sql(&mut audience, has_segments);
                let sql = audience.expressions().into_iter().map(|(_, sql)| sql);
                audience.scores = sql.flat_map(|sql| scores_read(&sql, &scores)).collect();
                audiences.push(audience);
            }
        }
        if declared.is_empty() {
            return;
        }
        self.what_audiences_make(tables);
        if audiences.iter().any(|audience| audience.consent) {
            self.holds_from_an_instant(CONSENTS, CONSENTS_VALID_FROM, "consents", tables);
        }
        if has_bounces {
            self.holds_from_an_instant(BOUNCES, BOUNCES_VALID_FROM, "bounces", tables);
        }
        if !audiences.is_empty() {
            steps.insert(StepName::new("audiences"), DeclaredStep::Audiences(Arc::new(Audiences(audiences))));
        }
    }

    /// The SQL of an audience parses, and names its tables; which columns there are is only known when
    /// it is drawn.
    fn read_sql(&mut self, audience: &mut Audience, has_segments: bool) {
        let name = audience.name.clone();
        let mut asks = BTreeSet::new();
        for (key, sql) in audience.expressions() {
            asks.extend(self.take(&["audiences", &name, key], tables_asked(&sql)).into_iter().flatten());
            // The names of tonight's segments, where the pipeline has any.
            let names_segments = has_segments && !segments_named(&sql).is_empty();
            asks.extend(names_segments.then(segment_profiles));
        }
        audience.asks = asks;
    }

    /// Nobody twice, and a waterfall that adds up: asked in every run, whatever is declared or selected.
    fn what_audiences_make(&mut self, tables: &mut BTreeMap<TableName, TableRules>) {
        for (made, key) in audience::MADE {
            let name = audience::table(made);
            let key: Vec<String> = key.iter().map(|column| (*column).to_owned()).collect();
            let rules = tables.entry(name.clone()).or_default();
            let always = |assertion| Check {
                table: name.clone(),
                assertion,
                severity: Severity::Error,
                standing: true,
            };
            let mut standing = vec![always(Assertion::Unique(key))];
            if made == audience::WATERFALL {
                standing.push(always(Assertion::Agreement {
                    name: "adds up".to_owned(),
                    with: vec![audience::table(audience::DECISIONS), audience::table(audience::LISTS)],
                    sql: audience::disagreements_sql(),
                }));
            }
            rules.checks.retain(|check| standing.iter().all(|s| s.assertion != check.assertion));
            rules.checks.extend(standing);
        }
    }

    /// What is said tomorrow does not hold today, also where nothing is declared of the table.
    fn holds_from_an_instant(
        &mut self,
        table: (&str, &str),
        valid_from: &str,
        rows: &str,
        tables: &mut BTreeMap<TableName, TableRules>,
    ) {
        let name = audience::table(table);
        let rules = tables.entry(name.clone()).or_default();
        match rules.known {
            KnownSince::Undeclared => rules.known = KnownSince::At(TimeColumn::state(valid_from)),
            KnownSince::Always => {
                let shown = name.to_string();
                self.wrong(
                    &[TABLES, &shown],
                    Error::config(format!("{name} is declared static, but {rows} hold from an instant on"))
                        .hint(format!("say valid_from = \"{valid_from}\" in place of static")),
                );
            }
            KnownSince::At(_) => {}
        }
    }

    /// What an audience reads is made by somebody, and not by the audiences themselves.
    pub(super) fn audiences_read_what_is_made(&mut self, steps: &BTreeMap<StepName, DeclaredStep>) {
        let own: Vec<TableName> = audience::MADE.iter().map(|(name, _)| audience::table(*name)).collect();
        let mut made: Vec<TableName> = steps.values().flat_map(|step| step.step().tables_made()).collect();
        made.retain(|table| !own.contains(table));
        made.sort();
        let audiences = steps.values().find_map(|step| match step {
            DeclaredStep::Audiences(audiences) => Some(&audiences.0),
            _ => None,
        });
        for audience in audiences.into_iter().flatten() {
            let mut wrong = |key: &str, table: &TableName, sql: Option<&str>| {
                // The history of earlier runs may be read like any table.
                if made.contains(table) || table.schema() == "ops" {
                    return;
                }
                let error = if own.contains(table) {
                    Error::config(format!("{table} is made by the audiences themselves, so none can read it"))
                        .hint("ask a table of contacts or of earlier campaigns instead")
                } else {
                    missing(&audience.name, table, &made)
                };
                let error = error.about(table);
                let error = match sql {
                    Some(sql) => error.in_part(sql, sql),
                    None => error,
                };
                self.wrong(&["audiences", &audience.name, key], error);
            };
            for table in &audience.from {
                wrong("from", table, None);
            }
            for (key, sql) in audience.expressions() {
                // What does not parse was reported before.
                for table in tables_asked(&sql).unwrap_or_default() {
                    wrong(key, &table, Some(&sql));
                }
            }
            if audience.consent {
                wrong("consent", &audience::table(CONSENTS), None);
            }
        }
    }
}

fn missing(audience: &str, table: &TableName, made: &[TableName]) -> Error {
    let error = Error::config(format!("the audience {audience} reads {table}, which nothing makes"));
    if *table == audience::table(CONSENTS) {
        return error
            .hint("consent is looked up there; add its model, or say consent = false in the audience");
    }
    let made: Vec<String> = made.iter().map(ToString::to_string).collect();
    let near = did_you_mean(&table.to_string(), made.iter().map(String::as_str));
    error.hint(near.unwrap_or_else(|| "add a model or a source for it".to_owned()))
}

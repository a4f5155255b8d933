//! The sections of mining, and the rules of features and outcomes: what is learnt from may know nothing of
//! the future.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono_tz::Tz;

use super::checking::Checking;
use super::undated::Makers;
use crate::clock::parse_instant;
use crate::error::Error;
use crate::mining::propensity::{Learning, OutcomeParams, PastLearning, Propensity, PropensitySection};
use crate::mining::segments::{SegmentSection, Segmentation, Segmentations};
use crate::mining::{Cutoffs, CutoffsSection, FeatureQuery};
use crate::model::Model;
use crate::name::{StepName, TableName, is_identifier};
use crate::pipeline::definition::TableRules;
use crate::pipeline::step::DeclaredStep;
use crate::source::Source;
use crate::suggestion::did_you_mean;
use crate::warehouse::visibility::KnownSince;

/// What mining reads: models by their tables, and what is declared of tables.
#[derive(Clone, Copy)]
pub(super) struct Features<'a> {
    pub models: &'a BTreeMap<TableName, Arc<Model>>,
    pub tables: &'a BTreeMap<TableName, TableRules>,
    pub sources: &'a BTreeMap<String, Source>,
}

impl<'a> Features<'a> {
    pub(super) fn makers(self, steps: &'a BTreeMap<StepName, DeclaredStep>) -> Makers<'a> {
        Makers { models: self.models, tables: self.tables, sources: self.sources, steps }
    }
}

impl Checking<'_, '_> {
    /// Adds the step of the segmentations, in the order of the file.
    pub(super) fn segments(
        &mut self,
        sections: &BTreeMap<String, SegmentSection>,
        features: Features,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        let mut names: Vec<&String> = sections.keys().collect();
        names.sort_by_key(|name| self.documents.main().offset_of(&["segments", name]));
        let mut segmentations = Vec::new();
        for name in names {
            let key = ["segments", name.as_str()];
            if self.mart_name(&key, name)
                && let Some(params) = self.section(&key, sections[name].check())
                && self.feature_model(&key, &params.features, features).is_some()
            {
                segmentations.push(Segmentation { name: name.clone(), params });
            }
        }
        if !segmentations.is_empty() {
            let step = DeclaredStep::Segments(Arc::new(Segmentations(segmentations)));
            steps.insert(StepName::new("mart.segments"), step);
        }
    }

    /// Adds a step for each propensity.
    pub(super) fn propensities(
        &mut self,
        sections: &BTreeMap<String, PropensitySection>,
        features: Features,
        zone: Tz,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        let mut propensities = Vec::new();
        for (name, section) in sections {
            let key = ["propensity", name.as_str()];
            if self.mart_name(&key, name)
                && let Some(params) = self.section(&key, section.check())
                && let Some(model) = self.feature_model(&key, &params.features, features)
                && let Some(learning) =
                    self.learning(name, section, &params.outcome, &model, features.makers(steps), zone)
            {
                propensities.push(Propensity { name: name.clone(), params, learning });
            }
        }
        for propensity in propensities {
            let step = StepName::from(&propensity.table());
            steps.insert(step, DeclaredStep::Propensity(Arc::new(propensity)));
        }
    }

    /// The name of a section becomes a part of the names of tables and columns.
    pub(super) fn mart_name(&mut self, key: &[&str], name: &str) -> bool {
        let is_name = is_identifier(name);
        if !is_name {
            self.wrong(
                key,
                Error::config(format!("`{name}` cannot be a part of the name of a table"))
                    .hint("use lower-case letters, digits and underscores"),
            );
        }
        is_name
    }

    /// Returns the model that makes the features.
    pub(super) fn feature_model(
        &mut self,
        section: &[&str; 2],
        features: &TableName,
        known: Features,
    ) -> Option<Arc<Model>> {
        self.made_by_model(&[section[0], section[1], "features"], features, known)
    }

    /// Returns the model that makes the table which stands at the key.
    pub(super) fn made_by_model(
        &mut self,
        key: &[&str; 3],
        table: &TableName,
        known: Features,
    ) -> Option<Arc<Model>> {
        let model = known.models.get(table).cloned();
        if model.is_none() && self.all_models {
            let models: Vec<String> = known.models.keys().map(ToString::to_string).collect();
            let near = did_you_mean(&table.to_string(), models.iter().map(String::as_str));
            self.wrong(
                key,
                Error::config(format!("{table} is not made by a model")).hint(near.unwrap_or_else(|| {
                    format!(
                        "{} are a SQL model with $as_of, for example sql/<pipeline>/mart/customer_features.sql",
                        key[2]
                    )
                })),
            );
        }
        model
    }

    fn learning(
        &mut self,
        name: &str,
        section: &PropensitySection,
        outcome: &OutcomeParams,
        model: &Model,
        known: Makers,
        zone: Tz,
    ) -> Option<Learning> {
        let outcome = match outcome {
            OutcomeParams::Column(column) => return Some(Learning::Label(column.clone())),
            OutcomeParams::Event(outcome) => outcome.clone(),
        };
        let knows_its_past = self.knows_its_past(&["propensity", name, "features"], model, known);
        let event = outcome.comes.key();
        let has_time = self.has_time(&["propensity", name, "outcome", event], &outcome.events, known);
        let cutoffs = self.cutoffs(&["propensity", name, "cutoffs"], section.cutoffs.as_ref()?, zone)?;
        let features =
            FeatureQuery { table: model.table.clone(), sql: model.sql.clone(), reads: model.reads.clone() };
        let undated = model.reads.iter().flat_map(|read| known.undated(read)).collect::<BTreeSet<_>>();
        let by_records = known.knows_customers(&model.table);
        (knows_its_past && has_time).then(|| {
            Learning::Past(Box::new(PastLearning {
                outcome,
                cutoffs,
                features,
                by_records,
                undated: undated.into_iter().collect(),
            }))
        })
    }

    /// Features that are asked about the past may read only what can be shown as of then: tables that say when
    /// their rows became known, and those that are made anew of such tables.
    pub(super) fn knows_its_past(&mut self, key: &[&str; 3], model: &Model, known: Makers) -> bool {
        let undeclared: Vec<&TableName> = model
            .reads
            .iter()
            .filter(|read| known.tables.get(*read).is_none_or(|rules| rules.known == KnownSince::Undeclared))
            .filter(|read| !known.undated(read).is_empty())
            .collect();
        let names: Vec<String> = undeclared.iter().map(ToString::to_string).collect();
        if !undeclared.is_empty() {
            self.wrong(
                key,
                Error::config(format!(
                    "{} is asked about the past, but it reads {}, which does not declare when its rows became known",
                    model.table,
                    names.join(", ")
                ))
                .hint(format!(
                    "declare time, valid_from or static in {}",
                    undeclared.iter().map(|table| declared_in(table, known)).collect::<Vec<_>>().join(", ")
                )),
            );
        }
        undeclared.is_empty()
    }

    pub(super) fn has_time(&mut self, key: &[&str; 4], events: &TableName, known: Makers) -> bool {
        let has_time = known.tables.get(events).is_some_and(|rules| matches!(rules.known, KnownSince::At(_)));
        if !has_time {
            let dated = known.tables.iter().filter(|(_, rules)| matches!(rules.known, KnownSince::At(_)));
            let dated: Vec<String> = dated.map(|(name, _)| name.to_string()).collect();
            let near = (!known.tables.contains_key(events))
                .then(|| did_you_mean(&events.to_string(), dated.iter().map(String::as_str)))
                .flatten();
            self.wrong(
                key,
                Error::config(format!("{events} does not declare when its events happened")).hint(
                    near.unwrap_or_else(|| format!("add time = \"…\" to {}", declared_in(events, known))),
                ),
            );
        }
        has_time
    }

    pub(super) fn cutoffs(&mut self, key: &[&str; 3], section: &CutoffsSection, zone: Tz) -> Option<Cutoffs> {
        Some(match section {
            CutoffsSection::Days(texts) => Cutoffs::At(
                texts.iter().filter_map(|text| self.take(key, parse_instant(text, zone))).collect(),
            ),
            CutoffsSection::Spaced(spacing) => Cutoffs::Every {
                count: u32::try_from(spacing.count).ok()?,
                days: u32::try_from(spacing.every_days).ok()?,
            },
        })
    }
}

/// Returns the file, or the source, in which the time of a table is declared.
pub(super) fn declared_in(table: &TableName, known: Makers) -> String {
    match known.models.get(table) {
        Some(model) => model.properties_path().display().to_string(),
        None if table.schema() == "raw" => format!("the source {}", table.table()),
        None => format!("{}/{}.toml", table.schema(), table.table()),
    }
}

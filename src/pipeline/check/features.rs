//! Rules of features and outcomes: what mining learns from may know nothing of the future.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::checking::Checking;
use crate::clock::parse_instant;
use crate::error::Error;
use crate::feature::{Cutoffs, Outcome};
use crate::mining::declaration::{ChurnSection, CutoffsSection};
use crate::model::Model;
use crate::name::TableName;
use crate::pipeline::definition::TableRules;
use crate::warehouse::visibility::KnownSince;

impl Checking<'_, '_> {
    /// The model that makes the features; it may read only what the engine can show as of the past.
    pub(super) fn feature_model(
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
            .filter(|read| tables.get(*read).is_none_or(|rules| rules.known == KnownSince::Undeclared))
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

    pub(super) fn outcome(
        &mut self,
        section: &ChurnSection,
        tables: &BTreeMap<TableName, TableRules>,
        zone: Tz,
    ) -> Option<(Outcome, Cutoffs)> {
        let events = &section.outcome.events;
        if !tables.get(events).is_some_and(|rules| matches!(rules.known, KnownSince::At(_))) {
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
}

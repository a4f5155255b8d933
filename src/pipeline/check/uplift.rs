//! The sections `[uplift.<name>]`: features that know their past, and contacts and outcomes that have their time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checking::Checking;
use super::mining::Features;
use crate::mining::FeatureQuery;
use crate::mining::uplift::{Uplift, UpliftLearning, UpliftSection};
use crate::name::StepName;
use crate::pipeline::step::DeclaredStep;

impl Checking<'_, '_> {
    /// Adds a step for each uplift.
    pub(super) fn uplifts(
        &mut self,
        sections: &BTreeMap<String, UpliftSection>,
        features: Features,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        let mut uplifts = Vec::new();
        for (name, section) in sections {
            uplifts.extend(self.uplift(name, section, features, steps));
        }
        for uplift in uplifts {
            let step = StepName::from(&uplift.table("uplift"));
            steps.insert(step, DeclaredStep::Uplift(Arc::new(uplift)));
        }
    }

    fn uplift(
        &mut self,
        name: &str,
        section: &UpliftSection,
        features: Features,
        steps: &BTreeMap<StepName, DeclaredStep>,
    ) -> Option<Uplift> {
        let key = ["uplift", name];
        let known = features.makers(steps);
        let is_name = self.mart_name(&key, name);
        let params = self.section(&key, section.check());
        let model = self.feature_model(&key, &section.features, features);
        let contacts_have_time =
            self.has_time(&["uplift", name, "contacts", "table"], &section.contacts.table, known);
        let outcomes_have_time = match &section.outcome.event {
            Some(events) => self.has_time(&["uplift", name, "outcome", "event"], events, known),
            None => true,
        };
        let (params, model) = (params?, model?);
        let knows_its_past = self.knows_its_past(&["uplift", name, "features"], &model, known);
        let undated = model.reads.iter().flat_map(|read| known.undated(read)).collect::<BTreeSet<_>>();
        let learning = UpliftLearning {
            features: FeatureQuery {
                table: model.table.clone(),
                sql: model.sql.clone(),
                reads: model.reads.clone(),
            },
            by_records: known.knows_customers(&model.table),
            undated: undated.into_iter().collect(),
        };
        let is_right = is_name && contacts_have_time && outcomes_have_time && knows_its_past;
        is_right.then(|| Uplift { name: name.to_owned(), params, learning })
    }
}

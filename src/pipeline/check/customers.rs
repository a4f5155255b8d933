//! The sections that say who customers are: identity, how good it is, golden records, households,
//! organisations.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checking::Checking;
use crate::error::Error;
use crate::identity::quality::QualityDeclaration;
use crate::identity::{
    GoldenRecordDeclaration, HouseholdsDeclaration, IdentityDeclaration, OrganisationsDeclaration,
};
use crate::name::StepName;
use crate::pipeline::step::DeclaredStep;

pub struct CustomerSections {
    pub identity: Option<IdentityDeclaration>,
    pub match_quality: Option<QualityDeclaration>,
    pub golden_record: Option<GoldenRecordDeclaration>,
    pub households: Option<HouseholdsDeclaration>,
    pub organisations: Option<OrganisationsDeclaration>,
}

impl Checking<'_, '_> {
    /// Adds the steps of the sections; `all_sections` says that each that is in the file could be read.
    pub(super) fn customers(
        &mut self,
        sections: CustomerSections,
        all_sections: bool,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        // All that is said of customers was written down in one way.
        let writing = sections.identity.as_ref().map(IdentityDeclaration::writing).unwrap_or_default();
        let quality = self.match_quality(sections.match_quality, sections.identity.is_some());
        if let Some(identity) = sections.identity
            && let Some(identity) = self.section(&["identity"], identity.check())
        {
            if let Some(quality) = quality {
                steps.insert(
                    StepName::new("match_quality"),
                    DeclaredStep::Quality(Arc::new(quality.of(&identity))),
                );
            }
            steps.insert(StepName::new("core.customer_ids"), DeclaredStep::Identity(Arc::new(identity)));
        }
        let chosen = match sections.golden_record {
            Some(section) => self.section(&["golden_record"], section.check(&writing)).map(Some),
            None => Some(None),
        };
        match (sections.households, &chosen) {
            (Some(section), Some(Some(golden))) => {
                let columns: Vec<String> = golden.survivorship.columns().map(str::to_owned).collect();
                let households = section.check(&columns, &writing);
                if let Some(households) = self.section(&["households"], households) {
                    steps.insert(
                        StepName::new("core.households"),
                        DeclaredStep::Households(Arc::new(households)),
                    );
                }
            }
            // A section that could not be read would only look like a missing one.
            (Some(_), Some(None)) if all_sections => self.wrong(
                &["households"],
                Error::config("households are found by golden records, which the pipeline does not choose")
                    .hint("add [golden_record] with last_name, street and postcode among its attributes"),
            ),
            _ => {}
        }
        if let Some(golden) = chosen.flatten() {
            steps.insert(StepName::new("core.golden_records"), DeclaredStep::GoldenRecord(Arc::new(golden)));
        }
        if let Some(section) = sections.organisations
            && let Some(organisations) = self.section(&["organisations"], section.check(&writing))
        {
            steps.insert(
                StepName::new("core.organisations"),
                DeclaredStep::Organisations(Arc::new(organisations)),
            );
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
}

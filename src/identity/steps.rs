//! The steps about who customers are, as a run sees them.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::declaration::Identity;
use super::golden_record::{GOLDEN_RECORDS, GoldenRecord, golden_record};
use super::households::{HOUSEHOLDS, Households, households};
use super::night::Night;
use super::organisations::{
    ORGANISATION_CONTACTS, ORGANISATION_IDS, ORGANISATIONS, Organisations, organisations,
};
use super::quality::{self, Quality};
use super::resolve::{Resolution, resolve};
use super::tables::{CUSTOMER_IDS, table};
use crate::error::Result;
use crate::name::TableName;
use crate::step::{MadeTable, Recalled, Step, StepContext, StepFailure, StepOutput};

#[async_trait]
impl Step for Identity {
    fn kind(&self) -> &'static str {
        "identity"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.tables_read().cloned().collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        self.tables_written().into_iter().map(MadeTable::new).collect()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let list = context.suppressions.clone();
        let is_forgotten = move |source: &str, record_id: &str| {
            list.as_ref().is_some_and(|list| list.holds(source, record_id))
        };
        let night = Night {
            pipeline: &context.pipeline,
            as_of: context.as_of,
            zone: context.timezone,
            full_refresh: context.full_refresh,
            recalled: false,
            is_forgotten: context.erasing.then_some(&is_forgotten),
        };
        let Resolution { mut output, fitted } = resolve(&context.catalog, self, &night).await?;
        if let Some(rows) = fitted {
            output.staged.push(context.append_fitted(&rows).await?);
        }
        Ok(output)
    }

    async fn recall(&self, then: &StepContext, changed: bool) -> Result<Recalled> {
        if !changed {
            return Ok(Recalled::AsTonight);
        }
        let night = Night {
            pipeline: &then.pipeline,
            as_of: then.as_of,
            zone: then.timezone,
            full_refresh: false,
            recalled: true,
            is_forgotten: None,
        };
        let Resolution { output, .. } = resolve(&then.catalog, self, &night).await?;
        Ok(Recalled::Made { note: output.metrics.notes.into_iter().next(), staged: output.staged })
    }
}

#[async_trait]
impl Step for GoldenRecord {
    fn kind(&self) -> &'static str {
        "golden_record"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        [table(CUSTOMER_IDS), self.records.clone()].into()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::keyed(table(GOLDEN_RECORDS), &["customer_id"])]
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        Ok(golden_record(&context.catalog, self, context.as_of).await?)
    }

    async fn recall(&self, then: &StepContext, changed: bool) -> Result<Recalled> {
        if !changed {
            return Ok(Recalled::AsTonight);
        }
        Ok(Recalled::made(golden_record(&then.catalog, self, then.as_of).await?))
    }
}

#[async_trait]
impl Step for Households {
    fn kind(&self) -> &'static str {
        "households"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        [table(GOLDEN_RECORDS)].into()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::keyed(table(HOUSEHOLDS), &["customer_id"])]
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        Ok(households(&context.catalog, self).await?)
    }

    async fn recall(&self, then: &StepContext, changed: bool) -> Result<Recalled> {
        if !changed {
            return Ok(Recalled::AsTonight);
        }
        Ok(Recalled::made(households(&then.catalog, self).await?))
    }
}

#[async_trait]
impl Step for Organisations {
    fn kind(&self) -> &'static str {
        "organisations"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let persons = self.contacts.iter().map(|_| table(CUSTOMER_IDS));
        self.tables_read().cloned().chain(persons).collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        let contacts = self.contacts.iter().map(|_| MadeTable::new(table(ORGANISATION_CONTACTS)));
        let organisations = MadeTable::keyed(table(ORGANISATIONS), &["organisation_id"]);
        [organisations, MadeTable::new(table(ORGANISATION_IDS))].into_iter().chain(contacts).collect()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        Ok(organisations(&context.catalog, self, context.as_of).await?)
    }

    async fn recall(&self, then: &StepContext, changed: bool) -> Result<Recalled> {
        if !changed {
            return Ok(Recalled::AsTonight);
        }
        Ok(Recalled::made(organisations(&then.catalog, self, then.as_of).await?))
    }
}

#[async_trait]
impl Step for Quality {
    fn kind(&self) -> &'static str {
        "match_quality"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.tables_read()
    }

    fn writes(&self) -> Vec<MadeTable> {
        self.tables_written()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let judged = quality::judge(&context.catalog, self, &context.pipeline, context.as_of).await?;
        let mut staged = Vec::new();
        for (table, frame) in judged.tables {
            staged.push(context.stage_frame(&table, frame).await?);
        }
        Ok(StepOutput::of(staged).with_notes(judged.notes).with_warnings(judged.warnings))
    }
}

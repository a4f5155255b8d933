//! The step of a model: its SELECT, planned over the tables of the run, makes its table.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::prelude::DataFrame;

use super::definition::Model;
use super::time_column_check::Dating;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::step::determinism::{require_deterministic, require_no_clock};
use crate::step::{MadeTable, Recalled, Step, StepContext, StepFailure, StepOutput};

/// A model as a step of a pipeline.
#[derive(Clone)]
pub struct ModelStep {
    pub model: Arc<Model>,
    /// How all tables of the pipeline say when their rows became known.
    pub dating: Arc<Dating>,
    /// The mart that its table is, or that is made of it, by whatever steps; `None` where no mart is.
    pub mart: Option<TableName>,
}

/// The query alone, wherever its file is: another model that changes is another step.
impl fmt::Debug for ModelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("table", &self.model.table).field("sql", &self.model.sql).finish()
    }
}

#[async_trait]
impl Step for ModelStep {
    fn kind(&self) -> &'static str {
        "model"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.model.reads.clone()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::new(self.model.table.clone())]
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let frame = self.frame(context).await?;
        let staged = context.stage_frame(&self.model.table, frame).await.map_err(|e| self.located(e))?;
        Ok(StepOutput::of(vec![staged]))
    }

    /// The query, over what was known then.
    async fn recall(&self, then: &StepContext, changed: bool) -> Result<Recalled> {
        if !changed && !self.model.depends_on_the_instant() {
            return Ok(Recalled::AsTonight);
        }
        Ok(Recalled::Query(Box::new(self.model.query(then).await?)))
    }
}

impl ModelStep {
    /// Returns the model's query, planned over what the catalog has as of the run's instant.
    ///
    /// # Errors
    /// SQL that does not plan, that asks the clock, that dates rows by what is only a day, or, of a mart and of what
    /// a mart is made of, that may come out otherwise in another run.
    pub async fn frame(&self, context: &StepContext) -> Result<DataFrame> {
        let frame = self.model.query(context).await?;
        let plan = frame.logical_plan();
        require_no_clock(plan).map_err(|e| self.located(e))?;
        self.dating.require_dated(context, &self.model, plan).await.map_err(|e| self.located(e))?;
        if let Some(mart) = &self.mart {
            let what = match *mart == self.model.table {
                true => "a mart".to_owned(),
                false => format!("{mart} is made of {}, which", self.model.table),
            };
            require_deterministic(plan, &what).map_err(|e| self.located(e))?;
        }
        Ok(frame)
    }

    fn located(&self, error: Error) -> Error {
        self.model.place(error)
    }
}

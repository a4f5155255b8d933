//! When a model is fitted again: when something that it is made of has changed since the last fit.
//!
//! A night without news keeps the model of the last, to the last bit, and its labels follow from it. News are
//! rows that came, that became visible with time, or that are gone below the features; another declaration;
//! other SQL between the sources and the features. `--full-refresh` fits again in any case.

use std::collections::BTreeSet;
use std::fmt::Debug;

use sha2::{Digest, Sha256};

use super::fitted::{FittedModel, ModelKind, Part};
use crate::clock::{Instant, show_instant};
use crate::error::Result;
use crate::name::TableName;
use crate::step::StepContext;

/// The parameter that tells what a model was made of, and the instant of its fit.
const INPUTS: &str = "inputs";
const FITTED_AS_OF: &str = "fitted_as_of";

/// Whether a model is fitted again.
pub(super) enum Refit {
    /// Nothing has changed: the last one is in force.
    NotDue(FittedModel),
    Due {
        /// The model to start from.
        previous: Option<FittedModel>,
        inputs: Inputs,
    },
}

/// What a model is made of.
pub(super) struct Inputs {
    digest: String,
    as_of: Instant,
}

impl Refit {
    /// Looks at what a model is made of: the tables, the steps that make them, and what is declared of it.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub async fn of(
        context: &StepContext,
        model: &str,
        kind: ModelKind,
        tables: &BTreeSet<TableName>,
        declared: &impl Debug,
    ) -> Result<Refit> {
        let sources = context.past.sources(tables);
        let mut hash = Sha256::new();
        hash.update(format!("{declared:?}\0{}\0{}\0", context.seed, context.timezone));
        hash.update(context.past.definition(tables));
        for source in &sources {
            let rows = context.catalog.table(source).await?.map(|table| table.rows);
            hash.update(format!("{source}\0{rows:?}\0"));
        }
        let inputs = Inputs { digest: hex::encode(hash.finalize()), as_of: context.as_of };
        let previous = FittedModel::last(context, model, kind).await?;
        match previous {
            Some(last) if last.is_fitted() && !context.full_refresh => {
                let holds = inputs.are_those_of(&last) && !has_news(context, &sources, &last).await?;
                Ok(if holds { Refit::NotDue(last) } else { Refit::Due { previous: Some(last), inputs } })
            }
            previous => Ok(Refit::Due { previous, inputs }),
        }
    }
}

impl Inputs {
    /// Writes down what the model was made of, and when.
    pub fn note(&self, fitted: &mut FittedModel) {
        fitted.note(Part::Parameter, INPUTS, 0, self.digest.as_str());
        fitted.set(Part::Parameter, FITTED_AS_OF, 0, self.as_of.timestamp_micros() as f64);
        fitted.note(Part::Parameter, FITTED_AS_OF, 0, show_instant(self.as_of));
    }

    fn are_those_of(&self, fitted: &FittedModel) -> bool {
        fitted.text(Part::Parameter, INPUTS, 0) == Some(self.digest.as_str())
    }
}

/// Returns whether rows that were there at the last fit became visible since.
async fn has_news(context: &StepContext, sources: &BTreeSet<TableName>, last: &FittedModel) -> Result<bool> {
    let Some(fitted_as_of) = fitted_as_of(last) else { return Ok(true) };
    if fitted_as_of == context.as_of {
        return Ok(false);
    }
    for source in sources {
        if context.catalog.has_younger_rows(source, fitted_as_of, context.as_of).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn fitted_as_of(fitted: &FittedModel) -> Option<Instant> {
    let micros = fitted.value(Part::Parameter, FITTED_AS_OF, 0)?;
    Instant::from_timestamp_micros(micros as i64)
}

/// Returns what a run says of a model that is not fitted again.
pub(super) fn kept(fitted: &FittedModel) -> String {
    let since = fitted.text(Part::Parameter, FITTED_AS_OF, 0).unwrap_or("an earlier run");
    format!("the model of {since} is kept: nothing that it is made of has changed since")
}

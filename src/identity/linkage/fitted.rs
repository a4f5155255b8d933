//! The fitted linkage model as rows of `ops.models`: the parameters, when and on what they were estimated,
//! and what the blocking rules found.
//!
//! Each night writes the parameters it used, whether they were estimated in that night or before.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use chrono::DateTime;

use super::candidates::Blocks;
use super::comparison::Comparison;
use super::em::{Household, Parameters};
use super::model::Linkage;
use super::proposals::Proposal;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::ops::models::{self, ModelRow};
use crate::warehouse::catalog::Catalog;

/// The model name of the rows.
const MODEL: &str = "identity";
const KIND: &str = "linkage";

/// The parameters that linkage goes by, and when and on what they were estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub parameters: Parameters,
    pub estimated_at: Instant,
    /// Person records there were.
    pub records: u64,
    /// How many of them had each attribute whose terms count.
    pub terms: BTreeMap<String, u64>,
}

impl Estimate {
    /// Returns the estimate with the instant since which it stands: that of the one before where nothing else came out.
    #[must_use]
    pub fn since(self, before: Option<Estimate>) -> Estimate {
        let estimated_at = match before {
            Some(before) if (Estimate { estimated_at: self.estimated_at, ..before.clone() }) == self => {
                before.estimated_at.min(self.estimated_at)
            }
            _ => self.estimated_at,
        };
        Estimate { estimated_at, ..self }
    }
}

/// What the blocking rules found, and others would.
pub struct Found<'f> {
    pub blocks: &'f [Blocks],
    /// Pairs that each rule was the first to find.
    pub added: &'f [u64],
    pub proposals: &'f [Proposal],
}

/// Returns the columns that the rows of all fitted models have: `model`, `kind`, `part`, `name`, `position`,
/// `value`, `note`. Position is the number of the level, or of the rule; note names it.
/// `review_probability` is that from which on the night kept links.
pub fn rows(
    linkage: &Linkage,
    estimate: &Estimate,
    review_probability: f64,
    found: &Found,
) -> Result<RecordBatch> {
    let parameters = &estimate.parameters;
    let mut rows: Vec<ModelRow> = Vec::new();
    let row = |part, name: String, position, value, note| ModelRow { part, name, position, value, note };
    let mut parameter = |name: &str, value: Option<f64>, note: Option<String>| {
        rows.push(row("parameter", name.to_owned(), 0, value, note));
    };
    parameter("prior", Some(parameters.prior), None);
    parameter("household_prior", Some(parameters.household.prior), None);
    parameter("linkage", None, Some(linkage.fingerprint()));
    parameter("review_probability", Some(review_probability), None);
    let at = estimate.estimated_at;
    parameter("estimated_at", Some(at.timestamp_micros() as f64), Some(show_instant(at)));
    parameter("estimated_on", Some(estimate.records as f64), Some("person records".to_owned()));
    for (attribute, records) in &estimate.terms {
        parameter(&format!("records.{attribute}"), Some(*records as f64), None);
    }
    for (n, comparison) in linkage.comparisons.iter().enumerate() {
        for level in 0..comparison.level_count() {
            let note = || Some(comparison.level_name(level).to_owned());
            let name = |what: &str| format!("{what}.{}", comparison.name);
            rows.push(row("parameter", name("m"), level as i64, Some(parameters.m[n][level]), note()));
            rows.push(row("parameter", name("u"), level as i64, Some(parameters.u[n][level]), note()));
            rows.push(row(
                "metric",
                name("bits"),
                level as i64,
                Some(parameters.level_bits(n, level)),
                note(),
            ));
        }
    }
    for (n, (blocks, added)) in found.blocks.iter().zip(found.added).enumerate() {
        let mut metric = |name: &str, value: u64| {
            rows.push(row(
                "metric",
                name.to_owned(),
                n as i64,
                Some(value as f64),
                Some(blocks.rule.clone()),
            ));
        };
        metric("rule.pairs", blocks.pairs);
        metric("rule.added_pairs", *added);
        metric("rule.blocks", blocks.blocks);
        metric("rule.largest_block", blocks.largest);
        metric("rule.skipped_blocks", blocks.skipped);
        metric("rule.block_limit", blocks.limit);
    }
    for (n, proposal) in found.proposals.iter().enumerate() {
        let mut metric = |name: &str, value: f64| {
            let name = format!("proposal.{name}");
            rows.push(row("metric", name, n as i64, Some(value), Some(proposal.key.clone())));
        };
        metric("pairs", proposal.pairs as f64);
        metric("true_pairs", proposal.true_pairs);
        metric("pays", f64::from(u8::from(proposal.pays())));
        metric("largest_block", proposal.largest_block as f64);
        metric("skipped_blocks", proposal.skipped_blocks as f64);
        metric("block_limit", proposal.block_limit as f64);
    }
    rows.sort_by(|a, b| (a.part, &a.name, a.position).cmp(&(b.part, &b.name, b.position)));
    models::rows(MODEL, KIND, &rows)
}

/// Returns, as a relation of SQL, the rows of the last night of the pipeline, or of any.
pub fn last_rows_sql(pipeline: Option<&str>) -> String {
    models::last_rows_sql(MODEL, KIND, pipeline)
}

/// What an earlier night wrote.
#[derive(Debug, Default)]
pub struct LastRows(HashMap<(String, i64), (Option<f64>, Option<String>)>);

impl LastRows {
    /// Returns the rows of the last night of the pipeline, or of any; `None` when nothing was ever linked.
    pub async fn read(catalog: &Catalog, pipeline: Option<&str>) -> Result<Option<LastRows>> {
        let models = models::table();
        if catalog.table(&models).await?.is_none() {
            return Ok(None);
        }
        let doing = "find the last linkage model";
        let batches = catalog
            .session([&models], None)
            .await?
            .sql(&format!("select name, position, value, note from ({})", last_rows_sql(pipeline)))
            .await
            .doing(doing)?
            .collect()
            .await
            .doing(doing)?;
        let rows = LastRows::of(&batches);
        Ok((!rows.0.is_empty()).then_some(rows))
    }

    /// From rows with `name`, `position`, `value` and `note`.
    fn of(batches: &[RecordBatch]) -> LastRows {
        let mut rows = LastRows::default();
        for batch in batches {
            let names = batch.column(0).as_string::<i32>();
            let positions = batch.column(1).as_primitive::<Int64Type>();
            let values = batch.column(2).as_primitive::<Float64Type>();
            let notes = batch.column(3).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let value = values.is_valid(row).then(|| values.value(row));
                let note = notes.is_valid(row).then(|| notes.value(row).to_owned());
                rows.0.insert((names.value(row).to_owned(), positions.value(row)), (value, note));
            }
        }
        rows
    }

    fn value(&self, name: &str, position: usize) -> Option<f64> {
        self.0.get(&(name.to_owned(), position as i64)).and_then(|(value, _)| *value)
    }

    /// The probability from which that night kept links.
    pub(crate) fn review_probability(&self) -> Option<f64> {
        self.value("review_probability", 0)
    }

    /// Records a block of the rule could have, and whether any had more.
    pub fn block_limit(&self, rule: usize) -> Option<(u64, bool)> {
        Some((self.value("rule.block_limit", rule)? as u64, self.value("rule.skipped_blocks", rule)? > 0.0))
    }

    /// Pairs that the rule was the first to find when all were last compared.
    pub fn added_pairs(&self, rule: usize) -> Option<u64> {
        self.value("rule.added_pairs", rule).map(|pairs| pairs as u64)
    }

    /// The rules that were proposed when the parameters were estimated.
    pub fn proposals(&self) -> Vec<Proposal> {
        let of = |n: usize| -> Option<Proposal> {
            let (pairs, key) = self.0.get(&("proposal.pairs".to_owned(), n as i64))?;
            let value = |name: &str| self.value(&format!("proposal.{name}"), n);
            Some(Proposal {
                key: key.clone()?,
                pairs: (*pairs)? as u64,
                true_pairs: value("true_pairs")?,
                largest_block: value("largest_block")? as u64,
                skipped_blocks: value("skipped_blocks")? as u64,
                block_limit: value("block_limit")? as u64,
            })
        };
        (0..).map_while(of).collect()
    }

    /// Returns the parameters that night went by.
    ///
    /// # Errors
    /// They are of a model with other comparisons, levels or rules.
    pub(crate) fn estimate(&self, linkage: &Linkage) -> Result<Estimate> {
        let other = || {
            Error::failed("the last run used another linkage model").hint(
                "the comparisons were changed since; run the pipeline, or name its file with --pipeline",
            )
        };
        let same = self.0.get(&("linkage".to_owned(), 0)).and_then(|(_, note)| note.clone());
        if same != Some(linkage.fingerprint()) {
            return Err(other());
        }
        let value = |name: &str, position: usize| self.value(name, position).ok_or_else(other);
        let shares = |what: &str| -> Result<Vec<Vec<f64>>> {
            let levels = |c: &Comparison| {
                (0..c.level_count()).map(|level| value(&format!("{what}.{}", c.name), level)).collect()
            };
            linkage.comparisons.iter().map(levels).collect()
        };
        let mut terms = BTreeMap::new();
        for term in linkage.terms() {
            terms.insert(term.to_owned(), value(&format!("records.{term}"), 0)? as u64);
        }
        Ok(Estimate {
            parameters: Parameters {
                m: shares("m")?,
                u: shares("u")?,
                prior: value("prior", 0)?,
                household: Household {
                    prior: value("household_prior", 0)?,
                    shared: linkage.shared_in_household(),
                },
            },
            estimated_at: DateTime::from_timestamp_micros(value("estimated_at", 0)? as i64)
                .ok_or_else(other)?,
            records: value("estimated_on", 0)? as u64,
            terms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_comes_back_from_its_rows_to_the_last_bit() {
        let linkage = Linkage::for_persons().unwrap();
        let m: Vec<Vec<f64>> = linkage.comparisons.iter().map(Comparison::expected_m).collect();
        let u = m.iter().map(|levels| levels.iter().map(|share| 1.0 / (1.0 + share)).collect()).collect();
        let household = Household { prior: 0.3, shared: linkage.shared_in_household() };
        let learnt = Estimate {
            parameters: Parameters { m, u, prior: 0.1 + 0.2, household },
            estimated_at: DateTime::from_timestamp_micros(1_767_225_600_123_456).unwrap(),
            records: 7,
            terms: linkage.terms().into_iter().map(|t| (t.to_owned(), 5)).collect(),
        };
        let proposal = Proposal {
            key: "[\"birth_date\"]".to_owned(),
            pairs: 289,
            true_pairs: 271.5,
            largest_block: 7,
            skipped_blocks: 0,
            block_limit: 500,
        };
        let found = Found { blocks: &[], added: &[], proposals: std::slice::from_ref(&proposal) };
        let rows = rows(&linkage, &learnt, 0.6, &found).unwrap();
        let rows = LastRows::of(&[rows.project(&[3, 4, 5, 6]).unwrap()]);
        assert_eq!(rows.estimate(&linkage).unwrap(), learnt);
        assert_eq!(rows.review_probability(), Some(0.6));
        assert_eq!(rows.proposals(), [proposal]);
        let mut other = linkage.clone();
        other.blocking.pop();
        assert!(rows.estimate(&other).is_err());
        assert!(LastRows::default().estimate(&linkage).is_err());
    }
}

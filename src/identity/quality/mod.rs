//! How good the linkage is: the step that judges it, `[match_quality]` of the pipeline file.
//!
//! ```text
//! declaration   the section, and the tables that the step reads and writes
//! ladder        the thresholds that a figure is told for
//! sizes         → mart.customer_sizes      always
//! weights       → mart.match_weights       where person records are linked, as all below
//! decisions     → mart.match_decisions
//! unlinkables   → mart.unlinkables
//! completeness  → mart.completeness
//! blocking      → mart.blocking_rules
//! accuracy      → mart.match_accuracy      where a truth is given
//! ```
//!
//! The step comes after resolution and reads what it wrote, so nothing it is given can change a
//! customer. It counts in integers; shares and bits are worked out from these.

mod accuracy;
mod blocking;
mod completeness;
mod decisions;
mod declaration;
mod ladder;
mod sizes;
mod unlinkables;
mod weights;

use arrow::array::RecordBatch;
use datafusion::prelude::DataFrame;

use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::identity::likeness;
use crate::identity::linkage::fitted::LastRows;
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};

pub use declaration::{Quality, QualityDeclaration};

/// Grain: one row a number of records that a customer has.
pub const CUSTOMER_SIZES: &str = "customer_sizes";
/// Grain: one row a comparison and level; the prior is a comparison of its own.
pub const MATCH_WEIGHTS: &str = "match_weights";
/// Grain: one row a decision about pairs.
pub const MATCH_DECISIONS: &str = "match_decisions";
/// Grain: one row a match weight.
pub const UNLINKABLES: &str = "unlinkables";
/// Grain: one row a source of person records and attribute.
pub const COMPLETENESS: &str = "completeness";
/// Grain: one row a blocking rule.
pub const BLOCKING_RULES: &str = "blocking_rules";
/// Grain: one row a measure and, for links, threshold.
pub const MATCH_ACCURACY: &str = "match_accuracy";

/// The key of each table that the step writes.
pub const KEYS: [(&str, &[&str]); 7] = [
    (CUSTOMER_SIZES, &["records"]),
    (MATCH_WEIGHTS, &["comparison", "level"]),
    (MATCH_DECISIONS, &["decision"]),
    (UNLINKABLES, &["match_weight"]),
    (COMPLETENESS, &["source", "attribute"]),
    (BLOCKING_RULES, &["position"]),
    (MATCH_ACCURACY, &["position"]),
];

/// What the step found, to be staged.
pub struct Judged {
    /// In the order of [`Quality::writes`].
    pub tables: Vec<(TableName, DataFrame)>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// Judges the linkage of the run, or of the release, whose tables the catalog has; `pipeline` is the
/// one whose learnt parameters count.
///
/// # Errors
/// The truth lacks a column or gives a record several persons; the comparisons of the pipeline are
/// not those that were learnt.
pub async fn judge(catalog: &Catalog, quality: &Quality, pipeline: &str, as_of: Instant) -> Result<Judged> {
    let reads = quality.reads();
    let session = catalog.session(&reads, Some(as_of)).await?;
    session.register_functions(likeness::functions());
    let mut judged = Judged { tables: Vec::new(), notes: Vec::new(), warnings: Vec::new() };
    let mut made = |name: &str, frame: DataFrame| judged.tables.push((declaration::mart(name), frame));
    made(CUSTOMER_SIZES, sizes::frame(&session, quality.persons.is_some()).await?);
    if let Some(persons) = &quality.persons {
        let last = LastRows::read(catalog, Some(pipeline)).await?;
        let estimate = last.map(|last| last.estimate(&persons.linkage)).transpose()?;
        let parameters = estimate.as_ref().map(|estimate| &estimate.parameters);
        made(MATCH_WEIGHTS, weights::frame(&session, &persons.linkage, parameters).await?);
        made(MATCH_DECISIONS, decisions::frame(&session).await?);
        made(UNLINKABLES, unlinkables::frame(&session, persons, estimate.as_ref()).await?);
        made(COMPLETENESS, completeness::frame(&session).await?);
        made(BLOCKING_RULES, blocking::frame(&session, pipeline).await?);
    }
    if let Some(truth) = &quality.truth {
        let accuracy = accuracy::measure(&session, truth, quality.persons.as_ref()).await?;
        made(MATCH_ACCURACY, session.read_batch(accuracy.table()?)?);
        judged.notes.extend(accuracy.told());
        judged.warnings.extend(accuracy.warned(truth));
    }
    Ok(judged)
}

/// The rows of a query whose result is small.
async fn rows(session: &Session, sql: &str, doing: &str) -> Result<Vec<RecordBatch>> {
    session.sql(sql).await.doing(doing)?.collect().await.doing(doing)
}

//! How good the linkage is: the step that judges it, `[match_quality]` of the pipeline file.
//!
//! ```text
//! declaration   the section, and the tables that the step reads
//! tables        the tables that it writes
//! ladder        the thresholds that a figure is reported for
//! small_result  queries whose result is small, read whole
//! sizes         → mart.customer_sizes      always
//! weights       → mart.match_weights       where person records are linked, as all below
//! decisions     → mart.match_decisions
//! unlinkables   → mart.unlinkables
//! completeness  → mart.completeness
//! blocking      → mart.blocking_rules, mart.blocking_proposals
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
mod sizes;
mod small_result;
mod tables;
mod thresholds;
mod unlinkables;
mod weights;

use datafusion::prelude::DataFrame;

use crate::clock::Instant;
use crate::error::Result;
use crate::identity::likeness;
use crate::identity::linkage::fitted::LastRows;
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

pub use declaration::{Quality, QualityDeclaration};
use tables::{
    BLOCKING_PROPOSALS, BLOCKING_RULES, COMPLETENESS, CUSTOMER_SIZES, MATCH_ACCURACY, MATCH_DECISIONS,
    MATCH_WEIGHTS, UNLINKABLES, mart,
};

/// What the step found, to be staged.
pub struct QualityResult {
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
pub async fn judge(
    catalog: &Catalog,
    quality: &Quality,
    pipeline: &str,
    as_of: Instant,
) -> Result<QualityResult> {
    let reads = quality.tables_read();
    let session = catalog.session(&reads, Some(as_of)).await?;
    session.register_functions(likeness::functions());
    let mut judged = QualityResult { tables: Vec::new(), notes: Vec::new(), warnings: Vec::new() };
    let mut made = |name: &str, frame: DataFrame| judged.tables.push((mart(name), frame));
    made(CUSTOMER_SIZES, sizes::frame(&session, quality.persons.is_some()).await?);
    if let Some(persons) = &quality.persons {
        let last = LastRows::read(catalog, Some(pipeline)).await?;
        let estimate = last.map(|last| last.estimate(&persons.linkage)).transpose()?;
        let parameters = estimate.as_ref().map(|estimate| &estimate.parameters);
        made(MATCH_WEIGHTS, weights::frame(&session, &persons.linkage, parameters).await?);
        made(MATCH_DECISIONS, decisions::frame(&session).await?);
        made(UNLINKABLES, unlinkables::frame(&session, persons, estimate.as_ref()).await?);
        made(COMPLETENESS, completeness::frame(&session, &persons.linkage).await?);
        made(BLOCKING_RULES, blocking::frame(&session, pipeline).await?);
        made(BLOCKING_PROPOSALS, blocking::proposals(&session, pipeline).await?);
    }
    if let Some(truth) = &quality.truth {
        let accuracy = accuracy::measure(&session, truth, quality.persons.as_ref()).await?;
        made(MATCH_ACCURACY, session.read_batch(accuracy.table()?)?);
        judged.notes.extend(accuracy.summary());
        judged.warnings.extend(accuracy.warned(truth));
    }
    Ok(judged)
}

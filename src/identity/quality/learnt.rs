//! What linkage learnt last, from `ops.models`.

use super::declaration::models;
use super::rows;
use crate::error::Result;
use crate::identity::em::Parameters;
use crate::identity::fitted::{self, MODEL};
use crate::identity::linkage::Linkage;
use crate::warehouse::catalog::Session;

/// The rows of the last run of the pipeline that wrote any of this kind, as a relation of SQL.
pub fn rows_sql(pipeline: &str, kind: &str) -> String {
    let of = format!("model = '{MODEL}' and pipeline = '{}' and {kind}", pipeline.replace('\'', "''"));
    format!(
        "select * from {models} where {of} and run = (select max(run) from {models} where {of})",
        models = models()
    )
}

/// The parameters; `None` before the first run.
///
/// # Errors
/// They are of other comparisons than the linkage has.
pub async fn parameters(session: &Session, linkage: &Linkage, pipeline: &str) -> Result<Option<Parameters>> {
    let sql = format!("select name, position, value from ({})", rows_sql(pipeline, "part = 'parameter'"));
    let learnt = rows(session, &sql, "read what linkage learnt").await?;
    if learnt.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(None);
    }
    fitted::parameters(linkage, &learnt).map(Some)
}

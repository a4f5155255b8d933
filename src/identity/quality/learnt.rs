//! What linkage learnt last, from `ops.models`.

use super::declaration::models;
use crate::identity::linkage::fitted::MODEL;

/// The rows of the last run of the pipeline that wrote any of this kind, as a relation of SQL.
pub fn rows_sql(pipeline: &str, kind: &str) -> String {
    let of = format!("model = '{MODEL}' and pipeline = '{}' and {kind}", pipeline.replace('\'', "''"));
    format!(
        "select * from {models} where {of} and run = (select max(run) from {models} where {of})",
        models = models()
    )
}

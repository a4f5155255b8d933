//! A record by the names that its channel gives it, and what is said of one that nobody knows.

use arrow::array::AsArray;

use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Session;

/// A person record: the channel's name for itself, and for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordName<'a> {
    pub source: &'a str,
    pub record_id: &'a str,
}

impl RecordName<'_> {
    /// That a row is this record's, in SQL.
    pub(in crate::identity) fn condition(self) -> String {
        format!("source = {} and record_id = {}", quoted(self.source), quoted(self.record_id))
    }
}

/// Returns the error that says so, with the source that was perhaps meant.
pub fn unknown_record(message: &str, sources: &[String], record: RecordName<'_>, table: &TableName) -> Error {
    let known = sources.iter().map(String::as_str);
    if sources.is_empty() || known.clone().any(|source| source == record.source) {
        return Error::failed(message).hint(format!("write SOURCE:RECORD_ID as they stand in {table}"));
    }
    Error::failed(format!("{table} has no record of a source `{}`", record.source))
        .hint(did_you_mean_or_list(record.source, known, "its sources are"))
}

/// The sources whose records stand in a table.
///
/// # Errors
/// The table cannot be read.
pub async fn sources_of(session: &Session, table: &TableName) -> Result<Vec<String>> {
    let doing = "look for the record's source";
    let sql = format!("select distinct cast(source as varchar) as source from {table} order by source");
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let texts = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
    Ok(texts.map(str::to_owned).collect())
}

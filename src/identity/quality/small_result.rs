//! Reads queries with a small result into memory.

use arrow::array::RecordBatch;

use crate::error::{Context, Result};
use crate::warehouse::catalog::Session;

/// Returns the rows of a query whose result is small.
pub(super) async fn rows(session: &Session, sql: &str, doing: &str) -> Result<Vec<RecordBatch>> {
    session.sql(sql).await.doing(doing)?.collect().await.doing(doing)
}

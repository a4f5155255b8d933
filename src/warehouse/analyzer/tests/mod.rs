//! What SQL says of numbers, of days and of instants, asked of the engine's own sessions.

mod instants;
mod numbers;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono_tz::Tz;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::rules;
use crate::error::{Context, Error};

/// A session with the rules, in so many threads.
fn session(zone: Tz, threads: usize) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(threads).with_batch_size(3);
    config.options_mut().execution.time_zone = Some("UTC".to_owned());
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_analyzer_rules(rules(zone))
        .build();
    SessionContext::new_with_state(state)
}

/// The rows of a query, each as its cells.
async fn rows_of(session: &SessionContext, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
    let batches = session.sql(sql).await.doing("plan it")?.collect().await.doing("ask")?;
    let mut rows = Vec::new();
    for batch in &batches {
        let options = FormatOptions::default();
        let columns: Vec<(&ArrayRef, ArrayFormatter)> = batch
            .columns()
            .iter()
            .map(|column| (column, ArrayFormatter::try_new(column, &options).unwrap()))
            .collect();
        for row in 0..batch.num_rows() {
            let cell = |(column, shown): &(&ArrayRef, ArrayFormatter)| {
                column.is_valid(row).then(|| shown.value(row).to_string())
            };
            rows.push(columns.iter().map(cell).collect());
        }
    }
    Ok(rows)
}

/// The only cell of a query, `null` for none.
async fn one(session: &SessionContext, sql: &str) -> Result<String, Error> {
    let rows = rows_of(session, sql).await?;
    Ok(rows[0][0].clone().unwrap_or_else(|| "null".to_owned()))
}

/// A table `t` of these columns.
fn table(session: &SessionContext, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    // Cut in pieces, so that there is something to merge.
    let schema = batch.schema();
    let half = batch.num_rows() / 2;
    let parts = vec![vec![batch.slice(0, half)], vec![batch.slice(half, batch.num_rows() - half)]];
    let memory = datafusion::datasource::MemTable::try_new(schema, parts).unwrap();
    session.deregister_table("t").unwrap();
    session.register_table("t", Arc::new(memory)).unwrap();
}

#[tokio::test]
async fn what_columns_are_called_does_not_change() {
    let session = session(Tz::UTC, 1);
    let sql = "select a + 1, -a, sum(a + 1) over (order by f), date_trunc('day', d) from \
               (select 1 as a, 1.5 as f, date '2026-07-01' as d) as t";
    let ours = session.sql(sql).await.unwrap().collect().await.unwrap();
    let theirs = SessionContext::new().sql(sql).await.unwrap().collect().await.unwrap();
    let names = |batches: &[RecordBatch]| -> Vec<String> {
        batches[0].schema().fields().iter().map(|f| f.name().clone()).collect()
    };
    assert_eq!(names(&ours), names(&theirs));
}

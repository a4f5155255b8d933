//! The history of customer ids: which customer each record belonged to and since when, what changed, and
//! which customer each former id belongs to.
//!
//! A night reads only what nights up to its own instant wrote, so that a run for an earlier instant finds the
//! ids of that time. It writes only what it changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::all_records::Row;
use super::customer_id::CustomerId;
use super::succession::{Change, Succession, heirs};
use crate::error::{Context, Error, Result};
use crate::identity::night::{IsForgotten, Night};
use crate::identity::tables::{
    CUSTOMER_ID_CHANGES, CUSTOMER_ID_HISTORY, CUSTOMER_IDS, FORMER_CUSTOMER_IDS, table,
};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Mode, Staged, Stager};

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn instant(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

/// `version` counts the customers that the record was, also on one instant run twice.
fn history_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("source"),
        text("record_id"),
        text("customer_id"),
        instant("valid_from"),
        number("version"),
    ]))
}

fn changes_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        number("change_number"),
        instant("changed_at"),
        text("change"),
        text("former_id"),
        text("customer_id"),
        number("records"),
        Field::new("succeeds", DataType::Boolean, true),
    ]))
}

fn former_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![text("former_id"), text("customer_id"), instant("since")]))
}

/// Returns who each record has been until this night, one row each time: `former_source`, `former_record_id`,
/// `former_id`, and since when, in microseconds: `former_since`, and `former_version`. `None` before any
/// night.
pub async fn known(catalog: &Catalog, night: &Night<'_>) -> Result<Option<DataFrame>> {
    let history = table(CUSTOMER_ID_HISTORY);
    if catalog.table(&history).await?.is_none() {
        return Ok(None);
    }
    let doing = "find the last customers of the records";
    let session = catalog.session([&history], Some(night.as_of)).await?;
    let sql = format!(
        "select source as former_source, record_id as former_record_id, customer_id as former_id,
                cast(valid_from as bigint) as former_since, version as former_version
         from {history} where valid_from <= $as_of"
    );
    session.sql(&sql).await.doing(doing).map(Some)
}

/// Returns who each record is tonight, with the same columns; for a night of the past, whose customers take
/// over tonight's ids.
pub async fn tonight(catalog: &Catalog) -> Result<Option<DataFrame>> {
    let ids = table(CUSTOMER_IDS);
    if catalog.table(&ids).await?.is_none() {
        return Ok(None);
    }
    let session = catalog.session([&ids], None).await?;
    let sql = format!(
        "select source as former_source, record_id as former_record_id, customer_id as former_id,
                cast(0 as bigint) as former_since, cast(1 as bigint) as former_version
         from {ids}"
    );
    session.sql(&sql).await.doing("find tonight's customers of the records").map(Some)
}

/// What is written down on a night.
pub struct IdHistory<'n> {
    night: &'n Night<'n>,
    history: Stager,
    /// The log so far, without ids that only forgotten records bore.
    log: Vec<RecordBatch>,
    ended: Vec<Ending>,
    /// The number of the log's last row.
    last_number: i64,
}

impl<'n> IdHistory<'n> {
    pub async fn begin(catalog: &Catalog, night: &'n Night<'n>) -> Result<IdHistory<'n>> {
        let name = table(CUSTOMER_ID_HISTORY);
        let mode = if night.is_forgotten.is_some() { Mode::Replace } else { Mode::Append };
        let mut history = catalog.warehouse().stager(&name, mode, &history_schema())?;
        let mut forgotten = HashSet::new();
        if let Some(is_forgotten) = night.is_forgotten
            && catalog.table(&name).await?.is_some()
        {
            forgotten = without_forgotten(catalog, is_forgotten, &mut history).await?;
        }
        let (mut log, mut ended, mut last_number) = (Vec::new(), Vec::new(), 0);
        if catalog.table(&table(CUSTOMER_ID_CHANGES)).await?.is_some() {
            for batch in earlier_changes(catalog).await? {
                let numbers = arrow::compute::max(batch.column(0).as_primitive::<Int64Type>());
                last_number = numbers.unwrap_or_default().max(last_number);
                let batch = without_ids(&batch, &forgotten)?;
                ended.extend(endings(&batch, night)?);
                log.push(batch);
            }
        }
        Ok(IdHistory { night, history, log, ended, last_number })
    }

    /// Returns the customers of ids that were no longer in use by this night.
    pub(super) fn heirs(&self) -> HashMap<CustomerId, CustomerId> {
        self.ended.iter().map(|(former, heir, _)| (*former, *heir)).collect()
    }

    /// Records that are another customer than before, each with the customer and the version it has now.
    pub async fn records(&mut self, rows: &[(Row<'_>, CustomerId)]) -> Result<()> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(row, _)| row.source))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(row, _)| row.record_id))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, id)| id.to_string()))),
            instants(vec![self.night.as_of.timestamp_micros(); rows.len()]),
            Arc::new(Int64Array::from_iter_values(
                rows.iter().map(|(row, _)| row.former.map_or(0, |former| former.version) + 1),
            )),
        ];
        let batch =
            RecordBatch::try_new(history_schema(), columns).doing("write the history of customer ids")?;
        self.history.write(&batch).await
    }

    /// Returns the three tables, once every customer has an id; `changes` are those of the succession.
    pub async fn finish(
        self,
        catalog: &Catalog,
        succession: &Succession,
        changes: &[Change],
    ) -> Result<Vec<Staged>> {
        let (night, mut ended) = (self.night, self.ended);
        let history = self.history.finish().await?;
        let name = table(CUSTOMER_ID_CHANGES);
        let anew = night.is_forgotten.is_some();
        let mode = if anew { Mode::Replace } else { Mode::Append };
        let mut log = catalog.warehouse().stager(&name, mode, &changes_schema())?;
        for batch in self.log.iter().filter(|_| anew) {
            log.write(batch).await?;
        }
        if !changes.is_empty() {
            let batch = rows_of(changes, self.last_number, night)?;
            log.write(&batch).await?;
            ended.extend(endings(&batch, night)?);
        }
        let log = log.finish().await?;
        let mut former =
            catalog.warehouse().stager(&table(FORMER_CUSTOMER_IDS), Mode::Replace, &former_schema())?;
        let rows = former_rows(&ended, succession)?;
        if rows.num_rows() > 0 {
            former.write(&rows).await?;
        }
        Ok(vec![history, log, former.finish().await?])
    }
}

/// Copies the history without the records of erased persons; returns the ids that only they had.
async fn without_forgotten(
    catalog: &Catalog,
    is_forgotten: IsForgotten<'_>,
    history: &mut Stager,
) -> Result<HashSet<CustomerId>> {
    let doing = "remove the person from the customer ids";
    let (mut theirs, mut others) = (HashSet::new(), HashSet::new());
    let mut rows =
        catalog.every_row(&table(CUSTOMER_ID_HISTORY)).await?.execute_stream().await.doing(doing)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.doing(doing)?;
        let [sources, records, ids] = texts(&batch, [0, 1, 2])?;
        let mut stays = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let gone = is_forgotten(sources.value(row), records.value(row));
            if let Ok(id) = ids.value(row).parse() {
                if gone {
                    theirs.insert(id)
                } else {
                    others.insert(id)
                };
            }
            stays.push(!gone);
        }
        history.write(&filter_record_batch(&batch, &BooleanArray::from(stays)).doing(doing)?).await?;
    }
    Ok(theirs.difference(&others).copied().collect())
}

/// Returns the log in the order of its nights.
async fn earlier_changes(catalog: &Catalog) -> Result<Vec<RecordBatch>> {
    let doing = "read the changes of customer ids";
    let name = table(CUSTOMER_ID_CHANGES);
    let session = catalog.session([&name], None).await?;
    let columns: Vec<String> = changes_schema().fields().iter().map(|f| f.name().clone()).collect();
    session
        .sql(&format!("select {} from {name} order by changed_at, change_number", columns.join(", ")))
        .await
        .doing(doing)?
        .collect()
        .await
        .doing(doing)
}

fn without_ids(batch: &RecordBatch, gone: &HashSet<CustomerId>) -> Result<RecordBatch> {
    if gone.is_empty() {
        return Ok(batch.clone());
    }
    let [former, ids] = texts(batch, [3, 4])?;
    let is_gone = |text: &StringArray, row: usize| text.value(row).parse().is_ok_and(|id| gone.contains(&id));
    let stays: BooleanArray =
        (0..batch.num_rows()).map(|row| Some(!is_gone(former, row) && !is_gone(ids, row))).collect();
    filter_record_batch(batch, &stays).doing("remove the person from the changes of customer ids")
}

/// An id that went out of use: its heir and when.
type Ending = (CustomerId, CustomerId, i64);

fn endings(batch: &RecordBatch, night: &Night<'_>) -> Result<Vec<Ending>> {
    let [former, ids] = texts(batch, [3, 4])?;
    let at = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let succeeds = batch.column(6).as_boolean();
    let mut endings = Vec::new();
    for row in 0..batch.num_rows() {
        if succeeds.value(row)
            && at.value(row) <= night.as_of.timestamp_micros()
            && let (Ok(former), Ok(id)) = (former.value(row).parse(), ids.value(row).parse())
        {
            endings.push((former, id, at.value(row)));
        }
    }
    Ok(endings)
}

fn rows_of(changes: &[Change], last_number: i64, night: &Night<'_>) -> Result<RecordBatch> {
    let texts = |text: &dyn Fn(&Change) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(changes.iter().map(text)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values((last_number + 1..).take(changes.len()))),
        instants(vec![night.as_of.timestamp_micros(); changes.len()]),
        texts(&|c| c.kind.as_str().to_owned()),
        texts(&|c| c.former.to_string()),
        texts(&|c| c.id.to_string()),
        Arc::new(Int64Array::from_iter_values(changes.iter().map(|c| c.records as i64))),
        Arc::new(BooleanArray::from_iter(changes.iter().map(|c| Some(c.succeeds)))),
    ];
    RecordBatch::try_new(changes_schema(), columns).doing("log the changes of customer ids")
}

fn former_rows(ended: &[Ending], succession: &Succession) -> Result<RecordBatch> {
    let pairs: Vec<(CustomerId, CustomerId)> = ended.iter().map(|(former, id, _)| (*former, *id)).collect();
    let since: BTreeMap<CustomerId, i64> = ended.iter().map(|(former, _, at)| (*former, *at)).collect();
    let heirs = heirs(&pairs, |id| succession.is_in_use(id));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(heirs.keys().map(CustomerId::to_string))),
        Arc::new(StringArray::from_iter(heirs.values().map(|id| id.map(|id| id.to_string())))),
        instants(heirs.keys().map(|former| since[former]).collect()),
    ];
    RecordBatch::try_new(former_schema(), columns).doing("write the former ids")
}

fn instants(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
}

fn texts<const N: usize>(batch: &RecordBatch, columns: [usize; N]) -> Result<[&StringArray; N]> {
    let damaged = || Error::failed("the history of customer ids does not hold what sillage writes there");
    let mut found = Vec::with_capacity(N);
    for column in columns {
        let texts = batch.columns().get(column).and_then(|c| c.as_string_opt::<i32>()).ok_or_else(damaged)?;
        if texts.null_count() > 0 {
            return Err(damaged());
        }
        found.push(texts);
    }
    found.try_into().map_err(|_| damaged())
}

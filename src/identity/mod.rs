//! Who is who: records that share a key are one customer.
//!
//! This is resolution by exact keys only. Records (`source`, `record_id`) and keys (`key_kind`,
//! `key_value`) form a graph; its connected components are the customers. A customer's id is
//! derived from the component's smallest record, so that it depends neither on the order of
//! arrival nor on the threads.

mod components;

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::{Expr, cast, col};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Context, Error, Result};
use crate::name::TableName;
use components::Components;

/// `[identity]` of the pipeline file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityDeclaration {
    /// The table of keys: `source`, `record_id`, `key_kind`, `key_value`; one row a record and key.
    pub keys: TableName,
}

const COLUMNS: [&str; 4] = ["source", "record_id", "key_kind", "key_value"];

/// `core.customer_ids`. Grain: one row a record.
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(
        ["source", "record_id", "customer_id"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec(),
    ))
}

/// Gives every record its customer.
///
/// Two passes over the sorted keys: the first joins components (memory: a few words a record and a
/// key), the second writes. A record whose only key is itself is a customer of its own: give it a
/// row with a key nobody shares.
pub async fn resolve(keys: DataFrame) -> Result<SendableRecordBatchStream> {
    let text = |name: &str| -> Expr { cast(col(name), DataType::Utf8).alias(name) };
    let missing: Vec<_> =
        COLUMNS.iter().filter(|c| !keys.schema().has_column_with_unqualified_name(c)).copied().collect();
    if !missing.is_empty() {
        return Err(Error::config(format!("the table of keys has no column {}", missing.join(", ")))
            .hint("it needs source, record_id, key_kind and key_value"));
    }
    let keys = keys
        .select(COLUMNS.map(text).to_vec())
        .and_then(|k| k.sort(COLUMNS.map(|c| col(c).sort(true, false)).to_vec()))
        .doing("order the keys")?;

    let mut components = Components::default();
    let mut records = Records::default();
    let mut stream = keys.clone().execute_stream().await.doing("read the keys")?;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing("read the keys")?;
        let columns = Texts::of(&batch)?;
        for row in 0..batch.num_rows() {
            let record = records.number_of(&columns, row);
            if let (Some(kind), Some(value)) = (columns.at(2, row), columns.at(3, row)) {
                components.join(record, key_hash(kind, value));
            } else {
                components.add(record);
            }
        }
    }

    // Records are numbered in sorted order: a component's smallest number is its smallest record.
    let mut roots = Roots { components, ids: Default::default() };
    let mut records = Records::default();
    let schema = schema();
    let out = schema.clone();
    let written = keys.execute_stream().await.doing("read the keys")?.map(move |batch| {
        let batch = batch?;
        roots
            .assign(&batch, &mut records, &out)
            .map_err(|e| datafusion::error::DataFusionError::External(e.into()))
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(
        schema,
        written.try_filter(|b| futures::future::ready(b.num_rows() > 0)),
    )))
}

/// Sixteen bytes of SHA-256: two keys of ten million meet by chance once in 10^24.
fn key_hash(kind: &str, value: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update((kind.len() as u64).to_le_bytes());
    hash.update(kind);
    hash.update(value);
    first_bytes(&hash.finalize())
}

fn first_bytes(digest: &[u8]) -> u128 {
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// The id of the customer whose smallest record this is.
fn customer_id(source: &str, record_id: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((source.len() as u64).to_le_bytes());
    hash.update(source);
    hash.update(record_id);
    format!("c{:016x}", (first_bytes(&hash.finalize()) >> 64) as u64)
}

/// The text columns of a batch.
struct Texts<'a>([&'a StringArray; 4]);

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let mut columns = Vec::with_capacity(4);
        for column in batch.columns() {
            columns.push(
                column
                    .as_any()
                    .downcast_ref::<StringArray>()
                    .ok_or_else(|| Error::failed("the keys are not text"))?,
            );
        }
        columns.try_into().map(Texts).map_err(|_| Error::failed("the table of keys lost a column"))
    }

    fn at(&self, column: usize, row: usize) -> Option<&'a str> {
        let column = self.0[column];
        column.is_valid(row).then(|| column.value(row))
    }
}

/// Numbers records as they pass in sorted order.
#[derive(Default)]
struct Records {
    count: u32,
    last: Option<(String, String)>,
}

impl Records {
    fn number_of(&mut self, columns: &Texts, row: usize) -> u32 {
        let source = columns.at(0, row).unwrap_or_default();
        let id = columns.at(1, row).unwrap_or_default();
        match &self.last {
            Some((s, i)) if s == source && i == id => {}
            _ => {
                self.last = Some((source.to_owned(), id.to_owned()));
                self.count += 1;
            }
        }
        self.count - 1
    }
}

struct Roots {
    components: Components,
    /// The id of each component met so far, by its root.
    ids: std::collections::HashMap<u32, String>,
}

impl Roots {
    fn assign(
        &mut self,
        batch: &RecordBatch,
        records: &mut Records,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let columns = Texts::of(batch)?;
        let (mut sources, mut ids, mut customers) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            let before = records.count;
            let record = records.number_of(&columns, row);
            if records.count == before {
                continue;
            }
            let source = columns.at(0, row).unwrap_or_default();
            let id = columns.at(1, row).unwrap_or_default();
            let root = self.components.root(record);
            let customer = self.ids.entry(root).or_insert_with(|| customer_id(source, id));
            sources.push(source);
            ids.push(id);
            customers.push(customer.clone());
        }
        RecordBatch::try_new(
            schema.clone(),
            vec![
                Arc::new(StringArray::from(sources)),
                Arc::new(StringArray::from(ids)),
                Arc::new(StringArray::from(customers)),
            ],
        )
        .doing("write the customer ids")
    }
}

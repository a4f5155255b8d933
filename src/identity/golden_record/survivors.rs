//! Streams records in the order of their customers to one row per customer: in memory are the records of one
//! batch and of the customer at its end.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt, future, stream};

use super::declaration::{Attribute, Survivorship};
use super::survivorship::{RecordValue, survivor};
use crate::error::{Context, Error, Result};

/// The columns of the ordered records before those of the attributes.
const FIRST_COLUMNS: [&str; 5] = ["id", "source", "record_id", "trust", "seen"];
/// The separator between the values of several columns of one attribute.
const AND: char = '\u{1f}';

/// Returns the golden rows of ordered records.
///
/// The records have [`FIRST_COLUMNS`], then for every column of every attribute its value and its
/// spelling, null where it says nothing; they come in the order of `id`. A row without `source` is one
/// of which no record says anything.
pub(super) fn golden_rows(
    records: SendableRecordBatchStream,
    survivorship: &Survivorship,
    id: &str,
) -> SendableRecordBatchStream {
    let schema = golden_schema(&records.schema(), survivorship, id);
    let mut survivors =
        Survivors { attributes: survivorship.attributes.clone(), schema: schema.clone(), rest: None };
    let rows = records.map(Some).chain(stream::once(future::ready(None))).map(move |batch| {
        let made = match batch {
            Some(batch) => survivors.more(batch?),
            None => survivors.end(),
        };
        made.map_err(|e| DataFusionError::External(e.into()))
    });
    let rows = rows.try_filter(|batch| future::ready(batch.num_rows() > 0));
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

fn golden_schema(records: &SchemaRef, survivorship: &Survivorship, id: &str) -> SchemaRef {
    let mut fields = vec![Field::new(id, DataType::Utf8, true), Field::new("records", DataType::Int64, true)];
    let mut at = FIRST_COLUMNS.len();
    for attribute in &survivorship.attributes {
        for column in &attribute.columns {
            fields.push(Field::new(column, records.field(at).data_type().clone(), true));
            at += 2;
        }
        for of in ["source", "record_id"] {
            fields.push(Field::new(format!("{}_{of}", attribute.name), DataType::Utf8, true));
        }
    }
    Arc::new(Schema::new(fields))
}

struct Survivors {
    attributes: Vec<Attribute>,
    schema: SchemaRef,
    /// The records so far of the last customer met.
    rest: Option<RecordBatch>,
}

impl Survivors {
    fn more(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let rows = match self.rest.take() {
            Some(rest) => {
                concat_batches(&batch.schema(), [&rest, &batch]).doing("gather a customer's records")?
            }
            None => batch,
        };
        let mut customers = customers(&rows)?;
        let Some(last) = customers.pop() else { return Ok(RecordBatch::new_empty(self.schema.clone())) };
        let golden = self.golden(&rows, &customers)?;
        self.rest = Some(rows.slice(last.start, last.len()));
        Ok(golden)
    }

    fn end(&mut self) -> Result<RecordBatch> {
        match self.rest.take() {
            Some(rest) => {
                let customers = customers(&rest)?;
                self.golden(&rest, &customers)
            }
            None => Ok(RecordBatch::new_empty(self.schema.clone())),
        }
    }

    fn golden(&self, rows: &RecordBatch, customers: &[Range<usize>]) -> Result<RecordBatch> {
        let records = Records::of(rows)?;
        let firsts: UInt32Array = customers.iter().map(|c| Some(c.start as u32)).collect();
        let counts: Int64Array = customers
            .iter()
            .map(|c| c.clone().filter(|n| records.source.is_valid(*n)).count() as i64)
            .collect();
        let taken = |column: &ArrayRef, places: &UInt32Array| {
            take(column, places, None).doing("choose the surviving values")
        };
        let mut columns = vec![taken(rows.column(0), &firsts)?, Arc::new(counts) as ArrayRef];
        let mut at = FIRST_COLUMNS.len();
        for attribute in &self.attributes {
            let width = attribute.columns.len();
            let spellings = (0..width).map(|n| text(rows, at + 2 * n + 1)).collect::<Result<Vec<_>>>()?;
            let best: Vec<Option<usize>> =
                customers.iter().map(|c| records.survivor(c.clone(), attribute, &spellings)).collect();
            for (n, spelling) in spellings.iter().enumerate() {
                // A part without information is empty.
                let places =
                    best.iter().map(|row| row.filter(|row| spelling.is_valid(*row)).map(|row| row as u32));
                columns.push(taken(rows.column(at + 2 * n), &places.collect())?);
            }
            let places: UInt32Array = best.iter().map(|row| row.map(|row| row as u32)).collect();
            columns.push(taken(rows.column(1), &places)?);
            columns.push(taken(rows.column(2), &places)?);
            at += 2 * width;
        }
        RecordBatch::try_new(self.schema.clone(), columns).doing("write the golden records")
    }
}

/// Returns the rows of each customer.
fn customers(rows: &RecordBatch) -> Result<Vec<Range<usize>>> {
    let ids = text(rows, 0)?;
    let mut found: Vec<Range<usize>> = Vec::new();
    for n in 0..rows.num_rows() {
        match found.last_mut() {
            Some(last) if ids.value(last.start) == ids.value(n) => last.end = n + 1,
            _ => found.push(n..n + 1),
        }
    }
    Ok(found)
}

fn text(rows: &RecordBatch, column: usize) -> Result<&StringArray> {
    rows.column(column)
        .as_string_opt::<i32>()
        .ok_or_else(|| Error::failed("the ordered records came without their text"))
}

/// What is known of every record.
struct Records<'a> {
    source: &'a StringArray,
    record_id: &'a StringArray,
    trust: &'a Int64Array,
    seen: &'a Int64Array,
}

impl<'a> Records<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self> {
        let number = |column: usize| {
            rows.column(column)
                .as_primitive_opt::<Int64Type>()
                .ok_or_else(|| Error::failed("the ordered records came without their numbers"))
        };
        Ok(Records { source: text(rows, 1)?, record_id: text(rows, 2)?, trust: number(3)?, seen: number(4)? })
    }

    /// Returns the row, among one customer's, whose value of the attribute survives.
    fn survivor(
        &self,
        rows: Range<usize>,
        attribute: &Attribute,
        spellings: &[&StringArray],
    ) -> Option<usize> {
        let (mut places, mut value) = (Vec::new(), Vec::new());
        for row in rows.filter(|row| spellings.iter().any(|spelling| spelling.is_valid(*row))) {
            let mut parts = spellings
                .iter()
                .map(|spelling| if spelling.is_valid(row) { spelling.value(row) } else { "" });
            let spelling = match spellings.len() {
                1 => Cow::Borrowed(parts.next().unwrap_or_default()),
                _ => Cow::Owned(parts.fold(String::new(), |all, part| all + part + &AND.to_string())),
            };
            let says = |column: &String| {
                let at = attribute.columns.iter().position(|c| c == column);
                at.is_some_and(|at| spellings[at].is_valid(row))
            };
            places.push(row);
            value.push(RecordValue {
                source: self.source.value(row),
                record_id: self.record_id.value(row),
                trust: self.trust.value(row),
                seen: self.seen.is_valid(row).then(|| self.seen.value(row)),
                spelling,
                whole: attribute.needs.iter().all(says),
            });
        }
        survivor(&value, &attribute.rules).map(|n| places[n])
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Date32Array};
    use proptest::prelude::*;

    use super::super::survivorship::Rule;
    use super::*;

    /// A record: customer, number, seen, and a day where it says one.
    type Record = (u8, u8, i64, Option<i32>);

    fn batch(records: &[Record]) -> RecordBatch {
        let texts = |text: &dyn Fn(&Record) -> Option<String>| -> ArrayRef {
            Arc::new(records.iter().map(text).collect::<StringArray>())
        };
        RecordBatch::try_from_iter_with_nullable([
            ("id", texts(&|r| Some(format!("c{}", r.0))), true),
            ("source", texts(&|_| Some("card".to_owned())), true),
            ("record_id", texts(&|r| Some(r.1.to_string())), true),
            ("trust", Arc::new(Int64Array::from(vec![0; records.len()])) as ArrayRef, true),
            ("seen", Arc::new(records.iter().map(|r| Some(r.2)).collect::<Int64Array>()), true),
            ("value_0", Arc::new(records.iter().map(|r| r.3).collect::<Date32Array>()), true),
            ("spelling_0", texts(&|r| r.3.map(|day| day.to_string())), true),
        ])
        .unwrap()
    }

    fn survivors(schema: &SchemaRef) -> Survivors {
        let attribute = Attribute {
            name: "born".to_owned(),
            columns: vec!["born".to_owned()],
            needs: vec!["born".to_owned()],
            rules: vec![Rule::MostRecent],
        };
        let survivorship = Survivorship {
            subject: crate::identity::spelling::Subject::Person,
            writing: crate::identity::Writing::default(),
            seen_at: None,
            trust: Vec::new(),
            attributes: vec![attribute.clone()],
        };
        let schema = golden_schema(schema, &survivorship, "customer_id");
        Survivors { attributes: vec![attribute], schema, rest: None }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn where_batches_are_cut_changes_nothing(
            records in prop::collection::btree_map((0..4_u8, 0..9_u8), (0..5_i64, prop::option::of(0..9_i32)), 1..20),
            width in 1..8_usize,
        ) {
            let records: Vec<Record> = records.into_iter().map(|((c, n), (seen, day))| (c, n, seen, day)).collect();
            let all = batch(&records);
            let mut pass = survivors(&all.schema());
            let mut made = Vec::new();
            for start in (0..records.len()).step_by(width) {
                made.push(pass.more(all.slice(start, width.min(records.len() - start))).unwrap());
            }
            made.push(pass.end().unwrap());
            let cut = concat_batches(&pass.schema, &made).unwrap();

            // The plainest search: of each customer the latest that says something, the smallest of equals.
            let mut ids: Vec<u8> = records.iter().map(|r| r.0).collect();
            ids.dedup();
            let expected: Vec<(i64, Option<i32>, Option<String>)> = ids
                .iter()
                .map(|id| {
                    let own: Vec<&Record> = records.iter().filter(|r| r.0 == *id).collect();
                    let best = own.iter().filter(|r| r.3.is_some()).min_by_key(|r| (-r.2, r.1));
                    (own.len() as i64, best.and_then(|r| r.3), best.map(|r| r.1.to_string()))
                })
                .collect();
            let days = cut.column(2).as_primitive::<arrow::datatypes::Date32Type>();
            let found: Vec<(i64, Option<i32>, Option<String>)> = (0..cut.num_rows())
                .map(|n| {
                    let counts = cut.column(1).as_primitive::<Int64Type>();
                    let names = cut.column(4).as_string::<i32>();
                    (
                        counts.value(n),
                        days.is_valid(n).then(|| days.value(n)),
                        names.is_valid(n).then(|| names.value(n).to_owned()),
                    )
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}

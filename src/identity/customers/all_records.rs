//! All records in order: those with keys and those with attributes of a person, each with the customers it
//! belonged to, the last one first.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, JoinType, cast, col, lit};
use datafusion::prelude::DataFrame;

use super::customer_id::CustomerId;
use crate::error::{Context, Error, Result};

const KEY_COLUMNS: [&str; 4] = ["source", "record_id", "key_kind", "key_value"];

/// `core.customer_ids`. Grain: one row per record.
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(
        ["source", "record_id", "customer_id"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec(),
    ))
}

/// Returns the rows of both tables in the order of `source`, `record_id`; of a record the person comes first,
/// with the customer that it last was: `former` has the columns `former_source`, `former_record_id`,
/// `former_id`, `former_since` and `former_version`, a row for each time that a record became somebody. The
/// rows of a record that was several customers come as often; picking its last one here costs less than
/// finding it before the join.
///
/// # Errors
/// The table of keys lacks a column.
pub fn ordered(
    keys: Option<DataFrame>,
    persons: Option<DataFrame>,
    former: Option<DataFrame>,
) -> Result<DataFrame> {
    let text = |name: &str| -> Expr { cast(col(name), DataType::Utf8).alias(name) };
    let number = |e: Expr| cast(e, DataType::Int64).alias("person");
    let nothing = |name: &str| lit(ScalarValue::Utf8(None)).alias(name);
    let (of_keys, of_persons) = (keys.is_some(), persons.is_some());
    let mut both = Vec::new();
    if let Some(keys) = keys {
        let missing: Vec<_> = KEY_COLUMNS
            .iter()
            .filter(|c| !keys.schema().has_column_with_unqualified_name(c))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Err(Error::config(format!("the table of keys has no column {}", missing.join(", ")))
                .hint("it needs source, record_id, key_kind and key_value"));
        }
        let mut columns = KEY_COLUMNS.map(text).to_vec();
        columns.push(number(lit(ScalarValue::Int64(None))));
        // A key of no record would make one record of all that have none.
        let keys = keys.select(columns).and_then(|keys| keys.filter(is_named()));
        both.push(keys.doing("read the keys")?);
    }
    if let Some(persons) = persons {
        let columns = vec![
            text("source"),
            text("record_id"),
            nothing("key_kind"),
            nothing("key_value"),
            number(col("record_number")),
        ];
        both.push(persons.select(columns).doing("read the person records")?);
    }
    let all = both
        .into_iter()
        .map(Ok)
        .reduce(|all, more| all?.union(more?).doing("collect the records"))
        .ok_or_else(|| {
        Error::failed("there is neither a table of keys nor a table of person records")
    })??;
    let was_known = former.is_some();
    let all = match former {
        Some(former) => all
            .join(
                former,
                JoinType::Left,
                &["source", "record_id"],
                &["former_source", "former_record_id"],
                None,
            )
            .and_then(|all| all.drop_columns(&["former_source", "former_record_id"]))
            .doing("find the last customers of the records")?,
        None => all
            .with_column("former_id", lit(ScalarValue::Utf8(None)))
            .and_then(|all| all.with_column("former_since", lit(ScalarValue::Int64(None))))
            .and_then(|all| all.with_column("former_version", lit(ScalarValue::Int64(None))))
            .doing("collect the records")?,
    };
    // Columns that are null throughout have no part in the order: DataFusion 55 loses track of such an
    // order below a join.
    let ascending = |name: &str| col(name).sort(true, false);
    let mut order = vec![ascending("source"), ascending("record_id")];
    order.extend(of_persons.then(|| ascending("person")));
    if was_known {
        order.extend(["former_since", "former_version"].map(|name| col(name).sort(false, false)));
    }
    order.extend(of_keys.then_some(["key_kind", "key_value"].map(ascending)).into_iter().flatten());
    all.sort(order).doing("order the records")
}

/// Returns whether a row of the table of keys names its record.
pub(super) fn is_named() -> Expr {
    col("source").is_not_null().and(col("record_id").is_not_null())
}

/// The columns of a batch of the ordered rows.
pub struct Rows<'a> {
    texts: [&'a StringArray; 5],
    persons: &'a Int64Array,
    since: &'a Int64Array,
    versions: &'a Int64Array,
}

/// One row: a key of a record, or a record with attributes of a person.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub source: &'a str,
    pub record_id: &'a str,
    pub key: Option<(&'a str, &'a str)>,
    pub person: Option<u32>,
    pub former: Option<Former>,
}

/// The customer that a record last was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    pub id: CustomerId,
    /// In microseconds.
    pub since: i64,
    /// How many it had been by then, this one too.
    pub version: i64,
}

impl<'a> Rows<'a> {
    pub fn of(batch: &'a RecordBatch) -> Result<Self> {
        let text = |n: usize| -> Result<&'a StringArray> {
            let column: &ArrayRef = batch.column(n);
            column.as_string_opt::<i32>().ok_or_else(|| Error::failed("the keys are not text"))
        };
        let number = |n: usize| {
            let column = batch.column(n).as_primitive_opt::<Int64Type>();
            column.ok_or_else(|| Error::failed("the person records have no numbers"))
        };
        let (persons, since, versions) = (number(4)?, number(6)?, number(7)?);
        Ok(Rows { texts: [text(0)?, text(1)?, text(2)?, text(3)?, text(5)?], persons, since, versions })
    }

    pub fn row(&self, n: usize) -> Row<'a> {
        let at = |column: usize| {
            let column = self.texts[column];
            column.is_valid(n).then(|| column.value(n))
        };
        Row {
            source: at(0).unwrap_or_default(),
            record_id: at(1).unwrap_or_default(),
            key: at(2).zip(at(3)),
            person: self.persons.is_valid(n).then(|| self.persons.value(n) as u32),
            former: at(4).and_then(|id| {
                let (since, version) = (self.since.value(n), self.versions.value(n));
                Some(Former { id: id.parse().ok()?, since, version })
            }),
        }
    }
}

/// Numbers records as they pass in order.
#[derive(Debug, Default)]
pub struct Numbering {
    count: u32,
    last: Option<(String, String)>,
}

impl Numbering {
    /// Returns the number of the row's record, and whether this is its first row.
    pub fn of(&mut self, row: &Row) -> (u32, bool) {
        match &self.last {
            Some((source, id)) if source == row.source && id == row.record_id => (self.count - 1, false),
            _ => {
                self.last = Some((row.source.to_owned(), row.record_id.to_owned()));
                self.count += 1;
                (self.count - 1, true)
            }
        }
    }
}

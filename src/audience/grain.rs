//! Checks that tables in `from` have one row per customer, by counting in each run.
//!
//! A declared key is checked only when a run makes the table; a table that the run does not select, or that
//! has no key, may have any number of rows per customer. A list made from such a table would have duplicates.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};

use super::definition::Audience;
use super::tables::{CONSENTS, table};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_type::sql_type;
use crate::warehouse::catalog::{Catalog, Session};

pub(super) const CUSTOMER_ID: &str = "customer_id";

/// What was counted.
#[derive(Debug)]
pub(super) struct Grain {
    /// Rows of each table, each a customer.
    pub rows: BTreeMap<TableName, u64>,
    /// The type of customer ids in what audiences make.
    pub id_type: DataType,
}

/// Counts every table in a `from`, once, however many audiences use it.
///
/// # Errors
/// Tables with more than one row of a customer or with rows that name none; without the column
/// `customer_id`, or with ids of types that differ.
pub(super) async fn count(
    catalog: &Catalog,
    audiences: &[Audience],
    as_of: Option<Instant>,
) -> Result<Grain> {
    let mut users: BTreeMap<&TableName, Vec<&str>> = BTreeMap::new();
    for audience in audiences {
        for name in &audience.from {
            users.entry(name).or_default().push(&audience.name);
        }
    }
    let consents = table(CONSENTS);
    let asked = audiences.iter().any(|a| a.consent).then_some(&consents);
    let names: Vec<&TableName> = users.keys().copied().collect();
    let with_ids: Vec<&TableName> = names.iter().copied().chain(asked).collect();
    let session = catalog.session(with_ids.clone(), as_of).await?;
    let id_type = id_type(&session, &users, with_ids).await?;
    let mut rows = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, counted) in names.iter().zip(counts(&session, &names).await?) {
        let of = |error: Error| error.at(place(&users[name]));
        if counted.repeated > 0 {
            errors.push(of(repeated(name, &counted)));
        }
        if counted.nobody > 0 {
            errors.push(of(nobody(name, counted.nobody)));
        }
        rows.insert((*name).clone(), counted.rows);
    }
    Error::all(errors)?;
    Ok(Grain { rows, id_type })
}

/// Of one table.
#[derive(Debug, Clone, Copy)]
struct Counted {
    rows: u64,
    /// Rows whose id is null or blank.
    nobody: u64,
    /// Customers who have several rows, and these rows.
    repeated: u64,
    repeated_rows: u64,
}

async fn counts(session: &Session, tables: &[&TableName]) -> Result<Vec<Counted>> {
    let each: Vec<String> = tables
        .iter()
        .enumerate()
        .map(|(nth, table)| {
            format!(
                "select {nth} as nth, sum(n) as n,
                   sum(case when nobody then n end) as nobody,
                   sum(case when n > 1 and not nobody then 1 end) as repeated,
                   sum(case when n > 1 and not nobody then n end) as repeated_rows
                 from (select n, id is null or btrim(cast(id as varchar)) = '' as nobody
                       from (select {CUSTOMER_ID} as id, count(*) as n from {table} group by {CUSTOMER_ID}))"
            )
        })
        .collect();
    let sql = format!(
        "select cast(coalesce(n, 0) as bigint), cast(coalesce(nobody, 0) as bigint),
           cast(coalesce(repeated, 0) as bigint), cast(coalesce(repeated_rows, 0) as bigint)
         from ({}) as counted order by nth",
        each.join(" union all ")
    );
    let doing = "count the rows per customer";
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let mut counted = Vec::new();
    for batch in batches {
        let number = |column: usize, row: usize| {
            batch.column(column).as_primitive::<Int64Type>().value(row).unsigned_abs()
        };
        counted.extend((0..batch.num_rows()).map(|row| Counted {
            rows: number(0, row),
            nobody: number(1, row),
            repeated: number(2, row),
            repeated_rows: number(3, row),
        }));
    }
    Ok(counted)
}

fn repeated(table: &TableName, counted: &Counted) -> Error {
    let customers = match counted.repeated {
        1 => "1 customer has".to_owned(),
        n => format!("{n} customers have"),
    };
    Error::failed(format!(
        "{table} is not one row per customer: {customers} {} of its {} rows",
        counted.repeated_rows, counted.rows
    ))
    .hint(format!(
        "use it in a condition: \"exists (select 1 from {table} as t where t.customer_id = base.customer_id \
         and …)\", or use a table with one row per customer; a declared key is not enough"
    ))
}

fn nobody(table: &TableName, rows: u64) -> Error {
    let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    Error::failed(format!("{table} has {rows} without a customer_id, but an audience needs customers"))
        .hint("leave them out in its model: where customer_id is not null")
}

/// Returns what is wrong with a table is wrong with all audiences that use it.
fn place(audiences: &[&str]) -> String {
    match audiences {
        [one] => format!("audience {one} › from"),
        several => format!("audiences {} › from", several.join(", ")),
    }
}

/// Ids that compare without being changed: text with text, whole numbers with whole numbers.
#[derive(Debug, PartialEq)]
enum IdKind {
    Text,
    Whole,
    Exactly(DataType),
}

impl IdKind {
    fn of(found: &DataType) -> Option<IdKind> {
        match found {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(IdKind::Text),
            DataType::Dictionary(_, value) => IdKind::of(value),
            whole if whole.is_integer() => Some(IdKind::Whole),
            DataType::Decimal128(_, 0) => Some(IdKind::Exactly(found.clone())),
            _ => None,
        }
    }

    fn made(self) -> DataType {
        match self {
            IdKind::Text => DataType::Utf8,
            IdKind::Whole => DataType::Int64,
            IdKind::Exactly(exactly) => exactly,
        }
    }
}

async fn id_type(
    session: &Session,
    users: &BTreeMap<&TableName, Vec<&str>>,
    tables: Vec<&TableName>,
) -> Result<DataType> {
    let mut first: Option<(&TableName, DataType)> = None;
    let mut errors = Vec::new();
    // That consents have the column is looked at where they are asked.
    for name in tables {
        let of = |error: Error| match users.get(name) {
            Some(users) => error.at(place(users)),
            None => error,
        };
        let frame = session.table(name).await?;
        let Ok(field) = frame.schema().field_with_unqualified_name(CUSTOMER_ID) else {
            if users.contains_key(name) {
                let columns: Vec<&str> = frame.schema().fields().iter().map(|f| f.name().as_str()).collect();
                errors.push(of(Error::config(format!("{name} has no column `{CUSTOMER_ID}`")).hint(
                    format!(
                        "the tables of an audience are joined by it; the columns are {}",
                        columns.join(", ")
                    ),
                )));
            }
            continue;
        };
        let found = field.data_type();
        match (IdKind::of(found), &first) {
            (None, _) => errors.push(of(Error::config(format!(
                "the customer_id of {name} is {}, which cannot identify a customer exactly",
                sql_type(found)
            ))
            .hint("make it a text or a whole number in its model"))),
            (Some(_), None) => first = Some((name, found.clone())),
            (kind, Some((other, known))) if kind != IdKind::of(known) => {
                errors.push(of(Error::config(format!(
                    "the customer_id of {name} is {}, that of {other} is {}",
                    sql_type(found),
                    sql_type(known)
                ))
                .hint("they are joined by it: use the same type in both models")));
            }
            _ => {}
        }
    }
    Error::all(errors)?;
    Ok(first.and_then(|(_, found)| IdKind::of(&found)).map_or(DataType::Utf8, IdKind::made))
}

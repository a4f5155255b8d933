//! Explains why a customer is on or off each list: the condition that decided and what it found, and the consent
//! with its date and its source.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::logical_expr::{cast, lit};
use datafusion::prelude::DataFrame;

use super::candidates::{Candidates, plain};
use super::condition::Reader;
use super::grain::CUSTOMER_ID;
use super::tables::{CONSENTS, CONSENTS_VALID_FROM, DECISIONS, DEFINITIONS, WATERFALL, table};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

const DOING: &str = "explain the lists";

/// Returns one row per audience: `audience, reason, condition, found, consent, rank, score, unknown, warning`.
///
/// `condition` is the SQL that decided, `found` the customer's values of the columns that it names; `consent` is
/// the latest answer to each purpose, since when, and whose it was where `core.consents` has a column `source`;
/// `warning` is that of the line of the waterfall, where a score of a weak model decided.
///
/// # Errors
/// Tables of the release that cannot be read.
pub async fn explain(catalog: &Catalog, customer: &str, as_of: Option<Instant>) -> Result<DataFrame> {
    let rows = decided(catalog, customer).await?;
    let declared = declared(catalog).await?;
    let (mut found, mut consents) = (Vec::new(), Vec::new());
    let of = |column: &str, row: usize| -> Option<String> {
        let texts = rows.column_by_name(column)?.as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    for row in 0..rows.num_rows() {
        let declared = of("audience", row).and_then(|name| declared.get(&name));
        let condition = of("condition", row);
        found.push(match (declared, condition) {
            (Some(declared), Some(condition)) => values(catalog, declared, &condition, customer).await?,
            _ => None,
        });
        consents.push(match declared {
            Some(declared) if declared.consent => Some(consent(catalog, declared, customer, as_of).await?),
            _ => None,
        });
    }
    let texts = |texts: Vec<Option<String>>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let column = |name: &str| rows.column_by_name(name).cloned();
    let columns = [
        ("audience", column("audience")),
        ("reason", column("reason")),
        ("condition", column("condition")),
        ("found", Some(texts(found))),
        ("consent", Some(texts(consents))),
        ("rank", column("rank")),
        ("score", column("score")),
        ("unknown", column("unknown")),
        ("warning", column("warning")),
    ];
    let columns = columns.into_iter().filter_map(|(name, column)| Some((name, column?, true)));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).doing(DOING)?;
    catalog.session([], None).await?.read_batch(batch)
}

/// How an audience was declared when it was drawn.
struct Declared {
    from: Vec<TableName>,
    also_reads: Vec<TableName>,
    channel: String,
    consent: bool,
    purposes: Vec<String>,
}

/// Returns the decisions about the customer, with the SQL of the condition that decided.
async fn decided(catalog: &Catalog, customer: &str) -> Result<RecordBatch> {
    let (decisions, waterfall) = (table(DECISIONS), table(WATERFALL));
    let session = catalog.session([&decisions, &waterfall], None).await?;
    let warns = warns(catalog).await?;
    let warning = if warns { "w.warning" } else { "null" };
    let sql = format!(
        "select arrow_cast(d.audience, 'Utf8') as audience, arrow_cast(d.reason, 'Utf8') as reason,
           arrow_cast(w.condition, 'Utf8') as condition, d.rank, d.score, d.unknown,
           arrow_cast({warning}, 'Utf8') as warning
         from {decisions} as d left join {waterfall} as w on w.audience = d.audience and w.position = d.position
         where cast(d.customer_id as varchar) = {} order by 1",
        quoted(customer)
    );
    let frame = session.sql(&sql).await.doing(DOING)?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    collected(frame, schema).await
}

/// Returns whether the waterfall has warnings: that of an older sillage has none.
///
/// # Errors
/// A table that cannot be read.
pub async fn warns(catalog: &Catalog) -> Result<bool> {
    let waterfall = catalog.table(&table(WATERFALL)).await?;
    Ok(waterfall.is_some_and(|waterfall| waterfall.schema.field_with_name("warning").is_ok()))
}

async fn collected(frame: DataFrame, schema: Arc<Schema>) -> Result<RecordBatch> {
    let batches = frame.collect().await.doing(DOING)?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &batches).doing(DOING)
}

async fn declared(catalog: &Catalog) -> Result<BTreeMap<String, Declared>> {
    let definitions = table(DEFINITIONS);
    let session = catalog.session([&definitions], None).await?;
    let sql = format!(
        "select arrow_cast(audience, 'Utf8'), arrow_cast(tables, 'Utf8'), arrow_cast(channel, 'Utf8'), consent,
           arrow_cast(coalesce(purposes, ''), 'Utf8'), arrow_cast(coalesce(also_reads, ''), 'Utf8')
         from {definitions}"
    );
    let mut declared = BTreeMap::new();
    for batch in session.sql(&sql).await.doing(DOING)?.collect().await.doing(DOING)? {
        let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
        let listed = |text: String| -> Vec<String> {
            text.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        for row in 0..batch.num_rows() {
            let tables = |column: usize| -> Result<Vec<TableName>> {
                listed(text(column, row)).iter().map(|name| name.parse()).collect()
            };
            let audience = Declared {
                from: tables(1)?,
                also_reads: tables(5)?,
                channel: text(2, row),
                consent: batch.column(3).as_boolean().value(row),
                purposes: listed(text(4, row)),
            };
            declared.insert(text(0, row), audience);
        }
    }
    Ok(declared)
}

/// Returns what the columns that a condition names hold for the customer: `net_amount_365d = 12.50, street = null`.
async fn values(
    catalog: &Catalog,
    declared: &Declared,
    condition: &str,
    customer: &str,
) -> Result<Option<String>> {
    let session = catalog.session(declared.from.iter().chain(&declared.also_reads), None).await?;
    let candidates = Candidates::open(&session, &declared.from).await?;
    let columns = Reader::new(&session, &candidates)?.columns(condition).await?;
    let mut needed = columns.clone();
    needed.remove(CUSTOMER_ID);
    if needed.is_empty() {
        return Ok(None);
    }
    let is_customer = cast(plain(CUSTOMER_ID), arrow::datatypes::DataType::Utf8).eq(lit(customer));
    let row = candidates
        .base(Some(&needed))?
        .filter(is_customer)
        .and_then(|row| row.select(needed.iter().map(|column| plain(column)).collect::<Vec<_>>()))
        .doing(DOING)?;
    let schema = Arc::new(row.schema().as_arrow().clone());
    let row = collected(row, schema).await?;
    if row.num_rows() == 0 {
        return Ok(None);
    }
    let options = FormatOptions::default().with_null("null");
    let mut found = Vec::new();
    for (field, values) in row.schema().fields().iter().zip(row.columns()) {
        let shown = ArrayFormatter::try_new(values.as_ref(), &options).doing(DOING)?;
        found.push(format!("{} = {}", field.name(), shown.value(0)));
    }
    Ok(Some(found.join(", ")))
}

/// Returns the latest answer of the customer to each purpose of the audience.
async fn consent(
    catalog: &Catalog,
    declared: &Declared,
    customer: &str,
    as_of: Option<Instant>,
) -> Result<String> {
    let consents = table(CONSENTS);
    let Some(known) = catalog.table(&consents).await? else { return Ok("never asked".to_owned()) };
    let source = if known.schema.field_with_name("source").is_ok() { "source" } else { "null" };
    let session = catalog.session([&consents], None).await?;
    let until = as_of
        .map(|as_of| format!(" and {CONSENTS_VALID_FROM} < timestamp {}", quoted(&show_instant(as_of))))
        .unwrap_or_default();
    let purposes: Vec<Option<&String>> = match declared.purposes.as_slice() {
        [] => vec![None],
        purposes => purposes.iter().map(Some).collect(),
    };
    let mut answers = Vec::new();
    for purpose in purposes {
        let about = purpose.map(|purpose| format!(" and purpose = {}", quoted(purpose))).unwrap_or_default();
        let sql = format!(
            "select case when granted then 'yes' else 'no' end,
               arrow_cast(to_char({CONSENTS_VALID_FROM}, '%Y-%m-%d %H:%M'), 'Utf8'),
               arrow_cast({source}, 'Utf8')
             from {consents} where cast(customer_id as varchar) = {} and channel = {}{about}{until}
             order by {CONSENTS_VALID_FROM} desc nulls first, coalesce(granted, false) limit 1",
            quoted(customer),
            quoted(&declared.channel),
        );
        let batches = session.sql(&sql).await.doing(DOING)?.collect().await.doing(DOING)?;
        let answer = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| {
            let text = |column: usize| {
                let texts = batch.column(column).as_string::<i32>();
                texts.is_valid(0).then(|| texts.value(0).to_owned())
            };
            let since = text(1).map_or("without a date".to_owned(), |since| format!("since {since}"));
            let source = text(2).map(|source| format!(" ({source})")).unwrap_or_default();
            format!("{} {since}{source}", text(0).unwrap_or_default())
        });
        let answer = answer.unwrap_or_else(|| "never asked".to_owned());
        answers.push(match purpose {
            Some(purpose) => format!("{purpose}: {answer}"),
            None => answer,
        });
    }
    Ok(answers.join("; "))
}

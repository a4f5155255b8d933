//! Keys that join no records: unusable values, keys shared by many, and keys of a record that has many
//! (`n/a`, `info@…`, the tablet in the shop).

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;

use super::customer_id::key_hash;
use crate::error::{Context, Result};
use crate::identity::declaration::{Identity, KeyLimits};
use crate::identity::tables::{PERSON_RECORDS, REFUSED_KEYS, table};
use crate::identity::{scratch, sql_function};
use crate::name::TableName;
use crate::placeholder_value::{PlaceholderReason, PlaceholderValues};
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::stage::{Layout, Mode, Staged};

const MANY_NAMES: &str = "held under many names";
const MANY_RECORDS: &str = "held by many records of one source";
const MANY_KEYS: &str = "held by a record with many keys of one kind";
const NO_RECORD_ID: &str = "held by a record whose id says nothing";

/// Keys, and records whose keys, join no records.
#[derive(Debug, Default)]
pub struct UnusableKeys {
    placeholders: PlaceholderValues,
    /// By their hashes.
    keys: HashSet<u128>,
    records: HashSet<u128>,
}

/// `core.refused_keys` of the night, with the messages of the run.
#[derive(Debug, Default)]
pub struct Refused {
    pub staged: Option<Staged>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

impl UnusableKeys {
    /// Looks for them: keys that say nothing, keys that are held under more names than any one person has, or
    /// by more records of one source of which no name is known, and records with more keys of one kind.
    pub async fn find(
        catalog: &Catalog,
        session: &Session,
        identity: &Identity,
    ) -> Result<(UnusableKeys, Refused)> {
        let Some(keys) = &identity.keys else { return Ok(Default::default()) };
        session.register_functions(functions(&identity.placeholders));
        let shared = rows(session, &shared(keys, identity), "find keys that many records share").await?;
        let records_with_many_keys =
            rows(session, &records_with_many_keys(keys, &identity.limits), "find records with many keys")
                .await?;
        let unusable_keys = UnusableKeys {
            placeholders: identity.placeholders.clone(),
            keys: shared.iter().flat_map(hashes).collect(),
            records: records_with_many_keys.iter().flat_map(hashes).collect(),
        };
        let (shared_keys, busy_records) = (scratch::table("shared_keys"), scratch::table("busy_records"));
        let shared = gathered(&shared, ["key_kind", "key_value", "reason"])?;
        session.register_view(&shared_keys, session.read_batch(shared)?)?;
        let records_with_many_keys = gathered(&records_with_many_keys, ["source", "record_id", "reason"])?;
        session.register_view(&busy_records, session.read_batch(records_with_many_keys)?)?;
        let doing = "collect the keys that join no records";
        let frame = session.sql(&refused(keys, &shared_keys, &busy_records)).await.doing(doing)?;
        let refused = table(REFUSED_KEYS);
        let staged = catalog.warehouse().stage(&refused, Mode::Replace, Layout::OneFile, frame).await?;
        let (notes, warnings) = summary(catalog, &staged, identity).await?;
        Ok((unusable_keys, Refused { staged: Some(staged), notes, warnings }))
    }

    pub(super) fn has_key(&self, hash: u128, value: &str) -> bool {
        self.keys.contains(&hash) || self.placeholders.of_key(value).is_some()
    }

    pub(super) fn has_record(&self, source: &str, record_id: &str) -> bool {
        self.placeholders.of_record_id(record_id).is_some()
            || !self.records.is_empty() && self.records.contains(&key_hash(source, record_id))
    }
}

/// Returns the keys, as text, of records that have a name.
fn held(keys: &TableName) -> String {
    format!(
        "held as (
           select cast(source as varchar) as source, cast(record_id as varchar) as record_id,
                  cast(key_kind as varchar) as key_kind, cast(key_value as varchar) as key_value
           from {keys}
           where source is not null and record_id is not null and key_kind is not null and key_value is not null)"
    )
}

/// SQL for the keys that too many hold: `key_kind`, `key_value`, `reason`.
///
/// Only keys of more rows than the least limit are looked at closely. Grouped twice: `count(distinct)` would
/// keep a hash table of its own for every key.
fn shared(keys: &TableName, identity: &Identity) -> String {
    let KeyLimits { max_persons, max_records } = &identity.limits;
    let least = max_records.values().min().map_or(*max_persons, |least| *least.min(max_persons));
    let cases: String =
        max_records.iter().map(|(source, most)| format!(" when {} then {most}", quoted(source))).collect();
    let most = match cases.is_empty() {
        true => max_persons.to_string(),
        false => format!("case source{cases} else {max_persons} end"),
    };
    let (name, named) = match &identity.persons {
        Some(_) => (
            "coalesce(p.first_name || ' ' || p.last_name, p.first_name, p.last_name)",
            format!(
                "left join {} as p on h.source = p.source and h.record_id = p.record_id",
                table(PERSON_RECORDS)
            ),
        ),
        None => ("cast(null as varchar)", String::new()),
    };
    format!(
        "with {held},
         often as (
           select key_kind as kind, key_value as value from held
           group by key_kind, key_value
           having count(*) > {least} and refused_key(key_value) is null),
         holders as (
           select h.key_kind, h.key_value, h.source, h.record_id, {name} as name
           from held as h join often as o on h.key_kind = o.kind and h.key_value = o.value {named})
         select key_kind, key_value, min(reason) as reason from (
           select key_kind, key_value, '{MANY_NAMES}' as reason from (
             select key_kind, key_value, name from holders where name is not null
             group by key_kind, key_value, name)
           group by key_kind, key_value having count(*) > {max_persons}
           union all
           select key_kind, key_value, '{MANY_RECORDS}' from (
             select key_kind, key_value, source, record_id from holders where name is null
             group by key_kind, key_value, source, record_id)
           group by key_kind, key_value, source having count(*) > {most})
         group by key_kind, key_value",
        held = held(keys),
    )
}

/// SQL for the records with too many keys of one kind: `source`, `record_id`, `reason`.
fn records_with_many_keys(keys: &TableName, limits: &KeyLimits) -> String {
    format!(
        "with {held}
         select distinct source, record_id, '{MANY_KEYS}' as reason from (
           select source, record_id, key_kind from (
             select source, record_id, key_kind, key_value from held
             where refused_key(key_value) is null
             group by source, record_id, key_kind, key_value)
           group by source, record_id, key_kind having count(*) > {most})",
        held = held(keys),
        most = limits.max_persons,
    )
}

/// Returns SQL for all unusable keys, and for the number of records whose keys are unusable.
fn refused(keys: &TableName, shared: &TableName, records_with_many_keys: &TableName) -> String {
    format!(
        "with {held},
         found as (
           select key_kind, key_value, refused_key(key_value) as reason, source, record_id from held
           where refused_key(key_value) is not null
           union all
           select h.key_kind, h.key_value, s.reason, h.source, h.record_id
           from held as h join {shared} as s on s.key_kind = h.key_kind and s.key_value = h.key_value),
         records as (
           select source, record_id, reason from {records_with_many_keys}
           union all
           select source, record_id, '{NO_RECORD_ID}' from held where refused_record(record_id) is not null
           group by source, record_id)
         select key_kind, key_value, reason, count(*) as records from (
           select key_kind, key_value, reason, source, record_id from found
           group by key_kind, key_value, reason, source, record_id)
         group by key_kind, key_value, reason
         union all
         select cast(null as varchar), cast(null as varchar), reason, count(*) from records group by reason
         order by key_kind, key_value, reason",
        held = held(keys),
    )
}

/// `refused_key(text)` and `refused_record(text)`: why a key, or the keys of a record, are unusable.
fn functions(placeholders: &PlaceholderValues) -> [datafusion::logical_expr::ScalarUDF; 2] {
    let (of_keys, of_records) = (placeholders.clone(), placeholders.clone());
    let word = |found: PlaceholderReason| found.as_str().to_owned();
    [
        sql_function::text("refused_key", move |value| of_keys.of_key(value).map(word)),
        sql_function::text("refused_record", move |id| of_records.of_record_id(id).map(word)),
    ]
}

async fn rows(session: &Session, sql: &str, doing: &str) -> Result<Vec<RecordBatch>> {
    session.sql(sql).await.doing(doing)?.collect().await.doing(doing)
}

/// Returns the first two texts of each row, hashed.
fn hashes(batch: &RecordBatch) -> Vec<u128> {
    let (first, second) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
    first.iter().zip(second).filter_map(|(first, second)| Some(key_hash(first?, second?))).collect()
}

/// Returns the rows of three texts as one batch, which may have none.
fn gathered(batches: &[RecordBatch], names: [&str; 3]) -> Result<RecordBatch> {
    let column = |n: usize| -> ArrayRef {
        let texts = batches.iter().flat_map(|batch| batch.column(n).as_string::<i32>().iter());
        Arc::new(texts.collect::<StringArray>())
    };
    RecordBatch::try_from_iter_with_nullable([
        (names[0], column(0), true),
        (names[1], column(1), true),
        (names[2], column(2), true),
    ])
    .doing("collect the keys that join no records")
}

/// Returns what the run should say of them; the values are only in the table.
async fn summary(
    catalog: &Catalog,
    staged: &Staged,
    identity: &Identity,
) -> Result<(Vec<String>, Vec<String>)> {
    let doing = "count the keys that join no records";
    let session = catalog.session_of_all_rows(staged).await?;
    let sql = format!(
        "select reason, key_kind, count(*) as keys, cast(sum(records) as bigint) as records
         from {} group by reason, key_kind order by reason, key_kind",
        staged.table
    );
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    for batch in rows(&session, &sql, doing).await? {
        let (reasons, kinds) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let (keys, records) =
            (batch.column(2).as_primitive::<Int64Type>(), batch.column(3).as_primitive::<Int64Type>());
        for n in 0..batch.num_rows() {
            let (reason, records, keys) = (reasons.value(n), records.value(n), keys.value(n));
            let kind = if kinds.is_valid(n) { kinds.value(n) } else { "" };
            let most = identity.limits.max_persons;
            let all = format!("{keys} keys of the kind {kind}, on {records} records, join no records: ");
            match reason {
                MANY_NAMES => notes.push(format!("{all}held under more than {most} names each")),
                MANY_RECORDS => warnings.push(format!(
                    "{all}each is on more records of one source than one person has; if the records are \
                     events, raise the limit: [identity] max_key_records = {{ … = … }}"
                )),
                MANY_KEYS => notes.push(format!(
                    "{records} records have more than {most} keys of one kind each: their keys join no records"
                )),
                NO_RECORD_ID => warnings.push(format!(
                    "{records} records have an unusable id (blank or a placeholder): their keys join no records"
                )),
                _ if reason == PlaceholderReason::Exponent.as_str() => warnings.push(format!(
                    "{all}a spreadsheet wrote them as 1,23E+12 and lost their digits: export them again, \
                     as text"
                )),
                _ => notes.push(format!("{all}they are unusable ({reason})")),
            }
        }
    }
    if !(notes.is_empty() && warnings.is_empty()) {
        notes.push(format!("the keys are listed in {}", staged.table));
    }
    Ok((notes, warnings))
}

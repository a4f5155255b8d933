//! The person to erase: all identifying values that the last release knows for the given identifiers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter};
use arrow::datatypes::DataType;
use datafusion::logical_expr::col;
use futures::StreamExt;

use super::rows::rows_with_key;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::normal_form::{self, SQL_NAME as NORMAL};
use crate::ops::Identifier;
use crate::placeholder_value::PlaceholderValues;
use crate::source::{KeyKind, Person};
use crate::warehouse::catalog::{Catalog, Session};

/// The kind of sillage's own customer ids, which no export has.
const CUSTOMER_ID: &str = "customer_id";
/// That of the ids which count how many customers were meant; no identifier has it.
const CUSTOMER: &str = "_customer";
/// The kind of a record named whole, `source:record_id`, as a steward names it.
const RECORD: &str = "record";

/// Who was asked for.
#[derive(Debug, Clone, Copy)]
pub struct ErasureRequest<'a> {
    pub identifiers: &'a [Identifier],
    /// Whether they may belong to more than one customer.
    pub several: bool,
    /// Whether a user typed them; identifiers that were found from these belong to the person.
    pub is_typed: bool,
}

/// A person, by everything that identifies them.
#[derive(Debug, Clone, Default)]
pub struct ErasedPerson {
    pub identifiers: BTreeSet<Identifier>,
    /// How many customers the identifiers asked for belong to.
    pub customers: u64,
    /// How many of those asked for the identity step united with none of them.
    pub unknown: u64,
}

impl ErasedPerson {
    /// Gathers the keys and records that the identity step united with those asked for, and what
    /// refers to their rows from other sources. What says nothing, and keys that many share, are nobody's:
    /// by them strangers would be forgotten.
    ///
    /// # Errors
    /// An unusable identifier; identifiers of more than one customer without `several`.
    pub async fn find(
        catalog: &Catalog,
        keys: Option<&TableName>,
        sources: &BTreeMap<TableName, Person>,
        asked: &ErasureRequest<'_>,
        placeholders: &PlaceholderValues,
    ) -> Result<ErasedPerson> {
        if asked.is_typed {
            let sources = sources_of_records(catalog).await?;
            require_personal(asked.identifiers, &sources, placeholders)?;
        }
        let several = asked.several;
        let mut subject = ErasedPerson {
            identifiers: asked.identifiers.iter().cloned().collect(),
            ..ErasedPerson::default()
        };
        let named_whole =
            sources.values().flat_map(|person| &person.keys).any(|key| key.kind.word() == RECORD);
        subject.unite(catalog, keys, named_whole, placeholders).await?;
        if subject.customers > 1 && !several {
            return Err(Error::config(format!(
                "the identifiers belong to {} customers, but only one person is to be erased",
                subject.customers
            ))
            .hint("give fewer identifiers, for example a customer_id; --several erases them all"));
        }
        for (table, column) in referred(sources) {
            subject.refer(catalog, sources, (&table, &column), placeholders).await?;
        }
        Ok(subject)
    }

    /// What the identity step united.
    async fn unite(
        &mut self,
        catalog: &Catalog,
        keys: Option<&TableName>,
        named_whole: bool,
        placeholders: &PlaceholderValues,
    ) -> Result<()> {
        let doing = "look for the person";
        let ids = TableName::new("core", "customer_ids")?;
        let tables: Vec<&TableName> = keys.into_iter().chain([&ids]).collect();
        for table in &tables {
            if catalog.table(table).await?.is_none() {
                return Ok(());
            }
        }
        // Records of the person that no longer exist are still in the history.
        let history = TableName::new("core", "customer_id_history")?;
        let remembers = catalog.table(&history).await?.is_some();
        let former = TableName::new("core", "former_customer_ids")?;
        let former_ids = if remembers {
            "select former_id, customer_id from core.former_customer_ids where customer_id is not null"
        } else {
            "select customer_id as former_id, customer_id from core.customer_ids where false"
        };
        // The last customer of a record is used: one that was assigned by mistake belongs to another person.
        let gone = if remembers {
            "union select source, record_id, false from (
               select h.source, h.record_id, h.customer_id,
                      row_number() over (partition by h.source, h.record_id
                                         order by h.valid_from desc, h.version desc) as nth
               from core.customer_id_history h
               where not exists (select 1 from core.customer_ids i
                                 where i.source = h.source and i.record_id = h.record_id))
             where nth = 1 and customer_id in (select customer_id from names)"
        } else {
            ""
        };
        let whole = if named_whole {
            format!(
                "union select '{RECORD}', i.source || ':' || i.record_id, false
                 from mine join core.customer_ids i using (customer_id)"
            )
        } else {
            String::new()
        };
        let refused = TableName::new("core", "refused_keys")?;
        let refuses = catalog.table(&refused).await?.is_some();
        let refused_keys = if refuses {
            format!(
                "and not exists (select 1 from core.refused_keys r
                             where r.key_kind = k.key_kind
                               and {NORMAL}(r.key_value) = {NORMAL}(cast(k.key_value as varchar)))"
            )
        } else {
            String::new()
        };
        let tables = tables
            .into_iter()
            .chain(refuses.then_some(&refused))
            .chain(remembers.then_some([&history, &former]).into_iter().flatten());
        let session = catalog.session(tables, None).await?;
        session.register_functions([normal_form::sql_function()]);
        // The values are rows, not part of the query: a query is reported when it fails.
        let asked = TableName::new("asked", "identifiers")?;
        session.register_view(&asked, session.read_batch(self.batch()?)?)?;
        let keys = match keys {
            Some(keys) => format!("select source, record_id, key_kind, key_value from {keys}"),
            None => {
                "select source, record_id, '' as key_kind, '' as key_value from core.customer_ids where false"
                    .to_owned()
            }
        };
        let sql = format!(
            "with keys as ({keys}), former as ({former_ids}), mine as (
               select i.customer_id from core.customer_ids i
               left join keys k on k.source = i.source and k.record_id = i.record_id
               join {asked} a on (a.kind = k.key_kind and a.value = {NORMAL}(cast(k.key_value as varchar)))
                 or (a.kind = i.source and a.value = {NORMAL}(i.record_id))
                 or (a.kind = '{CUSTOMER_ID}' and a.value = {NORMAL}(i.customer_id))
               union
               select f.customer_id from former f
               join {asked} a on a.kind = '{CUSTOMER_ID}' and a.value = {NORMAL}(f.former_id)),
             names as (
               select customer_id from mine
               union select f.former_id from former f join mine m on m.customer_id = f.customer_id)
             select distinct k.key_kind as kind, cast(k.key_value as varchar) as value, true as is_key
             from mine join core.customer_ids i using (customer_id)
             join keys k on k.source = i.source and k.record_id = i.record_id
             where k.key_value is not null {refused_keys}
             union select i.source, i.record_id, false from mine join core.customer_ids i using (customer_id)
             {gone}
             {whole}
             union select '{CUSTOMER_ID}', customer_id, false from names
             union select '{CUSTOMER}', customer_id, false from mine"
        );
        let united = identifiers(&session, &sql, placeholders, doing).await?;
        let (customers, united): (Vec<_>, Vec<_>) = united.into_iter().partition(|i| i.kind == CUSTOMER);
        self.customers = customers.len() as u64;
        let united: BTreeSet<Identifier> = united.into_iter().collect();
        self.unknown = self.identifiers.difference(&united).count() as u64;
        self.identifiers.extend(united);
        Ok(())
    }

    /// The values of a column, in the rows of a source that are the person's.
    async fn refer(
        &mut self,
        catalog: &Catalog,
        sources: &BTreeMap<TableName, Person>,
        (table, column): (&TableName, &str),
        placeholders: &PlaceholderValues,
    ) -> Result<()> {
        let doing = format!("look for the person in {table}");
        let (Some(person), Some(_)) = (sources.get(table), catalog.table(table).await?) else {
            return Ok(());
        };
        let mut columns: BTreeSet<&str> = person.keys.iter().map(|key| key.column.as_str()).collect();
        columns.insert(column);
        let columns = columns.into_iter().map(|name| col(datafusion::common::Column::from_name(name)));
        let frame = catalog.every_row(table).await?.select(columns.collect::<Vec<_>>()).doing(&doing)?;
        let mut rows = frame.execute_stream().await.doing(&doing)?;
        let word = KeyKind::Rows { source: table.table().to_owned(), column: column.to_owned() }.word();
        let mut found = BTreeSet::new();
        while let Some(batch) = rows.next().await {
            let batch = batch.doing(&doing)?;
            let erased = rows_with_key(&batch, person, |kind, value| {
                self.identifiers.contains(&Identifier::new(kind, value))
            })?;
            let values = batch.column_by_name(column).ok_or_else(|| {
                Error::failed(format!("{table} has no column `{column}`, by which other rows refer to it"))
            })?;
            let values = filter(&cast(values, &DataType::Utf8).doing(&doing)?, &erased).doing(&doing)?;
            let values = values.as_string::<i32>().iter().flatten();
            let values = values.filter(|value| placeholders.of_record_id(value).is_none());
            found.extend(values.map(|value| Identifier::new(&word, value)));
        }
        self.identifiers.extend(found);
        Ok(())
    }

    fn batch(&self) -> Result<RecordBatch> {
        let texts = |text: fn(&Identifier) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(self.identifiers.iter().map(text)))
        };
        RecordBatch::try_from_iter([("kind", texts(|i| &i.kind)), ("value", texts(|i| &i.value))])
            .doing("look for the person")
    }
}

/// Returns the columns of sources that other sources refer to.
fn referred(sources: &BTreeMap<TableName, Person>) -> BTreeSet<(TableName, String)> {
    let kinds = sources.values().flat_map(|person| &person.keys).map(|key| &key.kind);
    kinds
        .filter_map(|kind| match kind {
            KeyKind::Rows { source, column } => Some((TableName::new("raw", source).ok()?, column.clone())),
            KeyKind::Key(_) => None,
        })
        .collect()
}

/// Returns the kinds of identifiers that are numbers of records.
async fn sources_of_records(catalog: &Catalog) -> Result<BTreeSet<String>> {
    let doing = "find the sources of records";
    let ids = TableName::new("core", "customer_ids")?;
    if catalog.table(&ids).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let session = catalog.session([&ids], None).await?;
    let sql = "select distinct cast(source as varchar) from core.customer_ids";
    let batches = session.sql(sql).await.doing(doing)?.collect().await.doing(doing)?;
    let sources = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
    Ok(sources.map(str::to_owned).collect())
}

/// Refuses an identifier that does not identify one person.
fn require_personal(
    asked: &[Identifier],
    sources: &BTreeSet<String>,
    placeholders: &PlaceholderValues,
) -> Result<()> {
    let says_nothing = |identifier: &Identifier| match sources.contains(&identifier.kind) {
        true => placeholders.of_record_id(&identifier.value),
        false => placeholders.of_key(&identifier.value),
    };
    let unusable = asked.iter().filter_map(|identifier| Some((identifier, says_nothing(identifier)?)));
    let errors = unusable.map(|(identifier, why)| {
        Error::config(format!(
            "{identifier:?} does not identify a person ({}): everybody who left it empty would be erased",
            why.as_str()
        ))
        .hint("give an identifier of this person only, for example a customer_id")
    });
    Error::all(errors.collect())
}

/// Returns the rows of a query of kind, value and whether it is a key, without unusable ones.
async fn identifiers(
    session: &Session,
    sql: &str,
    placeholders: &PlaceholderValues,
    doing: &str,
) -> Result<Vec<Identifier>> {
    let mut found = Vec::new();
    let mut rows = session.sql(sql).await.doing(doing)?.execute_stream().await.doing(doing)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.doing(doing)?;
        let texts = |n: usize| cast(batch.column(n), &DataType::Utf8).doing(doing);
        let (kinds, values) = (texts(0)?, texts(1)?);
        let are_keys = batch.column(2).as_boolean();
        for (n, (kind, value)) in kinds.as_string::<i32>().iter().zip(values.as_string::<i32>()).enumerate() {
            let (Some(kind), Some(value)) = (kind, value) else { continue };
            let nothing = match are_keys.value(n) {
                true => placeholders.of_key(value),
                false => placeholders.of_record_id(value),
            };
            if nothing.is_none() {
                found.push(Identifier::new(kind, value));
            }
        }
    }
    Ok(found)
}

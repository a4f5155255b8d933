//! Organisations: key accounts found in the records of several systems, with their contacts.
//!
//! Records with the same legal number are one organisation, and so are records with the same name and
//! postcode, unless these have several legal numbers: then the name is not used.

mod declaration;

pub use declaration::{Organisations, OrganisationsDeclaration};

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::equal_keys::{Groups, group_id, grouped};
use super::golden_record::Survivors;
use super::spelling::{Subject, spelling};
use super::standardise;
use super::tables::{CUSTOMER_IDS, table};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::identity::linkage::person_records::require_unique;
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::step::StepOutput;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::stage::{Layout, Mode, Staged};

/// Grain: one row per organisation; `records`: how many say something of it.
pub const ORGANISATIONS: &str = "organisations";
/// Grain: one row per record of an organisation.
pub const ORGANISATION_IDS: &str = "organisation_ids";
/// Grain: one row per organisation, customer and role; `records`: how many say so.
pub const ORGANISATION_CONTACTS: &str = "organisation_contacts";

const RECORD_COLUMNS: [&str; 5] = ["source", "record_id", "legal_number", "name", "postcode"];
const CONTACT_COLUMNS: [&str; 5] =
    ["organisation_source", "organisation_record_id", "source", "record_id", "role"];
/// Between the parts of a key.
const AND: char = '\u{1f}';

/// Finds the organisations, their golden values and their contacts, of what was known before the instant.
///
/// An organisation's id follows from its smallest record, so that it stays while that record does and
/// depends on no order.
///
/// # Errors
/// A table lacks a column, a record comes more than once, there are more records than can be numbered.
pub async fn organisations(
    catalog: &Catalog,
    organisations: &Organisations,
    as_of: Instant,
) -> Result<StepOutput> {
    let records = &organisations.records;
    let session = catalog.session([records], Some(as_of)).await?;
    session.register_functions(standardise::functions(&organisations.survivorship.writing.placeholders));
    require_columns(records, &session.table(records).await?, &RECORD_COLUMNS)?;
    require_unique(&session, records, records).await?;
    let mut notes = Vec::new();
    let ids = organisation_ids(catalog, &session, organisations, &mut notes).await?;
    catalog.add_staged(&ids).await?;

    let survivors = Survivors {
        ids: table(ORGANISATION_IDS),
        id: "organisation_id",
        records,
        survivorship: &organisations.survivorship,
        section: "organisations",
    };
    let (golden, trusted) = survivors.stage(catalog, &table(ORGANISATIONS), as_of).await?;
    notes.insert(0, format!("{} organisations of {} records", golden.rows, ids.rows));
    let mut staged = vec![golden, ids];
    if let Some(contacts) = &organisations.contacts {
        staged.push(stage_contacts(catalog, contacts, as_of, &mut notes).await?);
    }
    notes.extend(trusted.notes);
    Ok(StepOutput::of(staged).with_notes(notes).with_warnings(trusted.warnings))
}

fn require_columns(table: &TableName, frame: &DataFrame, wanted: &[&str]) -> Result<()> {
    let schema = frame.schema();
    let missing: Vec<String> = wanted
        .iter()
        .filter(|column| !schema.has_column_with_unqualified_name(column))
        .map(|column| format!("`{column}`"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let there: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    Err(Error::config(format!("{table} has no column {}", missing.join(", "))).at("[organisations]").hint(
        format!(
            "{}; an unknown value may be null",
            did_you_mean_or_list(missing[0].trim_matches('`'), there, "its columns are")
        ),
    ))
}

async fn organisation_ids(
    catalog: &Catalog,
    session: &Session,
    organisations: &Organisations,
    notes: &mut Vec<String>,
) -> Result<Staged> {
    let doing = "find the records of one organisation";
    let records = &organisations.records;
    let country = quoted(&organisations.survivorship.writing.country);
    let spelled = |column: &str| {
        spelling(Subject::Organisation, column, &format!("cast(\"{column}\" as varchar)"), &country)
    };
    let numbered = format!(
        "numbered as (
           select cast(row_number() over (order by cast(source as varchar), cast(record_id as varchar)) as bigint) - 1 as member,
                  {legal} as legal_number, {name} || '{AND}' || {postcode} as called
           from {records}),
         unclear as (
           select called from numbered where called is not null
           group by called having count(distinct legal_number) > 1)",
        legal = spelled("legal_number"),
        name = spelled("name"),
        postcode = spelled("postcode"),
    );
    let count = format!("with {numbered} select count(*) from unclear");
    let batches = session.sql(&count).await.doing(doing)?.collect().await.doing(doing)?;
    let unclear: i64 = batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values()).sum();
    if unclear > 0 {
        notes.push(format!(
            "{unclear} names at one postcode have several legal numbers: these names join no records"
        ));
    }
    let keys = format!(
        "with {numbered}
         select cast(0 as bigint) as rule, legal_number as key, member from numbered where legal_number is not null
         union all
         select cast(1 as bigint), n.called, n.member
         from numbered as n left join unclear as u on u.called = n.called
         where n.called is not null and u.called is null"
    );
    let all = session.table(records).await?.count().await.doing(doing)? as u64;
    let keys = session.sql(&keys).await.doing(doing)?;
    let groups = grouped(keys, all, u64::MAX, doing).await?;

    let ordered = format!(
        "select cast(source as varchar) as source, cast(record_id as varchar) as record_id from {records}
         order by 1, 2"
    );
    let rows = session.sql(&ordered).await.doing(doing)?.execute_stream().await.doing(doing)?;
    let mut named = Named { groups, ids: HashMap::new(), passed: 0 };
    let rows = rows.map(move |batch| named.rows(&batch?).map_err(|e| DataFusionError::External(e.into())));
    let rows = Box::pin(RecordBatchStreamAdapter::new(schema(), rows));
    catalog
        .warehouse()
        .stage_streams(&table(ORGANISATION_IDS), Mode::Replace, Layout::OneFile, vec![rows])
        .await
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(["source", "record_id", "organisation_id"].map(text).to_vec()))
}

/// Gives every record, as they pass in order, its organisation.
struct Named {
    groups: Groups,
    /// Of organisations of several records.
    ids: HashMap<u32, String>,
    passed: usize,
}

impl Named {
    fn rows(&mut self, records: &RecordBatch) -> Result<RecordBatch> {
        let (sources, ids) = (records.column(0).as_string::<i32>(), records.column(1).as_string::<i32>());
        let mut found = Vec::with_capacity(records.num_rows());
        for n in 0..records.num_rows() {
            let own = || group_id('o', &[sources.value(n), ids.value(n)]);
            let (root, rule) = match (self.groups.roots.get(self.passed), self.groups.rules.get(self.passed))
            {
                (Some(root), Some(rule)) => (*root, *rule),
                _ => return Err(Error::failed("there are more records than were counted")),
            };
            self.passed += 1;
            // The root is the smallest: it passes first.
            found.push(match rule {
                Some(_) => self.ids.entry(root).or_insert_with(own).clone(),
                None => own(),
            });
        }
        let columns =
            vec![records.column(0).clone(), records.column(1).clone(), Arc::new(StringArray::from(found))];
        RecordBatch::try_new(schema(), columns).doing("write the ids of organisations")
    }
}

async fn stage_contacts(
    catalog: &Catalog,
    contacts: &TableName,
    as_of: Instant,
    notes: &mut Vec<String>,
) -> Result<Staged> {
    let doing = "find the contacts of organisations";
    let (organisations, customers) = (table(ORGANISATION_IDS), table(CUSTOMER_IDS));
    let session = catalog.session([contacts, &organisations, &customers], Some(as_of)).await?;
    require_columns(contacts, &session.table(contacts).await?, &CONTACT_COLUMNS)?;
    let known = format!(
        "select o.organisation_id, cast(c.customer_id as varchar) as customer_id, cast(t.role as varchar) as role
         from {contacts} as t
         left join {organisations} as o
           on o.source = cast(t.organisation_source as varchar)
          and o.record_id = cast(t.organisation_record_id as varchar)
         left join {customers} as c
           on c.source = cast(t.source as varchar) and c.record_id = cast(t.record_id as varchar)"
    );
    let lost = format!(
        "select count(*) filter (where organisation_id is null), count(*) filter (where customer_id is null)
         from ({known})"
    );
    let batches = session.sql(&lost).await.doing(doing)?.collect().await.doing(doing)?;
    for (column, of_whom) in [(0, "organisations"), (1, "persons")] {
        let lost: i64 =
            batches.iter().flat_map(|b| b.column(column).as_primitive::<Int64Type>().values()).sum();
        if lost > 0 {
            notes.push(format!("{lost} contacts refer to {of_whom} without a record: ignored"));
        }
    }
    let frame = session
        .sql(&format!(
            "select organisation_id, customer_id, role, count(*) as records from ({known})
             where organisation_id is not null and customer_id is not null
             group by organisation_id, customer_id, role
             order by organisation_id, customer_id, role"
        ))
        .await
        .doing(doing)?;
    let staged = catalog
        .warehouse()
        .stage(&table(ORGANISATION_CONTACTS), Mode::Replace, Layout::OneFile, frame)
        .await?;
    notes.push(format!("{} contacts", staged.rows));
    Ok(staged)
}

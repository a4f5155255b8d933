//! The golden record: a customer's name, address and contact details, each value with the record it comes
//! from.
//!
//! The records are joined to their customers and ordered in SQL, which streams and spills; the surviving
//! values are chosen from the stream.

mod declaration;
mod survivors;
mod survivorship;

pub(super) use declaration::{AttributeDeclaration, Choice, Survivorship};
pub use declaration::{GoldenRecord, GoldenRecordDeclaration};

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::prelude::DataFrame;

use super::spelling::spelling;
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

/// Grain: one row per customer of `core.customer_ids`, in their order. `records`: how many say something
/// of the customer. Every attribute is null, with its source, where none does.
pub const GOLDEN_RECORDS: &str = "golden_records";

/// Chooses the golden values of every customer from what was known before the instant.
///
/// # Errors
/// The records lack a column that the section names, or come more than once.
pub async fn golden_record(catalog: &Catalog, golden: &GoldenRecord, as_of: Instant) -> Result<StepOutput> {
    let survivors = Survivors {
        ids: table(CUSTOMER_IDS),
        id: "customer_id",
        records: &golden.records,
        survivorship: &golden.survivorship,
        section: "golden_record",
    };
    let (staged, trusted) = survivors.stage(catalog, &table(GOLDEN_RECORDS), as_of).await?;
    let Trusted { warnings, notes } = trusted;
    Ok(StepOutput::of(vec![staged]).with_notes(notes).with_warnings(warnings))
}

/// Warnings about `trust`.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    /// Sources that have no record.
    pub warnings: Vec<String>,
    /// Sources that have no place.
    pub notes: Vec<String>,
}

/// Golden values of what records were found to be one.
pub(super) struct Survivors<'a> {
    /// `source`, `record_id` and the id; one row per record.
    pub ids: TableName,
    pub id: &'static str,
    pub records: &'a TableName,
    pub survivorship: &'a Survivorship,
    /// As errors name it.
    pub section: &'static str,
}

impl Survivors<'_> {
    /// Stages them.
    pub async fn stage(
        &self,
        catalog: &Catalog,
        table: &TableName,
        as_of: Instant,
    ) -> Result<(Staged, Trusted)> {
        let session = catalog.session([&self.ids, self.records], Some(as_of)).await?;
        session.register_functions(standardise::functions(&self.survivorship.writing.placeholders));
        self.require_columns(&session.table(self.records).await?)?;
        require_unique(&session, self.records, self.records).await?;
        let trusted = self.trusted(&session).await?;
        let doing = format!("order the records of {}", self.records);
        let ordered = session.sql(&self.ordered(&session).await?).await.doing(&doing)?;
        let stream = ordered.execute_stream().await.doing(&doing)?;
        let golden = survivors::golden_rows(stream, self.survivorship, self.id);
        let staged =
            catalog.warehouse().stage_streams(table, Mode::Replace, Layout::OneFile, vec![golden]).await?;
        Ok((staged, trusted))
    }

    fn require_columns(&self, records: &DataFrame) -> Result<()> {
        let Survivorship { seen_at, attributes, .. } = self.survivorship;
        let schema = records.schema();
        let own = ["source".to_owned(), "record_id".to_owned()];
        let wanted = own.iter().chain(seen_at).chain(attributes.iter().flat_map(|a| &a.columns));
        let missing: BTreeSet<&str> =
            wanted.map(String::as_str).filter(|c| !schema.has_column_with_unqualified_name(c)).collect();
        if !missing.is_empty() {
            let there: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            return Err(Error::config(format!(
                "{} has no column {}",
                self.records,
                missing.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ")
            ))
            .at(format!("[{}]", self.section))
            .hint(did_you_mean_or_list(
                missing.first().copied().unwrap_or_default(),
                there,
                "its columns are",
            )));
        }
        if let Some(seen_at) = seen_at {
            let kind = schema.field_with_unqualified_name(seen_at).doing("read `seen_at`")?.data_type();
            if !matches!(kind, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) {
                return Err(Error::config(format!(
                    "`{seen_at}` of {} is neither a date nor a timestamp",
                    self.records
                ))
                .at(format!("[{}]", self.section))
                .hint("cast it in the model that makes the records"));
            }
        }
        Ok(())
    }

    async fn trusted(&self, session: &Session) -> Result<Trusted> {
        let trust = &self.survivorship.trust;
        if trust.is_empty() {
            return Ok(Trusted::default());
        }
        let doing = format!("find the sources of {}", self.records);
        let sql =
            format!("select distinct cast(source as varchar) from {} where source is not null", self.records);
        let batches = session.sql(&sql).await.doing(&doing)?.collect().await.doing(&doing)?;
        let there: BTreeSet<&str> =
            batches.iter().flat_map(|b| b.column(0).as_string::<i32>().iter()).flatten().collect();
        let mut message = Trusted::default();
        let absent: Vec<&str> =
            trust.iter().map(String::as_str).filter(|source| !there.contains(source)).collect();
        if !absent.is_empty() {
            message.warnings.push(format!(
                "`trust` lists {}, but {} has no such record",
                absent.join(", "),
                self.records
            ));
        }
        let unplaced: Vec<&str> =
            there.into_iter().filter(|source| !trust.iter().any(|t| t == source)).collect();
        if !unplaced.is_empty() {
            message.notes.push(format!("`trust` does not list {}: trusted least", unplaced.join(", ")));
        }
        Ok(message)
    }

    /// SQL for the records in the order of their customers, as [`survivors::golden_rows`] wants them.
    async fn ordered(&self, session: &Session) -> Result<String> {
        let Survivorship { subject, writing, seen_at, trust, attributes } = self.survivorship;
        let country = &writing.country;
        let records = session.table(self.records).await?;
        let country = match records.schema().has_column_with_unqualified_name("country") {
            true => format!("coalesce(cast(country as varchar), {})", quoted(country)),
            false => quoted(country),
        };
        let places: String = trust
            .iter()
            .enumerate()
            .map(|(n, source)| format!(" when {} then {n}", quoted(source)))
            .collect();
        let trust = match places.is_empty() {
            true => "0".to_owned(),
            false => format!("case cast(source as varchar){places} else {} end", trust.len()),
        };
        let seen = match seen_at {
            Some(column) => {
                format!("cast(arrow_cast(\"{column}\", 'Timestamp(Microsecond, Some(\"UTC\"))') as bigint)")
            }
            None => "cast(null as bigint)".to_owned(),
        };
        let (mut values, mut names) = (String::new(), String::new());
        for (n, column) in attributes.iter().flat_map(|a| &a.columns).enumerate() {
            let text = format!("cast(\"{column}\" as varchar)");
            let spelled = spelling(*subject, column, &text, &country);
            values.push_str(&format!(", \"{column}\" as value_{n}, {spelled} as spelling_{n}"));
            names.push_str(&format!(", value_{n}, spelling_{n}"));
        }
        Ok(format!(
            "select i.id, r.source, r.record_id, r.trust, r.seen{names}
             from (select cast({id} as varchar) as id, cast(source as varchar) as id_source,
                          cast(record_id as varchar) as id_record
                   from {ids}) as i
             left join (select cast(source as varchar) as source, cast(record_id as varchar) as record_id,
                               cast({trust} as bigint) as trust, {seen} as seen{values}
                        from {records}) as r
               on r.source = i.id_source and r.record_id = i.id_record
             order by i.id, r.source, r.record_id",
            id = self.id,
            ids = self.ids,
            records = self.records,
        ))
    }
}

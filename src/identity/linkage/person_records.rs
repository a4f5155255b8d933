//! `core.person_records`: the attributes of a person in each channel, standardised.

use datafusion::prelude::DataFrame;

use super::comparison::ATTRIBUTES;
use super::own_attributes::OwnAttribute;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Session;

/// Grain: one row per person record, numbered from 0 in the order of `source`, `record_id`. Each
/// attribute is standardised text, null if the channel has no usable value.
///
/// # Errors
/// The table has no `source` or `record_id`, none of the attributes, or not one of the pipeline's own.
pub async fn standardised(
    session: &Session,
    records: &TableName,
    country: &str,
    own: &[OwnAttribute],
) -> Result<DataFrame> {
    let given = session.table(records).await?;
    let has = |column: &str| given.schema().has_column_with_unqualified_name(column);
    let missing: Vec<&str> = ["source", "record_id"].into_iter().filter(|c| !has(c)).collect();
    if !missing.is_empty() {
        return Err(Error::config(format!("{records} has no column {}", missing.join(", ")))
            .hint("person records have source, record_id and attributes of the person"));
    }
    if !ATTRIBUTES.iter().any(|attribute| has(attribute)) {
        return Err(Error::config(format!("{records} has no attribute of a person"))
            .hint(format!("use the column names {}", ATTRIBUTES.join(", "))));
    }
    let missing: Vec<&str> = own.iter().map(|a| a.name.as_str()).filter(|name| !has(name)).collect();
    if !missing.is_empty() {
        return Err(Error::config(format!("{records} has no column {}", missing.join(", ")))
            .hint("[[identity.attributes]] name columns of the records table"));
    }
    let text = |column: &str| match has(column) {
        true => format!("cast({column} as varchar)"),
        false => "cast(null as varchar)".to_owned(),
    };
    let country = format!("coalesce({}, '{country}')", text("country"));
    let standard = |attribute: &str| match attribute {
        "phone" | "postcode" => format!("standard_{attribute}({}, {country})", text(attribute)),
        "house_number" => format!(
            "coalesce(standard_house_number({}), standard_house_number({}))",
            text("house_number"),
            text("street")
        ),
        other => format!("standard_{other}({})", text(other)),
    };
    let mut attributes: Vec<String> =
        ATTRIBUTES.iter().filter(|a| **a != "address").map(|a| format!("{} as {a}", standard(a))).collect();
    attributes.extend(own.iter().map(|a| {
        let name = &a.name;
        format!("{} as {name}", a.standard_sql(&text(name), &country))
    }));
    let all: Vec<&str> = ATTRIBUTES.into_iter().chain(own.iter().map(|a| a.name.as_str())).collect();
    let sql = format!(
        "select cast(row_number() over (order by source, record_id) as bigint) - 1 as record_number,
                source, record_id, {all}
         from (
           select *, street || ' ' || coalesce(house_number, '') || ' ' || coalesce(postcode, city) as address
           from (select cast(source as varchar) as source, cast(record_id as varchar) as record_id, {attributes}
                 from {records}))
         order by source, record_id",
        all = all.join(", "),
        attributes = attributes.join(", "),
    );
    session.sql(&sql).await.doing(format!("standardise {records}"))
}

/// A record comes once, and has a name.
pub(crate) async fn require_unique(
    session: &Session,
    standardised: &TableName,
    records: &TableName,
) -> Result<()> {
    let repeated = session
        .sql(&format!(
            "select 1 from {standardised} group by source, record_id
             having count(*) > 1 or source is null or record_id is null"
        ))
        .await
        .doing(format!("find repeated records in {records}"))?
        .count()
        .await
        .doing(format!("find repeated records in {records}"))?;
    if repeated == 0 {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{repeated} records of {records} occur more than once, or have no source or record_id"
    ))
    .hint("it must have one row per record: take the latest of each, for example with row_number()"))
}

//! Who agreed to be contacted: the latest word on the audience's channel, for each of its purposes.

use arrow::array::AsArray;

use super::{Audience, CONSENTS, table};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

const COLUMNS: [&str; 4] = ["customer_id", "channel", "granted", "valid_from"];
const PURPOSE: &str = "purpose";

/// Refuses an audience that does not fit the consents there are: a consent to one thing is none to
/// another.
///
/// # Errors
/// A column that is missing; consents by purpose and an audience without one, or the reverse.
pub(super) async fn require_columns(session: &Session, audience: &Audience) -> Result<()> {
    let consents = table(CONSENTS);
    let frame = session.table(&consents).await?;
    let has = |column: &str| frame.schema().has_column_with_unqualified_name(column);
    let lacking: Vec<String> = COLUMNS.iter().filter(|c| !has(c)).map(|c| format!("`{c}`")).collect();
    if !lacking.is_empty() {
        return Err(Error::config(format!("{consents} has no column {}", lacking.join(", ")))
            .hint(format!("consent is looked up in its columns {}", COLUMNS.join(", "))));
    }
    match (audience.purposes.is_empty(), has(PURPOSE)) {
        (true, true) => {
            let known = purposes(session, audience).await?;
            let example = known.first().map_or("…", String::as_str);
            Err(Error::config(format!(
                "{consents} holds consents by purpose, but the audience does not say what it is for"
            ))
            .hint(if known.len() > 1 {
                format!("add purpose = \"{example}\" (or one of {})", known[1..].join(", "))
            } else {
                format!("add purpose = \"{example}\"")
            }))
        }
        (false, false) => Err(Error::config(format!(
            "{consents} has no column `{PURPOSE}`, but the audience has a purpose"
        ))
        .hint("add the column to its model, or take `purpose` out of the audience")),
        _ => Ok(()),
    }
}

/// SQL of `(customer_id)`: who agrees, one row a customer. Of two words at one instant the stricter
/// counts.
pub(super) fn agreed_sql(audience: &Audience) -> String {
    let (schema, consents) = CONSENTS;
    let channel = quoted(&audience.channel);
    if audience.purposes.is_empty() {
        return format!(
            "select customer_id from (
               select customer_id, granted, row_number() over (
                 partition by customer_id order by valid_from desc, granted asc nulls first) as nth
               from {schema}.{consents} where channel = {channel}) as latest
             where nth = 1 and granted"
        );
    }
    format!(
        "select customer_id from (
           select customer_id, granted, row_number() over (
             partition by customer_id, {PURPOSE} order by valid_from desc, granted asc nulls first) as nth
           from {schema}.{consents} where channel = {channel} and {PURPOSE} in ({purposes})) as latest
         where nth = 1 and granted group by customer_id having count(*) = {all}",
        purposes = audience.purposes.iter().map(|p| quoted(p)).collect::<Vec<_>>().join(", "),
        all = audience.purposes.len(),
    )
}

/// The audience's purposes that nobody was ever asked about on its channel, where others were asked
/// about: most likely a slip, told as a warning. Its list is empty.
///
/// # Errors
/// When the consents cannot be read.
pub async fn unasked_purposes(
    catalog: &Catalog,
    audience: &Audience,
    as_of: Instant,
) -> Result<Option<String>> {
    if !audience.consent || audience.purposes.is_empty() {
        return Ok(None);
    }
    let session = catalog.session([&table(CONSENTS)], Some(as_of)).await?;
    let known = purposes(&session, audience).await?;
    let unasked: Vec<&str> =
        audience.purposes.iter().filter(|p| !known.contains(p)).map(String::as_str).collect();
    Ok((!known.is_empty() && !unasked.is_empty()).then(|| {
        format!(
            "audience {}: nobody was asked for consent to {} by {}, only to {}",
            audience.name,
            unasked.join(", "),
            audience.channel,
            known.join(", ")
        )
    }))
}

/// The purposes that somebody was asked about on the channel, in alphabetical order.
async fn purposes(session: &Session, audience: &Audience) -> Result<Vec<String>> {
    let sql = format!(
        "select distinct arrow_cast({PURPOSE}, 'Utf8') as purpose from {}.{}
         where channel = {} and {PURPOSE} is not null order by purpose",
        CONSENTS.0,
        CONSENTS.1,
        quoted(&audience.channel)
    );
    let doing = "look for the purposes of the consents";
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    Ok(batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned))
        .collect())
}

//! Whether a customer can be reached on the channel of a campaign: an e-mail needs an address that can be
//! one, a call a number that can be dialled, a letter a complete address; and none of them one that came back.

use super::address::{Address, Reach};
use super::bounces::Bounces;
use super::definition::{Audience, Condition};
use super::tables::{BOUNCES, table};
use crate::clock::Instant;
use crate::error::Result;
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// Returns the audiences with the conditions by which their customers can be reached, and what is to be
/// reported of it: lists that nobody checks, rows of `core.bounces` that say nothing.
///
/// # Errors
/// A table of bounces without one of its columns.
pub(super) async fn resolve(
    catalog: &Catalog,
    audiences: &[Audience],
    as_of: Instant,
) -> Result<(Vec<Audience>, Vec<String>)> {
    let mut warnings = Vec::new();
    let bounces = Bounces::survey(catalog, audiences, as_of).await?;
    warnings.extend(bounces.iter().flat_map(Bounces::warnings));
    let mut resolved = Vec::new();
    for audience in audiences {
        let mut audience = audience.clone();
        audience.reached_by = match &audience.reach {
            Reach::Unchecked => Vec::new(),
            Reach::Condition(sql) => {
                vec![Condition {
                    reason: format!("cannot be reached by {}", audience.channel),
                    sql: sql.clone(),
                }]
            }
            Reach::UnknownChannel => {
                warnings.push(format!(
                    "audience {}: nobody checks who can be reached by {}; say `reachable`: a condition, or false",
                    audience.name, audience.channel
                ));
                Vec::new()
            }
            Reach::Address(address) => match lacking_columns(catalog, &audience, address).await? {
                lacking if lacking.is_empty() => {
                    let channels = bounces.as_ref().map(|bounces| bounces.channels_of(address.kind));
                    conditions(address, channels.as_deref())
                }
                lacking => {
                    let columns: Vec<String> = lacking.iter().map(|column| format!("`{column}`")).collect();
                    warnings.push(format!(
                        "audience {}: nobody checks who can be reached by {}: no table has a column {}; name it in \
                         `reachable`, or say false",
                        audience.name,
                        audience.channel,
                        columns.join(" or "),
                    ));
                    Vec::new()
                }
            },
        };
        resolved.push(audience);
    }
    Ok((resolved, warnings))
}

/// Returns the usual columns of the address that no table in `from` has.
async fn lacking_columns(
    catalog: &Catalog,
    audience: &Audience,
    address: &Address,
) -> Result<Vec<&'static str>> {
    if address.is_declared {
        return Ok(Vec::new());
    }
    let mut lacking = address.kind.parts().to_vec();
    for name in &audience.from {
        // A table that is not there is reported where the tables are joined.
        if let Some(table) = catalog.table(name).await? {
            lacking.retain(|column| table.schema.field_with_name(column).is_err());
        }
    }
    Ok(lacking)
}

/// Returns the conditions for a customer to be reached: the address can be used, and nothing came back.
fn conditions(address: &Address, bounced_channels: Option<&[String]>) -> Vec<Condition> {
    let mut conditions = vec![Condition { reason: address.kind.lacking().to_owned(), sql: address.usable() }];
    if let Some(channels) = bounced_channels {
        let channels: Vec<String> = channels.iter().map(|channel| quoted(channel)).collect();
        let sql = format!(
            "({} in (select {} from {} where channel in ({}) and address is not null)) is not true",
            address.standard(),
            address.standard_of("address"),
            table(BOUNCES),
            channels.join(", "),
        );
        conditions.push(Condition { reason: address.kind.bounced().to_owned(), sql });
    }
    conditions
}

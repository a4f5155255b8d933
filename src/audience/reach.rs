//! Whether a customer can be reached on the channel of a campaign: an e-mail needs an address that can be
//! one, a call a number that can be dialled, a letter a complete address; and none of them one that came back.

use super::bounces::Bounces;
use super::definition::{Audience, Condition};
use super::tables::{BOUNCES, table};
use crate::clock::Instant;
use crate::error::Result;
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// What a campaign is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    Email,
    Phone,
    /// A telephone that takes text messages.
    Mobile,
    Post,
}

/// How an audience finds out whether customers can be reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// The pipeline says that nobody need look.
    Unchecked,
    /// By a condition of the pipeline's own.
    Condition(String),
    /// By the address that the channel is sent to.
    Address(Address),
    /// The channel is none of those whose addresses are known, and the pipeline does not say.
    UnknownChannel,
}

impl Reach {
    /// Returns the SQL that the pipeline or the usual names give.
    pub fn expressions(&self) -> &[String] {
        match self {
            Reach::Unchecked | Reach::UnknownChannel => &[],
            Reach::Condition(sql) => std::slice::from_ref(sql),
            Reach::Address(address) => &address.expressions,
        }
    }
}

/// Where the address is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    pub kind: AddressKind,
    /// SQL expressions over the row of the customer, in the order of [`AddressKind::parts`].
    pub expressions: Vec<String>,
    /// Whether the pipeline names them; else they are the usual names, and a table may lack them.
    pub is_declared: bool,
    /// The country in which national telephone numbers and postcodes are written, two letters; empty where
    /// none is known.
    pub country: String,
}

impl AddressKind {
    /// Returns the kind of a channel by its usual names, whatever their case and punctuation.
    pub fn of_channel(channel: &str) -> Option<AddressKind> {
        let letters: String =
            channel.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        [AddressKind::Email, AddressKind::Phone, AddressKind::Mobile, AddressKind::Post]
            .into_iter()
            .find(|kind| kind.channels().contains(&letters.as_str()))
    }

    /// Returns the names of channels that are sent to such an address, the usual one first.
    pub fn channels(self) -> &'static [&'static str] {
        match self {
            AddressKind::Email => &["email", "emails", "emailing", "newsletter"],
            AddressKind::Phone => &["phone", "telephone", "tel", "call", "calls", "callcenter", "callcentre"],
            AddressKind::Mobile => &["sms", "text", "textmessage", "mobile", "whatsapp", "mms"],
            AddressKind::Post => &["post", "postal", "letter", "letters", "directmail"],
        }
    }

    /// Returns the usual names of the columns that hold the address.
    pub fn parts(self) -> &'static [&'static str] {
        match self {
            AddressKind::Email => &["email"],
            AddressKind::Phone | AddressKind::Mobile => &["phone"],
            AddressKind::Post => &["street", "postcode", "city"],
        }
    }

    /// Returns the reason to be off without such an address.
    fn lacking(self) -> &'static str {
        match self {
            AddressKind::Email => "no usable e-mail address",
            AddressKind::Phone => "no usable telephone number",
            AddressKind::Mobile => "no usable mobile number",
            AddressKind::Post => "no complete postal address",
        }
    }

    /// Returns the reason to be off with an address from which something came back.
    fn bounced(self) -> &'static str {
        match self {
            AddressKind::Email => "e-mail address bounced",
            AddressKind::Phone | AddressKind::Mobile => "telephone number out of service",
            AddressKind::Post => "letters came back from the address",
        }
    }

    /// Returns whether what came back on a channel of the other kind came back from such an address.
    pub fn shares_addresses(self, other: AddressKind) -> bool {
        let is_telephone = |kind| matches!(kind, AddressKind::Phone | AddressKind::Mobile);
        self == other || is_telephone(self) && is_telephone(other)
    }
}

impl Address {
    /// Returns the conditions for a customer to be reached: the address can be used, and nothing came back.
    fn conditions(&self, bounced_channels: Option<&[String]>) -> Vec<Condition> {
        let mut conditions = vec![Condition { reason: self.kind.lacking().to_owned(), sql: self.usable() }];
        if let Some(channels) = bounced_channels {
            let channels: Vec<String> = channels.iter().map(|channel| quoted(channel)).collect();
            let sql = format!(
                "({} in (select {} from {} where channel in ({}) and address is not null)) is not true",
                self.standard(),
                self.standard_of("address"),
                table(BOUNCES),
                channels.join(", "),
            );
            conditions.push(Condition { reason: self.kind.bounced().to_owned(), sql });
        }
        conditions
    }

    fn usable(&self) -> String {
        let country = quoted(&self.country);
        let text = |nth: usize| as_text(&self.expressions[nth]);
        match self.kind {
            AddressKind::Email => format!("standard_email({}) is not null", text(0)),
            // Without a country a national number cannot be told from a wrong one.
            AddressKind::Phone if self.country.is_empty() => {
                format!("standard_phone({}, '') is not null", text(0))
            }
            AddressKind::Phone => format!("phone_line({}, {country}) is not null", text(0)),
            AddressKind::Mobile => {
                format!("coalesce(phone_line({}, {country}), '') in ('mobile', 'mobile or fixed')", text(0))
            }
            AddressKind::Post => format!(
                "standard_street({}) is not null and standard_postcode({}, {country}) is not null \
                 and standard_city({}) is not null",
                text(0),
                text(1),
                text(2)
            ),
        }
    }

    /// Returns the address in the form in which addresses are compared.
    fn standard(&self) -> String {
        match self.expressions.as_slice() {
            [one] => self.standard_of(one),
            parts => {
                let parts: Vec<String> = parts.iter().map(|part| as_text(part)).collect();
                format!("standard_street(concat_ws(' ', {}))", parts.join(", "))
            }
        }
    }

    fn standard_of(&self, expression: &str) -> String {
        let text = as_text(expression);
        match self.kind {
            AddressKind::Email => format!("standard_email({text})"),
            AddressKind::Phone | AddressKind::Mobile => {
                format!("standard_phone({text}, {})", quoted(&self.country))
            }
            AddressKind::Post => format!("standard_street({text})"),
        }
    }
}

fn as_text(expression: &str) -> String {
    let is_name = expression.chars().all(|c| c.is_alphanumeric() || "_.\"".contains(c));
    if is_name {
        format!("cast({expression} as varchar)")
    } else {
        format!("cast(({expression}) as varchar)")
    }
}

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
                    address.conditions(channels.as_deref())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_by_its_usual_names() {
        for (channel, kind) in [
            ("email", AddressKind::Email),
            ("E-mail", AddressKind::Email),
            ("sms", AddressKind::Mobile),
            ("Call-Centre", AddressKind::Phone),
            ("direct mail", AddressKind::Post),
            ("letter", AddressKind::Post),
        ] {
            assert_eq!(AddressKind::of_channel(channel), Some(kind), "{channel}");
        }
        // In French a `mail` is an e-mail, in English a letter: nobody guesses.
        for channel in ["mail", "push", "", "shop"] {
            assert_eq!(AddressKind::of_channel(channel), None, "{channel}");
        }
    }

    #[test]
    fn what_came_back_from_a_telephone_holds_for_calls_and_for_texts() {
        assert!(AddressKind::Phone.shares_addresses(AddressKind::Mobile));
        assert!(!AddressKind::Phone.shares_addresses(AddressKind::Email));
    }
}

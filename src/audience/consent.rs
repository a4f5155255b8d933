//! Who agreed to be contacted: the latest answer on the audience's channel, for each of its purposes.
//!
//! A yes is used only if it is unambiguous. A no is also used if it is incomplete: without a date it is the
//! latest answer; without a channel or purpose, or in another spelling, it is a no for the audience's. An
//! incomplete yes is ignored. The run warns about incomplete rows.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::DataFrame;

use super::candidates::plain;
use super::definition::Audience;
use super::tables::{CONSENTS, CONSENTS_VALID_FROM, table};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

const COLUMNS: [&str; 4] = ["customer_id", "channel", "granted", CONSENTS_VALID_FROM];
const PURPOSE: &str = "purpose";
const WORDS: &str = "audience.words";

/// What `core.consents` holds, looked at once for all audiences.
#[derive(Debug)]
pub(super) struct Consents {
    by_purpose: bool,
    counts: Vec<ConsentCounts>,
}

/// The rows of one channel and purpose, as they are spelled.
#[derive(Debug)]
struct ConsentCounts {
    channel: Option<String>,
    purpose: Option<String>,
    rows: u64,
    nobody: u64,
    unanswered: u64,
    undated: u64,
}

impl Consents {
    /// Looks at the consents, if an audience asks for them.
    ///
    /// # Errors
    /// A column that is missing; consents by purpose and an audience without one, or the reverse.
    pub async fn survey(
        catalog: &Catalog,
        audiences: &[Audience],
        as_of: Instant,
    ) -> Result<Option<Consents>> {
        let Some(first) = audiences.iter().find(|a| a.consent) else { return Ok(None) };
        let by_purpose = require_columns(catalog).await.map_err(|e| e.at(place(first)))?;
        let session = catalog.session([&table(CONSENTS)], Some(as_of)).await?;
        register_words(catalog, &session).await?;
        let consents = Consents { by_purpose, counts: counts(&session, by_purpose).await? };
        for audience in audiences.iter().filter(|a| a.consent) {
            consents.require_purpose(audience).map_err(|e| e.at(place(audience)))?;
        }
        Ok(Some(consents))
    }

    /// A consent to one thing is none to another.
    fn require_purpose(&self, audience: &Audience) -> Result<()> {
        let consents = table(CONSENTS);
        match (audience.purposes.is_empty(), self.by_purpose) {
            (true, true) => {
                let known = self.purposes(&audience.channel);
                Err(Error::config(format!(
                    "{consents} holds consents by purpose, but the audience has no purpose"
                ))
                .hint(match known.as_slice() {
                    [] => format!(
                        "add purpose = \"…\": `sillage query \"select distinct {PURPOSE} from {consents}\"` lists them"
                    ),
                    [only] => format!("add purpose = \"{only}\""),
                    [example, others @ ..] => {
                        format!("add purpose = \"{example}\" (or one of {})", others.join(", "))
                    }
                }))
            }
            (false, false) => Err(Error::config(format!(
                "{consents} has no column `{PURPOSE}`, but the audience has a purpose"
            ))
            .hint("add the column to its model, or remove `purpose` from the audience")),
            _ => Ok(()),
        }
    }

    /// Returns the purposes that customers were asked for on the channel, in alphabetical order.
    fn purposes(&self, channel: &str) -> Vec<String> {
        let asked = self.counts.iter().filter(|counts| counts.channel.as_deref() == Some(channel));
        asked.filter_map(|counts| counts.purpose.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn channels(&self) -> BTreeSet<&str> {
        self.counts.iter().filter_map(|counts| counts.channel.as_deref()).collect()
    }

    /// Returns what is to be reported of the consents: incomplete rows, names that
    /// occur nowhere.
    pub fn warnings(&self, audiences: &[Audience]) -> Vec<String> {
        let consents = table(CONSENTS);
        let total = |of: &dyn Fn(&ConsentCounts) -> u64| self.counts.iter().map(of).sum::<u64>();
        let mut warnings = Vec::new();
        let mut lacking = |n: u64, what: &str, so: &str| {
            if n > 0 {
                let rows = if n == 1 { "1 row has".to_owned() } else { format!("{n} rows have") };
                warnings.push(format!("{consents}: {rows} no {what}: {so}"));
            }
        };
        lacking(total(&|counts| counts.nobody), "customer_id", "they are ignored");
        lacking(
            total(&|counts| if counts.channel.is_none() { counts.rows } else { 0 }),
            "channel",
            "a no is used for every channel, a yes for none",
        );
        if self.by_purpose {
            lacking(
                total(&|counts| if counts.purpose.is_none() { counts.rows } else { 0 }),
                PURPOSE,
                "a no is used for every purpose, a yes for none",
            );
        }
        lacking(total(&|counts| counts.unanswered), "granted", "read as a no");
        lacking(
            total(&|counts| counts.undated),
            CONSENTS_VALID_FROM,
            "a no is used as the latest answer, a yes is ignored",
        );
        let asking = || audiences.iter().filter(|a| a.consent);
        let wanted: BTreeSet<&str> = asking().map(|a| a.channel.as_str()).collect();
        for (channel, alike) in wanted.iter().flat_map(|c| self.channels_alike(c).map(move |a| (c, a))) {
            warnings.push(spelled(&consents, "channel", alike, channel));
        }
        let wanted: BTreeSet<&str> = asking().flat_map(|a| &a.purposes).map(String::as_str).collect();
        for (purpose, alike) in wanted.iter().flat_map(|p| self.purposes_alike(p).map(move |a| (p, a))) {
            warnings.push(spelled(&consents, PURPOSE, alike, purpose));
        }
        warnings.extend(asking().filter_map(|audience| self.nobody_asked(audience)));
        warnings
    }

    /// Returns the audience's channel or purposes for which nobody was ever asked, although others were asked
    /// about: most likely a slip. Its list is empty.
    fn nobody_asked(&self, audience: &Audience) -> Option<String> {
        let Audience { name, channel, .. } = audience;
        let channels = self.channels();
        if !channels.is_empty() && !channels.contains(channel.as_str()) {
            let others = channels.into_iter().collect::<Vec<_>>().join(", ");
            return Some(format!(
                "audience {name}: nobody was asked for consent by {channel}, only by {others}"
            ));
        }
        let known = self.purposes(channel);
        let unasked: Vec<&str> =
            audience.purposes.iter().filter(|p| !known.contains(p)).map(String::as_str).collect();
        (!known.is_empty() && !unasked.is_empty()).then(|| {
            format!(
                "audience {name}: nobody was asked for consent to {} by {channel}, only to {}",
                unasked.join(", "),
                known.join(", ")
            )
        })
    }

    fn channels_alike(&self, channel: &str) -> impl Iterator<Item = &str> {
        alike(channel, self.channels())
    }

    fn purposes_alike(&self, purpose: &str) -> impl Iterator<Item = &str> {
        let purposes: BTreeSet<&str> =
            self.counts.iter().filter_map(|counts| counts.purpose.as_deref()).collect();
        alike(purpose, purposes)
    }

    /// Returns the customers who agree, one row each, for each purpose of the audience: their latest yes is
    /// later than any no. Of two words at one instant the stricter counts.
    pub async fn agreed(
        &self,
        catalog: &Catalog,
        session: &Session,
        audience: &Audience,
    ) -> Result<Vec<DataFrame>> {
        let words = if self.has_undated() {
            register_words(catalog, session).await?;
            WORDS.to_owned()
        } else {
            table(CONSENTS).to_string()
        };
        let asked: Vec<Option<&str>> = match audience.purposes.as_slice() {
            [] => vec![None],
            purposes => purposes.iter().map(|p| Some(p.as_str())).collect(),
        };
        let mut agreed = Vec::new();
        for purpose in asked {
            let sql = format!(
                "select customer_id from (
                   select customer_id, max(yes_at) as yes_at, max(no_at) as no_at, count(undated_no) as undated
                   from (
                     select customer_id, case when granted then {AT} end as yes_at,
                       case when granted then null else {AT} end as no_at,
                       case when granted then null when {AT} is null then 1 end as undated_no
                     from {words} where {}) as words
                   group by customer_id) as latest
                 where undated = 0 and yes_at is not null and (no_at is null or yes_at > no_at)",
                self.counts(audience, purpose),
                AT = CONSENTS_VALID_FROM,
            );
            agreed.push(session.sql(&sql).await.doing("find the consents")?);
        }
        Ok(agreed)
    }

    fn has_undated(&self) -> bool {
        self.counts.iter().any(|counts| counts.undated > 0)
    }

    /// Returns the condition for the words that count for the channel and a purpose: those that name it
    /// exactly, and a no that is careless about it.
    fn counts(&self, audience: &Audience, purpose: Option<&str>) -> String {
        let exactly = |column: &str, name: &str| format!("{column} = {}", quoted(name));
        let mut names = vec![exactly("channel", &audience.channel)];
        names.extend(purpose.map(|purpose| exactly(PURPOSE, purpose)));
        let exact = names.join(" and ");
        if !self.has_careless(audience, purpose) {
            return exact;
        }
        let any_spelling = |column: &str, name: &str, alike: Vec<&str>| {
            let spellings: Vec<String> = std::iter::once(name).chain(alike).map(quoted).collect();
            format!("({column} is null or {column} in ({}))", spellings.join(", "))
        };
        let channel = &audience.channel;
        let mut loosely = vec![any_spelling("channel", channel, self.channels_alike(channel).collect())];
        loosely.extend(
            purpose.map(|purpose| any_spelling(PURPOSE, purpose, self.purposes_alike(purpose).collect())),
        );
        format!("({exact} or granted is not true and {})", loosely.join(" and "))
    }

    /// Returns whether there is a row that could be a careless no to the audience's channel and this purpose.
    fn has_careless(&self, audience: &Audience, purpose: Option<&str>) -> bool {
        self.counts.iter().any(|counts| {
            let channel = counts.channel.as_deref().is_none_or(|c| is_alike(c, &audience.channel));
            let about = purpose
                .is_none_or(|wanted| counts.purpose.as_deref().is_none_or(|found| is_alike(found, wanted)));
            let exactly = counts.channel.as_deref() == Some(&audience.channel)
                && purpose.is_none_or(|wanted| counts.purpose.as_deref() == Some(wanted));
            channel && about && !exactly
        })
    }
}

fn place(audience: &Audience) -> String {
    format!("audience {}", audience.name)
}

/// Returns whether consents are by purpose.
async fn require_columns(catalog: &Catalog) -> Result<bool> {
    let name = table(CONSENTS);
    let Some(consents) = catalog.table(&name).await? else { return Err(catalog.unknown(&name)) };
    let has = |column: &str| consents.schema.field_with_name(column).is_ok();
    let lacking: Vec<String> = COLUMNS.iter().filter(|c| !has(c)).map(|c| format!("`{c}`")).collect();
    if !lacking.is_empty() {
        return Err(Error::config(format!("{name} has no column {}", lacking.join(", ")))
            .hint(format!("consent is read from its columns {}", COLUMNS.join(", "))));
    }
    Ok(has(PURPOSE))
}

/// The words known at the session's instant, and those without a date, which no instant hides.
async fn register_words(catalog: &Catalog, session: &Session) -> Result<()> {
    let consents = table(CONSENTS);
    let doing = "open the consents";
    let dated =
        session.table(&consents).await?.filter(plain(CONSENTS_VALID_FROM).is_not_null()).doing(doing)?;
    let undated = catalog
        .session([&consents], None)
        .await?
        .table(&consents)
        .await?
        .filter(plain(CONSENTS_VALID_FROM).is_null())
        .doing(doing)?;
    session.register_view(&WORDS.parse::<TableName>()?, dated.union(undated).doing(doing)?)
}

async fn counts(session: &Session, by_purpose: bool) -> Result<Vec<ConsentCounts>> {
    let purpose = if by_purpose { PURPOSE } else { "cast(null as varchar)" };
    let sql = format!(
        "select arrow_cast(channel, 'Utf8') as channel, arrow_cast({purpose}, 'Utf8') as purpose,
           count(*) as n, count(*) - count(customer_id) as nobody, count(*) - count(granted) as unanswered,
           count(*) - count({CONSENTS_VALID_FROM}) as undated
         from {WORDS} group by 1, 2 order by 1, 2"
    );
    let doing = "read the consents";
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let mut counts = Vec::new();
    for batch in batches {
        let text = |column: usize, row: usize| {
            let texts: &StringArray = batch.column(column).as_string();
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        let number = |column: usize, row: usize| {
            batch.column(column).as_primitive::<Int64Type>().value(row).unsigned_abs()
        };
        counts.extend((0..batch.num_rows()).map(|row| ConsentCounts {
            channel: text(0, row),
            purpose: text(1, row),
            rows: number(2, row),
            nobody: number(3, row),
            unanswered: number(4, row),
            undated: number(5, row),
        }));
    }
    Ok(counts)
}

fn spelled(consents: &TableName, column: &str, found: &str, wanted: &str) -> String {
    format!(
        "{consents}: the {column} \"{found}\" is not \"{wanted}\": a no under this name is used, a yes is \
         ignored"
    )
}

/// Returns the names that are spelled nearly like one, and are not it.
fn alike<'a>(name: &str, names: BTreeSet<&'a str>) -> impl Iterator<Item = &'a str> {
    let name = name.to_owned();
    names.into_iter().filter(move |other| *other != name && is_alike(other, &name))
}

/// Equal but for case, blanks and punctuation.
fn is_alike(one: &str, other: &str) -> bool {
    let letters = |text: &str| {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    letters(one) == letters(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_channel_are_alike() {
        for other in ["Email", "E-mail", " email ", "E MAIL"] {
            assert!(is_alike(other, "email"), "{other}");
        }
        for other in ["mail", "emails", "post", ""] {
            assert!(!is_alike(other, "email"), "{other}");
        }
    }
}

//! `core.bounces`: the addresses from which something came back.

use std::collections::BTreeSet;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::Int64Type;

use super::address::AddressKind;
use super::definition::Audience;
use super::tables::{BOUNCES, BOUNCES_VALID_FROM, table};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::warehouse::catalog::Catalog;

const COLUMNS: [&str; 3] = ["channel", "address", BOUNCES_VALID_FROM];

/// What `core.bounces` holds at the instant, looked at once for all audiences.
pub(super) struct Bounces {
    /// Rows that no instant shows.
    undated: usize,
    /// Channel, rows, and rows without an address.
    counts: Vec<(Option<String>, i64, i64)>,
}

impl Bounces {
    /// Looks at the bounces, if an audience asks for them.
    ///
    /// # Errors
    /// A column that is missing.
    pub async fn survey(
        catalog: &Catalog,
        audiences: &[Audience],
        as_of: Instant,
    ) -> Result<Option<Bounces>> {
        let name = table(BOUNCES);
        if !audiences.iter().any(|audience| audience.reads().contains(&name)) {
            return Ok(None);
        }
        let Some(bounces) = catalog.table(&name).await? else { return Err(catalog.unknown(&name)) };
        let lacking: Vec<String> = COLUMNS
            .iter()
            .filter(|column| bounces.schema.field_with_name(column).is_err())
            .map(|column| format!("`{column}`"))
            .collect();
        if !lacking.is_empty() {
            return Err(Error::config(format!("{name} has no column {}", lacking.join(", "))).hint(format!(
                "addresses from which something came back are read from its columns {}",
                COLUMNS.join(", ")
            )));
        }
        let doing = "read the bounces";
        let session = catalog.session([&name], Some(as_of)).await?;
        let sql = format!(
            "select arrow_cast(channel, 'Utf8'), count(*), count(*) - count(address) from {name} \
             group by 1 order by 1"
        );
        let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
        let mut counts = Vec::new();
        for batch in batches {
            let channels: &StringArray = batch.column(0).as_string();
            let number =
                |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
            for (row, channel) in channels.iter().enumerate() {
                counts.push((channel.map(str::to_owned), number(1, row), number(2, row)));
            }
        }
        let every_row = catalog.session([&name], None).await?;
        let undated = every_row
            .sql(&format!("select 1 from {name} where {BOUNCES_VALID_FROM} is null"))
            .await
            .doing(doing)?
            .count()
            .await
            .doing(doing)?;
        Ok(Some(Bounces { undated, counts }))
    }

    /// Returns the channels, as they are spelled, whose bounces are of such an address; at least its usual name.
    pub fn channels_of(&self, kind: AddressKind) -> Vec<String> {
        let usual = kind.channels().iter().take(1).map(|name| (*name).to_owned());
        let found = self.counts.iter().filter_map(|(channel, ..)| channel.clone());
        let found = found
            .filter(|channel| AddressKind::of_channel(channel).is_some_and(|of| of.shares_addresses(kind)));
        usual.chain(found).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns what is to be reported of rows that say nothing.
    pub fn warnings(&self) -> Vec<String> {
        let name = table(BOUNCES);
        let mut warnings = Vec::new();
        let without_address: i64 = self.counts.iter().map(|(_, _, without_address)| without_address).sum();
        let without_channel: i64 =
            self.counts.iter().filter(|(channel, ..)| channel.is_none()).map(|(_, n, _)| n).sum();
        let mut ignored = |n: i64, column: &str| {
            if n > 0 {
                warnings.push(format!("{name}: rows without {column}, which are ignored: {n}"));
            }
        };
        ignored(without_address, "address");
        ignored(self.undated as i64, BOUNCES_VALID_FROM);
        ignored(without_channel, "channel");
        let unknown: BTreeSet<&str> = self
            .counts
            .iter()
            .filter_map(|(channel, ..)| channel.as_deref())
            .filter(|channel| AddressKind::of_channel(channel).is_none())
            .collect();
        if !unknown.is_empty() {
            let unknown: Vec<&str> = unknown.into_iter().collect();
            warnings.push(format!(
                "{name}: the channel {} is none of email, phone, sms and post: its rows are ignored",
                unknown.join(", ")
            ));
        }
        warnings
    }
}

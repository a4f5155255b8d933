//! A steward's decisions: two records are one person (`link`), or are not (`cut`).
//!
//! They are a table like any other and take precedence over keys and weights. Of several decisions on one
//! pair the latest is used.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray};
use futures::StreamExt;

use super::all_records::Row;
use super::clusters::StewardDecision;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// A record as a steward names it: `source:record_id`.
type Name = (String, String);

/// A record's number, and its number among the person records if it is one.
#[derive(Debug, Clone, Copy)]
struct FoundRecord {
    record: u32,
    person: Option<u32>,
}

/// The decisions, the latest first.
#[derive(Debug, Default)]
pub struct Decisions {
    pairs: Vec<(Name, Name, bool)>,
    /// The records they name, where they were met.
    found: HashMap<Name, Option<FoundRecord>>,
    /// Rows that are no decision.
    unreadable: u64,
}

impl Decisions {
    /// # Errors
    /// The table lacks a column.
    pub async fn read(catalog: &Catalog, table: &TableName, as_of: Instant) -> Result<Decisions> {
        let doing = || format!("read the decisions in {table}");
        let session = catalog.session([table], Some(as_of)).await?;
        let frame = session.table(table).await?;
        let has = |column: &str| frame.schema().has_column_with_unqualified_name(column);
        let missing: Vec<&str> =
            ["record_a", "record_b", "decision"].into_iter().filter(|c| !has(c)).collect();
        if !missing.is_empty() {
            return Err(Error::config(format!("{table} has no column {}", missing.join(", "))).hint(
                "decisions have record_a and record_b (SOURCE:RECORD_ID), decision (link or cut) and decided_at",
            ));
        }
        let latest_first = if has("decided_at") { "decided_at desc nulls last, " } else { "" };
        let sql = format!(
            "select cast(record_a as varchar), cast(record_b as varchar), lower(trim(cast(decision as varchar)))
             from {table} order by {latest_first}1, 2, 3"
        );
        let mut rows = session.sql(&sql).await.doing(doing())?.execute_stream().await.doing(doing())?;
        let mut decisions = Decisions::default();
        let mut seen = HashSet::new();
        while let Some(batch) = rows.next().await {
            let batch = batch.doing(doing())?;
            let texts = [0, 1, 2].map(|n| batch.column(n).as_string::<i32>());
            for row in 0..batch.num_rows() {
                let text = |n: usize| texts[n].is_valid(row).then(|| texts[n].value(row));
                let together = match text(2) {
                    Some("link") => Some(true),
                    Some("cut") => Some(false),
                    _ => None,
                };
                match (text(0).and_then(named), text(1).and_then(named), together) {
                    (Some(a), Some(b), Some(together)) if a != b => {
                        let (a, b) = if a < b { (a, b) } else { (b, a) };
                        if seen.insert((a.clone(), b.clone())) {
                            decisions.found.insert(a.clone(), None);
                            decisions.found.insert(b.clone(), None);
                            decisions.pairs.push((a, b, together));
                        }
                    }
                    _ => decisions.unreadable += 1,
                }
            }
        }
        Ok(decisions)
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Notes the number of a record if a decision names it. The row with the person comes first.
    pub(super) fn note_record(&mut self, row: &Row, record: u32) {
        if let Some(found) = self.found.get_mut(&(row.source.to_owned(), row.record_id.to_owned())) {
            *found = Some(FoundRecord { record, person: row.person });
        }
    }

    /// Returns the decisions whose two records both exist, the latest first.
    pub(crate) fn rulings(&self) -> Vec<StewardDecision> {
        self.found_pairs()
            .map(|(a, b, together)| StewardDecision { left: a.record, right: b.record, together })
            .collect()
    }

    /// Returns the decisions in effect between two person records, by their person numbers.
    pub(super) fn standing_on_persons(&self, stand: &[bool]) -> Vec<StewardDecision> {
        self.found_pairs()
            .zip(stand)
            .filter_map(|((a, b, together), stands)| {
                let (a, b) = (a.person?, b.person?);
                stands.then_some(StewardDecision { left: a.min(b), right: a.max(b), together })
            })
            .collect()
    }

    fn found_pairs(&self) -> impl Iterator<Item = (FoundRecord, FoundRecord, bool)> {
        let found = |name: &Name| self.found.get(name).copied().flatten();
        self.pairs.iter().filter_map(move |(a, b, together)| Some((found(a)?, found(b)?, *together)))
    }

    /// Returns what the steward should know of them; `stand` says for each decision whether it is in effect.
    pub fn warnings(&self, stand: &[bool]) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |count: usize, what: &str| {
            if count > 0 {
                warnings.push(format!("{count} decisions of the steward {what}"));
            }
        };
        warn(
            self.unreadable as usize,
            "were ignored: expected two records as SOURCE:RECORD_ID, and link or cut",
        );
        warn(self.pairs.len() - stand.len(), "name records that do not exist");
        warn(stand.iter().filter(|s| !**s).count(), "were overruled by later ones");
        warnings
    }
}

fn named(text: &str) -> Option<Name> {
    let (source, record_id) = text.trim().split_once(':')?;
    Some((source.to_owned(), record_id.to_owned()))
}

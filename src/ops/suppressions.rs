//! `ops.suppressions`: keyed hashes of the identifiers of erased persons, so that later deliveries do not
//! bring them back.
//!
//! Grain: one row per identifying value. Its `hash` is HMAC-SHA256 (RFC 2104) of kind
//! and normal form, with a key that is only in the environment: without the key the list reveals nothing,
//! even to somebody who tries all telephone numbers.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt;
use ring::hmac;

use super::identifier::Identifier;
use super::table::ops_table;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::normal_form::{former, normal};
use crate::placeholder_value::PlaceholderValues;
use crate::warehouse::catalog::Catalog;

const VARIABLE: &str = "SILLAGE_SUPPRESSION_KEY";
/// Below this a key could be guessed.
const KEY_CHARACTERS: usize = 32;
/// The kind of the row by which a wrong key is found out; no identifier has it.
const SEAL: &str = "_key";

type Hash = [u8; 32];

/// Returns `ops.suppressions`.
pub fn table() -> TableName {
    ops_table("suppressions")
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("kind", DataType::Utf8, true),
        Field::new("hash", DataType::Utf8, true),
        Field::new("run", DataType::Int64, true),
    ]))
}

/// The secret of the hashes.
#[derive(Clone)]
pub struct SuppressionKey(hmac::Key);

impl fmt::Debug for SuppressionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuppressionKey(…)")
    }
}

impl SuppressionKey {
    /// # Errors
    /// When the environment has none, or one that could be guessed.
    pub fn from_environment() -> Result<Self> {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        if text.is_empty() {
            return Err(Error::config(format!("{VARIABLE} is not set")).hint(
                "it is the secret key for the hashes of erased persons, kept outside the warehouse: give \
                 the one that was used before, or make one with `openssl rand -hex 32`",
            ));
        }
        Self::of(&text)
    }

    fn of(text: &str) -> Result<Self> {
        if text.chars().count() < KEY_CHARACTERS {
            return Err(Error::config(format!(
                "{VARIABLE} has {} characters, expected at least {KEY_CHARACTERS}",
                text.chars().count()
            ))
            .hint("make one with `openssl rand -hex 32`"));
        }
        Ok(SuppressionKey(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
    }

    /// Of a value in its normal form.
    fn hash(&self, kind: &str, normal: &str) -> Hash {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(normal.as_bytes());
        let mut hash = Hash::default();
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

/// Who is to be in no table.
#[derive(Debug, Clone)]
pub struct Suppressions {
    key: SuppressionKey,
    hashes: HashSet<Hash>,
    kinds: BTreeSet<String>,
    sealed: bool,
}

impl Suppressions {
    /// Returns the list of the release; `None` when no person was ever erased. The key is asked for only
    /// then.
    ///
    /// # Errors
    /// Without the key, or with another than the list was made with.
    pub async fn of_release(catalog: &Catalog) -> Result<Option<Self>> {
        let there = catalog.table(&table()).await?;
        if there.is_none_or(|table| table.rows == 0) {
            return Ok(None);
        }
        let key = SuppressionKey::from_environment()
            .map_err(|e| e.at("the suppression list of the warehouse, which keeps erased persons out"))?;
        Self::read(catalog, key).await.map(Some)
    }

    fn empty(key: SuppressionKey) -> Self {
        Suppressions { key, hashes: HashSet::new(), kinds: BTreeSet::new(), sealed: false }
    }

    /// Returns a list of these identifiers alone, under the same key.
    ///
    /// # Errors
    /// None, unless the program makes columns that do not fit the table.
    pub fn only<'i>(&self, identifiers: impl IntoIterator<Item = &'i Identifier>) -> Result<Self> {
        let mut list = Self::empty(self.key.clone());
        list.add(identifiers, 0)?;
        Ok(list)
    }

    /// Returns the list of the release, empty when there is none.
    ///
    /// # Errors
    /// A list that cannot be read or is damaged, or that was made with another key.
    pub async fn read(catalog: &Catalog, key: SuppressionKey) -> Result<Self> {
        let mut list = Suppressions::empty(key);
        if catalog.table(&table()).await?.is_none() {
            return Ok(list);
        }
        let doing = "read the suppression list";
        let damaged = || Error::failed(format!("{} does not hold what sillage writes there", table()));
        let session = catalog.session([&table()], None).await?;
        let frame = session.sql("select kind, hash from ops.suppressions").await.doing(doing)?;
        let mut rows = frame.execute_stream().await.doing(doing)?;
        let seal = list.key.hash(SEAL, "");
        while let Some(batch) = rows.next().await {
            let batch = batch.doing(doing)?;
            let texts = |n: usize| batch.column(n).as_string_opt::<i32>().ok_or_else(damaged);
            for (kind, hash) in texts(0)?.iter().zip(texts(1)?) {
                let hash = hash.and_then(from_hexadecimal).ok_or_else(damaged)?;
                if kind != Some(SEAL) {
                    list.hashes.insert(hash);
                    if let Some(kind) = kind.filter(|kind| !list.kinds.contains(*kind)) {
                        list.kinds.insert(kind.to_owned());
                    }
                } else if hash == seal {
                    list.sealed = true;
                } else {
                    return Err(Error::config(format!(
                        "{VARIABLE} is not the key that the warehouse's suppression list was made with"
                    ))
                    .hint("with another key forgotten persons would come back: find the one used before"));
                }
            }
        }
        Ok(list)
    }

    /// Returns whether the value, in whatever spelling, belongs to an erased person. An unusable value
    /// never does.
    pub fn holds(&self, kind: &str, value: &str) -> bool {
        let (normal, former) = (normal(value), former(value));
        let is_listed = self.hashes.contains(&self.key.hash(kind, &normal))
            || (former != normal && self.hashes.contains(&self.key.hash(kind, &former)));
        is_listed && PlaceholderValues::default().of_record_id(value).is_none()
    }

    /// Returns the kinds of the values that are on the list.
    pub fn kinds(&self) -> &BTreeSet<String> {
        &self.kinds
    }

    /// Takes the identifiers in; those that were new, as rows of `ops.suppressions`.
    ///
    /// # Errors
    /// None, unless the program makes columns that do not fit the table.
    pub fn add<'i>(
        &mut self,
        identifiers: impl IntoIterator<Item = &'i Identifier>,
        run: u64,
    ) -> Result<RecordBatch> {
        let mut fresh: Vec<(&str, Hash)> = Vec::new();
        if !std::mem::replace(&mut self.sealed, true) {
            fresh.push((SEAL, self.key.hash(SEAL, "")));
        }
        for identifier in identifiers {
            let hash = self.key.hash(&identifier.kind, &identifier.value);
            self.kinds.insert(identifier.kind.clone());
            if self.hashes.insert(hash) {
                fresh.push((&identifier.kind, hash));
            }
        }
        // Sorted by hash, nothing shows which values belong to one person.
        fresh.sort_unstable();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(fresh.iter().map(|(kind, _)| *kind))),
            Arc::new(StringArray::from_iter_values(fresh.iter().map(|(_, hash)| hex::encode(hash)))),
            Arc::new(Int64Array::from_iter_values(fresh.iter().map(|_| run as i64))),
        ];
        RecordBatch::try_new(schema(), columns).doing("write the suppression list")
    }
}

fn from_hexadecimal(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
pub fn list_of(identifiers: &[Identifier]) -> Suppressions {
    let key = SuppressionKey::of(&"k".repeat(KEY_CHARACTERS)).unwrap();
    let mut list = Suppressions::empty(key);
    list.add(identifiers, 1).unwrap();
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_value_is_known_in_any_spelling_and_of_its_kind_only() {
        let list = list_of(&[Identifier::new("email", "ada@example.org")]);
        assert!(list.holds("email", " ADA@example.org"));
        assert!(list.holds("email", "ada@example.org\u{a0}\t"));
        assert!(!list.holds("card", "ada@example.org"));
        assert!(!list.holds("email", "bob@example.org"));
        assert!(!list_of(&[Identifier::new("email", "n/a")]).holds("email", "N/A"));
    }

    #[test]
    fn the_rows_say_nothing_of_the_value_and_add_it_once() {
        let mut list = list_of(&[]);
        let ada = Identifier::new("email", "ada@example.org");
        let rows = list.add([&ada], 7).unwrap();
        assert_eq!(rows.num_rows(), 1);
        let hash = rows.column(1).as_string::<i32>().value(0);
        assert_eq!(from_hexadecimal(hash).map(hex::encode).as_deref(), Some(hash));
        assert!(!hash.contains("ada"));
        assert_eq!(list.add([&ada], 8).unwrap().num_rows(), 0);
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        let message = SuppressionKey::of("secret").unwrap_err().to_string();
        assert!(message.contains("has 6 characters, expected at least 32"), "{message}");
    }
}

//! Who is to be forgotten, and what the warehouse has of them.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::engine_of;
use super::erase::refused;
use super::request::Request;
use crate::erasure::{ErasedPerson, ErasureRequest};
use crate::error::{Error, Result};
use crate::ingest::count_erased;
use crate::name::TableName;
use crate::ops::Identifier;
use crate::ops::suppressions::{SuppressionKey, Suppressions};
use crate::pipeline::Pipeline;
use crate::source::Person;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::Release;

/// Who is to be forgotten.
#[derive(Debug, Clone)]
pub struct Forgetting {
    pub identifiers: Vec<Identifier>,
    /// Whether they may belong to more than one customer.
    pub several: bool,
    /// Whether somebody typed them.
    pub is_typed: bool,
    /// Whether tables that the pipeline does not make are published without rows.
    pub empty_others: bool,
    /// Who was found when somebody was asked, and agreed; `None` where they had agreed beforehand.
    pub agreed: Option<BTreeSet<Identifier>>,
    pub key: SuppressionKey,
}

/// What would be forgotten.
#[derive(Debug)]
pub struct Found {
    pub customers: u64,
    /// Of those asked for, the identifiers that no record has.
    pub unknown: u64,
    /// Identifying values by kind.
    pub identifiers: BTreeMap<String, u64>,
    /// Rows by raw table.
    pub rows: BTreeMap<TableName, u64>,
    /// Refused records that name the person.
    pub refused: u64,
    pub others: Vec<TableName>,
    /// How many earlier releases would be purged.
    pub earlier: u64,
    /// The release that knows the person, where it is not the last.
    pub known_to: Option<u64>,
    /// Files and copies that would be searched.
    pub elsewhere: u64,
    /// By what they are known.
    pub who: BTreeSet<Identifier>,
}

impl Found {
    /// Returns whether the warehouse knows anybody by these identifiers.
    pub fn is_anybody(&self) -> bool {
        self.customers > 0 || !self.rows.is_empty() || self.refused > 0 || self.known_to.is_some()
    }
}

/// Looks for the person and changes nothing.
///
/// # Errors
/// No warehouse there or one without a release, no source that says whose its rows are, another key than the
/// list was made with, an unknown kind of identifier, identifiers of several customers where one is asked for.
pub async fn preview(
    pipeline: &Pipeline,
    location: &str,
    asked: &Forgetting,
    request: &Request,
) -> Result<Found> {
    let warehouse = Warehouse::open(location).await?;
    let release = warehouse.require_last_release().await?;
    let search = Search { pipeline, warehouse: &warehouse, persons: persons(pipeline)?, asked, request };
    let catalog = catalog_of(pipeline, &warehouse, &release, request)?;
    let list = Suppressions::read(&catalog, asked.key.clone()).await?;
    search.look(&release, &catalog, &list).await.map(|(found, _)| found)
}

/// A look for the person.
pub(super) struct Search<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) warehouse: &'a Warehouse,
    pub(super) persons: BTreeMap<TableName, Person>,
    pub(super) asked: &'a Forgetting,
    pub(super) request: &'a Request,
}

impl Search<'_> {
    /// Who is meant, and what there is of them; `list` is that of the release.
    pub(super) async fn look(
        &self,
        release: &Release,
        catalog: &Catalog,
        list: &Suppressions,
    ) -> Result<(Found, ErasedPerson)> {
        let mut subject = subject(self.pipeline, catalog, &self.persons, self.asked).await?;
        // More about a person forgotten earlier may be known since: it is not part of this search.
        let theirs = list.only(&subject.identifiers)?;
        let mut found = Found {
            customers: subject.customers,
            unknown: subject.unknown,
            identifiers: BTreeMap::new(),
            rows: self.rows(catalog, &theirs, |_| true).await?,
            refused: refused(self.pipeline, catalog, &kinds(&self.persons), &theirs).await?.named,
            others: others(self.pipeline, release),
            earlier: 0,
            known_to: None,
            elsewhere: self.warehouse.exported().await?.len() as u64,
            who: BTreeSet::new(),
        };
        let earlier: Vec<u64> =
            self.warehouse.releases().await?.into_iter().filter(|number| *number < release.release).collect();
        found.earlier = earlier.len() as u64;
        let forgotten_before = self.asked.identifiers.iter().all(|i| list.holds(&i.kind, &i.value));
        if !found.is_anybody()
            && !forgotten_before
            && let Some((number, there)) = self.before(release, &earlier, &theirs).await?
        {
            found.known_to = Some(number);
            subject = there;
        }
        (found.identifiers, found.who) = (by_kind(&subject), subject.identifiers.clone());
        Ok((found, subject))
    }

    /// The newest of the earlier releases that knows the person, who may have left the tables since: what
    /// can still be read of them there is purged too.
    async fn before(
        &self,
        last: &Release,
        earlier: &[u64],
        theirs: &Suppressions,
    ) -> Result<Option<(u64, ErasedPerson)>> {
        let mut looked_at: BTreeSet<(TableName, u64)> =
            last.tables.iter().map(|(table, version)| (table.clone(), *version)).collect();
        for number in earlier.iter().rev() {
            let release = self.warehouse.release(*number).await?;
            let catalog = catalog_of(self.pipeline, self.warehouse, &release, self.request)?;
            let subject = subject(self.pipeline, &catalog, &self.persons, self.asked).await?;
            let was_looked_at = |table: &TableName| {
                release
                    .tables
                    .get(table)
                    .is_some_and(|version| looked_at.contains(&(table.clone(), *version)))
            };
            if subject.customers > 0
                || !self.rows(&catalog, theirs, |table| !was_looked_at(table)).await?.is_empty()
            {
                return Ok(Some((*number, subject)));
            }
            looked_at.extend(release.tables);
        }
        Ok(None)
    }

    /// Rows of the list's persons, by raw table.
    async fn rows(
        &self,
        catalog: &Catalog,
        list: &Suppressions,
        wanted: impl Fn(&TableName) -> bool,
    ) -> Result<BTreeMap<TableName, u64>> {
        let mut rows = BTreeMap::new();
        for (table, person) in self.persons.iter().filter(|(table, _)| wanted(table)) {
            let count = count_erased(catalog, table, person, list).await?;
            if count > 0 {
                rows.insert(table.clone(), count);
            }
        }
        Ok(rows)
    }
}

/// Nobody is purged for a slip of the hand, and nobody but whom somebody agreed to.
pub(super) fn require_somebody(asked: &Forgetting, found: &Found) -> Result<()> {
    if !found.is_anybody() {
        return Err(nobody());
    }
    match &asked.agreed {
        Some(agreed) if *agreed != found.who => Err(Error::failed(
            "the warehouse has changed since it was asked about: others are meant by the identifiers now",
        )
        .hint("nothing was forgotten; look again")),
        _ => Ok(()),
    }
}

/// Nobody was found.
pub fn nobody() -> Error {
    Error::config("nobody was found by these identifiers, and nothing was changed")
        .hint("is one mistyped? `--dry-run` shows what is found by another")
}

pub(super) fn catalog_of(
    pipeline: &Pipeline,
    warehouse: &Warehouse,
    release: &Release,
    request: &Request,
) -> Result<Catalog> {
    let engine = engine_of(pipeline, request.limits, warehouse)?;
    Ok(Catalog::new(warehouse.clone(), engine, Some(release), pipeline.visibility()))
}

/// The raw tables whose rows are somebody's.
pub(super) fn persons(pipeline: &Pipeline) -> Result<BTreeMap<TableName, Person>> {
    let persons: BTreeMap<TableName, Person> = pipeline
        .sources()
        .filter_map(|source| Some((source.raw_table(), source.contract.person.clone()?)))
        .collect();
    if persons.is_empty() {
        return Err(Error::config("no source says whose its rows are, so nobody can be forgotten")
            .hint("declare it, for example [sources.orders.person] keys = { card = \"card\" }"));
    }
    Ok(persons)
}

/// Every kind of key that any of them has.
pub(super) fn kinds(persons: &BTreeMap<TableName, Person>) -> BTreeSet<String> {
    persons.values().flat_map(|person| &person.keys).map(|key| key.kind.word()).collect()
}

/// The tables of the release, those of its history aside, that no step makes.
pub(super) fn others(pipeline: &Pipeline, release: &Release) -> Vec<TableName> {
    let made: BTreeSet<TableName> =
        pipeline.steps.values().flat_map(|step| step.step().tables_made()).collect();
    let other = |table: &&TableName| table.schema() != "ops" && !made.contains(*table);
    release.tables.keys().filter(other).cloned().collect()
}

async fn subject(
    pipeline: &Pipeline,
    catalog: &Catalog,
    persons: &BTreeMap<TableName, Person>,
    asked: &Forgetting,
) -> Result<ErasedPerson> {
    let keys = pipeline.identity().and_then(|identity| identity.keys.as_ref());
    let who =
        ErasureRequest { identifiers: &asked.identifiers, several: asked.several, is_typed: asked.is_typed };
    let subject = ErasedPerson::find(catalog, keys, persons, &who, &pipeline.placeholders()).await?;
    if subject.customers == 0 {
        let kinds = kinds(persons);
        if let Some(unknown) = asked.identifiers.iter().find(|i| !kinds.contains(&i.kind)) {
            let kind = &unknown.kind;
            return Err(match kind.as_str() {
                "customer_id" => Error::config("no customer of the last release has this id"),
                _ => Error::config(format!("no source has a key of the kind `{kind}`"))
                    .hint(did_you_mean_or_list(kind, kinds.iter().map(|k| k.as_ref()), "known kinds are")),
            });
        }
    }
    Ok(subject)
}

pub(super) fn by_kind(subject: &ErasedPerson) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for identifier in &subject.identifiers {
        *kinds.entry(identifier.kind.clone()).or_default() += 1;
    }
    kinds
}

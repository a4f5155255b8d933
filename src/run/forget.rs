//! Forgetting a person: the last night once more, without them.
//!
//! A run like any other, as of the last release's instant: the step of a source takes the person's rows
//! out of its raw table in place of reading files, every other step computes its tables anew, checks
//! are asked, and one release is published. What needs the person's identifiers in plain (files that
//! sillage wrote elsewhere, copies of the warehouse) is done before that: after it nobody knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use tokio::sync::watch;

use super::Request;
use super::erase::{Erasure, count, refused};
use super::execute::run_locked;
use super::progress::Progress;
use crate::clock;
use crate::erasure::{
    Asked, CleanedFile, Identifier, Receipt, Replica, Subject, SuppressionKey, Suppressions, clean_file,
};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::pipeline::{Pipeline, Step, raw_table};
use crate::source::Person;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::exported::{ExportKind, Exported};
use crate::warehouse::lock::Lock;
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

/// Takes the person out of the warehouse, of its copies and of exported files. `None` when they were
/// forgotten before.
///
/// # Errors
/// No source that says whose its rows are, an unknown kind of identifier, identifiers of several
/// customers, tables that the pipeline does not make; and all that a run can fail for.
pub async fn forget(
    pipeline: &Arc<Pipeline>,
    location: &str,
    asked: &Forgetting,
    request: &Request,
    progress: Arc<dyn Progress>,
    stop: watch::Receiver<bool>,
) -> Result<Option<Receipt>> {
    let warehouse = Warehouse::open(location).await?;
    let held = async |lock: &Lock| {
        forget_locked(pipeline, &warehouse, asked, request, &progress, stop, lock)
            .await
            .map_err(|e| e.at(format!("pipeline {}", pipeline.name)))
    };
    warehouse.holding(request.wait, held).await
}

/// Looks for the person and changes nothing.
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
struct Search<'a> {
    pipeline: &'a Pipeline,
    warehouse: &'a Warehouse,
    persons: BTreeMap<TableName, Person>,
    asked: &'a Forgetting,
    request: &'a Request,
}

impl Search<'_> {
    /// Who is meant, and what there is of them; `list` is that of the release.
    async fn look(
        &self,
        release: &Release,
        catalog: &Catalog,
        list: &Suppressions,
    ) -> Result<(Found, Subject)> {
        let mut subject = subject(self.pipeline, catalog, &self.persons, self.asked).await?;
        // Of whoever was forgotten before something may have come to light since: it says nothing of them.
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
    ) -> Result<Option<(u64, Subject)>> {
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
            let count = count(catalog, table, person, list).await?;
            if count > 0 {
                rows.insert(table.clone(), count);
            }
        }
        Ok(rows)
    }
}

/// Nobody is purged for a slip of the hand, and nobody but whom somebody agreed to.
fn require_somebody(asked: &Forgetting, found: &Found) -> Result<()> {
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

async fn forget_locked(
    pipeline: &Arc<Pipeline>,
    warehouse: &Warehouse,
    asked: &Forgetting,
    request: &Request,
    progress: &Arc<dyn Progress>,
    stop: watch::Receiver<bool>,
    lock: &Lock,
) -> Result<Option<Receipt>> {
    warehouse.settle(lock).await?;
    warehouse.end_erasing().await?;
    let release = warehouse.require_last_release().await?;
    let catalog = catalog_of(pipeline, warehouse, &release, request)?;
    let search = Search { pipeline, warehouse, persons: persons(pipeline)?, asked, request };
    let list = Suppressions::read(&catalog, asked.key.clone()).await?;
    let (found, subject) = search.look(&release, &catalog, &list).await?;
    if !found.is_anybody() && asked.identifiers.iter().all(|i| list.holds(&i.kind, &i.value)) {
        return Ok(None);
    }
    // A copy learns whom it must keep out even when it holds nothing of them.
    if asked.is_typed {
        require_somebody(asked, &found)?;
    }
    let mut emptied = Vec::new();
    for table in others(pipeline, &release) {
        if let Some(there) = catalog.table(&table).await? {
            emptied.push((table, there.schema.clone()));
        }
    }
    if !emptied.is_empty() && !asked.empty_others {
        let names: Vec<String> = emptied.iter().map(|(table, _)| table.to_string()).collect();
        return Err(Error::config(format!(
            "the pipeline does not make {}, where the person may be",
            names.join(", ")
        ))
        .hint("forget them by the pipeline that makes it; --empty-others publishes it without rows"));
    }
    let run = release.release + 1;
    warehouse.begin_erasing(run).await?;
    let elsewhere = Elsewhere {
        pipeline,
        warehouse,
        asked,
        subject: &subject,
        request,
        progress,
        stop,
        done: Vec::new(),
    };
    let kinds = kinds(&search.persons);
    let done = erase(elsewhere, list, kinds, emptied, run, lock).await;
    let ended = warehouse.end_erasing().await;
    let receipt = done?;
    ended.map(|()| Some(receipt))
}

/// The erasure itself: files and copies, the night without the person, and what was written meanwhile.
async fn erase(
    mut elsewhere: Elsewhere<'_>,
    mut list: Suppressions,
    kinds: BTreeSet<String>,
    emptied: Vec<(TableName, SchemaRef)>,
    run: u64,
    lock: &Lock,
) -> Result<Receipt> {
    let (files, replicas) = elsewhere.clean().await?;
    let subject = elsewhere.subject;
    let additions = list.add(&subject.identifiers, run)?;
    let erasure = Erasure {
        list: Arc::new(list),
        additions,
        kinds,
        receipt: Receipt {
            release: run,
            forgotten_at: clock::now(),
            identifiers: by_kind(subject),
            tables: BTreeMap::new(),
            refused_records: 0,
            emptied: emptied.iter().map(|(table, _)| table.clone()).collect(),
            releases_purged: 0,
            files,
            replicas,
        },
        emptied,
    };
    let warehouse = elsewhere.warehouse;
    let request = Request { forgetting: true, ..elsewhere.request.clone() };
    let (progress, stop) = (elsewhere.progress.as_ref(), elsewhere.stop.clone());
    let release =
        run_locked(elsewhere.pipeline, warehouse, &request, progress, stop, lock, Some(erasure)).await?;
    let receipt = warehouse.receipt(release.release).await?;
    let receipt = receipt.ok_or_else(|| Error::failed("the erasure left no receipt"))?;
    let mut receipt: Receipt = serde_json::from_value(receipt).doing("read the receipt")?;
    // Whoever began to write since then may have read the release before.
    let (files, replicas) = elsewhere.clean().await?;
    warehouse.end_stopped_exports().await?;
    if !files.is_empty() || !replicas.is_empty() {
        receipt.files.extend(files);
        receipt.replicas.extend(replicas);
        let told = serde_json::to_value(&receipt).doing("write the receipt")?;
        warehouse.put_receipt(release.release, &told).await?;
    }
    Ok(receipt)
}

fn catalog_of(
    pipeline: &Pipeline,
    warehouse: &Warehouse,
    release: &Release,
    request: &Request,
) -> Result<Catalog> {
    let engine = super::engine_of(pipeline, request.limits, warehouse)?;
    Ok(Catalog::new(warehouse.clone(), engine, Some(release), pipeline.visibility()))
}

/// The raw tables whose rows are somebody's.
fn persons(pipeline: &Pipeline) -> Result<BTreeMap<TableName, Person>> {
    let persons: BTreeMap<TableName, Person> = pipeline
        .sources()
        .filter_map(|source| Some((raw_table(&source.name), source.person.clone()?)))
        .collect();
    if persons.is_empty() {
        return Err(Error::config("no source says whose its rows are, so nobody can be forgotten")
            .hint("declare it, for example [sources.orders.person] keys = { card = \"card\" }"));
    }
    Ok(persons)
}

/// Every kind of key that any of them has.
fn kinds(persons: &BTreeMap<TableName, Person>) -> BTreeSet<String> {
    persons.values().flat_map(|person| &person.keys).map(|key| key.kind.word()).collect()
}

/// The tables of the release, those of its history aside, that no step makes.
fn others(pipeline: &Pipeline, release: &Release) -> Vec<TableName> {
    let made: BTreeSet<TableName> = pipeline.steps.values().flat_map(Step::writes).collect();
    let other = |table: &&TableName| table.schema() != "ops" && !made.contains(*table);
    release.tables.keys().filter(other).cloned().collect()
}

async fn subject(
    pipeline: &Pipeline,
    catalog: &Catalog,
    persons: &BTreeMap<TableName, Person>,
    asked: &Forgetting,
) -> Result<Subject> {
    let keys = pipeline.steps.values().find_map(|step| match step {
        Step::Resolve(identity) => identity.keys.as_ref(),
        _ => None,
    });
    let who = Asked { identifiers: &asked.identifiers, several: asked.several, is_typed: asked.is_typed };
    let subject = Subject::find(catalog, keys, persons, &who, &pipeline.placeholders()).await?;
    if subject.customers == 0 {
        let kinds = kinds(persons);
        if let Some(unknown) = asked.identifiers.iter().find(|i| !kinds.contains(&i.kind)) {
            let kind = &unknown.kind;
            return Err(match kind.as_str() {
                "customer_id" => Error::config("no customer of the last release has this id"),
                _ => Error::config(format!("no source has a key of the kind `{kind}`"))
                    .hint(format!("known kinds are {}", Vec::from_iter(kinds).join(", "))),
            });
        }
    }
    Ok(subject)
}

fn by_kind(subject: &Subject) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for identifier in &subject.identifiers {
        *kinds.entry(identifier.kind.clone()).or_default() += 1;
    }
    kinds
}

/// What sillage wrote outside the warehouse, and what is being written.
struct Elsewhere<'a> {
    pipeline: &'a Arc<Pipeline>,
    warehouse: &'a Warehouse,
    asked: &'a Forgetting,
    subject: &'a Subject,
    request: &'a Request,
    progress: &'a Arc<dyn Progress>,
    stop: watch::Receiver<bool>,
    /// What was looked at, as it was known.
    done: Vec<Exported>,
}

impl Elsewhere<'_> {
    /// Takes the person out of what is known now and was not looked at yet.
    async fn clean(&mut self) -> Result<(Vec<CleanedFile>, Vec<Replica>)> {
        let (mut files, mut replicas) = (Vec::new(), Vec::new());
        let known = self.warehouse.exported().await?;
        for exported in known.into_iter().filter(|exported| !self.done.contains(exported)).collect::<Vec<_>>()
        {
            match exported.kind {
                ExportKind::File => files.push(self.file(&exported).await?),
                ExportKind::Backup => replicas.push(self.replica(&exported.place).await),
            }
            self.done.push(exported);
        }
        Ok((files, replicas))
    }

    async fn file(&self, exported: &Exported) -> Result<CleanedFile> {
        let stopped = exported.stop();
        let partial = exported.partial.clone().unwrap_or_default();
        let (exported, subject) = (exported.clone(), self.subject.clone());
        let place = exported.place.clone();
        let (is_elsewhere, machine) = (exported.is_elsewhere(), exported.machine.clone().unwrap_or_default());
        let cleaned = tokio::task::spawn_blocking(move || {
            clean_file(&exported.place, exported.format.as_deref(), &subject)
        });
        let mut cleaned = match cleaned.await.doing("clean an exported file")? {
            Ok(cleaned) => cleaned,
            Err(error) => CleanedFile { path: place, rows: None, look: Some(in_a_line(&error)) },
        };
        if cleaned.rows.is_none() && cleaned.look.is_none() && is_elsewhere {
            cleaned.look = Some(format!("it was written on the machine {machine}: look there"));
        }
        match stopped {
            Err(error) => {
                cleaned.look = Some(format!("{partial} is half written and cannot be deleted: {error}"))
            }
            Ok(true) if cleaned.look.is_none() => {
                cleaned.look = Some("it was being written: it must be drawn again".to_owned());
            }
            Ok(_) => {}
        }
        Ok(cleaned)
    }

    async fn replica(&self, place: &str) -> Replica {
        let told = |release, look| Replica { location: place.to_owned(), release, look };
        if !place.contains("://") {
            match Path::new(place).try_exists() {
                Ok(true) => {}
                Ok(false) => return told(None, None),
                Err(error) => return told(None, Some(error.to_string())),
            }
        }
        let all = Forgetting {
            identifiers: self.subject.identifiers.iter().cloned().collect(),
            several: true,
            is_typed: false,
            agreed: None,
            ..self.asked.clone()
        };
        let there =
            forget(self.pipeline, place, &all, self.request, self.progress.clone(), self.stop.clone());
        match Box::pin(there).await {
            Ok(receipt) => told(receipt.map(|receipt| receipt.release), None),
            Err(error) => told(None, Some(in_a_line(&error))),
        }
    }
}

fn in_a_line(error: &Error) -> String {
    error.to_string().replace("\n  ", " ").replace('\n', "; ")
}

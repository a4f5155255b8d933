//! Forgetting a person: the last night once more, without them.
//!
//! A run like any other, as of the last release's instant: the step of a source takes the person's rows
//! out of its raw table in place of reading files, every other step computes its tables anew, checks
//! are asked, and one release is published. What needs the person's identifiers in plain (files that
//! sillage wrote elsewhere, copies of the warehouse) is done before that: after it nobody knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::Request;
use super::erase::{Erasure, count};
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
use crate::warehouse::exported::ExportKind;
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
    pub key: SuppressionKey,
}

/// What would be forgotten.
#[derive(Debug)]
pub struct Found {
    pub customers: u64,
    /// Identifying values by kind.
    pub identifiers: BTreeMap<String, u64>,
    /// Rows by raw table.
    pub rows: BTreeMap<TableName, u64>,
    pub others: Vec<TableName>,
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
    let catalog = catalog_of(pipeline, &warehouse, &release, request)?;
    let persons = persons(pipeline)?;
    let subject = subject(pipeline, &catalog, &persons, asked).await?;
    let mut list = Suppressions::read(&catalog, asked.key.clone()).await?;
    list.add(&subject.identifiers, release.release)?;
    let mut rows = BTreeMap::new();
    for (table, person) in &persons {
        let count = count(&catalog, table, person, &list).await?;
        if count > 0 {
            rows.insert(table.clone(), count);
        }
    }
    let others = others(pipeline, &release);
    Ok(Found { customers: subject.customers, identifiers: by_kind(&subject), rows, others })
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
    let release = warehouse.require_last_release().await?;
    let catalog = catalog_of(pipeline, warehouse, &release, request)?;
    let persons = persons(pipeline)?;
    let mut list = Suppressions::read(&catalog, asked.key.clone()).await?;
    let subject = subject(pipeline, &catalog, &persons, asked).await?;
    if subject.customers == 0 && asked.identifiers.iter().all(|i| list.holds(&i.kind, &i.value)) {
        return Ok(None);
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
    let (files, replicas) =
        elsewhere(pipeline, warehouse, asked, &subject, request, progress, stop.clone()).await?;
    let additions = list.add(&subject.identifiers, run)?;
    let erasure = Erasure {
        list: Arc::new(list),
        additions,
        kinds: kinds(&persons),
        receipt: Receipt {
            release: run,
            forgotten_at: clock::now(),
            identifiers: by_kind(&subject),
            tables: BTreeMap::new(),
            refused_records: 0,
            emptied: emptied.iter().map(|(table, _)| table.clone()).collect(),
            releases_purged: 0,
            files,
            replicas,
        },
        emptied,
    };
    let request = Request { forgetting: true, ..request.clone() };
    let release =
        run_locked(pipeline, warehouse, &request, progress.as_ref(), stop, lock, Some(erasure)).await?;
    let receipt = warehouse.receipt(release.release).await?;
    let receipt = receipt.ok_or_else(|| Error::failed("the erasure left no receipt"))?;
    serde_json::from_value(receipt).doing("read the receipt").map(Some)
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

/// What sillage wrote outside the warehouse.
async fn elsewhere(
    pipeline: &Arc<Pipeline>,
    warehouse: &Warehouse,
    asked: &Forgetting,
    subject: &Subject,
    request: &Request,
    progress: &Arc<dyn Progress>,
    stop: watch::Receiver<bool>,
) -> Result<(Vec<CleanedFile>, Vec<Replica>)> {
    let (mut files, mut replicas) = (Vec::new(), Vec::new());
    for exported in warehouse.exported().await? {
        let place = exported.place;
        match exported.kind {
            ExportKind::File => {
                let (path, subject) = (place.clone(), subject.clone());
                let cleaned = tokio::task::spawn_blocking(move || clean_file(&path, &subject)).await;
                files.push(match cleaned.doing("clean an exported file")? {
                    Ok(cleaned) => cleaned,
                    Err(error) => CleanedFile { path: place, rows: None, look: Some(in_a_line(&error)) },
                });
            }
            ExportKind::Backup if !place.contains("://") && !Path::new(&place).exists() => {
                replicas.push(Replica { location: place, release: None, look: None });
            }
            ExportKind::Backup => {
                let all = Forgetting {
                    identifiers: subject.identifiers.iter().cloned().collect(),
                    several: true,
                    is_typed: false,
                    ..asked.clone()
                };
                let there = forget(pipeline, &place, &all, request, progress.clone(), stop.clone());
                replicas.push(match Box::pin(there).await {
                    Ok(receipt) => {
                        Replica { location: place, release: receipt.map(|r| r.release), look: None }
                    }
                    Err(error) => Replica { location: place, release: None, look: Some(in_a_line(&error)) },
                });
            }
        }
    }
    Ok((files, replicas))
}

fn in_a_line(error: &Error) -> String {
    error.to_string().replace("\n  ", " ").replace('\n', "; ")
}

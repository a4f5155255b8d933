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

use super::erase::Erasure;
use super::erasure_preview::{
    Forgetting, Search, by_kind, catalog_of, kinds, others, persons, require_somebody,
};
use super::execute::LockedRun;
use super::progress::Progress;
use super::request::{Mode, Request};
use crate::clock;
use crate::erasure::{CleanedFile, ErasedPerson, Receipt, Replica, clean_file};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::ops::suppressions::Suppressions;
use crate::pipeline::Pipeline;
use crate::warehouse::Warehouse;
use crate::warehouse::backup::BackupState;
use crate::warehouse::export_register::{ExportKind, Exported};
use crate::warehouse::lock::Lock;

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
    let warehouse = Warehouse::open(location).await?.describing(pipeline.descriptions());
    let held = async |lock: &Lock| {
        forget_locked(pipeline, &warehouse, asked, request, &progress, stop, lock)
            .await
            .map_err(|e| e.at(format!("pipeline {}", pipeline.name)))
    };
    warehouse.holding(request.wait, held).await
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
    warehouse.recover(lock).await?;
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
        sources: elsewhere.pipeline.sources().cloned().collect(),
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
    let request = Request { mode: Mode::Forget, ..elsewhere.request.clone() };
    let (progress, stop) = (elsewhere.progress.as_ref(), elsewhere.stop.clone());
    let locked = LockedRun { pipeline: elsewhere.pipeline, warehouse, request: &request, progress, lock };
    let release = locked.run(stop, Some(erasure)).await?;
    let receipt = warehouse.receipt(release.release).await?;
    let receipt = receipt.ok_or_else(|| Error::failed("the erasure left no receipt"))?;
    let mut receipt: Receipt = serde_json::from_value(receipt).doing("read the receipt")?;
    // Whoever began to write since then may have read the release before.
    let (files, replicas) = elsewhere.clean().await?;
    warehouse.end_stopped_exports().await?;
    if !files.is_empty() || !replicas.is_empty() {
        receipt.files.extend(files);
        receipt.replicas.extend(replicas);
        let value = serde_json::to_value(&receipt).doing("write the receipt")?;
        warehouse.put_receipt(release.release, &value).await?;
    }
    Ok(receipt)
}

const UNFINISHED_BACKUP: &str =
    "a backup was being made there, or was cut off: what was copied is deleted, back up again";

/// What sillage wrote outside the warehouse, and what is being written.
struct Elsewhere<'a> {
    pipeline: &'a Arc<Pipeline>,
    warehouse: &'a Warehouse,
    asked: &'a Forgetting,
    subject: &'a ErasedPerson,
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
        let (is_on_other_machine, machine) =
            (exported.is_on_other_machine(), exported.machine.clone().unwrap_or_default());
        let cleaned = tokio::task::spawn_blocking(move || {
            clean_file(&exported.place, exported.format.as_deref(), exported.dialect, &subject)
        });
        let mut cleaned = match cleaned.await.doing("clean an exported file")? {
            Ok(cleaned) => cleaned,
            Err(error) => CleanedFile { path: place, rows: None, look: Some(in_a_line(&error)) },
        };
        if cleaned.rows.is_none() && cleaned.look.is_none() && is_on_other_machine {
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
        let replica = |release, look| Replica { location: place.to_owned(), release, look };
        if !place.contains("://") {
            match Path::new(place).try_exists() {
                Ok(true) => {}
                Ok(false) => return replica(None, None),
                Err(error) => return replica(None, Some(error.to_string())),
            }
        }
        match Warehouse::delete_unfinished_backup(place).await {
            Ok(BackupState::Whole) => {}
            Ok(BackupState::NotBegun) => return replica(None, None),
            Ok(BackupState::Unfinished) => return replica(None, Some(UNFINISHED_BACKUP.to_owned())),
            Err(error) => return replica(None, Some(in_a_line(&error))),
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
            Ok(receipt) => replica(receipt.map(|receipt| receipt.release), None),
            Err(error) => replica(None, Some(in_a_line(&error))),
        }
    }
}

fn in_a_line(error: &Error) -> String {
    error.to_string().replace("\n  ", " ").replace('\n', "; ")
}

//! The look at the world before planning: the release, the ledger, the source files, a run cut off.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::source::{self, SameContent, Source, SourceFile};
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::Engine;
use crate::warehouse::journal::Unfinished;
use crate::warehouse::release::Release;

use super::ledger::{self, Ledger};
use super::quarantine::{self, Lines};
use super::request::Request;

/// What a plan is made from, beside the pipeline and the request.
#[derive(Debug, Default)]
pub struct Observation {
    pub release: Option<Release>,
    /// The as-of instant of the last release whose tables were published.
    pub last_as_of: Option<crate::clock::Instant>,
    pub unfinished: Option<Unfinished>,
    /// By source.
    pub ledgers: BTreeMap<String, Ledger>,
    pub files: BTreeMap<String, Vec<SeenFile>>,
    /// What lies among a source's files and is not read, each with the reason.
    pub left_out: BTreeMap<String, Vec<String>>,
    /// The refused records that wait, by source and file; of the sources to be replayed, and of those in
    /// which a file may do away with another's.
    pub open: BTreeMap<String, BTreeMap<String, Vec<Lines>>>,
}

/// A file of a source as it lies there now.
#[derive(Debug, Clone)]
pub struct SeenFile {
    pub file: SourceFile,
    /// Of the content; only where name, size and time do not settle whether it is known.
    pub digest: Option<String>,
    /// Whether it holds no record at all; only asked where another new file has its content.
    pub is_empty: bool,
}

/// Looks; changes nothing.
pub async fn observe(
    warehouse: Option<&Warehouse>,
    engine: Option<&Engine>,
    pipeline: &Pipeline,
    request: &Request,
) -> Result<Observation> {
    let mut seen = Observation::default();
    if let (Some(warehouse), Some(engine)) = (warehouse, engine) {
        seen.release = warehouse.last_release().await?;
        if let Some(number) = seen.release.as_ref().and_then(|r| r.last_published) {
            seen.last_as_of = Some(warehouse.release(number).await?.as_of);
        }
        seen.unfinished = warehouse.unfinished_run(seen.release.as_ref()).await?;
        let catalog = Catalog::new(warehouse.clone(), engine.clone(), seen.release.as_ref(), BTreeMap::new());
        seen.ledgers = ledger::read(&catalog).await?;
        for source in pipeline.sources().filter(|_| !request.full_refresh) {
            let does_away = source.replaces.is_some() || source.snapshot.is_some();
            let refused = || seen.ledgers.get(&source.name)?.entries.values().find(|e| e.refused > 0);
            if request.replay.contains(&source.name) || (does_away && refused().is_some()) {
                seen.open.insert(source.name.clone(), quarantine::open(&catalog, &source.name).await?);
            }
        }
    }
    if request.full_refresh {
        seen.ledgers.clear();
    }
    let mut errors = Vec::new();
    for source in pipeline.sources().filter(|_| !request.forgetting) {
        let ledger = seen.ledgers.get(&source.name).cloned().unwrap_or_default();
        let listed = match source::list(source).await {
            Ok(listed) => listed,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        seen.left_out.insert(source.name.clone(), listed.skipped_files);
        let mut files = match seen_files(source, &ledger, listed.files).await {
            Ok(files) => files,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        if let Err(error) = look_into_repeated(source, &ledger, &mut files).await {
            errors.push(error);
            continue;
        }
        seen.files.insert(source.name.clone(), files);
    }
    Error::all(errors)?;
    Ok(seen)
}

/// The files as they lie there, with the digests of those that may hold what another does.
async fn seen_files(source: &Source, ledger: &Ledger, listed: Vec<SourceFile>) -> Result<Vec<SeenFile>> {
    let mut files = Vec::with_capacity(listed.len());
    // Only contents of one size can be the same; that of a packed file takes unpacking to know.
    let mut of_size: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in ledger.entries.values() {
        *of_size.entry(entry.content_size).or_default() += 1;
    }
    for mut file in listed {
        let known = ledger.entries.get(&file.name);
        let digest = match known.filter(|e| e.size == file.size && e.modified == file.modified) {
            Some(known) => Some(known.digest.clone()),
            None => {
                let packed = match source::is_packed(source, &file).await? {
                    true => Some(file.look_at_content(source).await?.clone()),
                    false => None,
                };
                let size = packed.as_ref().map_or(file.size, |content| content.size);
                *of_size.entry(size).or_default() += 1;
                packed.map(|content| content.digest)
            }
        };
        files.push(SeenFile { file, digest, is_empty: false });
    }
    for SeenFile { file, digest, .. } in &mut files {
        let may_be_another = of_size.get(&file.size).is_some_and(|files| *files > 1);
        if digest.is_none() && (may_be_another || ledger.entries.contains_key(&file.name)) {
            *digest = Some(file.look_at_content(source).await?.digest.clone());
        }
    }
    Ok(files)
}

/// Of new files with one content, whether they hold any record: those without do not add to each other.
async fn look_into_repeated(source: &Arc<Source>, ledger: &Ledger, files: &mut [SeenFile]) -> Result<()> {
    let asked = match source.same_content {
        Some(SameContent::Read) => false,
        Some(SameContent::Skip) => true,
        None => source.key.is_empty(),
    };
    if !asked {
        return Ok(());
    }
    let mut by_content: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, seen) in files.iter().enumerate() {
        if let Some(digest) = &seen.digest
            && !ledger.entries.contains_key(&seen.file.name)
        {
            by_content.entry(digest.clone()).or_default().push(place);
        }
    }
    for places in by_content.values().filter(|places| places.len() > 1) {
        let is_empty = !source::has_records(source, &files[places[0]].file).await?;
        for place in places {
            files[*place].is_empty = is_empty;
        }
    }
    Ok(())
}

//! The look at the world before planning: the release, the files of sources, a run cut off.

use std::collections::BTreeMap;

use super::request::{Mode, Request};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ingest::SourceObservation;
use crate::ops::{quarantine, sources};
use crate::pipeline::Pipeline;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::Engine;
use crate::warehouse::journal::Unfinished;
use crate::warehouse::release::Release;

/// What a plan is made from, beside the pipeline and the request.
#[derive(Debug, Default)]
pub struct Observation {
    pub release: Option<Release>,
    /// The as-of instant of the last release whose tables were published.
    pub last_as_of: Option<Instant>,
    pub unfinished: Option<Unfinished>,
    /// By name; none where no file is read.
    pub sources: BTreeMap<String, SourceObservation>,
}

/// Looks; changes nothing.
pub async fn observe(
    warehouse: Option<&Warehouse>,
    engine: Option<&Engine>,
    pipeline: &Pipeline,
    request: &Request,
) -> Result<Observation> {
    let mut seen = Observation::default();
    let (mut registers, mut catalog) = (BTreeMap::new(), None);
    if let (Some(warehouse), Some(engine)) = (warehouse, engine) {
        seen.release = warehouse.last_release().await?;
        if let Some(number) = seen.release.as_ref().and_then(|r| r.last_published) {
            seen.last_as_of = Some(warehouse.release(number).await?.as_of);
        }
        seen.unfinished = warehouse.unfinished_run(seen.release.as_ref()).await?;
        let released =
            Catalog::new(warehouse.clone(), engine.clone(), seen.release.as_ref(), BTreeMap::new());
        if !request.full_refresh {
            registers = sources::read(&released).await?;
        }
        catalog = Some(released);
    }
    if request.mode == Mode::Forget {
        return Ok(seen);
    }
    let mut errors = Vec::new();
    for ingest in pipeline.ingests() {
        let source = &ingest.source;
        let register = registers.remove(&source.name).unwrap_or_default();
        let does_away = source.files().replaces.is_some() || source.contract.snapshot.is_some();
        let has_refused = register.entries.values().any(|entry| entry.refused > 0);
        let asks_open = request.mode.replays(&source.name) || (does_away && has_refused);
        match SourceObservation::look(source, register).await {
            Ok(mut looked) => {
                if let Some(catalog) = catalog.as_ref().filter(|_| asks_open && !request.full_refresh) {
                    looked.open = Some(quarantine::open(catalog, &source.name).await?);
                }
                seen.sources.insert(source.name.clone(), looked);
            }
            Err(error) => errors.push(pipeline.sql_origins.place(error)),
        }
    }
    Error::all(errors)?;
    Ok(seen)
}

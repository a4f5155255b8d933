//! The plan of a run that is shown and not carried out.

use std::collections::BTreeMap;

use super::engine::engine_of;
use super::named_segments;
use super::new_files;
use super::observe::observe;
use super::plan::Plan;
use super::planner::plan;
use super::rehearsal::rehearse;
use super::request::Request;
use crate::clock;
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;

/// Plans without the lock and without changing anything, for `plan` and `--dry-run`; goes through all steps and checks
/// over empty tables.
///
/// # Errors
/// A place that is neither a warehouse nor empty, and all that keeps a run from being planned.
pub async fn preview(pipeline: &Pipeline, location: &str, request: &Request) -> Result<Plan> {
    // A warehouse that is not there yet is an empty one.
    let warehouse = match Warehouse::open(location).await {
        Ok(warehouse) => Some(warehouse),
        Err(_) if is_empty(location) => None,
        Err(error) => return Err(error),
    };
    let engine = warehouse.as_ref().map(|w| engine_of(pipeline, request.limits, w)).transpose()?;
    let seen = observe(warehouse.as_ref(), engine.as_ref(), pipeline, request)
        .await
        .map_err(|e| e.at(format!("pipeline {}", pipeline.name)))?;
    let planned = async {
        let mut plan = plan(pipeline, request, &seen, clock::now())?;
        let released = warehouse.as_ref().zip(engine.as_ref()).map(|(warehouse, engine)| {
            Catalog::new(warehouse.clone(), engine.clone(), seen.release.as_ref(), BTreeMap::new())
        });
        let raw = new_files::look(&mut plan, pipeline, released.as_ref(), request.full_refresh).await?;
        rehearse(pipeline, &raw, request.limits).await?;
        named_segments::look(&plan, pipeline, released.as_ref()).await?;
        Ok(plan)
    };
    planned.await.map_err(|e: Error| e.at(format!("pipeline {}", pipeline.name)))
}

fn is_empty(location: &str) -> bool {
    match std::fs::read_dir(location) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
    }
}

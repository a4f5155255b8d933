//! Which pipeline file a verb reads: the one that was named, or the only one there is.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::pipeline::placeholder::Placeholders;
use crate::pipeline::{self, Pipeline};

/// Reads the pipeline that was named, or the only one there is.
pub(super) fn load_pipeline(path: Option<PathBuf>) -> Result<Arc<Pipeline>> {
    load_with(path, &Placeholders::default())
}

/// The same where no source will be read: the environment need not say where they are.
pub(super) fn load_pipeline_without_sources(path: Option<PathBuf>) -> Result<Arc<Pipeline>> {
    load_with(path, &Placeholders::kept_when_unset())
}

fn load_with(path: Option<PathBuf>, placeholders: &Placeholders) -> Result<Arc<Pipeline>> {
    let path = match path {
        Some(path) => path,
        None => only_pipeline()?,
    };
    pipeline::load(&path, placeholders).map(Arc::new)
}

fn only_pipeline() -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("pipelines")
        .map(|entries| {
            entries
                .filter_map(|e| Some(e.ok()?.path()))
                .filter(|p| p.extension().is_some_and(|e| e == "toml"))
                .collect()
        })
        .unwrap_or_default();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::config("there is no pipeline in pipelines/")
            .hint("name one, or start a project with `sillage init`")),
        many => Err(Error::config("there are several pipelines; name one of them")
            .hint(many.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))),
    }
}

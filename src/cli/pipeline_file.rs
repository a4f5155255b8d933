//! Which pipeline file a verb reads: the one that was named, or the only one there is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::pipeline::placeholder::Placeholders;
use crate::pipeline::project::{PIPELINES, has_pipelines, or_here};
use crate::pipeline::{self, Pipeline};
use crate::suggestion::did_you_mean;

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
        Some(project) if project.is_dir() => only_pipeline(&project)?,
        Some(path) => path,
        None => only_pipeline(Path::new(""))?,
    };
    if !path.exists()
        && let Some(near) = near(&path)
    {
        return Err(Error::config(format!("there is no pipeline {}", path.display())).hint(near));
    }
    pipeline::load(&path, placeholders).map(Arc::new)
}

/// Which pipeline beside a file that is not there was perhaps meant.
fn near(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let entries = std::fs::read_dir(or_here(folder)).ok()?;
    let names = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.ends_with(".toml").then(|| folder.join(name).display().to_string())
    });
    let names: Vec<String> = names.collect();
    did_you_mean(&path.display().to_string(), names.iter().map(String::as_str))
}

/// Returns the only pipeline of a project, which may be given by its `pipelines/` too.
fn only_pipeline(project: &Path) -> Result<PathBuf> {
    let folder = if has_pipelines(project) { project.to_owned() } else { project.join(PIPELINES) };
    let mut found: Vec<PathBuf> = std::fs::read_dir(or_here(&folder))
        .map(|entries| {
            entries
                .filter_map(|e| Some(folder.join(e.ok()?.file_name())))
                .filter(|p| p.extension().is_some_and(|e| e == "toml"))
                .collect()
        })
        .unwrap_or_default();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let folder = std::path::absolute(or_here(&folder)).unwrap_or(folder);
            Err(Error::config(format!("there is no pipeline in {}", folder.display()))
                .hint("name one, or start a project with `sillage init`"))
        }
        many => Err(Error::config("there are several pipelines; name one of them")
            .hint(many.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))),
    }
}

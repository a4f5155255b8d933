//! Reading a pipeline file and its models, to be checked together.

use std::path::{Component, Path, PathBuf};

use super::check;
use super::definition::Pipeline;
use super::document::Document;
use super::file::PipelineFile;
use super::placeholder::Placeholders;
use crate::error::{Error, Result};
use crate::model::{self, Model, Models};

/// Reads and checks a pipeline file and its models; all errors at once, each with file and line.
pub fn load(path: &Path, placeholders: &Placeholders) -> Result<Pipeline> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::config(format!("the pipeline {shown} cannot be read"))
            .caused_by(e)
            .hint("give the path of a pipeline file, for example pipelines/nightly.toml")
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    of_text(&shown, &text, placeholders, |named| {
        let models_folder = match named.models {
            Some(models) => folder.join(models),
            None => folder.join("../sql").join(named.name.unwrap_or(&stem)),
        };
        model::load(&plain(&models_folder))
    })
}

/// What a pipeline file says of where its models are.
#[derive(Debug, Clone, Copy)]
pub struct Named<'f> {
    pub name: Option<&'f str>,
    pub models: Option<&'f str>,
}

/// Checks the text of a pipeline file, which messages call `shown`; `models` gives its models.
pub fn of_text(
    shown: &str,
    text: &str,
    placeholders: &Placeholders,
    models: impl FnOnce(Named) -> Models,
) -> Result<Pipeline> {
    let document = Document::parse(shown, text)?;
    let (file, mut errors) = PipelineFile::read(&document);
    let models = models(Named { name: file.name.as_deref(), models: file.models.as_deref() });
    let all_models = models.errors.is_empty();
    errors.extend(models.errors);
    let fingerprint = fingerprint(text, &models.read);
    let known = check::Known { models: models.read, all_models, placeholders };
    check::check(file, &document, known, fingerprint, errors)
}

/// `pipelines/../sql` as `sql`, where that is the same folder (a link could make it another).
fn plain(folder: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in folder.components() {
        let up = part == Component::ParentDir
            && matches!(short.components().next_back(), Some(Component::Normal(_)));
        if up {
            short.pop();
        } else {
            short.push(part);
        }
    }
    match (folder.canonicalize(), short.canonicalize()) {
        (Ok(long), Ok(same)) if long != same => folder.to_owned(),
        _ => short,
    }
}

fn fingerprint(text: &str, models: &[Model]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(text);
    for model in models {
        hash.update([0]);
        hash.update(model.table.to_string());
        hash.update([0]);
        hash.update(&model.sql);
    }
    hex::encode(&hash.finalize()[..16])
}

//! Reading the files of a pipeline, to be checked together.

use std::path::Path;

use super::check;
use super::definition::Pipeline;
use super::document::Document;
use super::documents::{Documents, TABLES};
use super::file::PipelineFile;
use super::placeholder::Placeholders;
use super::project::{PartFile, ProjectFolder, part_files};
use crate::error::{Error, Result};
use crate::model::{self, Model, Models};

/// Reads and checks a pipeline file, its parts and its models; all errors at once, each with file and line.
///
/// # Errors
/// Everything that is wrong in any of the files.
pub fn load(path: &Path, placeholders: &Placeholders) -> Result<Pipeline> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::config(format!("the pipeline {shown} cannot be read"))
            .caused_by(e)
            .hint("give the path of a pipeline file, for example pipelines/nightly.toml")
    })?;
    let project = ProjectFolder::of(path);
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    checked(&shown, &text, &project, placeholders, |main| {
        let text = |key: &str| main.value(key).and_then(|value| value.get_ref().as_str());
        let folder = match text("models") {
            Some(models) => models.to_owned(),
            None => format!("sql/{}", text("name").unwrap_or(&stem)),
        };
        model::load(&project.path(&folder))
    })
}

/// Checks the text of a pipeline file, which messages call `shown`, with models that were read already.
///
/// # Errors
/// Everything that is wrong in it.
pub fn of_text(shown: &str, text: &str, placeholders: &Placeholders, models: Models) -> Result<Pipeline> {
    checked(shown, text, &ProjectFolder::default(), placeholders, |_| models)
}

fn checked(
    shown: &str,
    text: &str,
    project: &ProjectFolder,
    placeholders: &Placeholders,
    models: impl FnOnce(&Document) -> Models,
) -> Result<Pipeline> {
    let main = Document::parse(shown, text)?;
    let mut errors = Vec::new();
    let mut parts = part_files(&main, project, &mut errors);
    let models = models(&main);
    let all_models = models.errors.is_empty();
    errors.extend(models.errors);
    parts.extend(models.properties.into_iter().map(|file| PartFile {
        section: TABLES,
        name: file.table.to_string(),
        path: file.path.display().to_string(),
        text: file.text,
    }));
    let fingerprint = fingerprint(text, &parts, &models.read);
    let mut documents = Documents::of(main);
    for part in &parts {
        match Document::parse(&part.path, &part.text) {
            Ok(document) => {
                if let Err(there) = documents.add(part.section, &part.name, document) {
                    let what = part.section.trim_end_matches('s');
                    errors.push(
                        Error::config(format!("there are two files for the {what} {}", part.name))
                            .at_line(&part.path, None)
                            .hint(format!("the other one is {there}; rename one of them")),
                    );
                }
            }
            Err(error) => errors.push(error),
        }
    }
    let (file, wrong) = PipelineFile::read(&documents);
    errors.extend(wrong);
    let known = check::Known { models: models.read, all_models, placeholders, project };
    check::check(file, &documents, known, fingerprint, errors)
}

fn fingerprint(text: &str, parts: &[PartFile], models: &[Model]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(text);
    let parts = parts.iter().map(|part| (format!("{}.{}", part.section, part.name), &part.text));
    for (name, text) in parts.chain(models.iter().map(|model| (model.table.to_string(), &model.sql))) {
        hash.update([0]);
        hash.update(name);
        hash.update([0]);
        hash.update(text);
    }
    hex::encode(&hash.finalize()[..16])
}

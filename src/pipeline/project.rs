//! The folder of a project, from which every path in the files of a pipeline is read.

use std::path::{Component, Path, PathBuf};

use super::document::Document;
use crate::error::Error;

/// The folder above `pipelines/`; for a pipeline file in a folder of another name, that folder.
#[derive(Debug, Clone, Default)]
pub struct ProjectFolder(PathBuf);

/// The folder of pipeline files in a project.
pub const PIPELINES: &str = "pipelines";

impl ProjectFolder {
    /// Returns the project that a pipeline file belongs to.
    pub fn of(pipeline: &Path) -> Self {
        let folder = pipeline.parent().unwrap_or(Path::new(""));
        ProjectFolder(match has_pipelines(folder) {
            true => shortened(&folder.join("..")),
            false => shortened(folder),
        })
    }

    /// Returns a path of the pipeline file, as the working folder reaches it.
    pub fn path(&self, written: &str) -> PathBuf {
        shortened(&self.0.join(written))
    }

    /// Returns a location of the pipeline file: a URL as it is, a path as the working folder reaches it.
    pub fn location(&self, written: &str) -> String {
        if written.contains("://") || self.0.as_os_str().is_empty() || Path::new(written).is_absolute() {
            return written.to_owned();
        }
        self.0.join(written).to_string_lossy().into_owned()
    }
}

/// Returns whether a folder is the one of a project that has the pipeline files, by its true name: the command
/// may be run from within it.
pub fn has_pipelines(folder: &Path) -> bool {
    or_here(folder).canonicalize().is_ok_and(|path| path.ends_with(PIPELINES))
}

/// Returns the working folder for a path that says nothing.
pub fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Returns `a/../b` as `b` where that is the same place (a link could make it another), without `.`.
fn shortened(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let up = part == Component::ParentDir
            && matches!(short.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            _ if up => {
                short.pop();
            }
            _ => short.push(part),
        }
    }
    match (or_here(path).canonicalize(), or_here(&short).canonicalize()) {
        (Ok(long), Ok(same)) if long != same => path.to_owned(),
        _ => short,
    }
}

/// The text of a part of a pipeline, in a file of its own.
#[derive(Debug, Clone)]
pub struct PartFile {
    /// The section that it is an entry of.
    pub section: &'static str,
    /// The name of the entry: that of the file.
    pub name: String,
    /// The path as messages show it.
    pub path: String,
    pub text: String,
}

/// The sections whose entries may have files of their own.
pub const IN_FILES: [&str; 2] = ["sources", "audiences"];

/// Returns the files of the sections that name files; what cannot be read goes to `errors`.
pub fn part_files(main: &Document, project: &ProjectFolder, errors: &mut Vec<Error>) -> Vec<PartFile> {
    let mut parts = Vec::new();
    for section in IN_FILES {
        for pattern in main.texts(section).unwrap_or_default() {
            match files_at(&project.path(&pattern)) {
                Ok(files) if files.is_empty() => {
                    let what = match project.path(&pattern).is_dir() {
                        true => format!("there is no .toml file in the folder {pattern}"),
                        false => format!("there is no file at {pattern}"),
                    };
                    let error = Error::config(what).hint(format!(
                        "name a folder with .toml files, or a pattern such as pipelines/nightly/{section}/*.toml; a path \
                         begins at the project's folder"
                    ));
                    errors.push(main.at_key(&[section.to_owned()], error.at(section)));
                }
                Ok(files) => parts.extend(files.into_iter().filter_map(|path| read(section, &path, errors))),
                Err(error) => errors.push(main.at_key(&[section.to_owned()], error.at(section))),
            }
        }
    }
    parts
}

fn read(section: &'static str, path: &Path, errors: &mut Vec<Error>) -> Option<PartFile> {
    let shown = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            Some(PartFile { section, name, path: shown, text })
        }
        Err(e) => {
            errors.push(Error::config("the file cannot be read").caused_by(e).at_line(&shown, None));
            None
        }
    }
}

/// Returns the `.toml` files of a folder, or the files that a pattern matches, by name.
fn files_at(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let pattern = if path.is_dir() { path.join("*.toml") } else { path.to_owned() };
    let found = glob::glob(&pattern.to_string_lossy())
        .map_err(|e| Error::config(format!("`{}` is not a pattern", pattern.display())).caused_by(e))?;
    let mut files = Vec::new();
    for file in found {
        files.push(file.map_err(|e| Error::config("the folder cannot be read").caused_by(e))?);
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_folder_above_pipelines() {
        let folder = tempfile::tempdir().unwrap();
        let pipelines = folder.path().join("shop/pipelines");
        std::fs::create_dir_all(&pipelines).unwrap();
        let root = folder.path().join("shop");
        for file in ["nightly.toml", "../pipelines/nightly.toml"] {
            let project = ProjectFolder::of(&pipelines.join(file));
            assert_eq!(project.path("sql/nightly"), root.join("sql/nightly"), "{file}");
            assert_eq!(project.location("exports/*.csv"), root.join("exports/*.csv").display().to_string());
            assert_eq!(project.location("s3://bucket/x"), "s3://bucket/x");
            assert_eq!(project.location("/data/x"), "/data/x");
        }
        let beside = ProjectFolder::of(&root.join("shop.toml"));
        assert_eq!(beside.path("sql"), root.join("sql"));
    }

    #[test]
    fn a_path_below_the_working_folder_stays_as_it_is_written() {
        let project = ProjectFolder::of(Path::new("anything.toml"));
        assert_eq!(project.location("exports/*.csv"), "exports/*.csv");
        assert_eq!(project.path("sql/x"), Path::new("sql/x"));
    }
}

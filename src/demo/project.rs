//! The demo's pipeline and models, carried in the binary so that a demo needs nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};

use crate::error::{Context, Result};

const PIPELINE: &str = "pipelines/nightly.toml";
const PIPELINE_FILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/nightly.toml"));

/// Folders of the project, each with what is below it.
static FOLDERS: [(&str, Dir<'_>); 2] = [
    ("pipelines/nightly", include_dir!("$CARGO_MANIFEST_DIR/pipelines/nightly")),
    ("sql/nightly", include_dir!("$CARGO_MANIFEST_DIR/sql/nightly")),
];

/// Writes the nightly pipeline and its models below `dir` and returns the pipeline's file.
///
/// # Errors
/// When a file cannot be written.
pub fn unpack(dir: &Path) -> Result<PathBuf> {
    let pipeline = dir.join(PIPELINE);
    write(&pipeline, PIPELINE_FILE.as_bytes())?;
    for (name, folder) in &FOLDERS {
        unpack_folder(&dir.join(name), folder)?;
    }
    Ok(pipeline)
}

fn unpack_folder(dir: &Path, folder: &Dir<'_>) -> Result<()> {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(below) => unpack_folder(dir, below)?,
            DirEntry::File(file) => write(&dir.join(file.path()), file.contents())?,
        }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).doing(format_args!("make the folder {}", folder.display()))?;
    }
    fs::write(path, content).doing(format_args!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use walkdir::WalkDir;

    use super::*;

    /// Cargo does not see that a file was added: then a change in this file makes it look again.
    #[test]
    fn every_file_of_the_night_is_carried() {
        let unpacked = tempfile::tempdir().unwrap();
        unpack(unpacked.path()).unwrap();
        let files = |root: &Path, folder: &str| -> Vec<PathBuf> {
            let below = WalkDir::new(root.join(folder)).sort_by_file_name().into_iter();
            let files = below.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
            files.map(|entry| entry.path().strip_prefix(root).unwrap().to_owned()).collect()
        };
        for (folder, _) in &FOLDERS {
            let shipped = files(Path::new(env!("CARGO_MANIFEST_DIR")), folder);
            assert!(!shipped.is_empty());
            assert_eq!(files(unpacked.path(), folder), shipped);
        }
    }
}

//! The look at a source before a run is planned: its files as they lie there, and what is known of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;
use crate::ops::quarantine::Lines;
use crate::ops::sources::FileRegister;
use crate::source::{self, SameContent, Source, SourceFile};

/// A source as it lies there.
#[derive(Debug, Default)]
pub struct SourceObservation {
    /// The files that were taken up before.
    pub register: FileRegister,
    pub files: Vec<SeenFile>,
    /// What lies among the files and is not read, each with the reason.
    pub left_out: Vec<String>,
    /// The refused records that wait, by file: where they are to be replayed, or a file may do away with
    /// another's.
    pub open: Option<BTreeMap<String, Vec<Lines>>>,
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

impl SourceObservation {
    /// Looks at the source's files; changes nothing.
    ///
    /// # Errors
    /// Files that cannot be listed or read.
    pub async fn look(source: &Arc<Source>, register: FileRegister) -> Result<Self> {
        let listed = source::list(source).await?;
        let mut files = seen_files(source, &register, listed.files).await?;
        look_into_repeated(source, &register, &mut files).await?;
        Ok(SourceObservation { register, files, left_out: listed.skipped_files, open: None })
    }
}

/// The files as they lie there, with the digests of those that may hold what another does.
async fn seen_files(
    source: &Source,
    register: &FileRegister,
    listed: Vec<SourceFile>,
) -> Result<Vec<SeenFile>> {
    let mut files = Vec::with_capacity(listed.len());
    // Only contents of one size can be the same; that of a packed file takes unpacking to know.
    let mut of_size: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in register.entries.values() {
        *of_size.entry(entry.content_size).or_default() += 1;
    }
    for mut file in listed {
        let known = register.entries.get(&file.name);
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
        if digest.is_none() && (may_be_another || register.entries.contains_key(&file.name)) {
            *digest = Some(file.look_at_content(source).await?.digest.clone());
        }
    }
    Ok(files)
}

/// Of new files with one content, whether they hold any record: those without do not add to each other.
async fn look_into_repeated(
    source: &Arc<Source>,
    register: &FileRegister,
    files: &mut [SeenFile],
) -> Result<()> {
    let asked = match source.files().same_content {
        Some(SameContent::Read) => false,
        Some(SameContent::Skip) => true,
        None => source.contract.key.is_empty(),
    };
    if !asked {
        return Ok(());
    }
    let mut by_content: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, seen) in files.iter().enumerate() {
        if let Some(digest) = &seen.digest
            && !register.entries.contains_key(&seen.file.name)
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

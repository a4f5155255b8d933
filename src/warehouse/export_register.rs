//! The register of exports: files and copies that sillage wrote outside the warehouse, so that an erasure
//! finds them.
//!
//! ```text
//! _sillage/exported/<hash of the place>.json              a finished export
//! _sillage/exported/<hash of the place>-<number>.json     an export that is being written
//! _sillage/erasing/<run>.json                             an erasure is reading the register
//! ```
//!
//! An export is registered before it reads. An erasure announces itself before it reads the register; an
//! export checks at its end whether an erasure was announced or published since the release that it read. So
//! one of the two sees the other, whatever their order: the erasure cleans the file, or the export deletes
//! it.

use std::io::ErrorKind;

use object_store::Error::{PermissionDenied, Unauthenticated};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::location::Warehouse;
use super::object::numbered;
use crate::clock::{self, Instant};
use crate::error::{Context, Error, Result};
use crate::exported_file::Dialect;
use crate::storage::process::{Life, Process};

const FOLDER: &str = "_sillage/exported";
const ERASING: &str = "_sillage/erasing";

/// A place that rows of the warehouse were written to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// An absolute path, or the location of a copy.
    pub place: String,
    pub kind: ExportKind,
    pub written_at: Instant,
    /// How the rows are written: `csv`, `xlsx`, `json`, `parquet`, `table`. Not known of what an older sillage wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Of CSV, its delimiter and its encoding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// The machine on which the path is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The name under which it is being written; it is not whole then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// Which process of that machine writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportKind {
    /// Rows in a file.
    File,
    /// A warehouse of its own.
    Backup,
}

/// An export under way.
#[derive(Debug)]
pub struct Export<'w> {
    warehouse: &'w Warehouse,
    exported: Exported,
    entry: Path,
}

impl Exported {
    /// Returns a place that is about to be written; relative paths are taken from the working folder, and
    /// the folder's own name counts, whatever links lead to it.
    pub fn new(place: &str, kind: ExportKind) -> Self {
        let is_url = place.contains("://");
        let absolute = match is_url {
            true => place.to_owned(),
            false => resolved(std::path::Path::new(place)),
        };
        Exported {
            place: absolute,
            kind,
            written_at: clock::now(),
            format: None,
            dialect: None,
            machine: machine().filter(|_| !is_url),
            partial: None,
            process: None,
        }
    }

    /// Returns the entry of an export that is being written under a temporary name.
    #[must_use]
    pub fn under(self, partial: &std::path::Path) -> Self {
        let (partial, process) = (partial.display().to_string(), Process::this().to_string());
        Exported { partial: Some(partial), process: Some(process), ..self }
    }

    /// Returns whether the process that was writing it has died, as far as this one can know.
    fn is_interrupted(&self) -> bool {
        let process = self.process.as_deref().and_then(Process::of);
        !self.is_on_other_machine() && process.is_some_and(|process| process.life() == Life::Dead)
    }

    /// Returns whether the place is a path of another machine than this one.
    pub fn is_on_other_machine(&self) -> bool {
        self.machine.is_some() && self.machine != machine()
    }

    /// Stops an export that is under way, or clears up after one that was killed: what it has written so
    /// far is deleted, and a file that is gone does not get its name. Says whether there was one.
    ///
    /// # Errors
    /// It is there and cannot be deleted.
    pub fn stop(&self) -> std::io::Result<bool> {
        // Only files with the names of exports, never other files.
        let partial = self.partial.as_deref().filter(|partial| {
            let number = partial.strip_prefix(&self.place).and_then(|rest| rest.strip_suffix(".part"));
            number.and_then(|rest| rest.strip_prefix('.')).is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        });
        let Some(partial) = partial else { return Ok(false) };
        match std::fs::remove_file(partial) {
            Ok(()) => Ok(true),
            Err(e) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&e.kind()) => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn path(&self) -> Path {
        Path::from(format!("{FOLDER}/{}.json", blake3::hash(self.place.as_bytes()).to_hex()))
    }
}

/// Returns the path with its folder as it is without links.
fn resolved(path: &std::path::Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name).display().to_string(),
        _ => absolute.display().to_string(),
    }
}

fn machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

impl Warehouse {
    /// Makes an export known before it reads; `None` where this user may not write to the warehouse.
    ///
    /// # Errors
    /// A register that cannot be written for another reason, or that cannot be read.
    pub async fn begin_export(&self, exported: Exported) -> Result<Option<Export<'_>>> {
        let name = blake3::hash(exported.place.as_bytes()).to_hex();
        let entry = Path::from(format!("{FOLDER}/{name}-{}.json", Uuid::new_v4().simple()));
        let doing = || format!("write {entry}");
        let bytes = serde_json::to_vec_pretty(&exported).doing(doing())?;
        match self.store().put(&entry, bytes.into()).await {
            Err(PermissionDenied { .. } | Unauthenticated { .. }) => return Ok(None),
            put => put.doing(doing())?,
        };
        self.sweep_exports().await?;
        Ok(Some(Export { warehouse: self, exported, entry }))
    }

    /// Returns all places, by name; those that are being written come as often as they are.
    ///
    /// # Errors
    /// A register that cannot be read, or an entry that sillage did not write.
    pub async fn exported(&self) -> Result<Vec<Exported>> {
        let mut all: Vec<Exported> = Vec::new();
        for path in self.list_objects(FOLDER).await? {
            all.extend(self.read_json(&path).await?);
        }
        all.sort_by(|a, b| (&a.place, &a.partial).cmp(&(&b.place, &b.partial)));
        Ok(all)
    }

    /// Deletes the partial files of exports whose processes died.
    ///
    /// # Errors
    /// A register that cannot be read; an entry that sillage did not write or that cannot be deleted.
    pub async fn sweep_exports(&self) -> Result<()> {
        self.end_exports(Exported::is_interrupted).await
    }

    /// Takes exports that an erasure stopped for ended.
    ///
    /// # Errors
    /// The same.
    pub async fn end_stopped_exports(&self) -> Result<()> {
        self.end_exports(|_| true).await
    }

    async fn end_exports(&self, have_ended: impl Fn(&Exported) -> bool) -> Result<()> {
        for path in self.list_objects(FOLDER).await? {
            if path.filename().is_some_and(|name| name.contains('-'))
                && let Some(exported) = self.read_json::<Exported>(&path).await?
                && have_ended(&exported)
            {
                // What cannot be deleted now stays known.
                if exported.stop().is_ok() {
                    self.delete_object(&path).await?;
                }
            }
        }
        Ok(())
    }

    /// Announces that an erasure reads the register of exports.
    ///
    /// # Errors
    /// The announcement cannot be written.
    pub async fn begin_erasing(&self, run: u64) -> Result<()> {
        self.put_json(&numbered(ERASING, run), &clock::now()).await
    }

    /// Removes the announcements of finished or interrupted erasures. Under the lock only.
    ///
    /// # Errors
    /// The announcements cannot be listed or deleted.
    pub async fn end_erasing(&self) -> Result<()> {
        for path in self.list_objects(ERASING).await? {
            self.delete_object(&path).await?;
        }
        Ok(())
    }

    /// Checks that rows of the release may still leave: nobody was erased since, or is at this moment.
    ///
    /// # Errors
    /// An erasure that looks for what left the warehouse, or that was published after the release.
    pub async fn require_no_erasure_since(&self, release: Option<u64>) -> Result<()> {
        let Some(release) = release else { return Ok(()) };
        if self.last_erasure().await? > Some(release) {
            return Err(Error::failed(format!(
                "a person was erased after release {release}, which was being read"
            )));
        }
        if !self.list_objects(ERASING).await?.is_empty() {
            // Of one that was interrupted the next run clears it up.
            return Err(Error::failed("a person is being erased at this moment"));
        }
        Ok(())
    }
}

impl Export<'_> {
    /// Registers the place as completely written.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn written(&self) -> Result<()> {
        let whole =
            Exported { partial: None, process: None, written_at: clock::now(), ..self.exported.clone() };
        self.warehouse.put_json(&whole.path(), &whole).await
    }

    /// Ends the export, complete or not. It stays registered as long as its partial file exists.
    ///
    /// # Errors
    /// The partial file or the entry cannot be deleted.
    pub async fn end(self) -> Result<()> {
        self.exported.stop().doing("delete the partial files")?;
        self.warehouse.delete_object(&self.entry).await
    }
}

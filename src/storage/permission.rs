//! Who may read the files of a warehouse in a folder.
//!
//! ```text
//! mart/  bi/  _sillage/shelf/           as the umask allows: BI tools of other users read them
//! _sillage/releases/  format.json       the same: with them a reader knows which files to read
//! _sillage/artifacts/                   the same: counts and names, for dashboards
//! raw/  core/  ops/  _sillage/…         only the owner: folders 0700, files 0600
//! ```
//!
//! `SILLAGE_FILE_MODE=0640` lets a group read the files of the last line, and enter their folders, as far as
//! the umask allows.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

const VARIABLE: &str = "SILLAGE_FILE_MODE";
const OWNER: u32 = 0o600;

/// Who may read which files of a warehouse's folder.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// None outside of warehouses.
    root: Option<PathBuf>,
    /// Of files that are not for everybody.
    mode: u32,
}

impl Default for Permissions {
    fn default() -> Self {
        Permissions { root: None, mode: OWNER }
    }
}

impl Permissions {
    /// # Errors
    /// A mode in the environment that is none, or that keeps the owner out.
    pub(super) fn of_warehouse(root: &Path) -> Result<Self> {
        let mode = match std::env::var(VARIABLE) {
            Err(_) => OWNER,
            Ok(text) => mode_of(&text).ok_or_else(|| {
                Error::config(format!("{VARIABLE} is `{text}`, expected the mode of a file in octal"))
                    .hint("0600 for the owner only, 0640 to let a group read, 0660 to let it also write")
            })?,
        };
        Ok(Permissions { root: Some(root.to_owned()), mode })
    }

    /// Returns what holds for a file or folder.
    pub fn of(&self, path: &Path) -> Permission {
        let Some(below) = self.root.as_ref().and_then(|root| path.strip_prefix(root).ok()) else {
            return Permission::UMASK;
        };
        let mut parts = below.components().filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        });
        match (parts.next(), parts.next()) {
            (None | Some("mart" | "bi"), _)
            | (Some("_sillage"), Some("shelf" | "releases" | "artifacts" | "format.json")) => {
                Permission::UMASK
            }
            // It contains public files: others may enter it, but not list it.
            (Some("_sillage"), None) => Permission { file: self.mode, folder: folder_of(self.mode) | 0o011 },
            _ => Permission { file: self.mode, folder: folder_of(self.mode) },
        }
    }
}

/// The modes of new files and folders, from which the umask takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    file: u32,
    folder: u32,
}

impl Permission {
    /// Of what the owner alone reads.
    pub const OWNER: Permission = Permission { file: OWNER, folder: 0o700 };
    /// Of what everybody reads whom the umask lets.
    pub const UMASK: Permission = Permission { file: 0o666, folder: 0o777 };

    /// Creates a file that does not exist yet.
    pub(super) fn new_file(self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.file);
        options.open(path)
    }

    /// Creates a folder that does not exist yet.
    pub(super) fn new_folder(self, path: &Path) -> io::Result<()> {
        #[allow(unused_mut, reason = "file modes exist only on Unix")]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, self.folder);
        builder.create(path)
    }
}

/// Returns the mode of a folder whose files have this mode: who may read them may enter it.
fn folder_of(file: u32) -> u32 {
    file | (file & 0o444) >> 2
}

fn mode_of(text: &str) -> Option<u32> {
    let mode = u32::from_str_radix(text.trim(), 8).ok()?;
    (mode & OWNER == OWNER && mode & !0o666 == 0).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_lets_the_owner_in() {
        assert_eq!(mode_of("0640"), Some(0o640));
        for wrong in ["", "640x", "0040", "0777", "4600"] {
            assert_eq!(mode_of(wrong), None, "{wrong}");
        }
        assert_eq!((folder_of(0o600), folder_of(0o640), folder_of(0o660)), (0o700, 0o750, 0o770));
    }
}

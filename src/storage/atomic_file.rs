//! Writes a file under a temporary name next to its place, and renames it when it is complete.
//!
//! The temporary name is new and random: no existing file and no planted link is followed or overwritten. A
//! file that is dropped before it is complete is deleted.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::folder::sync_folder;
use super::permission::Permission;

/// A file in the making.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    is_whole: bool,
}

/// Returns a name beside the path that nothing has.
pub fn name_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", Uuid::new_v4().simple()));
    path.with_file_name(name)
}

impl AtomicFile {
    /// Begins the file of this path.
    ///
    /// # Errors
    /// No file can be created in the folder.
    pub fn create(path: &Path, permission: Permission) -> io::Result<Self> {
        Self::create_as(path, name_beside(path), permission)
    }

    /// Begins it under a name that [`name_beside`] gave.
    ///
    /// # Errors
    /// The same; a file of that name that is there already.
    pub fn create_as(path: &Path, partial: PathBuf, permission: Permission) -> io::Result<Self> {
        // An existing link with this name is not followed.
        let file = permission.new_file(&partial)?;
        Ok(AtomicFile { path: path.to_owned(), partial, file, is_whole: false })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file the read permissions of another file.
    ///
    /// # Errors
    /// The permissions cannot be changed.
    pub fn readable_like(&self, other: &fs::Metadata) -> io::Result<()> {
        self.file.set_permissions(other.permissions())
    }

    /// Gives the file its name, once its bytes are on the disk; then its name is, too: what it replaces does
    /// not come back.
    ///
    /// # Errors
    /// The bytes cannot be brought to the disk, or the file cannot be renamed.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        self.is_whole = true;
        sync_folder(&self.path)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_whole {
            // A file that cannot be deleted now was already deleted, or is reported by the next reader.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        for whole in [false, true] {
            let beside = AtomicFile::create(&path, Permission::OWNER).unwrap();
            beside.file().write_all(b"1").unwrap();
            if whole {
                beside.finish().unwrap();
            }
            assert_eq!(path.exists(), whole);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_followed_and_nobody_else_reads() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("list.csv"), folder.path().join("precious"));
        fs::write(&other, "kept").unwrap();
        let partial = name_beside(&path);
        symlink(&other, &partial).unwrap();
        AtomicFile::create_as(&path, partial, Permission::OWNER).unwrap_err();
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
        AtomicFile::create(&path, Permission::OWNER).unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

//! Where rows are spilled that do not fit into memory: a folder for this process only. Folders of dead
//! processes are deleted.
//!
//! ```text
//! <warehouse>/_sillage/spill/              for a warehouse in a writable folder
//! <temporary folder>/sillage-<user>/       otherwise; both readable only by the user, mode 0700
//!     <pid>-<start>-<pid namespace>-<boot>/       rows
//!     <pid>-<start>-<pid namespace>-<boot>.lock   locked as long as the process lives
//! ```
//!
//! A process is dead if its lock is not held (the system releases it with the process) and, if it ran on this
//! machine, if no process with its number and start time exists. So the folder of a living process is never
//! deleted, even if containers share a folder and their numbers repeat.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::permission::Permission;
use super::process::{Life, Process};
use crate::error::{Context, Error, Result};

/// The folder in a warehouse's own.
const IN_WAREHOUSE: &str = "_sillage/spill";

/// The folders that this process has made, by the folder they are in, each with its lock.
static OWN: Mutex<BTreeMap<PathBuf, (PathBuf, File)>> = Mutex::new(BTreeMap::new());

/// Returns the folder of this process, for a warehouse in that folder or elsewhere.
///
/// # Errors
/// When no private folder can be created.
pub fn folder(warehouse: Option<&Path>) -> Result<PathBuf> {
    // A reader who may not write to the warehouse spills elsewhere.
    let there = warehouse.filter(|folder| folder.is_dir()).map(|folder| folder.join(IN_WAREHOUSE));
    if let Some(made) = there.and_then(|root| own(&root).ok()) {
        return Ok(made);
    }
    let root = of_user();
    own(&root).doing(format!("make a folder for spilled rows in {}", root.display())).map_err(|e: Error| {
        e.hint("the folder must be yours and readable only by you; TMPDIR sets its place")
    })
}

/// Deletes what dead processes of this user left, of this warehouse or elsewhere.
pub fn sweep(warehouse: Option<&Path>) {
    for root in warehouse.map(|folder| folder.join(IN_WAREHOUSE)).into_iter().chain([of_user()]) {
        // What another user has there is another user's to sweep.
        if is_private(&root) {
            let _ = sweep_root(&root);
        }
    }
}

/// Deletes what this process has spilled: it ends now.
pub fn clear() {
    let Ok(mut own) = OWN.lock() else { return };
    for (root, (folder, lock)) in std::mem::take(&mut *own) {
        // A thread that is still at work may write another file meanwhile.
        let _ = (0..3).any(|_| fs::remove_dir_all(&folder).is_ok());
        let _ = fs::remove_file(lock_of(&folder));
        drop(lock);
        // Where others are at work it is not empty.
        let _ = fs::remove_dir(root);
    }
}

fn of_user() -> PathBuf {
    std::env::temp_dir().join(format!("sillage-{}", user()))
}

#[cfg(unix)]
fn user() -> String {
    use std::os::unix::fs::MetadataExt;
    match fs::metadata("/proc/self") {
        Ok(this) => this.uid().to_string(),
        Err(_) => std::env::var("USER").unwrap_or_else(|_| "user".to_owned()),
    }
}

#[cfg(not(unix))]
fn user() -> String {
    "user".to_owned()
}

/// This process's folder in the root, created if it does not exist yet.
fn own(root: &Path) -> io::Result<PathBuf> {
    let mut own = OWN.lock().map_err(|_| io::Error::other("another thread failed"))?;
    if let Some((folder, _)) = own.get(root)
        && folder.is_dir()
    {
        return Ok(folder.clone());
    }
    // A cleaner of temporary folders may have deleted it while the process lived for weeks.
    own.remove(root);
    let (folder, lock) = loop {
        make_private(root)?;
        let _ = sweep_root(root);
        match locked(root) {
            Ok(made) => break made,
            // A process that ended took the empty folder away.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    };
    Permission::OWNER.new_folder(&folder)?;
    own.insert(root.to_owned(), (folder.clone(), lock));
    Ok(folder)
}

/// Returns a name for this process's folder, and its lock.
fn locked(root: &Path) -> io::Result<(PathBuf, File)> {
    let name = Process::this().to_string();
    for attempt in 0..100 {
        let folder = root.join(if attempt == 0 { name.clone() } else { format!("{name}-{attempt}") });
        let path = lock_of(&folder);
        let lock = match Permission::OWNER.new_file(&path) {
            Ok(lock) => lock,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(e),
        };
        // If files cannot be locked, only the name decides.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            continue;
        }
        // Another process deleted it between the two.
        if path.exists() && !folder.exists() {
            return Ok((folder, lock));
        }
    }
    Err(io::Error::other("no free name was found"))
}

fn lock_of(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Makes a folder that its owner alone can read, or makes sure that it is one.
fn make_private(root: &Path) -> io::Result<()> {
    match Permission::OWNER.new_folder(root) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    // A folder of ours that others can read is closed to them; anything else is not used.
    #[cfg(unix)]
    if is_ours(root) && !is_private(root) {
        fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    }
    if is_private(root) { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

#[cfg(unix)]
fn is_ours(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata("/proc/self").map(|this| this.uid());
    // A link is not followed: it may lead anywhere.
    fs::symlink_metadata(folder)
        .is_ok_and(|there| there.is_dir() && owner.map_or(true, |owner| owner == there.uid()))
}

#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    is_ours(folder) && fs::symlink_metadata(folder).is_ok_and(|there| there.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|there| there.is_dir())
}

/// Deletes the folders of dead processes; what cannot be deleted is left to the next.
fn sweep_root(root: &Path) -> io::Result<()> {
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(root)? {
        names.push(entry?.path());
    }
    for path in names.iter().filter(|path| path.extension().is_some_and(|ending| ending == "lock")) {
        let folder = path.with_extension("");
        let process: Option<Process> =
            folder.file_name().and_then(|name| name.to_str()).and_then(Process::of);
        let life = process.map_or(Life::Unseen, |process| process.life());
        if life == Life::Alive {
            continue;
        }
        let Ok(lock) = OpenOptions::new().write(true).open(path) else { continue };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            // Files cannot be locked here: who is dead is only known of processes here.
            Err(TryLockError::Error(_)) if life == Life::Dead => {}
            Err(TryLockError::Error(_)) => continue,
        }
        if folder.exists() {
            let _ = fs::remove_dir_all(&folder);
        }
        let _ = fs::remove_file(path);
    }
    // A folder without a lock was being deleted when the deleting process died.
    for folder in names.iter().filter(|path| path.is_dir() && !lock_of(path).exists()) {
        let name = folder.file_name().and_then(|name| name.to_str()).and_then(Process::of);
        if name.is_some_and(|process| process.life() != Life::Alive) {
            let _ = fs::remove_dir_all(folder);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_by(root: &Path, name: &str) -> (PathBuf, File) {
        let folder = root.join(name);
        Permission::OWNER.new_folder(&folder).unwrap();
        fs::write(folder.join("rows"), "ada@example.org").unwrap();
        let lock = File::create(lock_of(&folder)).unwrap();
        (folder, lock)
    }

    #[test]
    fn what_the_dead_left_is_swept_and_the_living_keep_theirs() {
        let root = tempfile::tempdir().unwrap();
        let here = Process::this().to_string();
        let (dead, _) = left_by(root.path(), &format!("4194305-{}", here.split_once('-').unwrap().1));
        // In another container, whose numbers say nothing here.
        let (elsewhere, lock) = left_by(root.path(), "1-1-7-8");
        lock.lock().unwrap();
        let (gone_elsewhere, _) = left_by(root.path(), "2-1-7-8");
        let (living, _) = left_by(root.path(), &here);
        sweep_root(root.path()).unwrap();
        assert_eq!(
            [dead, elsewhere, gone_elsewhere, living].map(|folder| folder.exists()),
            [false, true, false, true]
        );
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 4);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("spill");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
        let own = own(&root).unwrap();
        for folder in [&root, &own] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
        let planted = folder.path().join("planted");
        symlink(&root, &planted).unwrap();
        assert!(make_private(&planted).is_err());
    }
}

//! Exports that are written while a person is erased: none holds the person afterwards, and files that could
//! not be cleaned are reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::forget::{KnownPerson, files_below};
use crate::shop::{CommandResult, copy_folder};

/// Long enough to be met while it is written.
const SLOW: &str = "select a.* from core.customers a, core.customers b, core.orders c limit 400000";

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "part")).collect()
}

/// An export that has begun to write.
fn begun(known: &KnownPerson, sql: &str, file: &str) -> Child {
    let mut command = known.verb(&["query", sql, "-o", file], &known.warehouse);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let written = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.len() > 1 << 20);
    while !parts(known.shop.path()).iter().any(written) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn an_export_that_sleeps_through_an_erasure_leaves_nothing() {
    let known = KnownPerson::for_two_nights();
    let folder = known.shop.path();
    let export = begun(&known, SLOW, "big.csv");
    signal(&export, "-STOP");
    let mode = fs::metadata(&parts(folder)[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads what is half written");
    let message = known.forget(&["--id", "card=K9999"]).published().stdout;
    assert!(message.contains("big.csv: it was being written: it must be drawn again"), "{message}");
    signal(&export, "-CONT");
    CommandResult::of(export.wait_with_output().unwrap())
        .refused(1, &["a person was erased after release 2", "draw it again"]);
    assert!(!folder.join("big.csv").exists());
    assert_eq!((parts(folder).len(), known.found(&[&known.warehouse])), (0, BTreeSet::new()));
    // Drawn again it is as any other.
    known.ran(&["query", "select * from core.customers", "-o", "big.csv"]).published();
    assert_eq!(known.found(&[&folder.join("big.csv")]), BTreeSet::new());
    assert_eq!(fs::read_dir(known.warehouse.join("_sillage/exported")).unwrap().count(), 1);
}

#[test]
fn what_a_killed_export_leaves_goes_with_the_next_command() {
    let known = KnownPerson::for_two_nights();
    let mut export = begun(&known, SLOW, "big.csv");
    export.kill().unwrap();
    export.wait().unwrap();
    assert_eq!(parts(known.shop.path()).len(), 1);
    known.forget(&["--id", "card=K9999"]).published();
    assert_eq!(parts(known.shop.path()).len(), 0);
    // The next export or night clears up too.
    for next in [&["query", "select 1 as n", "-o", "one.csv"][..], &["run", "shop.toml"]] {
        let mut export = begun(&known, SLOW, "big.csv");
        export.kill().unwrap();
        export.wait().unwrap();
        known.ran(next).published();
        assert_eq!(parts(known.shop.path()).len(), 0, "{next:?}");
    }
}

#[test]
fn an_export_that_is_interrupted_clears_up() {
    let known = KnownPerson::for_two_nights();
    // One that does not come to its end however late the signal is.
    let slower = SLOW.replace("400000", "40000000");
    for name in ["-INT", "-TERM"] {
        let export = begun(&known, &slower, "big.csv");
        signal(&export, name);
        CommandResult::of(export.wait_with_output().unwrap()).refused(130, &["stopped; nothing was written"]);
        assert_eq!(parts(known.shop.path()).len(), 0, "{name}");
        assert!(!known.shop.path().join("big.csv").exists());
        assert_eq!(files_below(&known.warehouse.join("_sillage/exported")).len(), 0);
        assert!(!known.warehouse.join("_sillage/spill").exists());
    }
}

#[test]
fn an_export_interrupted_anywhere_leaves_nobody_to_an_erasure() {
    let known = KnownPerson::for_two_nights();
    let whole = known.shop.warehouse("whole");
    let sql = "select * from core.customers";
    let points = known.shop.path().join("points");
    copy_folder(&known.warehouse, &whole);
    let words = ["query", sql, "-o", "list.csv"];
    assert!(known.verb(&words, &whole).env("SILLAGE_FAULT_POINTS", &points).status().unwrap().success());
    fs::remove_file(known.shop.path().join("list.csv")).unwrap();
    let points = fs::read_to_string(&points).unwrap().lines().count();
    assert!(points > 3, "{points}");
    for point in (1..=points).step_by(points.div_ceil(6)) {
        let warehouse = known.shop.warehouse(&format!("cut_{point}"));
        copy_folder(&known.warehouse, &warehouse);
        let cut =
            known.verb(&words, &warehouse).env("SILLAGE_FAULT_STOP", point.to_string()).output().unwrap();
        assert!(!cut.status.success());
        let forget = ["forget", "shop.toml", "--yes", "--id", "card=K9999"];
        CommandResult::of(known.verb(&forget, &warehouse).output().unwrap()).published();
        let list = known.shop.path().join("list.csv");
        let places: Vec<&Path> = [list.as_path(), &warehouse].into_iter().filter(|p| p.exists()).collect();
        assert_eq!(known.found(&places), BTreeSet::new(), "cut off at point {point} of {points}");
        assert_eq!(parts(known.shop.path()).len(), 0);
        let _ = fs::remove_file(list);
        fs::remove_dir_all(&warehouse).unwrap();
    }
}

/// What leaves the warehouse, to a place.
fn leaving(n: usize) -> (Vec<String>, String) {
    let all = "select a.* from core.customers a, (select 1 from core.orders limit 300) b";
    let place = format!("left_{n}");
    let words: &[&str] = match n % 5 {
        0 => &["backup"],
        1 | 2 => &["audience", "export", "come_back", "--pipeline", "shop.toml", "-o"],
        _ => &["query", all, "-o"],
    };
    let place = if words[0] == "backup" { place } else { format!("{place}.csv") };
    (words.iter().copied().chain([place.as_str()]).map(str::to_owned).collect(), place)
}

/// `SILLAGE_RACES=30` runs that many erasures, ten exports beside each; three without it.
#[test]
fn races_of_exports_with_an_erasure_leave_the_person_nowhere() {
    let known = KnownPerson::for_two_nights();
    let races = std::env::var("SILLAGE_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut ended: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for race in 0..races {
        let warehouse = known.shop.warehouse(&format!("race_{race}"));
        copy_folder(&known.warehouse, &warehouse);
        let spawn = |words: &[&str]| {
            known.verb(words, &warehouse).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let forget = spawn(&["forget", "shop.toml", "--yes", "--id", "card=K9999"]);
        let mut exports = Vec::new();
        for n in 0..10 {
            let (words, place) = leaving(n);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            exports.push((spawn(&words), words[0].to_owned(), place));
            std::thread::sleep(Duration::from_millis(97 * race + 300));
        }
        CommandResult::of(forget.wait_with_output().unwrap()).published();
        for (export, verb, place) in exports {
            let ran = CommandResult::of(export.wait_with_output().unwrap());
            let path = known.shop.path().join(place);
            // Purged under its reading, or stopped because of the erasure.
            assert!(matches!(ran.code, Some(0 | 1)), "{verb}: {:?}: {}", ran.code, ran.stderr);
            let is_done = ran.code == Some(0);
            assert!(verb == "backup" || is_done == path.exists(), "{verb}: {}", ran.stderr);
            if path.exists() {
                assert_eq!(known.found(&[&path]), BTreeSet::new(), "race {race}, {verb}: {}", ran.stderr);
                let remove = if path.is_dir() { fs::remove_dir_all } else { fs::remove_file };
                remove(path).unwrap();
            }
            *ended.entry((verb, if is_done { "without the person" } else { "stopped" })).or_default() += 1;
        }
        assert_eq!(parts(known.shop.path()).len(), 0);
        fs::remove_dir_all(&warehouse).unwrap();
    }
    println!("{races} erasures, 0 places with the person: {ended:?}");
}

#[test]
fn planted_links_and_devices_are_left_as_they_are() {
    let known = KnownPerson::for_two_nights();
    let folder = known.shop.path();
    let precious = folder.join("precious");
    fs::write(&precious, "kept").unwrap();
    symlink(&precious, folder.join("list.csv.part")).unwrap();
    known.ran(&["query", "select * from core.customers", "-o", "list.csv"]).published();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
    assert_eq!(fs::metadata(folder.join("list.csv")).unwrap().permissions().mode() & 0o777, 0o600);
    symlink("/dev/null", folder.join("nowhere.csv")).unwrap();
    for place in ["/dev/null", "nowhere.csv", "."] {
        known.ran(&["query", "select 1 as n", "-o", place]).refused(2, &["is no file"]);
    }
    // Moved by its owner, with a link where it was.
    fs::create_dir(folder.join("archive")).unwrap();
    fs::rename(folder.join("list.csv"), folder.join("archive/list.csv")).unwrap();
    symlink(folder.join("archive/list.csv"), folder.join("list.csv")).unwrap();
    known.forget(&["--id", "card=K9999"]).published();
    assert_eq!(known.found(&[&folder.join("archive")]), BTreeSet::new());
}

#[test]
fn a_place_that_is_no_backup_is_left_as_it_is_while_a_person_is_forgotten() {
    let known = KnownPerson::for_two_nights();
    // A warehouse whose first run has begun.
    let other = known.shop.warehouse("other");
    copy_folder(&known.warehouse, &other);
    fs::remove_dir_all(other.join("_sillage/releases")).unwrap();
    let before = files_below(&other);
    let erasing = known.warehouse.join("_sillage/erasing");
    fs::create_dir_all(&erasing).unwrap();
    fs::write(erasing.join("00000000000000000001.json"), "{}").unwrap();
    let backup = known.verb(&["backup", "other"], &known.warehouse).output().unwrap();
    CommandResult::of(backup).refused(2, &["is a warehouse in which a run has started"]);
    assert_eq!(files_below(&other), before);
}

#[test]
fn a_backup_that_sleeps_through_an_erasure_is_no_copy_to_trust() {
    // Asleep before it marked its place, while it copies, and when it has nearly ended.
    for milliseconds in [0, 4, 40] {
        let known = KnownPerson::for_two_nights();
        let copy = known.shop.path().join("copy");
        let mut backup = known.verb(&["backup", "copy"], &known.warehouse);
        let backup = backup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while !copy.exists() {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(Duration::from_millis(milliseconds));
        signal(&backup, "-STOP");
        let erasure = known.forget(&["--id", "card=K9999"]).published().stdout;
        signal(&backup, "-CONT");
        let ran = CommandResult::of(backup.wait_with_output().unwrap());
        // Either the erasure found a whole copy, or nothing of it stays.
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
        assert_eq!(known.found(&[&copy]), BTreeSet::new(), "{erasure}\n{}{}", ran.stdout, ran.stderr);
        if ran.code == Some(1) {
            CommandResult::of(known.verb(&["backup", "copy"], &known.warehouse).output().unwrap())
                .published();
        }
    }
}

#[test]
fn a_backup_that_has_copied_nothing_yet_needs_no_erasure() {
    let known = KnownPerson::for_two_nights();
    let copy = known.shop.path().join("copy");
    known.ran(&["backup", "copy"]).published();
    // As a backup that has made its place and no more.
    for entry in fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().path()) {
        let remove = if entry.is_dir() { fs::remove_dir_all } else { fs::remove_file };
        remove(entry).unwrap();
    }
    fs::create_dir(copy.join("_sillage")).unwrap();
    fs::copy(known.warehouse.join("_sillage/format.json"), copy.join("_sillage/format.json")).unwrap();
    known.forget(&["--id", "card=K9999"]).published();
    known.ran(&["backup", "copy"]).published();
}

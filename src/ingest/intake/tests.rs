//! Which files are read, which add nothing, and what stops the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::*;
use crate::clock::parse_instant;
use crate::ops::sources::FileEntry;
use crate::source::{SourceDeclaration, SourceFile};
use crate::warehouse::visibility::KnownSince;

/// A source of CSV files with the columns `id` and `price`.
fn source(keys: &str) -> Ingest {
    #[derive(Deserialize)]
    struct File {
        source: SourceDeclaration,
    }
    let text = format!(
        "[source]\npath = \"x/*.csv\"\nformat = \"csv\"\ntimezone = \"Europe/Paris\"\n{keys}\n\
         columns = {{ id = \"text\", price = \"integer\" }}"
    );
    let file: File = toml::from_str(&text).unwrap();
    let source = file.source.check("prices").unwrap_or_else(|problems| panic!("{problems:?}"));
    Ingest { source: Arc::new(source), known: KnownSince::Undeclared, versions: None, intake: Arc::default() }
}

/// Files that lie there, as `name=content`; one without a content was never compared, one with `-` has no
/// record.
fn lie_there(files: &[&str]) -> Vec<SeenFile> {
    let seen = |file: &&str| {
        let (name, content) = file.split_once('=').unwrap_or((file, ""));
        SeenFile {
            file: SourceFile::named(name),
            digest: (!content.is_empty()).then(|| content.to_owned()),
            is_empty: content == "-",
        }
    };
    files.iter().map(seen).collect()
}

/// What is known, as `name=content`; `name=content>other` was the same as another file, `name=content!other`
/// was replaced by it.
fn known(files: &[&str]) -> FileRegister {
    let mut register = FileRegister { since_run: Some(1), ..FileRegister::default() };
    for file in files {
        let (name, content) = file.split_once('=').unwrap();
        let (content, same_as) = content.split_once('>').map_or((content, None), |(c, o)| (c, Some(o)));
        let (content, replaced_by) = content.split_once('!').map_or((content, None), |(c, o)| (c, Some(o)));
        let records = u64::from(content != "-" && same_as.is_none());
        let snapshot_at = name.get(..10).and_then(|day| parse_instant(day, chrono_tz::Europe::Paris).ok());
        let entry = FileEntry {
            run: 1,
            source: "prices".to_owned(),
            file: name.to_owned(),
            size: 1,
            modified: Instant::UNIX_EPOCH,
            digest: content.to_owned(),
            content_size: 1,
            rows: records,
            refused: 0,
            late: 0,
            since_run: 1,
            same_as: same_as.map(str::to_owned),
            replaced_by: replaced_by.map(str::to_owned),
            snapshot_at,
        };
        register.entries.insert(name.to_owned(), entry);
    }
    register
}

fn observed(files: &[&str], register: &[&str]) -> SourceObservation {
    SourceObservation { files: lie_there(files), register: known(register), ..SourceObservation::default() }
}

fn asked() -> Asked<'static> {
    Asked {
        as_of: parse_instant("2026-07-01", chrono_tz::UTC).unwrap(),
        last_as_of: None,
        grows: true,
        zone: chrono_tz::UTC,
        pinned: None,
        replay: false,
    }
}

fn taken(keys: &str, files: &[&str], register: &[&str]) -> Result<Intake> {
    intake(&source(keys), &observed(files, register), &asked())
}

/// The names of the files that are read.
#[track_caller]
fn read(keys: &str, files: &[&str], register: &[&str]) -> Vec<String> {
    let intake = taken(keys, files, register).unwrap();
    intake.files.iter().map(|file| file.name.clone()).collect()
}

#[track_caller]
fn stops(keys: &str, files: &[&str], register: &[&str], told: &[&str]) {
    let error = taken(keys, files, register).expect_err("it is not stopped").to_string();
    for part in told {
        assert!(error.contains(part), "`{part}` is not told: {error}");
    }
}

const KEYED: &str = "key = [\"id\"]";
const READ: &str = "same_content = \"read\"";
const SKIP: &str = "same_content = \"skip\"";
const LISTS: &str = "key = [\"id\"]\nsnapshot = true\ndate_in_name = \"%Y-%m-%d\"";

#[test]
fn a_file_is_known_by_its_name_and_content() {
    assert_eq!(read("", &["a=1", "b"], &["a=1"]), ["b"]);
    stops("", &["a=2"], &["a=1"], &["changed after it was ingested: a", "--full-refresh"]);
    stops(KEYED, &["a=2"], &["a=1"], &["changed"]);
    stops("", &[], &[], &["found no file"]);
}

#[test]
fn with_a_key_the_same_content_under_another_name_is_read() {
    assert_eq!(read(KEYED, &["1=10", "2=12", "3=10"], &["1=10", "2=12"]), ["3"]);
    assert_eq!(read(KEYED, &["1=10", "2=12", "3=10"], &[]), ["1", "2", "3"]);
    assert_eq!(read(KEYED, &["3=10"], &["1=10", "2=12"]), ["3"], "the first is gone");
    assert_eq!(read(KEYED, &["06-03/p=10"], &["06-01/p=10", "06-02/p=12"]), ["06-03/p"]);
}

#[test]
fn a_keyed_file_that_was_only_moved_adds_nothing() {
    let intake = taken(KEYED, &["processed/p_1=10", "p_2=12"], &["p_1=10", "p_2=12"]).unwrap();
    assert!(intake.files.is_empty());
    assert!(intake.why.ends_with("the same content again: processed/p_1 is p_1"), "{}", intake.why);
    // Moved once more, and known by then.
    let register = ["p_1=10", "processed/p_1=10>p_1"];
    assert_eq!(read(KEYED, &["done/p_1=10"], &register), [""; 0]);
    assert!(taken(KEYED, &["processed/p_1=10"], &register).unwrap().is_nothing());
    // Where both lie there it is a delivery of its own, and so it is with another date in its name.
    assert_eq!(read(KEYED, &["p_1=10", "processed/p_1=10"], &["p_1=10"]), ["processed/p_1"]);
    let dated = "key = [\"id\"]\ndate_in_name = \"%Y-%m-%d\"";
    assert_eq!(read(dated, &["x2026-06-03/p=10"], &["2026-06-01/p=10"]), ["x2026-06-03/p"]);
    assert_eq!(read(dated, &["x/2026-06-01/p=10"], &["2026-06-01/p=10"]), [""; 0]);
}

#[test]
fn without_a_key_the_source_says_what_the_same_content_means() {
    for (files, register) in [
        (vec!["lyon/a=1", "nice/a=1"], vec!["lyon/a=1"]),
        (vec!["lyon/a=1", "nice/a=1"], vec![]),
        (vec!["nice/a=1"], vec!["lyon/a=1"]),
        (vec!["nice/a=1"], vec!["lyon/a=1", "metz/a=1>lyon/a"]),
    ] {
        stops("", &files, &register, &["nice/a is lyon/a again", "same_content = \"read\"", "source prices"]);
        assert_eq!(read(READ, &files, &register).last().map(String::as_str), Some("nice/a"));
        let skipped = taken(SKIP, &files, &register).unwrap();
        assert!(skipped.files.iter().all(|file| file.name == "lyon/a"), "{skipped:?}");
        assert_eq!(skipped.unread[0].because, UnreadReason::SameAs("lyon/a".to_owned()));
        assert!(skipped.why.contains("the same content again: nice/a is lyon/a"), "{}", skipped.why);
    }
    // What it says counts with a key too.
    assert_eq!(read(&format!("{KEYED}\n{SKIP}"), &["b=1"], &["a=1"]), [""; 0]);
    assert_eq!(read(&format!("{KEYED}\n{READ}"), &["x/a=1"], &["a=1"]), ["x/a"]);
}

#[test]
fn files_without_records_are_read_always() {
    for keys in ["", SKIP, READ, KEYED] {
        assert_eq!(read(keys, &["1=-", "2=-", "3=-"], &["1=-"]), ["2", "3"], "{keys}");
        assert_eq!(read(keys, &["1=-", "2=-"], &[]), ["1", "2"], "{keys}");
    }
}

#[test]
fn a_run_that_is_resumed_takes_up_what_it_had_found() {
    let seen = observed(&["a=1", "b=2", "c=1"], &[]);
    let pinned = vec!["a".to_owned()];
    let asked = Asked { pinned: Some(&pinned), ..asked() };
    let intake = intake(&source(""), &seen, &asked).unwrap();
    assert_eq!(intake.taken_up().collect::<Vec<_>>(), ["a"], "c would stop the next run, not this one");
}

const EDITIONS: &str = "replaces = \"s_{month}[_v{version}]\"";

#[test]
fn of_editions_the_newest_is_read_and_the_others_leave() {
    let intake = taken(EDITIONS, &["s_1", "s_1_v2", "s_1_v10", "s_2"], &[]).unwrap();
    assert_eq!(intake.files.iter().map(|f| &f.name).collect::<Vec<_>>(), ["s_1_v10", "s_2"]);
    assert_eq!(intake.unread.len(), 2);
    assert_eq!(intake.unread[0].because, UnreadReason::ReplacedBy("s_1_v10".to_owned()));

    let intake = taken(EDITIONS, &["s_1_v3"], &["s_1=a!s_1_v2", "s_1_v2=b", "s_2=c"]).unwrap();
    assert_eq!(intake.files.len(), 1);
    let left: Vec<_> = intake.replaced.iter().map(|r| (r.entry.file.as_str(), r.by.as_str())).collect();
    assert_eq!(left, [("s_1_v2", "s_1_v3")]);
    assert!(intake.why.contains("replaced: s_1_v2 by s_1_v3"), "{}", intake.why);
}

#[test]
fn an_edition_that_comes_late_adds_nothing() {
    let intake = taken(EDITIONS, &["s_1_v2=b"], &["s_1_v3=c"]).unwrap();
    assert!(intake.files.is_empty() && intake.replaced.is_empty());
    assert_eq!(intake.unread[0].because, UnreadReason::ReplacedBy("s_1_v3".to_owned()));
    assert!(intake.why.contains("an older edition: s_1_v2 was replaced by s_1_v3"), "{}", intake.why);
}

#[test]
fn an_edition_that_says_what_the_last_said_counts_and_stops_nobody() {
    let intake = taken(EDITIONS, &["s_1=a", "s_1_v2=a"], &["s_1=a"]).unwrap();
    assert_eq!((intake.files.len(), intake.replaced.len()), (1, 1));
    // Another month with the same content is another file.
    stops(EDITIONS, &["s_2_v1=a"], &["s_1_v1=a"], &["s_2_v1 is s_1_v1 again"]);
    // Unless the month it is like was corrected since.
    assert_eq!(read(EDITIONS, &["s_2_v1=a"], &["s_1=a!s_1_v2", "s_1_v2=b"]), ["s_2_v1"]);
}

#[test]
fn a_name_that_does_not_tell_its_edition_stops_the_run() {
    stops(EDITIONS, &["s_1", "t_1"], &[], &["t_1", "s_{month}[_v{version}]", "in brackets"]);
    stops(EDITIONS, &["s_1_v1", "s_1_v01"], &[], &["which is newer"]);
    stops(
        EDITIONS,
        &["s_1_v1=a"],
        &["s_1_v1=a!s_1"],
        &["s_1_v1 counts", "left for those of s_1", "--full-refresh"],
    );
    // Taken up before the pattern was declared: both rows are there, and one of them leaves.
    let intake = taken(EDITIONS, &["s_1=a", "s_1_v2=b"], &["s_1=a", "s_1_v2=b", "other=c"]).unwrap();
    assert_eq!(intake.replaced.len(), 1);
    assert!(!intake.is_nothing());
}

#[test]
fn lists_are_read_in_the_order_of_their_days() {
    let files = ["2026-06-03=c", "2026-05-31=a", "2026-06-01_b=b", "2026-06-01_a=x"];
    assert_eq!(read(LISTS, &files, &[]), ["2026-05-31", "2026-06-01_a", "2026-06-01_b", "2026-06-03"]);
    // What a list said before counts again when a newer one says it.
    assert_eq!(read(LISTS, &["2026-06-03=a"], &["2026-06-01=a", "2026-06-02=b"]), ["2026-06-03"]);
}

#[test]
fn a_list_that_is_not_newer_stops_the_run() {
    stops(LISTS, &["2026-06-01=a"], &["2026-06-02=b"], &["2026-06-01", "not newer", "--full-refresh"]);
    stops(LISTS, &["2026-06-02_2=a"], &["2026-06-02=b"], &["not newer"]);
    stops(LISTS, &["list=a"], &[], &["no date as %Y-%m-%d in the name: list"]);
    // The very same list, moved or delivered twice, is known.
    let intake = taken(LISTS, &["2026-06-02=b", "2026-06-02 (1)=b"], &["2026-06-02=b"]).unwrap();
    assert_eq!(intake.unread[0].because, UnreadReason::SameAs("2026-06-02".to_owned()));
    assert_eq!(read(LISTS, &["2026-06-02=b", "2026-06-02 (1)=b"], &[]), ["2026-06-02"]);
}

#[test]
fn a_list_without_its_day_is_todays_and_comes_alone() {
    let undated = "key = [\"id\"]\nsnapshot = true";
    assert_eq!(read(undated, &["b=1"], &["a=1"]), ["b"]);
    stops(undated, &["a=1", "b=2"], &[], &["a, b", "date_in_name"]);
    assert_eq!(read(undated, &["old/a=1"], &["a=1"]), [""; 0], "moved");
    assert_eq!(read(undated, &["a=2"], &["a=1"]), ["a"], "written over");
    let at = instant_of(&source(undated).source, "a", asked().as_of).unwrap();
    assert!(at < asked().as_of);
}

#[test]
fn a_list_of_a_day_to_come_is_warned_of() {
    let intake = taken(LISTS, &["2026-07-02=a"], &[]).unwrap();
    assert!(intake.warnings[0].contains("models do not see it yet"), "{:?}", intake.warnings);
}

#[test]
fn what_no_longer_counts_waits_no_more() {
    let lines = vec![(3, 3), (9, 9)];
    let waiting = |seen: &mut SourceObservation, file: &str| {
        seen.open = Some(BTreeMap::from([(file.to_owned(), lines.clone())]));
    };
    let mut seen = observed(&["s_1_v2=b"], &["s_1=a"]);
    waiting(&mut seen, "s_1");
    let replaced = intake(&source(EDITIONS), &seen, &asked()).unwrap();
    assert_eq!(replaced.dismissed[0].because, "replaced by s_1_v2");
    assert_eq!(replaced.dismissed[0].lines, lines);

    let mut seen = observed(&["2026-06-02=b"], &["2026-06-01=a"]);
    waiting(&mut seen, "2026-06-01");
    let lists = intake(&source(LISTS), &seen, &asked()).unwrap();
    assert_eq!(lists.dismissed[0].because, "the newer list 2026-06-02 counts");
    let error = intake(&source(LISTS), &seen, &Asked { replay: true, ..asked() }).unwrap_err();
    assert!(error.to_string().contains("a list is read whole"), "{error}");
}

#[test]
fn refused_records_are_found_by_the_content_of_their_file() {
    let mut seen = observed(&["b=1", "c=1", "a=1"], &["a=1", "b=1", "c=1"]);
    seen.open = Some(BTreeMap::from([("b".to_owned(), vec![(2, 2)])]));
    let replayed = intake(&source(KEYED), &seen, &Asked { replay: true, ..asked() }).unwrap();
    assert_eq!(replayed.replay.len(), 1);
    assert_eq!((replayed.replay[0].file.name.as_str(), replayed.replay[0].run), ("b", 1));
    // Put back under any name it is known, with and without a key.
    seen.files = lie_there(&["z=1"]);
    seen.register = known(&["b=1"]);
    for keys in [KEYED, "", READ] {
        let replayed = intake(&source(keys), &seen, &Asked { replay: true, ..asked() }).unwrap();
        assert_eq!(replayed.replay[0].file.name, "b");
        assert!(replayed.files.is_empty());
        assert_eq!(replayed.unread[0].because, UnreadReason::SameAs("b".to_owned()));
    }
}

//! Files, folders and globs.

use super::{Fixture, declare, runtime};
use crate::source::{content, list};

const A: &str = "format = \"csv\"\n[columns]\na = \"text\"\n";

fn names(fixture: &Fixture) -> Vec<String> {
    let listing = runtime().block_on(list(&fixture.source)).unwrap();
    listing.files.into_iter().map(|file| file.name).collect()
}

#[test]
fn a_folder_gives_its_files_in_order_without_hidden_and_unfinished_ones() {
    let fixture = Fixture::new("in", A);
    for name in
        ["in/b.csv", "in/a.csv", "in/2026/c d.csv", "in/.x", "in/_SUCCESS", "in/_tmp/y.csv", "in/z.csv.part"]
    {
        fixture.write(name, "a\n");
    }
    fixture.write("in/empty.csv", "").write("other/q.csv", "a\n");
    assert_eq!(names(&fixture), ["2026/c d.csv", "a.csv", "b.csv", "empty.csv"]);
}

fn skipped_files(fixture: &Fixture) -> Vec<String> {
    runtime().block_on(list(&fixture.source)).unwrap().skipped_files
}

#[test]
fn nothing_is_left_out_without_a_line() {
    let fixture = Fixture::new("in", A);
    for name in ["in/a.csv", "in/_SUCCESS", "in/.DS_Store", "in/.git/x", "in/z.csv.part", "in/_tmp/y.csv"] {
        fixture.write(name, "a\n");
    }
    assert_eq!(names(&fixture), ["a.csv"]);
    assert_eq!(
        skipped_files(&fixture),
        [
            ".DS_Store (hidden)",
            ".git/x (in a hidden folder)",
            "_SUCCESS (begins with _, like marker files of other tools; a glob can read it)",
            "_tmp/y.csv (in a hidden folder)",
            "z.csv.part (unfinished, by its name)",
        ]
    );
    // What a glob does not match was never asked for.
    let fixture = Fixture::new("in/*.csv", A);
    for name in ["in/a.csv", "in/_nord.csv", "in/.b.csv", "in/c.txt", "in/d.csv.tmp"] {
        fixture.write(name, "a\n");
    }
    assert_eq!(names(&fixture), ["_nord.csv", "a.csv"]);
    assert_eq!(skipped_files(&fixture), [".b.csv (hidden)"]);
}

const ODD: [&str; 20] = [
    "tab\there.csv",
    "line\nend.csv",
    "\u{1}.csv",
    "a#1.csv",
    "a.csv#12",
    "%20.csv",
    "a%2Fb.csv",
    "100%.csv",
    " leading and trailing .csv ",
    "export[1].csv",
    "what?.csv",
    "star*.csv",
    "back\\slash.csv",
    "quote\"s'.csv",
    "colon:.csv",
    "-dash.csv",
    "été.csv",
    "顧客.csv",
    "🙂.csv",
    "~tilde.csv",
];

#[test]
fn a_file_may_be_called_whatever_the_disk_allows() {
    for path in ["in", "in/", "in/*", "in/**/*"] {
        let fixture = Fixture::new(path, A);
        for (at, name) in ODD.iter().enumerate() {
            fixture.write(&format!("in/{name}"), format!("a\n{at}\n"));
            fixture.write(&format!("in/below \t#3/{name}"), format!("a\n{at}\n"));
        }
        let folders = if path == "in/*" { 1 } else { 2 };
        let mut expected: Vec<String> = ODD.map(str::to_owned).to_vec();
        if folders == 2 {
            expected.extend(ODD.map(|name| format!("below \t#3/{name}")));
        }
        expected.sort();
        assert_eq!(names(&fixture), expected, "{path}");
        assert_eq!(skipped_files(&fixture), [""; 0]);
        let mut read: Vec<usize> = fixture.read().rows.iter().map(|row| row[0].parse().unwrap()).collect();
        read.sort();
        let mut all: Vec<usize> = (0..ODD.len()).flat_map(|at| vec![at; folders]).collect();
        all.sort();
        assert_eq!(read, all, "{path}");
    }
    for name in ODD {
        let fixture = Fixture::new(&format!("in/{name}"), A);
        fixture.write(&format!("in/{name}"), "a\n1\n");
        assert_eq!((names(&fixture), fixture.read().rows.len()), (vec![name.to_owned()], 1));
    }
}

#[test]
fn a_file_of_no_bytes_is_reported() {
    for options in [
        "format = \"jsonl\"\n[columns]\na = \"text\"\n",
        "format = \"csv\"\nheader = false\n[columns]\na = { type = \"text\", from = 1 }\n",
    ] {
        let fixture = Fixture::new("empty", options);
        fixture.write("empty", "");
        let outcome = fixture.read();
        assert_eq!(
            (outcome.rows.len(), outcome.remarks),
            (0, vec!["it has 0 bytes: did the export fail?".to_owned()])
        );
        fixture.write("empty", "\n");
        assert_eq!(fixture.read().remarks, [""; 0]);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_reported() {
    use std::os::unix::ffi::OsStrExt;
    let fixture = Fixture::new("in/*", A);
    fixture.write("in/a.csv", "a\n1\n").write("elsewhere/b.csv", "a\n2\n");
    std::os::unix::fs::symlink(fixture.path("nowhere"), fixture.path("in/dead")).unwrap();
    std::os::unix::fs::symlink(fixture.path("elsewhere/b.csv"), fixture.path("in/link.csv")).unwrap();
    assert_eq!(names(&fixture), ["a.csv", "link.csv"]);
    std::os::unix::fs::symlink("self", fixture.path("in/self")).unwrap();
    std::os::unix::fs::symlink("../in", fixture.path("in/above")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(fixture.path("in/pipe")).status().unwrap().success());
    assert_eq!(
        skipped_files(&fixture),
        [
            "above (a link to a folder that contains it)",
            "dead (a broken link)",
            "pipe (not a regular file)",
            "self (a link to a folder that contains it)",
        ]
    );
    assert_eq!(fixture.read().table(), ["1", "2"]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xE9.csv");
    std::fs::write(fixture.path("in").join(name), "a\n").unwrap();
    assert!(fixture.error().starts_with("the name of `caf\u{fffd}.csv` is not UTF-8 text"));
}

#[test]
fn a_glob_names_files_below_its_fixed_folder() {
    let fixture = Fixture::new("in/*/pos_*.csv", A);
    for name in [
        "in/1/pos_b.csv",
        "in/1/pos_a.csv",
        "in/2/pos_a.csv",
        "in/2/web.csv",
        "in/2/3/pos_a.csv",
        "in/pos_a.csv",
    ] {
        fixture.write(name, "a\n");
    }
    assert_eq!(names(&fixture), ["1/pos_a.csv", "1/pos_b.csv", "2/pos_a.csv"]);
    let fixture = Fixture::new("in/**/*.csv", A);
    fixture.write("in/x.csv", "").write("in/1/2/y.csv", "");
    assert_eq!(names(&fixture), ["1/2/y.csv", "x.csv"]);
}

#[test]
fn a_file_has_its_own_name_and_parent_folders_may_be_dots() {
    let fixture = Fixture::new("in/../in/./_one file.csv", A);
    fixture.write("in/_one file.csv", "a\n1\n");
    assert_eq!(names(&fixture), ["_one file.csv"]);
    let url = format!("path = \"file://{}/in/*.csv\"\n{A}", fixture.folder.path().display());
    let source = declare(&url).check("shop").unwrap();
    fixture.write("in/two.csv", "a\n1\n");
    let files = runtime().block_on(list(&source)).unwrap().files;
    assert_eq!(files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["_one file.csv", "two.csv"]);
}

#[test]
fn no_file_is_an_error_unless_the_source_is_optional() {
    let fixture = Fixture::new("in/*.csv", A);
    assert_eq!(
        fixture.error(),
        "there is no file at …/in/*.csv\n  in source shop\n  hint: the folder …/in does not exist; set optional = true if it may be missing"
    );
    let optional = Fixture::new("in/*.csv", &format!("optional = true\n{A}"));
    assert_eq!(names(&optional).len(), 0);
}

#[test]
fn a_digest_is_of_the_content() {
    let fixture = Fixture::new("*.csv", A);
    let text = "a\n".repeat(2_000_000);
    fixture.write("1.csv", &text).write("2.csv", &text).write("3.csv", "a\n");
    let digests = runtime().block_on(async {
        let mut digests = Vec::new();
        for file in list(&fixture.source).await.unwrap().files {
            digests.push(content(&fixture.source, &file).await.unwrap().digest);
        }
        digests
    });
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
    assert_eq!(digests[0], blake3::hash(text.as_bytes()).to_hex().to_string());
}

#[test]
fn a_file_that_changes_after_it_was_listed_is_not_read_as_if_whole() {
    let fixture = Fixture::new("a.csv", A);
    fixture.write("a.csv", "a\n1\n2\n");
    let error = runtime().block_on(async {
        let file = list(&fixture.source).await.unwrap().files.remove(0);
        fixture.write("a.csv", "a\n1\n2\n3\n4\n");
        content(&fixture.source, &file).await.unwrap_err()
    });
    assert_eq!(error.message(), "the file changed while it was being read");
}

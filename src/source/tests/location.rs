//! Files, folders and globs.

use super::{Fixture, declare, runtime};
use crate::source::{digest, list};

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
    assert_eq!(files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["two.csv"]);
}

#[test]
fn no_file_is_an_error_unless_the_source_is_optional() {
    let fixture = Fixture::new("in/*.csv", A);
    assert_eq!(
        fixture.error(),
        "there is no file at …/in/*.csv\n  in source shop\n  hint: check that the export has run, or set optional = true if it may be missing"
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
            digests.push(digest(&fixture.source, &file).await.unwrap());
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
        digest(&fixture.source, &file).await.unwrap_err()
    });
    assert_eq!(error.message(), "the file changed while it was being read");
}

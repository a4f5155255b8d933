//! Columns that are not the declared ones, file by file; the whole night is tried in tests/it/drift.rs.

use super::{Fixture, list, runtime};

const TWO: &str = "[columns]\na = \"text\"\nb = \"integer\"\n";

fn fixture(file: &str, options: &str) -> Fixture {
    let format = file.rsplit_once('.').map_or("", |(_, format)| format);
    Fixture::new(file, &format!("format = \"{format}\"\n{options}\n{TWO}"))
}

#[test]
fn order_means_nothing_where_columns_have_names() {
    let fixture = fixture("a.csv", "");
    fixture.write("a.csv", "b,a\n1,x\n");
    assert_eq!(fixture.read().table(), ["x|1"]);
}

#[test]
fn a_column_without_a_name_is_never_read() {
    let fixture = fixture("a.csv", "");
    fixture.write("a.csv", "a,b,\nx,1,\ny,2,z\n");
    assert_eq!(fixture.read().table(), ["x|1", "y|2"]);
}

#[test]
fn under_fail_an_undeclared_column_stops_the_file() {
    let fixture = fixture("a.csv", "");
    fixture.write("a.csv", "a,b,tier\nx,1,gold\n");
    assert!(fixture.error().starts_with("the file has a column that is not declared: `tier` (column 3)"));
}

#[test]
fn under_ignore_and_evolve_a_missing_column_is_null() {
    for policy in ["ignore", "evolve"] {
        let fixture = fixture("a.csv", &format!("on_drift = \"{policy}\""));
        fixture.write("a.csv", "a,tier\nx,gold\ny,iron,too long\n");
        let outcome = fixture.read();
        assert_eq!(outcome.table(), ["x|∅"]);
        assert_eq!(outcome.refused(), [(3, "∅", "expected 2 fields, found 3")]);
        // But a file of which nothing is declared is another file.
        fixture.write("a.csv", "x,y\n1,2\n");
        assert!(fixture.error().starts_with("the file has no columns `a`, `b`; its first line has 2 fields"));
    }
}

#[test]
fn a_record_where_the_header_should_be_is_not_shown() {
    for policy in ["fail", "ignore", "evolve"] {
        let options = format!(
            "format = \"csv\"\non_drift = \"{policy}\"\ncolumns = {{ card = \"text\", email = \"text\" }}"
        );
        let fixture = Fixture::new("a.csv", &options);
        for record in ["K9999,ada@example.org", "Ada Lovelace", "Carl,Ada,12 Elm Street"] {
            fixture.write("a.csv", format!("{record}\nK1,bob@example.org\n"));
            let message = fixture.error();
            assert!(message.contains("is the header missing (header = false)?"), "{message}");
            assert!(record.split([',', ' ']).all(|word| !message.contains(word)), "{message}");
        }
        // A header all the same.
        fixture.write("a.csv", "Card;E-mail\nK1;bob@example.org\n");
        assert!(fixture.error().contains("`Card;E-mail`"), "{}", fixture.error());
    }
}

#[test]
fn keys_that_are_data_are_not_shown_and_make_no_columns() {
    for policy in ["fail", "evolve"] {
        let fixture = Fixture::new(
            "a.jsonl",
            &format!("format = \"jsonl\"\non_drift = \"{policy}\"\ncolumns = {{ a = \"text\" }}"),
        );
        fixture.write("a.jsonl", "{\"a\":\"x\",\"ada@example.org\":1}\n");
        let surveyed = runtime().block_on(async {
            let file = list(&fixture.source).await.unwrap().files.remove(0);
            crate::source::survey(&fixture.source, &file).await
        });
        let message = surveyed.err().map_or_else(|| fixture.error(), |error| error.to_string());
        assert!(message.contains("looks like a value") && !message.contains("ada@"), "{message}");
    }
}

#[test]
fn a_key_that_is_absent_is_null_and_one_that_nobody_declared_is_reported_with_its_line() {
    let fixture = fixture("a.jsonl", "");
    fixture.write("a.jsonl", "{\"a\":\"x\"}\n{\"b\":2}\n");
    assert_eq!(fixture.read().table(), ["x|∅", "∅|2"]);
    fixture.write("a.jsonl", "{\"a\":\"x\"}\n{\"b\":2,\"c\":3}\n{\"c\":3,\"d\":{\"e\":1}}\n");
    let error = fixture.error();
    assert!(error.starts_with(
        "the file has columns that are not declared: `c` (first in line 2), `d` (first in line 3)"
    ));
}

#[test]
fn a_file_without_header_has_nothing_to_compare() {
    let fixture = Fixture::new(
        "a.csv",
        "format = \"csv\"\nheader = false\n[columns]\na = { type = \"text\", from = 1 }\n",
    );
    fixture.write("a.csv", "x,1,more\n");
    assert_eq!(fixture.read().table(), ["x"]);
}

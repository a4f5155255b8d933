//! CSV files as shops and spreadsheets write them.

use proptest::prelude::*;

use super::{Fixture, Outcome};

const SHOP: &str = r#"
format = "csv"
delimiter = ";"
encoding = "windows-1252"
decimal = ","
thousands = " "
timezone = "Europe/Paris"
ignore_columns = ["Rien"]
[columns]
ticket = { type = "integer", from = "N° ticket" }
city = { type = "text", from = "Ville" }
amount = { type = "decimal(9,2)", from = "Montant" }
weight = { type = "float", from = "Poids" }
day = { type = "date", from = "Jour", format = "%d/%m/%Y" }
at = { type = "timestamp", from = "Heure", format = "%d/%m/%Y %H:%M" }
member = { type = "boolean", from = "Membre" }
"#;

fn windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

#[test]
fn a_french_till_is_understood() {
    let fixture = Fixture::new("till.csv", SHOP);
    fixture.write(
        "till.csv",
        windows_1252(
            "Ville;N° ticket;Montant;Poids;Jour;Heure;Membre;Rien\r\n\
             Orléans;1;1 234,50;0,5;31/12/2025;31/12/2025 23:30;oui;\r\n\
             Nîmes;2;-0,05;;1/7/2025;01/07/2025 12:00;NON;x\r\n\
             €;3;7;1e3;;;;\r\n",
        ),
    );
    let outcome = fixture.read();
    assert_eq!(outcome.refused(), []);
    assert_eq!(
        outcome.table(),
        [
            "1|Orléans|1234.50|0.5|2025-12-31|2025-12-31T22:30:00Z|true",
            "2|Nîmes|-0.05|∅|2025-07-01|2025-07-01T10:00:00Z|false",
            "3|€|7.00|1000.0|∅|∅|∅",
        ]
    );
}

#[test]
fn every_kind_of_bad_value_is_refused_with_a_reason_that_hides_it() {
    let fixture = Fixture::new(
        "bad.csv",
        r#"
format = "csv"
key = ["id"]
timezone = "Europe/Paris"
[columns]
id = "integer"
v = "text"
n = { type = "integer", from = "v" }
"#,
    );
    fixture.write("bad.csv", "id,v\n1,12\n,5\n2,secret\n3,1.5\n4,99999999999999999999\n5\n6,7,8\n7,7\n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|12|12", "7|7|7"]);
    assert_eq!(outcome.lines, [2, 9]);
    assert_eq!(
        outcome.refused(),
        [
            (3, "id", "expected integer, found no value in a required column"),
            (4, "n", "expected integer, found text of 6 characters"),
            (5, "n", "expected integer, found a number with a fraction"),
            (6, "n", "expected integer, found a number that is out of range"),
            (7, "∅", "expected 2 fields, found 1 (ragged = \"pad\" reads missing cells at the end as empty)"),
            (8, "∅", "expected 2 fields, found 3"),
        ]
    );
    assert_eq!(outcome.records[1], "2,secret");
}

/// Reads one column `v` of a type from a file with these values.
pub fn column(kind: &str, options: &str, values: &[&str]) -> Outcome {
    let toml = format!("format = \"csv\"\n{options}\n[columns]\nv = {kind}\n");
    let fixture = Fixture::new("v.csv", &toml);
    let text: String = values.iter().map(|v| format!("{v}\n")).collect();
    fixture.write("v.csv", format!("v\n{text}"));
    fixture.read()
}

#[test]
fn each_type_refuses_what_it_is_not() {
    let reason = |kind: &str, value: &str| {
        let outcome = column(kind, "timezone = \"Europe/Paris\"", &[value]);
        assert_eq!(outcome.rows.len(), 0, "{kind} {value}");
        outcome.refused[0].2.clone()
    };
    assert_eq!(
        reason("\"decimal(4,2)\"", "1.234"),
        "expected decimal(4,2), found a number with more decimal places"
    );
    assert_eq!(
        reason("\"decimal(4,2)\"", "100"),
        "expected decimal(4,2), found a number that is out of range"
    );
    assert_eq!(reason("\"decimal(4,2)\"", "ten"), "expected decimal(4,2), found text of 3 characters");
    assert_eq!(reason("\"float\"", "NaN"), "expected float, found text of 3 characters");
    assert_eq!(reason("\"boolean\"", "si"), "expected boolean, found text of 2 characters");
    assert_eq!(reason("\"date\"", "31/12/2025"), "expected date, found text of 10 characters");
    assert_eq!(reason("\"date\"", "2025-02-29"), "expected date, found a date or time that does not exist");
    assert_eq!(
        reason("{ type = \"date\", format = \"%d/%m/%Y\" }", "2025-12-31"),
        "expected date as %d/%m/%Y, found text of 10 characters"
    );
    assert_eq!(
        reason("\"timestamp\"", "2026-03-29 02:30:00"),
        "expected timestamp, found a local time that does not exist in Europe/Paris, because clocks went forward"
    );
    assert_eq!(
        reason("{ type = \"text\", nullable = false }", "\"\""),
        "expected text, found no value in a required column"
    );
}

#[test]
fn of_an_hour_that_happens_twice_the_first_is_taken() {
    let outcome = column("\"timestamp\"", "timezone = \"Europe/Paris\"", &["2025-10-26 02:30:00"]);
    assert_eq!(outcome.table(), ["2025-10-26T00:30:00Z"]);
    let outcome =
        column("{ type = \"timestamp\", timezone = \"America/New_York\" }", "", &["2025-07-01 00:00"]);
    assert_eq!(outcome.table(), ["2025-07-01T04:00:00Z"]);
}

#[test]
fn the_words_for_null_are_the_declared_ones() {
    let outcome = column("\"integer\"", "null = [\"NA\", \"-\"]", &["1", "NA", " - ", "\"\""]);
    assert_eq!(outcome.table(), ["1", "∅", "∅"]);
    assert_eq!(outcome.refused(), [(5, "v", "expected integer, found text of 0 characters")]);
    let outcome = column("\"text\"", "null = [\"NA\"]", &["NA", "na", "\"\""]);
    assert_eq!(outcome.table(), ["∅", "na", ""]);
}

#[test]
fn words_for_true_and_false_can_be_declared() {
    let outcome = column("{ type = \"boolean\", true = [\"J\"], false = [\"N\"] }", "", &["j", "N", "yes"]);
    assert_eq!(outcome.table(), ["true", "false"]);
    assert_eq!(outcome.refused.len(), 1);
}

const TWO: &str = "[columns]\na = \"text\"\nb = \"text\"\n";

#[test]
fn lines_are_those_an_editor_counts() {
    let fixture = Fixture::new("q.csv", &format!("format = \"csv\"\ncomment = \"#\"\n{TWO}"));
    fixture
        .write("q.csv", "# made by hand\r\na,b\r\n\"x\r\ny\",1\r\n\r\n\"\"\"q\"\"\",\"é,\"\r\n#\r\n3,\"4\"");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["x\r\ny|1", "\"q\"|é,", "3|4"]);
    assert_eq!(outcome.lines, [3, 6, 8]);
}

#[test]
fn lines_at_either_end_can_be_left_out() {
    let options = "format = \"csv\"\nskip_lines = 2\nfooter_lines = 2\n";
    for end in ["", "\n", "\n\n \n"] {
        let fixture = Fixture::new("f.csv", &format!("{options}{TWO}"));
        fixture.write("f.csv", format!("Export\n\"from the till\na,b\n1,2\n3,4\n\nTotal;2\nEnd{end}"));
        let outcome = fixture.read();
        assert_eq!((outcome.table(), outcome.refused.len()), (vec!["1|2".into(), "3|4".into()], 0));
        assert_eq!(outcome.lines, [4, 5]);
    }
    let fixture = Fixture::new("f.csv", &format!("format = \"csv\"\nfooter_lines = 9\n{TWO}"));
    fixture.write("f.csv", "a,b\n1,2\n");
    assert!(fixture.error().starts_with("the file is empty"));
}

#[test]
fn a_header_without_a_declared_column_is_an_error_that_offers_the_nearest() {
    let fixture = Fixture::new("h.csv", "format = \"csv\"\n[columns]\ncustomer_id = \"text\"\n");
    fixture.write("h.csv", "InvoiceNo,CustomerID\n1,2\n");
    insta::assert_snapshot!(fixture.error(), @r#"
    the file has no column `customer_id`, but an undeclared column `CustomerID` (column 2)
      in source shop › h.csv
      hint: was it renamed? Then declare customer_id with from = ["CustomerID", "customer_id"] to read files with either name
    "#);
    fixture.write("h.csv", "customer_id,customer_id\n1,2\n");
    assert!(fixture.error().starts_with("the file has the column `customer_id` more than once"));
    fixture.write("h.csv", "");
    assert!(fixture.error().starts_with("the file is empty: it has no header"));
}

#[test]
fn a_header_alone_is_an_export_without_rows() {
    let fixture = Fixture::new("h.csv", &format!("format = \"csv\"\n{TWO}"));
    fixture.write("h.csv", "a,b");
    assert_eq!((fixture.read().rows.len(), fixture.read().refused.len()), (0, 0));
}

#[test]
fn without_a_header_columns_go_by_position() {
    let toml = "format = \"csv\"\nheader = false\n[columns]\na = { type = \"text\", from = 3 }\nb = { type = \"text\", from = 1 }\n";
    let fixture = Fixture::new("p.csv", toml);
    fixture.write("p.csv", "1,x\n1,2,3\n4,5,6\n7,8\n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["3|1", "6|4"]);
    let short = "expected 3 fields, found 2 (ragged = \"pad\" reads missing cells at the end as empty)";
    assert_eq!(outcome.refused(), [(1, "∅", short), (4, "∅", short)]);
}

#[test]
fn a_file_cut_inside_a_quoted_field_loses_that_record_only() {
    let fixture = Fixture::new("t.csv", &format!("format = \"csv\"\n{TWO}"));
    fixture.write("t.csv", "a,b\n1,2\n3,\"cut he");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|2"]);
    assert_eq!(outcome.refused(), [(3, "∅", "a quoted field is not closed before the end of the file")]);
    assert_eq!(outcome.records, ["3,\"cut he"]);
}

#[test]
fn a_file_of_many_windows_is_read_whole() {
    let fixture = Fixture::new("w.csv", &format!("format = \"csv\"\nfooter_lines = 1\n{TWO}"));
    let mut text = String::from("a,b\n");
    let rows = 60_000;
    for i in 0..rows {
        text.push_str(&format!("{i},\"é {i}\n{}\"\n", "x".repeat(i % 150)));
    }
    text.push_str("the end");
    assert!(text.len() > 5_000_000);
    fixture.write("w.csv", text);
    let outcome = fixture.read();
    assert_eq!((outcome.rows.len(), outcome.refused.len()), (rows, 0));
    for (i, (row, line)) in outcome.rows.iter().zip(&outcome.lines).enumerate() {
        assert_eq!((row[0].as_str(), *line), (i.to_string().as_str(), 2 * i as i64 + 2));
        assert_eq!(row[1], format!("é {i}\n{}", "x".repeat(i % 150)));
    }
}

#[test]
fn a_quote_never_closed_does_not_swallow_a_large_file() {
    let fixture = Fixture::new("s.csv", &format!("format = \"csv\"\n{TWO}"));
    let mut text = String::from("a,b\n0,\"open\n");
    let rows = 500_000;
    for i in 0..rows {
        text.push_str(&format!("{i},{i:08}\n"));
    }
    fixture.write("s.csv", text);
    let outcome = fixture.read();
    assert_eq!((outcome.rows.len(), outcome.refused.len()), (rows, 1));
    assert_eq!(outcome.refused[0].0, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_written_as_csv_is_read_back(
        rows in proptest::collection::vec(("(?s).{0,30}", "(?s).{0,30}"), 1..20),
        crlf in any::<bool>(),
    ) {
        let fixture = Fixture::new("a.csv", &format!("format = \"csv\"\nnull = []\n{TWO}"));
        let end = if crlf { "\r\n" } else { "\n" };
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = format!("a,b{end}");
        for (a, b) in &rows {
            text.push_str(&format!("{},{}{end}", quoted(a), quoted(b)));
        }
        fixture.write("a.csv", text);
        let outcome = fixture.read();
        let expected: Vec<Vec<String>> = rows.into_iter().map(|(a, b)| vec![a, b]).collect();
        prop_assert_eq!(outcome.rows, expected);
        prop_assert_eq!(outcome.refused.len(), 0);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b','), Just(b'"'), Just(b'\n')], 0..300),
        encoding in prop_oneof![Just("utf-8"), Just("utf-16le"), Just("shift_jis")],
        footer in 0usize..3,
    ) {
        let options = format!("format = \"csv\"\nencoding = \"{encoding}\"\nfooter_lines = {footer}\n");
        let fixture = Fixture::new("a.csv", &format!("{options}[columns]\na = \"text\"\nb = \"decimal(5,2)\"\n"));
        let head = encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap();
        let mut text = if encoding == "utf-16le" {
            "a,b\n".encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            head.encode("a,b\n").0.into_owned()
        };
        text.extend(bytes);
        fixture.write("a.csv", text);
        if let Err(error) = fixture.try_read() {
            prop_assert!(!error.to_string().contains("stopped unexpectedly"), "{}", error);
        }
    }
}

#[test]
fn a_line_without_end_is_refused_once_and_the_next_is_read() {
    let fixture = Fixture::new("a.csv", "format = \"csv\"\n[columns]\nid = \"integer\"\nnet = \"integer\"\n");
    for end in ["\n", "\r\n"] {
        let mut text = format!("id,net{end}1,1{end}").into_bytes();
        text.resize(text.len() + 13 * 1024 * 1024, b'7');
        text.extend(format!("{end}2,2{end}").as_bytes());
        fixture.write("a.csv", text);
        let outcome = fixture.read();
        assert_eq!(outcome.table(), ["1|1", "2|2"]);
        assert_eq!(outcome.refused(), [(3, "∅", "the record is longer than 4 MiB (is a quote not closed?)")]);
        assert_eq!(outcome.lines, [2, 4]);
    }
}

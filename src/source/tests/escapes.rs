//! Exports that escape: the dumps of MySQL and PostgreSQL, and whatever else writes backslashes.

use proptest::prelude::*;

use super::Fixture;

const TWO: &str = "[columns]\na = \"text\"\nb = \"text\"\n";

fn read(options: &str, text: &str) -> (Vec<String>, Vec<i64>, Vec<(i64, String)>) {
    let fixture = Fixture::new("e.csv", &format!("format = \"csv\"\n{options}\n{TWO}"));
    fixture.write("e.csv", format!("{}\n{text}", if options.contains("\\t") { "a\tb" } else { "a,b" }));
    let outcome = fixture.read();
    let refused = outcome.refused.iter().map(|(line, _, reason)| (*line, reason.clone())).collect();
    (outcome.table(), outcome.lines.clone(), refused)
}

#[test]
fn a_dump_with_quotes_is_read_as_it_was_meant() {
    let text = "\"Tea \\\"green\\\", 100 g\",1\n\"Screen 27\\\"\",2\n\"path C:\\\\\",3\n\\N,4\n\"two\\\nlines\",5\n\
                \"a\\\\b\",6\n\"a\\tb\\nc\",7\n\"doubled \"\"too\"\"\",8\nplain\\, text,9\n\"\\Z\\0\",10\n\\\"x,11\n";
    let (rows, lines, refused) = read("escape = \"\\\\\"", text);
    assert_eq!(refused, []);
    assert_eq!(
        rows,
        [
            "Tea \"green\", 100 g|1",
            "Screen 27\"|2",
            "path C:\\|3",
            "∅|4",
            "two\nlines|5",
            "a\\b|6",
            "a\tb\nc|7",
            "doubled \"too\"|8",
            "plain, text|9",
            "\u{1a}\0|10",
            "\"x|11",
        ]
    );
    assert_eq!(lines, [2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13]);
}

#[test]
fn a_dump_of_tabs_is_read_as_it_was_meant() {
    let text = "Tea \"green\"\t1\nC:\\\\\t2\n\\N\t3\ntwo\\nlines\t4\na\\\tb\t5\na\\\nb\t6\n\\\\N\t7\n\t8\n";
    let (rows, lines, refused) = read("delimiter = \"\\t\"\nquote = \"\"\nescape = \"\\\\\"", text);
    assert_eq!(refused, []);
    assert_eq!(
        rows,
        ["Tea \"green\"|1", "C:\\|2", "∅|3", "two\nlines|4", "a\tb|5", "a\nb|6", "\\N|7", "∅|8"]
    );
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 9, 10]);
}

#[test]
fn what_means_no_value_is_written_without_an_escape() {
    let words = |null: &str| {
        let (rows, ..) = read(&format!("escape = \"\\\\\"\n{null}"), "\\N,\\\\N\n\"\\N\",N\n,\\N x\n");
        rows
    };
    assert_eq!(words(""), ["∅|\\N", "∅|N", "∅|N x"]);
    assert_eq!(words("null = [\"\", \"\\\\N\"]"), ["∅|\\N", "∅|N", "∅|N x"]);
    assert_eq!(words("null = [\"N\"]"), ["\\N|\\N", "\\N|∅", "|N x"]);
}

#[test]
fn line_ends_of_two_bytes_and_the_end_of_the_file() {
    let (rows, lines, refused) = read("escape = \"\\\\\"", "a\\\r\nb,1\r\nc,\"d\\\r\ne\"\r\nf,g\\");
    assert_eq!(rows, ["a\r\nb|1", "c|d\r\ne"]);
    assert_eq!(lines, [2, 4]);
    assert_eq!(refused, [(6, "the file ends after an escape character".to_owned())]);
    let (rows, _, refused) = read("escape = \"\\\\\"", "\"a\\\",1\n2,3\n");
    assert_eq!((rows, refused.len()), (vec!["2|3".to_owned()], 1));
}

#[test]
fn without_the_option_the_refusal_names_it() {
    let (rows, _, refused) =
        read("", "\"Tea \\\"green\\\"\",1\n2,3\n\"Screen 27\\\"\",199\n4,\\N\n5,a\\tb\n");
    assert_eq!(rows, ["2|3", "4|\\N", "5|a\\tb"]);
    let reason = "a quoted field does not end at its closing quote, and there are quotes after \
     backslashes: escape = \
                  \"\\\\\" reads them as part of the value";
    assert_eq!(refused, [(2, reason.to_owned()), (4, reason.to_owned())]);
}

#[test]
fn backslashes_beside_the_null_of_a_dump_are_reported() {
    let toml = format!("format = \"csv\"\nquote = \"\"\nnull = [\"\", \"\\\\N\"]\n{TWO}");
    let fixture = Fixture::new("e.csv", &toml);
    fixture.write("e.csv", "a,b\n1,\\N\n2,C:\\\\\n3,a\\tb\n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|∅", "2|C:\\\\", "3|a\\tb"]);
    assert_eq!(
        outcome.remarks,
        ["2 values of `b` hold backslashes, the first in line 3: an export that writes \\N for null \
             usually uses escapes; escape = \"\\\\\" reads them"]
    );
}

/// As MySQL writes: each special character after a backslash.
fn by_mysql(text: &str, quoted: bool, delimiter: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\0' => out.push_str("\\0"),
            '\\' | '\n' => out.extend(['\\', c]),
            '"' if quoted => out.extend(['\\', c]),
            c if c == delimiter && !quoted => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    if quoted { format!("\"{out}\"") } else { out }
}

/// As PostgreSQL's `COPY … TO` writes.
fn by_postgres(text: &str, delimiter: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            c if c == delimiter => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zé\\\\\",;\t\n NnrtbfvZ0#]{0,12}",
        1 => "(?s)[^\r\u{feff}]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_mysql_and_postgres_write_is_read_back(
        rows in proptest::collection::vec((proptest::option::of(text()), text()), 1..12),
        quoted in any::<bool>(),
        postgres in any::<bool>(),
        delimiter in proptest::sample::select(&[',', ';', '\t', '|'][..]),
    ) {
        let quoted = quoted && !postgres;
        let write = |text: &str| match postgres {
            true => by_postgres(text, delimiter),
            false => by_mysql(text, quoted, delimiter),
        };
        let mut file = format!("a{delimiter}b\n");
        for (a, b) in &rows {
            let a = a.as_ref().map_or("\\N".to_owned(), |a| write(a));
            file.push_str(&format!("{a}{delimiter}{}\n", write(b)));
        }
        let quote = if quoted { "" } else { "quote = \"\"" };
        let fixture = Fixture::new(
            "e.csv",
            &format!("format = \"csv\"\ndelimiter = {:?}\n{quote}\nescape = \"\\\\\"\nnull = [\"\\\\N\"]\n{TWO}", delimiter.to_string()),
        );
        fixture.write("e.csv", &file);
        let outcome = fixture.read();
        prop_assert_eq!(outcome.refused.len(), 0, "{:?} {}", outcome.refused, file);
        let expected: Vec<Vec<String>> =
            rows.into_iter().map(|(a, b)| vec![a.unwrap_or("∅".to_owned()), b]).collect();
        prop_assert_eq!(outcome.rows, expected, "{}", file);
    }

    #[test]
    fn what_the_csv_crate_escapes_is_read_back(
        rows in proptest::collection::vec(("[a-zé\",\n ]{0,10}", "[a-zé\",\n ]{0,10}"), 1..12),
    ) {
        let mut writer = csv::WriterBuilder::new().double_quote(false).escape(b'\\').from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        for (a, b) in &rows {
            writer.write_record([a, b]).unwrap();
        }
        let fixture = Fixture::new("e.csv", &format!("format = \"csv\"\nescape = \"\\\\\"\nnull = []\n{TWO}"));
        fixture.write("e.csv", writer.into_inner().unwrap());
        let expected: Vec<Vec<String>> = rows.into_iter().map(|(a, b)| vec![a, b]).collect();
        prop_assert_eq!(fixture.read().rows, expected);
    }

    #[test]
    fn however_windows_cut_it_an_escaped_text_is_split_the_same(text in "[ab,\"\\\\\r\n]{0,30}") {
        use crate::source::row::record_span::Found;
        use crate::source::file::csv::records::Splitter;
        let splitter = Splitter { delimiter: b',', quote: Some(b'"'), comment: None, escape: Some(b'\\') };
        let text = text.as_bytes();
        let (mut whole, mut part) = (Vec::new(), Vec::new());
        let expected = splitter.split(text, 0, true, &mut whole);
        for cut in 0..text.len() {
            part.clear();
            match splitter.split(&text[..cut], 0, false, &mut part) {
                Found::More => {}
                found => {
                    prop_assert_eq!(found, expected, "cut at {}", cut);
                    if matches!(found, Found::Record { .. }) {
                        prop_assert_eq!(&part, &whole);
                    }
                }
            }
        }
    }
}

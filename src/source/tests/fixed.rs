//! Fixed-width files: cut at characters, padding taken off, nothing dropped in silence.

use proptest::prelude::*;

use super::{Fixture, declare};

/// The layout of a well-known sample of purchases: id, id in the sample, day, quantity, amount.
const PURCHASES: &str = r#"
format = "fixed"
[columns]
customer = { type = "text", at = [2, 6] }
sampled = { type = "integer", at = [8, 11] }
bought_on = { type = "date", at = [13, 20], format = "%Y%m%d" }
quantity = { type = "integer", at = [22, 23] }
amount = { type = "decimal(9,2)", at = [25, 31] }
"#;

/// Reads a file in a layout of `columns`, with other `options`.
fn fixture(options: &str, columns: &str) -> Fixture {
    Fixture::new("a.txt", &format!("format = \"fixed\"\n{options}\n[columns]\n{columns}"))
}

#[test]
fn columns_are_cut_at_their_characters_and_padding_is_taken_off() {
    let fixture = Fixture::new("p.txt", PURCHASES);
    fixture.write("p.txt", " 00004 0001 19970101  2   29.33\r\n 00021 0002 19970113 12 1063.34\r\n");
    let outcome = fixture.read();
    assert_eq!(outcome.refused(), []);
    assert_eq!(outcome.table(), ["00004|1|1997-01-01|2|29.33", "00021|2|1997-01-13|12|1063.34"]);
    assert_eq!(outcome.lines, [1, 2]);
}

#[test]
fn characters_are_counted_whatever_their_bytes() {
    let columns = "name = { type = \"text\", at = [1, 5] }\ngrade = { type = \"text\", at = 6 }\nn = { type = \"integer\", at = [7, 9] }\n";
    let text = "Zoé  A  1\nÉlÉnaB 22\n€€€€€C333\n";
    let rows = ["Zoé|A|1", "ÉlÉna|B|22", "€€€€€|C|333"];
    for encoding in ["utf-8", "windows-1252", "utf-16le"] {
        let fixture = fixture(&format!("encoding = \"{encoding}\""), columns);
        fixture.write(
            "a.txt",
            match encoding {
                "utf-8" => text.as_bytes().to_vec(),
                "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                _ => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
            },
        );
        assert_eq!(fixture.read().table(), rows, "{encoding}");
    }
}

#[test]
fn a_field_of_blanks_has_no_value_and_a_line_of_blanks_is_no_record() {
    let fixture = fixture(
        "key = [\"id\"]",
        "id = { type = \"text\", at = [1, 3] }\nn = { type = \"integer\", at = [4, 6] }\n",
    );
    fixture.write("a.txt", "a1    \n      \n\n     7\na2  8 \n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["a1|∅", "a2|8"]);
    assert_eq!(outcome.refused(), [(4, "id", "expected text, found no value in a required column")]);
}

#[test]
fn short_lines_are_refused_unless_they_are_declared() {
    let columns = "id = { type = \"text\", at = [1, 3] }\nname = { type = \"text\", at = [4, 9] }\n";
    let lines = "001Ann   \n002Bob\n003\n00\n";
    let strict = fixture("", columns);
    strict.write("a.txt", lines);
    let outcome = strict.read();
    assert_eq!(outcome.table(), ["001|Ann"]);
    let reason = |found: usize| {
        format!(
            "expected 9 characters, found {found} (ragged = \"pad\" reads missing ones at the end as blanks)"
        )
    };
    let refused: Vec<(i64, String)> = outcome.refused.iter().map(|r| (r.0, r.2.clone())).collect();
    assert_eq!(refused, [(2, reason(6)), (3, reason(3)), (4, reason(2))]);
    let padded = fixture("ragged = \"pad\"", columns);
    padded.write("a.txt", lines);
    assert_eq!(padded.read().table(), ["001|Ann", "002|Bob", "003|∅", "00|∅"]);
}

#[test]
fn a_character_that_no_column_has_must_be_blank_or_be_declared() {
    let columns = "a = { type = \"text\", at = [1, 2] }\nb = { type = \"text\", at = [5, 6] }\n";
    let lines = "aa  bb\naa xbb\naa  bb   \naa  bby\n";
    let strict = fixture("", columns);
    strict.write("a.txt", lines);
    let outcome = strict.read();
    assert_eq!(outcome.table(), ["aa|bb", "aa|bb"]);
    assert_eq!(
        outcome.refused(),
        [
            (
                2,
                "∅",
                "text in characters 3 to 4, which belongs to no column (ignore_columns = [\"3-4\"] ignores it)"
            ),
            (
                4,
                "∅",
                "text after character 6, which belongs to no column (ignore_columns = [\"7-\"] ignores it)"
            ),
        ]
    );
    for options in ["ignore_columns = [\"3-4\", \"7-\"]", "on_drift = \"ignore\""] {
        let fixture = fixture(options, columns);
        fixture.write("a.txt", lines);
        assert_eq!(fixture.read().table(), ["aa|bb"; 4], "{options}");
    }
}

#[test]
fn lines_to_skip_footers_comments_and_bad_bytes_are_as_in_csv() {
    let fixture = fixture(
        "skip_lines = 1\nfooter_lines = 1\ncomment = \"#\"\nencoding_check = false",
        "n = { type = \"integer\", at = [1, 4] }\n",
    );
    fixture.write("a.txt", b"EXPORT OF TODAY\n#   1\n   1\n  \xFF2\n   x\n   3\rEND 4\n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1", "3"]);
    assert_eq!(outcome.lines, [3, 6]);
    assert_eq!(
        outcome.refused(),
        [(4, "∅", "bytes that are not valid UTF-8"), (5, "n", "expected integer, found text of 1 character"),]
    );
}

#[test]
fn a_line_without_end_is_refused_once() {
    let fixture = fixture("", "n = { type = \"integer\", at = [1, 4] }\n");
    let mut text = b"   1\n".to_vec();
    text.resize(9 * 1024 * 1024, b'7');
    text.extend(b"\n   2\n");
    fixture.write("a.txt", text);
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1", "2"]);
    assert_eq!(outcome.refused(), [(2, "∅", "the line is longer than 4 MiB")]);
    assert_eq!(outcome.lines, [1, 3]);
}

#[test]
fn a_layout_that_makes_no_sense_is_reported_whole() {
    let problems = declare(
        r#"
path = "x"
format = "fixed"
delimiter = ";"
on_drift = "evolve"
ignore_columns = ["3", "0-2"]
[columns]
a = { type = "text", at = [1, 4] }
b = { type = "text", at = [4, 6] }
c = { type = "text", at = [9, 8] }
d = { type = "text", at = 0 }
e = "text"
f = { type = "text", from = "f" }
"#,
    )
    .check("web")
    .unwrap_err();
    let mut messages: Vec<String> =
        problems.iter().map(|p| format!("{}: {}", p.key.join("."), p.error.message())).collect();
    messages.sort();
    assert_eq!(
        messages,
        [
            "columns.b.at: a and b share the character 4",
            "columns.c.at: characters 9 to 8 are not a valid range",
            "columns.d.at: characters 0 to 0 are not a valid range",
            "columns.e.at: a fixed-width column needs `at`",
            "columns.f.from: a fixed-width file has no column names",
            "delimiter: `delimiter` cannot be used with the format fixed",
            "ignore_columns: `0-2` is not a range of characters",
            "ignore_columns: `3` is both declared, as a, and ignored",
            "on_drift: a fixed-width file has no column names, so no column can be added",
        ]
    );
    let problems =
        declare("path = \"x\"\nformat = \"csv\"\n[columns]\na = { type = \"text\", at = [1, 4] }\n")
            .check("web")
            .unwrap_err();
    assert_eq!(problems[0].error.message(), "`at` cannot be used with the format csv");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_in_columns_is_read_back(
        widths in proptest::collection::vec((0usize..3, 1usize..9, any::<bool>()), 1..6),
        cells in proptest::collection::vec("[a-zé€ 0-9]{0,8}", 1..40),
        line_end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let (mut columns, mut at) = (String::new(), 1);
        for (n, (gap, width, _)) in widths.iter().enumerate() {
            at += gap;
            columns += &format!("c{n} = {{ type = \"text\", at = [{at}, {}] }}\n", at + width - 1);
            at += width;
        }
        let (mut text, mut expected) = (String::new(), Vec::new());
        for row in cells.chunks(widths.len()) {
            let mut values = Vec::new();
            for (n, (gap, width, right)) in widths.iter().enumerate() {
                let cell: String = row.get(n).map_or("", String::as_str).chars().take(*width).collect();
                text += &" ".repeat(*gap);
                let padding = " ".repeat(width - cell.chars().count());
                text += &if *right { padding + &cell } else { cell.clone() + &padding };
                let value = cell.trim_matches(' ');
                values.push(if value.is_empty() { "∅" } else { value }.to_owned());
            }
            text += line_end;
            // A line of blanks is not a record.
            if values.iter().any(|value| value != "∅") {
                expected.push(values);
            }
        }
        let fixture = fixture("", &columns);
        fixture.write("a.txt", text);
        let outcome = fixture.read();
        prop_assert_eq!(outcome.refused(), []);
        prop_assert_eq!(outcome.rows, expected);
    }
}

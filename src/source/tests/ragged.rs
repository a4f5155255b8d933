//! Records with cells too few or too many at their end.

use proptest::prelude::*;

use super::Fixture;

const COLUMNS: &str = "[columns]\nid = \"text\"\nname = \"text\"\nphone = \"text\"\nnote = \"text\"\n";

fn fixture(options: &str, text: &str) -> Fixture {
    let fixture =
        Fixture::new("a.csv", &format!("format = \"csv\"\ndelimiter = \";\"\n{options}\n{COLUMNS}"));
    fixture.write("a.csv", text);
    fixture
}

const SHORT: &str = "id;name;phone;note\n1;Ann;0601;x\n2;Bob;0602\n3;Cleo\n4;Dan;;y\n";
const TRAILING: &str = "id;name;phone;note\n1;Ann;0601;x;\n2;Bob;0602;;\n3;Cleo;;; ;\n4;Dan;;y;z\n";

#[test]
fn a_source_may_say_that_its_records_are_ragged() {
    let outcome = fixture("ragged = \"pad\"", SHORT).read();
    assert_eq!(outcome.refused(), []);
    assert_eq!(outcome.table(), ["1|Ann|0601|x", "2|Bob|0602|∅", "3|Cleo|∅|∅", "4|Dan|∅|y"]);
    assert_eq!(outcome.lines, [2, 3, 4, 5]);
    // What says something is never left out.
    let outcome = fixture("ragged = \"pad\"", TRAILING).read();
    assert_eq!(outcome.table(), ["1|Ann|0601|x", "2|Bob|0602|∅", "3|Cleo|∅|∅"]);
    assert_eq!(outcome.refused(), [(5, "∅", "expected 4 fields, found 5")]);
}

#[test]
fn where_nothing_is_said_the_reason_names_the_option() {
    let outcome = fixture("", SHORT).read();
    assert_eq!(outcome.table(), ["1|Ann|0601|x", "4|Dan|∅|y"]);
    let short = "expected 4 fields, found 3 (ragged = \"pad\" reads missing cells at the end as empty)";
    assert_eq!(outcome.refused()[0], (3, "∅", short));
    let outcome = fixture("", TRAILING).read();
    assert_eq!(outcome.rows.len(), 0);
    let long = "expected 4 fields, found 5 (ragged = \"pad\" ignores empty cells at the end)";
    assert_eq!(outcome.refused()[..2], [(2, "∅", long), (3, "∅", long)]);
    assert_eq!(outcome.refused()[3].2, "expected 4 fields, found 5");
}

#[test]
fn cells_of_columns_without_a_name_are_never_missed() {
    for text in [
        "id;name;phone;note;\n1;Ann;0601;x\n2;Bob;0602;\n",
        "id;name;phone;note;;; \n1;Ann;0601;x;\n2;Bob;0602;;;\n",
    ] {
        let outcome = fixture("", text).read();
        assert_eq!(outcome.refused(), []);
        assert_eq!(outcome.table(), ["1|Ann|0601|x", "2|Bob|0602|∅"]);
    }
    let outcome = fixture("", "id;name;phone;note;\n1;Ann;0601\n").read();
    assert!(outcome.refused()[0].2.starts_with("expected 5 fields, found 3 (ragged"));
}

#[test]
fn a_required_cell_that_is_missing_is_refused_all_the_same() {
    let outcome = fixture("ragged = \"pad\"\nkey = [\"phone\"]", SHORT).read();
    assert_eq!(outcome.table(), ["1|Ann|0601|x", "2|Bob|0602|∅"]);
    let missing = "expected text, found no value in a required column";
    assert_eq!(outcome.refused(), [(4, "phone", missing), (5, "phone", missing)]);
}

#[test]
fn without_a_header_records_are_as_wide_as_the_first_that_is_wide_enough() {
    let read = |options: &str| {
        let columns = "[columns]\na = { type = \"text\", from = 1 }\nc = { type = \"text\", from = 3 }\n";
        let fixture =
            Fixture::new("a.csv", &format!("format = \"csv\"\nheader = false\n{options}\n{columns}"));
        fixture.write("a.csv", "1\n2,b\n3,b,c,d\n4,b,c\n5,b,c,d,\n6,b,c,d,e\n");
        fixture.read()
    };
    let padded = read("ragged = \"pad\"");
    assert_eq!(padded.table(), ["1|∅", "2|∅", "3|c", "4|c", "5|c"]);
    assert_eq!(padded.refused(), [(6, "∅", "expected 4 fields, found 5")]);
    let strict = read("");
    assert_eq!(strict.table(), ["3|c"]);
    assert_eq!(strict.refused.len(), 5);
}

/// A record's cells, and how its end is frayed.
fn record() -> impl Strategy<Value = (Vec<String>, usize, usize, bool)> {
    (proptest::collection::vec("[a-z;\"é]{0,3}", 4), 0usize..4, 0usize..3, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_frayed_record_is_read_as_its_declaration_says(
        records in proptest::collection::vec(record(), 1..30),
        pad in any::<bool>(),
    ) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut text = String::from("id;name;phone;note\n");
        let (mut expected, mut refused) = (Vec::new(), 0);
        for (mut cells, fewer, more, says) in records {
            cells.truncate(4 - fewer);
            let mut width = cells.len();
            let mut written: Vec<String> = cells.iter().map(quoted).collect();
            if fewer == 0 && more > 0 {
                written.extend(std::iter::repeat_n(String::new(), more - 1));
                written.push(if says { "x".to_owned() } else { String::new() });
                width += more;
            }
            text += &(written.join(";") + "\n");
            let fits = width == 4 || (pad && (width < 4 || !says));
            if fits {
                cells.resize(4, String::new());
                expected.push(cells.into_iter().map(|c| if c.is_empty() { "∅".to_owned() } else { c }).collect::<Vec<_>>());
            } else {
                refused += 1;
            }
        }
        let outcome = fixture(if pad { "ragged = \"pad\"" } else { "" }, &text).read();
        prop_assert_eq!(outcome.rows, expected);
        prop_assert_eq!(outcome.refused.len(), refused);
    }
}

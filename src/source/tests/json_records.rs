//! JSON values one after another: an array, several objects, over lines or on one.

use super::Fixture;

fn fixture() -> Fixture {
    Fixture::new("a.json", "format = \"json\"\non_drift = \"ignore\"\n[columns]\na = \"text\"\n")
}

#[test]
fn values_are_read_however_they_lie() {
    for text in [
        "[{\"a\":1},{\"a\":\"x\\\"]\"}]",
        "\u{feff}\n [\n  {\n    \"a\": 1\n  },\n  {\"a\": \"x\\\"]\", \"b\": [[], {}]}\n]\n\n",
        "{\"a\":1}{\"a\":\"x\\\"]\"}",
        "{\"a\":1}\n\n{\"a\":\"x\\\"]\"}\n",
        "{\n\"a\":1\n}\t{\n\"a\":\"x\\\"]\"}",
    ] {
        let fixture = fixture();
        fixture.write("a.json", text);
        let outcome = fixture.read();
        assert_eq!(
            (outcome.table(), outcome.lines),
            (vec!["1".to_owned(), "x\"]".to_owned()], vec![1, 2]),
            "{text}"
        );
    }
    for nothing in ["[]", "[ \n ]", " [\n]\n"] {
        let fixture = fixture();
        fixture.write("a.json", nothing);
        assert_eq!(fixture.read().table(), [""; 0]);
    }
}

#[test]
fn a_value_that_does_not_fit_is_refused_by_its_number() {
    let fixture = fixture();
    fixture.write("a.json", "[{\"a\":1}, 7, {\"a\":1,\"a\":2}, \"]\", [1], null, {\"a\":01}, {\"a\":2}]");
    let outcome = fixture.read();
    assert_eq!((outcome.table(), outcome.lines.clone()), (vec!["1".to_owned(), "2".to_owned()], vec![1, 8]));
    let refused: Vec<(i64, &str)> = outcome.refused.iter().map(|(n, _, why)| (*n, why.as_str())).collect();
    assert_eq!(
        refused,
        [
            (2, "not a JSON object: expected an object at byte 1"),
            (3, "the key `a` is repeated"),
            (4, "not a JSON object: expected an object at byte 1"),
            (5, "not a JSON object: expected an object at byte 1"),
            (6, "not a JSON object: expected an object at byte 1"),
            (7, "not a JSON object: invalid number at byte 7"),
        ]
    );
    assert_eq!(outcome.records[1], "{\"a\":1,\"a\":2}");
}

#[test]
fn where_the_next_value_begins_is_never_guessed() {
    for (text, message) in [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("[", "the file ends before the end of its array"),
        ("[{\"a\":1}", "the file ends before the end of its array"),
        ("[{\"a\":1},", "the file ends before the end of its array"),
        ("[{\"a\":1},\n{\"a\":", "the file ends inside the record that begins in line 2"),
        ("{\"a\":\"x", "the file ends inside the record that begins in line 1"),
        ("[{\"a\":1},]", "line 1: the file is not JSON: expected a value after the comma"),
        ("[{\"a\":1}\n{\"a\":1}]", "line 2: the file is not JSON: expected a comma or ]"),
        ("[{\"a\":1}]\n{\"a\":1}", "line 2: the file is not JSON: found text after the array"),
        ("[{\"a\":[1}]", "line 1: the file is not JSON: a closing bracket does not match"),
        ("[{\"a\":1}}]", "line 1: the file is not JSON: expected a comma or ]"),
    ] {
        let fixture = fixture();
        fixture.write("a.json", text);
        let error = fixture.error();
        assert!(error.contains(message) && error.contains("hint: "), "{text}: {error}");
    }
}

#[test]
fn lines_that_are_parts_of_one_value_are_not_refused_one_by_one() {
    for (text, message) in [
        ("[{\"a\":1},\n{\"a\":2}]\n", "the file is one JSON array, not one object per line"),
        ("\n[\n{\"a\":1}\n]\n", "the file is one JSON array, not one object per line"),
        ("{\n  \"a\": 1\n}\n", "the file is JSON over several lines, not one object per line"),
    ] {
        let fixture =
            Fixture::new("a.jsonl", "format = \"jsonl\"\ntolerance = 1.0\n[columns]\na = \"text\"\n");
        fixture.write("a.jsonl", text);
        let error = fixture.error();
        assert!(error.contains(message) && error.contains("format = \"json\""), "{error}");
    }
}

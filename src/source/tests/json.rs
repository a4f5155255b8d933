//! JSON lines as web shops write them.

use super::Fixture;

const WEB: &str = r#"
format = "jsonl"
key = ["id"]
timezone = "Europe/Paris"
[columns]
id = "integer"
at = "timestamp"
clicked = { type = "timestamp", from = "click.ms", format = "unix_ms" }
email = { type = "text", from = "customer.email" }
price = "decimal(20,4)"
ratio = "float"
tags = "text"
ok = "boolean"
"#;

#[test]
fn nested_values_come_by_their_path() {
    let fixture = Fixture::new("web.jsonl", WEB);
    fixture.write(
        "web.jsonl",
        "{\"id\": 1, \"at\": \"2026-01-01T10:00:00\", \"customer\": {\"email\": \"a\\u00e9@x\"}, \
         \"price\": 1234567890123456.0001, \"ratio\": 0.5, \"tags\": [\"a\", {\"b\": 1}], \"ok\": true, \"click\": {\"ms\": 1500}}\r\n\
         \n\
         {\"id\": \"2\", \"price\": \"12.5\", \"tags\": 17, \"customer\": null, \"at\": \"2026-01-01T10:00:00Z\"}\n\
         {\"id\": 3, \"price\": 1.5e2, \"tags\": null, \"ok\": 0}",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.refused(), []);
    // The order of TOML keys: at, clicked, email, id, ok, price, ratio, tags.
    let names: Vec<&str> = fixture.source.contract.columns.iter().map(|c| c.name.as_str()).collect();
    let cell =
        |row: usize, name: &str| outcome.rows[row][names.iter().position(|n| *n == name).unwrap()].as_str();
    assert_eq!(cell(0, "price"), "1234567890123456.0001", "not through a double");
    assert_eq!(cell(0, "at"), "2026-01-01T09:00:00Z");
    assert_eq!(cell(0, "clicked"), "1970-01-01T00:00:01.500Z");
    assert_eq!(cell(0, "email"), "aé@x");
    assert_eq!(cell(0, "tags"), "[\"a\", {\"b\": 1}]");
    assert_eq!(cell(0, "ok"), "true");
    assert_eq!((cell(1, "id"), cell(1, "price"), cell(1, "tags")), ("2", "12.5000", "17"));
    assert_eq!((cell(1, "email"), cell(1, "at")), ("∅", "2026-01-01T10:00:00Z"));
    assert_eq!((cell(2, "price"), cell(2, "tags"), cell(2, "ok")), ("150.0000", "∅", "false"));
    assert_eq!(outcome.lines, [1, 3, 4]);
}

#[test]
fn lines_that_do_not_fit_are_refused_one_by_one() {
    let fixture = Fixture::new("web.jsonl", &format!("encoding_check = false\n{WEB}"));
    fixture.write(
        "web.jsonl",
        b"{\"id\": 1\n[1]\n{\"id\": 2, \"price\": true}\n{\"id\": 3, \"price\": {\"eur\": 1}}\n{\"price\": 1}\n\
          {\"id\": 4, \"tags\": \"\xFF\"}\n{\"id\": 5, \"at\": 12}\n{\"id\": 6}\n",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.lines, [8]);
    assert_eq!(
        outcome.refused(),
        [
            (1, "∅", "not a JSON object: the text ends inside a value at byte 8"),
            (2, "∅", "not a JSON object: expected an object at byte 1"),
            (3, "price", "expected decimal(20,4), found true or false"),
            (4, "price", "expected decimal(20,4), found an object"),
            (5, "id", "expected integer, found no value in a required column"),
            (6, "∅", "bytes that are not valid UTF-8"),
            (7, "at", "expected timestamp, found a number"),
        ]
    );
}

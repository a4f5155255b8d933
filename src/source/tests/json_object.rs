//! What is read of a JSON object, beside serde_json.

use proptest::prelude::*;

use crate::source::file::json::object::{Scratch, Wrong, read};
use crate::source::file::json::path::{Paths, Unknown};
use crate::source::file::json::value::{Value, elements, unescape};

fn at<'a>(text: &'a str, path: &str) -> Result<Option<Value<'a>>, Wrong> {
    let mut paths = Paths::default();
    paths.add(path, 0);
    let mut values = [None];
    read(text, &paths, &mut values, &mut Scratch::default(), None)?;
    Ok(values[0])
}

#[test]
fn a_key_that_no_path_names_is_noted_once_and_not_below_what_is_wanted_whole() {
    let mut paths = Paths::default();
    paths.add("id", 0);
    paths.add("customer.email", 1);
    paths.add("cart", 2);
    paths.add("cart.total", 3);
    paths.pass_over("trace");
    let mut unknown = Unknown::default();
    for (line, text) in [
        r#"{"id": 1, "customer": {"email": "a", "phone": {"home": 1}}, "cart": {"total": 1, "lines": []}}"#,
        r#"{"id": 2, "customer": {"phone": null}, "trace": {"x": 1}, "tags": [{"y": 1}], "customer2": 1}"#,
    ]
    .into_iter()
    .enumerate()
    {
        unknown.line = line as i64 + 1;
        read(text, &paths, &mut [None; 4], &mut Scratch::default(), Some(&mut unknown)).unwrap();
    }
    let keys: Vec<(&str, i64)> = unknown.keys.iter().map(|(key, line)| (key.as_str(), *line)).collect();
    assert_eq!(keys, [("customer.phone", 1), ("tags", 2), ("customer2", 2)]);
}

#[test]
fn a_path_leads_to_its_value() {
    let text = r#" {"id": 12.50, "customer": {"email": "a\u00e9\n", "tags": ["x", {"y": 1}]}, "ok": true} "#;
    assert_eq!(at(text, "id"), Ok(Some(Value::Number("12.50"))));
    assert_eq!(at(text, "ok"), Ok(Some(Value::True)));
    assert_eq!(at(text, "customer.tags"), Ok(Some(Value::Nested(r#"["x", {"y": 1}]"#))));
    assert_eq!(at(text, "customer.name"), Ok(None));
    let Ok(Some(Value::Escaped(quoted))) = at(text, "customer.email") else { panic!() };
    assert_eq!(unescape(quoted, &mut String::new()), Some("aé\n"));
    assert_eq!(at(r#"{"\u0061":1}"#, "a"), Ok(Some(Value::Number("1"))));
}

#[test]
fn what_is_not_json_is_refused() {
    for wrong in [
        "",
        "[]",
        "1",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":NaN}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1} {}",
        "{\"a\":\"\t\"}",
    ] {
        assert!(at(wrong, "a").is_err(), "{wrong}");
    }
    assert!(at(&format!("{{\"a\":{}", "[".repeat(100_000)), "a").is_err());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "(?s).{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("(?s).{0,4}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_those_of_serde_json(value in json()) {
        let text = serde_json::json!({ "before": [], "a": value, "z": 0 }).to_string();
        let found = at(&text, "a").unwrap().unwrap();
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        let read: serde_json::Value = match found {
            Value::Null => serde_json::Value::Null,
            Value::True => true.into(),
            Value::False => false.into(),
            Value::Number(raw) | Value::Nested(raw) => serde_json::from_str(raw).unwrap(),
            Value::Text(text) => text.into(),
            Value::Escaped(quoted) => unescape(quoted, &mut String::new()).unwrap().into(),
        };
        prop_assert_eq!(&read, &expected["a"]);
    }

    #[test]
    fn what_serde_json_refuses_is_refused(text in r#"[{}\[\]",:a-c0-9.\\utrefalsn -]{0,24}"#) {
        let text = format!("{{\"a\":{text}}}");
        // Numbers too large for a double are an error there only.
        let expected = serde_json::from_str::<serde_json::Value>(&text);
        let out_of_range = expected.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
        let found = at(&text, "a");
        // A repeated key is an error here only.
        let repeats = found.as_ref().is_err_and(|wrong| wrong.reason.contains("repeats"));
        prop_assert!(out_of_range || repeats || expected.is_ok() == found.is_ok(), "{}", text);
    }

    #[test]
    fn no_text_panics(text in "(?s).{0,60}|[{}\\[\\]\",:a.0\\\\ué\n -]{0,60}") {
        let mut paths = Paths::default();
        paths.add("a.b", 0);
        let _ = read(&text, &paths, &mut [None], &mut Scratch::default(), Some(&mut Unknown::default()));
    }
}

fn reason(text: &str, path: &str) -> String {
    at(text, path).unwrap_err().reason
}

#[test]
fn a_key_that_repeats_is_refused_wherever_its_object_is_read() {
    for (text, path) in [
        (r#"{"a":1,"a":2}"#, "a"),
        (r#"{"a":1,"a":1}"#, "a"),
        (r#"{"a":1,"b":{},"\u0061":2}"#, "a"),
        (r#"{"a":{"b":1},"a":null}"#, "a.b"),
        (r#"{"a":null,"a":{"b":1}}"#, "a.b"),
        (r#"{"a":{"b":1,"b":1}}"#, "a.b"),
        (r#"{"a":{"b":{"c":1},"x":0,"b":{}}}"#, "a.b.c"),
        (r#"{"a.b":1,"a":{"b":2}}"#, "a.b"),
        (r#"{"a":{"b":2},"a.b":1}"#, "a.b"),
        (r#"{"a":{"b.c":1},"a.b":{"c":1}}"#, "a.b.c"),
        ("{\"\u{e9}\":1,\"e\u{301}\":2}", "\u{e9}"),
    ] {
        assert!(reason(text, path).ends_with("is repeated"), "{text}");
    }
    // In a value that is kept as a whole, however deep.
    for text in [
        r#"{"a":{"x":1,"x":2}}"#,
        r#"{"a":[{"y":[{"x":1,"\u0078":2}]}]}"#,
        r#"{"a":{"y":{"x":null,"z":0,"x":null}}}"#,
    ] {
        assert_eq!(reason(text, "a"), "it contains a repeated key", "{text}");
    }
    // Where nothing is read nothing is ambiguous.
    for text in [r#"{"z":1,"z":2,"a":3}"#, r#"{"z":{"a":1,"a":2},"a":3}"#, r#"{"a":3,"z":[{"a":1,"a":2}]}"#] {
        assert_eq!(at(text, "a"), Ok(Some(Value::Number("3"))), "{text}");
    }
    assert_eq!(at(r#"{"a":{"x":1},"b":{"x":1}}"#, "a").map(|found| found.is_some()), Ok(true));
}

#[test]
fn a_key_with_dots_is_a_path_written_out() {
    assert_eq!(at(r#"{"a.b":1}"#, "a.b"), Ok(Some(Value::Number("1"))));
    assert_eq!(at(r#"{"a":{"b.c":1}}"#, "a.b.c"), Ok(Some(Value::Number("1"))));
    assert_eq!(at(r#"{"a.b":{"c":1},"a":{"z":2}}"#, "a.b.c"), Ok(Some(Value::Number("1"))));
    assert_eq!(at(r#"{"a.c":1}"#, "a.b"), Ok(None));
}

#[test]
fn where_an_object_is_on_the_way_nothing_else_may_be() {
    for (value, found) in [
        ("\"x\"", "text of 1 character"),
        ("1", "a number"),
        ("-1.5", "a number"),
        ("1e400", "a number"),
        ("true", "true or false"),
        ("[1]", "an array"),
        ("[{\"b\":1}]", "an array"),
    ] {
        let text = format!("{{\"a\":{value}}}");
        assert_eq!(reason(&text, "a.b"), format!("expected an object at `a`, found {found}"), "{text}");
    }
    // Nothing gets lost of these.
    for nothing in ["null", "{}", "[ ]", "\"\""] {
        assert_eq!(at(&format!("{{\"a\":{nothing}}}"), "a.b"), Ok(None), "{nothing}");
    }
    // Nor where the value is wanted as it is as well.
    let mut paths = Paths::default();
    paths.add("a", 0);
    paths.add("a.b", 1);
    let mut values = [None; 2];
    read(r#"{"a":"cus_1"}"#, &paths, &mut values, &mut Scratch::default(), None).unwrap();
    assert_eq!(values, [Some(Value::Text("cus_1")), None]);
}

#[test]
fn objects_and_arrays_lie_in_each_other_to_a_hundred_and_twenty_eight_levels() {
    let arrays = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", "{\"b\":".repeat(levels), "}".repeat(levels));
    for nested in [&arrays as &dyn Fn(usize) -> String, &objects] {
        // Kept, silently ignored, beside others, below a path, below what is kept as well.
        for (before, behind, path) in [
            ("{\"a\":", "}", "a"),
            ("{\"z\":", "}", "a"),
            ("{\"z\":[1,{\"y\":2},", "]}", "a"),
            ("{\"a\":{\"b\":", "}}", "a.b"),
            ("{\"a\":{\"z\":", "}}", "a.b"),
        ] {
            let around = before.matches(['{', '[']).count() - before.matches(['}']).count();
            let text = |levels: usize| format!("{before}{}{behind}", nested(levels - around));
            assert!(at(&text(128), path).is_ok(), "{}", text(128));
            assert!(reason(&text(129), path).contains("nested more than 128 levels deep"), "{}", text(129));
            assert!(at(&text(5000), path).is_err());
        }
    }
    let brackets = format!("{{\"a\":[\"{}\",\"\\\"{}\",{}]}}", "[".repeat(300), "{".repeat(300), arrays(3));
    assert!(at(&brackets, "a").is_ok() && at(&brackets, "z").is_ok());
    let many = format!("{{\"a\":[{}1]}}", "{\"b\":[]},".repeat(300));
    assert!(at(&many, "a").is_ok() && at(&many, "z").is_ok());
}

#[test]
fn half_a_character_is_refused_where_it_is_read() {
    for half in ["\\ud83d", "\\uDE00", "\\ud83dx", "\\ude00\\ud83d", "\\ud83d\\u0041", "\\\\\\udbff"] {
        for (text, path) in [
            (format!("{{\"a\":\"{half}\"}}"), "a"),
            (format!("{{\"a\":[{{\"b\":[\"x\",\"{half}\"]}}]}}"), "a"),
            (format!("{{\"a\":[[{{\"{half}\":1}}]]}}"), "a"),
            (format!("{{\"{half}\":1,\"a\":2}}"), "a"),
            (format!("{{\"a\":{{\"{half}\":1}}}}"), "a.b"),
        ] {
            let reason = reason(&text, path);
            assert!(
                reason.contains("incomplete Unicode escape") || reason.contains("hex escape"),
                "{text}: {reason}"
            );
        }
    }
    for whole in ["\\ud83d\\ude00", "\\\\ud83d", "\\u00e9", "\u{1f600}"] {
        assert!(at(&format!("{{\"a\":[\"{whole}\",{{\"{whole}\":1}}]}}"), "a").is_ok(), "{whole}");
        assert!(at(&format!("{{\"a\":\"{whole}\"}}"), "a").is_ok(), "{whole}");
    }
}

#[test]
fn a_refusal_tells_where_and_nothing_of_what_stands_there() {
    for (text, message) in [
        ("{\"a\":1,\n \"secret\" \"secret\"}", "not a JSON object: expected `:` at byte 19"),
        ("{\"a\":1,\n\n \"\u{e9}\": secret}", "not a JSON object: expected value at byte 17"),
        ("{\"a\":[1,2\n", "not a JSON object: the text ends inside a value at byte 10"),
        ("{\"a\":\"secret", "not a JSON object: the text ends inside a value at byte 12"),
        ("{\"a\":1} secret", "not a JSON object: trailing characters at byte 9"),
        ("{secret:1}", "not a JSON object: key must be a string at byte 2"),
        ("  secret", "not a JSON object: expected an object at byte 3"),
        ("{\"a\":nanny}", "not a JSON object: expected ident at byte 7"),
    ] {
        assert_eq!(reason(text, "a"), message, "{text}");
    }
}

#[test]
fn a_key_that_no_path_names_is_noted_in_whatever_order_it_comes() {
    let mut paths = Paths::default();
    paths.add("a", 0);
    paths.add("b.c", 1);
    let mut unknown = Unknown::default();
    let texts = [
        r#"{"x": 1, "a": 1, "b": {"x": 1, "c": 2, "y": 3}, "y": 4}"#,
        r#"{"y": 1, "b": {"y": 1, "x": 3}, "a": 1, "x": 4}"#,
        r#"{"b": {"z": 1}, "": 0, "x": 4, "b.w": 1}"#,
        r#"{"b": {"": 0, "z": 1, "w": 2}, "e\u0301": 4, "\u00e9": 5}"#,
    ];
    let mut scratch = Scratch::default();
    for (line, text) in texts.iter().enumerate() {
        unknown.line = line as i64 + 1;
        read(text, &paths, &mut [None; 2], &mut scratch, Some(&mut unknown)).unwrap();
    }
    let keys: Vec<(&str, i64)> = unknown.keys.iter().map(|(key, line)| (key.as_str(), *line)).collect();
    let expected = [
        ("x", 1),
        ("b.x", 1),
        ("b.y", 1),
        ("y", 1),
        ("b.z", 3),
        ("", 3),
        ("b.w", 3),
        ("b.", 4),
        ("\u{e9}", 4),
    ];
    assert_eq!(keys, expected);
}

#[test]
fn numbers_are_those_of_json() {
    for number in ["-0", "9007199254740993", "12.0", "1e400", "0.1e-7", "123456789012345678901234567890"] {
        assert_eq!(at(&format!("{{\"a\":{number}}}"), "a"), Ok(Some(Value::Number(number))));
    }
    for (word, byte) in [("NaN", 6), ("Infinity", 6), ("-Infinity", 7)] {
        let message = format!(
            "not a JSON object: NaN and infinity are not JSON: expected a number or null at byte {byte}"
        );
        assert_eq!(reason(&format!("{{\"a\":{word}}}"), "a"), message);
    }
    for wrong in ["+1", ".5", "0x1", "1_000", "--1", "1e", "inf", "None", "True", "undefined", "'x'"] {
        assert!(at(&format!("{{\"a\":{wrong}}}"), "a").is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn the_elements_of_an_array_are_those_of_serde_json(values in proptest::collection::vec(json(), 0..6)) {
        let text = serde_json::to_string_pretty(&values).unwrap();
        let found: Vec<serde_json::Value> = elements(&text).unwrap()
            .map(|value| match value {
                Value::Null => serde_json::Value::Null,
                Value::True => true.into(),
                Value::False => false.into(),
                Value::Number(raw) | Value::Nested(raw) => serde_json::from_str(raw).unwrap(),
                Value::Text(text) => text.into(),
                Value::Escaped(quoted) => unescape(quoted, &mut String::new()).unwrap().into(),
            })
            .collect();
        // As they come back: serde_json's own way to and from text may move a double.
        let expected: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_repeated_key_is_found_among_any_others(
        keys in proptest::collection::vec("[a-c\u{e9}]{1,2}", 1..8),
        nested in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let members: Vec<String> = keys.iter().map(|key| format!("{key:?}:1")).collect();
        let object = format!("{{{}}}", members.join(","));
        let text = if nested { format!("{{\"o\":{object}}}") } else { object };
        let wanted = if whole { "o".to_owned() } else if nested { format!("o.{}", keys[0]) } else { keys[0].clone() };
        let repeated = match (whole, nested) {
            (true, true) => keys.iter().enumerate().any(|(n, key)| keys[..n].contains(key)),
            (true, false) => false,
            (false, _) => keys[1..].contains(&keys[0]),
        };
        prop_assert_eq!(at(&text, &wanted).is_err(), repeated, "{} {}", text, wanted);
    }
}

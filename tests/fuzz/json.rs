//! JSON lines: every line is read or refused once; what serde_json reads is read.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::mutate::{damage, damaged};
use super::reading::{TYPES, declared, same_however_it_comes};
use super::{Share, fuzz};

const PATHS: [&str; 4] = ["a", "b.c", "b", "b.c.d"];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "(?s).{0,6}".prop_map(Into::into),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Into::into),
            proptest::collection::btree_map("[a-d]{1,2}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// How many lines hold something, as the format counts them.
fn lines(bytes: &[u8]) -> usize {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    bytes.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).count()
}

#[test]
fn every_line_is_read_or_refused_once() {
    let records =
        vec((proptest::option::weighted(0.8, value()), proptest::option::weighted(0.8, value())), 0..8);
    let way = (
        vec(proptest::sample::select(&TYPES[..]), PATHS.len()),
        damage(3, b"{}[]\",:\\\n\r 0e-.tu", 0.1),
        vec(0.0..1.0f64, 0..5),
        1usize..6,
    );
    fuzz("json", "tests/fuzz/regressions/json.txt", Share(15), (records, way), |(records, way)| {
        let (kinds, damage, cuts, batch_rows) = way;
        let columns = columns(&PATHS, &kinds);
        let source =
            declared(&format!("format = \"jsonl\"\non_drift = \"ignore\"\n[columns]\n{columns}")).unwrap();
        let mut text = String::new();
        for (a, b) in &records {
            let mut object = serde_json::Map::new();
            object.extend(a.clone().map(|a| ("a".to_owned(), a)));
            object.extend(b.clone().map(|b| ("b".to_owned(), b)));
            text.push_str(&Value::Object(object).to_string());
            text.push('\n');
        }
        let bytes = damaged(text.into_bytes(), &damage);
        let outcome = same_however_it_comes(&source, &bytes, &cuts, batch_rows)?;
        if outcome.error.is_none() {
            prop_assert_eq!(outcome.records(), lines(&bytes), "{:?}", outcome);
        }
        if damage.is_empty() {
            prop_assert_eq!(&outcome.error, &None);
            // Nothing is wrong with the JSON: only a value can be at fault.
            prop_assert!(!outcome.refused.iter().any(|(_, why)| why.contains("JSON")), "{:?}", outcome);
        }
        Ok(())
    });
}

#[test]
fn a_text_column_takes_whatever_serde_json_takes() {
    let way = (damage(3, b"{}[]\",:\\ 0e-.tu", 0.1), vec(0.0..1.0f64, 0..3));
    fuzz("json_serde", "tests/fuzz/regressions/json_serde.txt", Share(10), (value(), way), |(value, way)| {
        let source =
            declared("format = \"jsonl\"\non_drift = \"ignore\"\nnull = []\n[columns]\na = \"text\"\n")
                .unwrap();
        let (damage, cuts) = way;
        let line = damaged(serde_json::json!({ "z": 1, "a": value }).to_string().into_bytes(), &damage);
        let line: Vec<u8> = line.into_iter().filter(|b| *b != b'\n').collect();
        let outcome = same_however_it_comes(&source, &line, &cuts, 10)?;
        let plain = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        // Which of two equal keys was meant serde_json does not ask.
        let repeats = outcome.refused.iter().any(|(_, why)| why.contains("repeated"));
        match serde_json::from_slice::<Value>(plain) {
            Ok(_) if repeats => {}
            Ok(Value::Object(object)) => {
                prop_assert_eq!(outcome.rows.len(), 1, "{:?} {:?}", outcome, String::from_utf8_lossy(&line));
                if let Some(Value::String(text)) = object.get("a") {
                    prop_assert_eq!(&outcome.rows[0].1[0], text);
                }
            }
            Ok(_) => prop_assert_eq!(outcome.rows.len(), 0),
            // A number too large for a double is one here all the same; it is nobody's fault.
            Err(e) if e.to_string().contains("out of range") => {}
            Err(_) => prop_assert_eq!(outcome.rows.len(), 0, "{:?}", String::from_utf8_lossy(&line)),
        }
        Ok(())
    });
}

/// Columns of some types from paths.
fn columns(paths: &[&str], kinds: &[&str]) -> String {
    let column = |(n, (path, kind)): (usize, (&&str, &&str))| match kind.strip_prefix('{') {
        Some(rest) => format!("c{n} = {{ from = \"{path}\", {rest}\n"),
        None => format!("c{n} = {{ from = \"{path}\", type = {kind} }}\n"),
    };
    paths.iter().zip(kinds).enumerate().map(column).collect()
}

#[test]
fn every_element_is_a_row_or_its_record_is_refused() {
    const PATHS: [&str; 5] = ["$.a", "$.b.c", "x", "x.y", "z"];
    let element = prop_oneof![4 => "[a-z]{0,3}".prop_map(Value::from), 1 => value()];
    let element = proptest::collection::btree_map("[xyz]", element, 0..3);
    let element = prop_oneof![
        6 => element.prop_map(|map| Value::Object(map.into_iter().collect())),
        1 => value(),
    ];
    let records = vec((value(), proptest::option::weighted(0.9, vec(element, 0..4))), 0..6);
    let way = (
        vec(proptest::sample::select(&TYPES[..]), PATHS.len()),
        damage(2, b"{}[]\",:\\\n 0", 0.1),
        vec(0.0..1.0f64, 0..5),
        1usize..6,
        any::<bool>(),
    );
    fuzz("json_rows", "tests/fuzz/regressions/json_rows.txt", Share(8), (records, way), |(records, way)| {
        let (kinds, damage, cuts, batch_rows, lines) = way;
        let (format, between) = if lines { ("jsonl", "\n") } else { ("json", ",\n") };
        let source = declared(&format!(
            "format = \"{format}\"\nrows = \"r.s\"\non_drift = \"ignore\"\n[columns]\n{}",
            columns(&PATHS, &kinds)
        ));
        let texts: Vec<String> = records
            .iter()
            .map(|(a, elements)| match elements {
                Some(elements) => serde_json::json!({ "a": a, "r": { "s": elements } }).to_string(),
                None => serde_json::json!({ "a": a, "b": { "c": 1 } }).to_string(),
            })
            .collect();
        let text = texts.join(between);
        let text = if lines { text } else { format!("[{text}]") };
        let bytes = damaged(text.into_bytes(), &damage);
        let outcome = same_however_it_comes(&source.unwrap(), &bytes, &cuts, batch_rows)?;
        if damage.is_empty() {
            prop_assert_eq!(&outcome.error, &None);
            // Each record gives a row an element, or is refused once.
            for (n, (_, elements)) in records.iter().enumerate() {
                let line = n as i64 + 1;
                let rows = outcome.rows.iter().filter(|row| row.0 == line).count();
                let refused = outcome.refused.iter().filter(|(l, _)| *l == line).count();
                let expected = elements.as_ref().map_or(0, Vec::len);
                prop_assert!((rows, refused) == (expected, 0) || (rows, refused) == (0, 1), "{:?}", outcome);
            }
        }
        Ok(())
    });
}

#[test]
fn values_over_many_lines_are_those_of_serde_json() {
    let object = proptest::collection::btree_map("[a-c]", value(), 0..3);
    let object = object.prop_map(|map| Value::Object(map.into_iter().collect()));
    let records = vec(prop_oneof![9 => object, 1 => value()], 0..6);
    let way =
        (any::<bool>(), any::<bool>(), damage(2, b"{}[]\",:\\\n 0e", 0.1), vec(0.0..1.0f64, 0..6), 1usize..6);
    fuzz(
        "json_values",
        "tests/fuzz/regressions/json_values.txt",
        Share(7),
        (records, way),
        |(records, way)| {
            let (array, pretty, damage, cuts, batch_rows) = way;
            let source =
                declared("format = \"json\"\non_drift = \"ignore\"\nnull = []\n[columns]\na = \"text\"\n")
                    .unwrap();
            let one = |value: &Value| match pretty {
                true => serde_json::to_string_pretty(value).unwrap(),
                false => value.to_string(),
            };
            let bare = !array && !records.is_empty() && records[0].is_object();
            let text = if bare {
                records.iter().map(one).collect::<Vec<_>>().join(if pretty { "\n" } else { " " })
            } else {
                one(&Value::Array(records.clone()))
            };
            let bytes = damaged(text.into_bytes(), &damage);
            let outcome = same_however_it_comes(&source, &bytes, &cuts, batch_rows)?;
            if damage.is_empty() {
                prop_assert_eq!(&outcome.error, &None);
                let objects: Vec<&serde_json::Map<String, Value>> =
                    records.iter().filter_map(Value::as_object).collect();
                prop_assert_eq!(outcome.rows.len(), objects.len(), "{:?}", outcome);
                prop_assert_eq!(outcome.records(), records.len(), "{:?}", outcome);
                for ((_, row), object) in outcome.rows.iter().zip(objects) {
                    match object.get("a") {
                        None | Some(Value::Null) => prop_assert_eq!(&row[0], "∅"),
                        Some(Value::String(text)) => prop_assert_eq!(&row[0], text),
                        Some(other) => prop_assert_eq!(
                            &serde_json::from_str::<Value>(&row[0]).unwrap(),
                            &serde_json::from_str::<Value>(&other.to_string()).unwrap()
                        ),
                    }
                }
            } else if let Ok(Value::Array(values)) = serde_json::from_slice::<Value>(&bytes) {
                // Damage that leaves an array leaves its values.
                prop_assert_eq!(&outcome.error, &None);
                prop_assert_eq!(outcome.records(), values.len(), "{:?}", outcome);
            }
            Ok(())
        },
    );
}

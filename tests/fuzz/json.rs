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
        let columns: String = PATHS
            .iter()
            .zip(&kinds)
            .enumerate()
            .map(|(n, (path, kind))| match kind.strip_prefix('{') {
                Some(rest) => format!("c{n} = {{ from = \"{path}\", {rest}\n"),
                None => format!("c{n} = {{ from = \"{path}\", type = {kind} }}\n"),
            })
            .collect();
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
        match serde_json::from_slice::<Value>(plain) {
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

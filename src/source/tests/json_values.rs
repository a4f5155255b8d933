//! Whatever JSON writes, a column has that value or the record is refused: never another.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::read_in_memory;
use super::{Outcome, declare};

/// A number and how it is written.
#[derive(Debug, Clone)]
struct Written {
    digits: i64,
    places: u32,
    exponent: Option<i32>,
}

impl Written {
    fn token(&self) -> String {
        let sign = if self.digits < 0 { "-" } else { "" };
        let power = 10u64.pow(self.places);
        let (whole, part) = (self.digits.unsigned_abs() / power, self.digits.unsigned_abs() % power);
        let fraction = match self.places {
            0 => String::new(),
            places => format!(".{part:0width$}", width = places as usize),
        };
        let exponent = self.exponent.map(|e| format!("e{e}")).unwrap_or_default();
        format!("{sign}{whole}{fraction}{exponent}")
    }

    /// The number in units of 10^-scale, if it is whole in them.
    fn in_units(&self, scale: i32) -> Option<i128> {
        let lift = self.exponent.unwrap_or(0) - self.places as i32 + scale;
        let digits = i128::from(self.digits);
        let power = 10i128.checked_pow(lift.unsigned_abs())?;
        if lift >= 0 { digits.checked_mul(power) } else { (digits % power == 0).then_some(digits / power) }
    }
}

fn written() -> impl Strategy<Value = Written> {
    let digits = prop_oneof![-1_000i64..1_000, any::<i64>(), Just(9_007_199_254_740_993), Just(0)];
    let exponent = prop_oneof![3 => Just(None), 1 => (-6i32..12).prop_map(Some)];
    (digits, 0u32..5, exponent).prop_map(|(digits, places, exponent)| Written { digits, places, exponent })
}

/// One record, its place for the value some objects deep and among other keys.
fn read_one(kind: &str, value: &str, depth: usize, others: bool, json: bool) -> Outcome {
    let path: Vec<String> = (0..=depth).map(|n| format!("k{n}")).collect();
    let mut text = value.to_owned();
    for key in path.iter().rev() {
        let more = if others { ", \"z\": [1, {\"k0\": 0}]" } else { "" };
        text = format!("{{\"{key}\": {text}{more}}}");
    }
    let (format, text) = if json { ("json", format!("[{text}]")) } else { ("jsonl", text) };
    let source = declare(&format!(
        "path = \"x\"\nformat = \"{format}\"\non_drift = \"ignore\"\nnull = []\n[columns]\nv = {{ type = \"{kind}\", from = \"{}\" }}\n",
        path.join(".")
    ));
    let source = source.check("shop").unwrap();
    let mut outcome = Outcome::default();
    read_in_memory(&source, "x", vec![Bytes::from(text)], 10, &mut |piece| {
        outcome.add(&source, piece);
        true
    })
    .unwrap();
    assert_eq!(outcome.rows.len() + outcome.refused.len(), 1, "{outcome:?}");
    outcome
}

fn value(outcome: &Outcome) -> Option<&str> {
    outcome.rows.first().map(|row| row[0].as_str())
}

proptest! {
    #[test]
    fn a_number_is_that_number(number in written(), depth in 0usize..4, others in any::<bool>(), json in any::<bool>()) {
        let token = number.token();
        let read = |kind: &str| read_one(kind, &token, depth, others, json);
        let as_text = read("text");
        prop_assert_eq!(value(&as_text), Some(token.as_str()));
        for (kind, scale, limit) in [
            ("integer", 0, i128::from(i64::MAX)),
            ("decimal(12,2)", 2, 999_999_999_999),
            ("decimal(38,0)", 0, 10i128.pow(38) - 1),
            ("decimal(38,4)", 4, 10i128.pow(38) - 1),
        ] {
            let outcome = read(kind);
            let exact = number.in_units(scale).filter(|units| units.abs() <= limit);
            match value(&outcome) {
                Some(found) => {
                    let units: i128 = found.replace('.', "").parse().unwrap();
                    prop_assert_eq!(Some(units), exact, "{} as {}", &token, kind);
                }
                // With an exponent it may be refused, as in texts.
                None => prop_assert!(exact.is_none() || number.exponent.is_some(), "{} as {}", &token, kind),
            }
        }
        let outcome = read("float");
        let found = value(&outcome).map(|found| found.parse::<f64>().unwrap());
        prop_assert_eq!(found, token.parse().ok(), "{}", &token);
    }

    #[test]
    fn a_text_is_that_text(text in "(?s).{0,12}", escaped in any::<bool>(), depth in 0usize..3) {
        let mut token = serde_json::to_string(&text).unwrap();
        if escaped {
            // Every character as an escape, as careful writers do.
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            token = format!("\"{}\"", units.collect::<String>());
        }
        let outcome = read_one("text", &token, depth, false, false);
        prop_assert_eq!(value(&outcome), Some(text.as_str()));
        // Of another type it is what the same text is in CSV, or refused.
        let outcome = read_one("integer", &token, depth, false, false);
        match value(&outcome) {
            Some(found) => prop_assert_eq!(found.parse::<f64>().ok(), text.trim().parse().ok()),
            None => prop_assert!(text.parse::<i64>().is_err(), "{:?}", text),
        }
    }

    #[test]
    fn words_objects_and_arrays_fit_few_types(token in prop_oneof![
        Just("true"), Just("false"), Just("null"), Just("{}"), Just("{\"a\": [1]}"), Just("[]"), Just("[{}, 1]")
    ]) {
        for kind in ["text", "integer", "decimal(9,2)", "float", "boolean", "date", "timestamp"] {
            let outcome = read_one(kind, token, 1, false, false);
            let expected = match (token, kind) {
                ("null", _) => Some("∅"),
                (_, "text") | ("true" | "false", "boolean") => Some(token),
                _ => None,
            };
            prop_assert_eq!(value(&outcome), expected, "{} as {}", token, kind);
        }
    }
}

//! The pipeline file: whatever is in it, a checked pipeline or errors that say where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;
use sillage::error::Kind;
use sillage::model::{self, Model, Models};
use sillage::pipeline::placeholder::Placeholders;
use sillage::pipeline::{Pipeline, of_text};

use super::mutate::{Slip, slipped, slips};
use super::{Share, fuzz};

pub const SHIPPED: [&str; 3] = ["nightly", "complete_journey", "online_retail"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn models(name: &str) -> Vec<Model> {
    static READ: OnceLock<BTreeMap<&str, Vec<Model>>> = OnceLock::new();
    let all = READ.get_or_init(|| {
        let read = |name: &&'static str| {
            let models = model::load(&root().join("sql").join(name));
            assert!(models.errors.is_empty(), "{:?}", models.errors);
            (*name, models.read)
        };
        SHIPPED.iter().map(read).collect()
    });
    all[name].clone()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("pipelines/{name}.toml"))).unwrap()
}

pub fn checked(name: &str, text: &str) -> sillage::error::Result<Pipeline> {
    of_text("fuzzed.toml", text, &Placeholders::kept_when_unset(), |_| Models {
        read: models(name),
        errors: Vec::new(),
    })
}

/// A shipped pipeline, whole.
pub fn shipped(name: &str) -> Pipeline {
    checked(name, &text(name)).unwrap()
}

/// The sections of a pipeline file: what stands before the first header, then header by header.
fn sections(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in text.lines() {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        let section = sections.last_mut().unwrap();
        section.push_str(line);
        section.push('\n');
    }
    sections
}

const WORDS: [&str; 46] = [
    "text",
    "integer",
    "decimal(12,2)",
    "decimal(99,2)",
    "float",
    "boolean",
    "date",
    "timestamp",
    "true",
    "false",
    "0",
    "-1",
    "1e308",
    "9223372036854775807",
    "nan",
    "\"\"",
    "\"é\"",
    "[]",
    "{}",
    "\"core.orders\"",
    "\"mart.customer_features\"",
    "[",
    "]",
    "[[",
    "]]",
    "=",
    "\"",
    "\"\"\"",
    "'",
    "#",
    "\n",
    "key",
    "time",
    "static",
    "from",
    "format",
    "nullable",
    "csv",
    "parquet",
    "jsonl",
    "\"${X}\"",
    "\"${\"",
    "severity",
    "warn",
    "2026-02-30",
    "\\u0000",
];

#[test]
fn a_pipeline_or_errors_that_say_where() {
    let files: Vec<(&'static str, Vec<String>)> = SHIPPED.iter().map(|n| (*n, sections(&text(n)))).collect();
    let input = (0..SHIPPED.len(), vec(0.0..1.0f64, 48), 0.0..1.0f64, slips(4));
    fuzz(
        "pipeline",
        "tests/fuzz/regressions/pipeline.txt",
        Share(5),
        input,
        |(file, draws, kept, slips): (usize, Vec<f64>, f64, Vec<Slip>)| {
            let (name, sections) = &files[file];
            let chosen: String = sections
                .iter()
                .enumerate()
                .filter(|(n, _)| *n == 0 || draws[n % draws.len()] < kept * kept)
                .map(|(_, section)| section.as_str())
                .collect();
            let text = slipped(&chosen, &slips, &WORDS);
            match checked(name, &text) {
                Ok(pipeline) => {
                    let order = pipeline.graph.order();
                    prop_assert_eq!(order.len(), pipeline.steps.len());
                    prop_assert!(order.iter().all(|step| pipeline.steps.contains_key(step)));
                }
                Err(error) => {
                    prop_assert_eq!(error.kind(), Kind::Config);
                    let message = error.to_string();
                    prop_assert!(message.contains("fuzzed.toml") || message.contains(".sql"), "{}", message);
                    prop_assert!(error.count() >= 1);
                }
            }
            Ok(())
        },
    );
}

#[test]
fn the_shipped_pipelines_are_sound() {
    for name in SHIPPED {
        assert!(!shipped(name).steps.is_empty());
    }
}

/// Every shipped model's file with what it says.
pub fn sql_texts() -> Vec<(String, PathBuf)> {
    SHIPPED.iter().flat_map(|name| models(name)).map(|m| (m.sql, m.path)).collect()
}

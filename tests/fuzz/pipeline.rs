//! The pipeline file, its parts and the properties of its tables: whatever is in them, a checked pipeline or
//! errors that say where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;
use sillage::error::Kind;
use sillage::model::{self, Model, Models, PropertiesFile};
use sillage::pipeline::placeholder::Placeholders;
use sillage::pipeline::{Pipeline, of_text};

use super::mutate::{Slip, slipped, slips};
use super::{Share, fuzz};

pub const SHIPPED: [&str; 3] = ["nightly", "complete_journey", "online_retail"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is in the folder of a pipeline's models.
fn folder(name: &str) -> &'static Models {
    static READ: OnceLock<BTreeMap<&str, Models>> = OnceLock::new();
    let all = READ.get_or_init(|| {
        let read = |name: &&'static str| {
            let models = model::load(&root().join("sql").join(name));
            assert!(models.errors.is_empty(), "{:?}", models.errors);
            (*name, models)
        };
        SHIPPED.iter().map(read).collect()
    });
    &all[name]
}

pub fn models(name: &str) -> Vec<Model> {
    folder(name).read.clone()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("pipelines/{name}.toml"))).unwrap()
}

fn checked(name: &str, text: &str, properties: Vec<PropertiesFile>) -> sillage::error::Result<Pipeline> {
    let models = Models { read: models(name), properties, errors: Vec::new() };
    of_text("fuzzed.toml", text, &Placeholders::kept_when_unset(), models)
}

/// A shipped pipeline, whole.
pub fn shipped(name: &str) -> Pipeline {
    checked(name, &text(name), folder(name).properties.clone()).unwrap()
}

/// The folder with the sources of the shipped pipeline that has them in files.
const SOURCES: &str = "pipelines/nightly/sources";

/// The same sources in a folder of the test, one of which may be broken.
struct Sources {
    folder: tempfile::TempDir,
    files: Vec<(PathBuf, String)>,
}

impl Sources {
    fn new() -> Sources {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for entry in std::fs::read_dir(root().join(SOURCES)).unwrap() {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            files.push((folder.path().join(entry.file_name()), text));
        }
        files.sort();
        let sources = Sources { folder, files };
        sources.files.iter().for_each(|(path, text)| std::fs::write(path, text).unwrap());
        sources
    }

    /// Breaks the file at a share of them, while `during` runs.
    fn with_one<T>(&self, at: f64, slips: &[Slip], during: impl FnOnce() -> T) -> T {
        let (path, text) = &self.files[place(at, self.files.len())];
        std::fs::write(path, slipped(text, slips, &WORDS)).unwrap();
        let result = during();
        std::fs::write(path, text).unwrap();
        result
    }
}

fn place(at: f64, of: usize) -> usize {
    (of as f64 * at) as usize
}

/// Which of the files has the slips in it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Broken {
    Pipeline,
    Properties,
    Source,
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

const WORDS: [&str; 51] = [
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
    "valid_from",
    "checks",
    "columns",
    "description",
    "tags",
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
    let sources = Sources::new();
    let in_folder = format!("sources = \"{}\"", sources.folder.path().display());
    let broken = prop_oneof![
        3 => Just(Broken::Pipeline),
        1 => Just(Broken::Properties),
        1 => Just(Broken::Source),
    ];
    let input = (0..SHIPPED.len(), vec(0.0..1.0f64, 48), 0.0..1.0f64, (broken, 0.0..1.0f64), slips(4));
    fuzz(
        "pipeline",
        "tests/fuzz/regressions/pipeline.txt",
        Share(5),
        input,
        |(file, draws, kept, (broken, at), slips): (usize, Vec<f64>, f64, (Broken, f64), Vec<Slip>)| {
            let (name, sections) = &files[file];
            let chosen: String = sections
                .iter()
                .enumerate()
                .filter(|(n, _)| *n == 0 || draws[n % draws.len()] < kept * kept)
                .map(|(_, section)| section.as_str())
                .collect();
            let mut text = chosen.replace(&format!("sources = \"{SOURCES}\""), &in_folder);
            let mut properties = folder(name).properties.clone();
            match broken {
                Broken::Pipeline => text = slipped(&text, &slips, &WORDS),
                Broken::Properties => {
                    let at = place(at, properties.len());
                    properties[at].text = slipped(&properties[at].text, &slips, &WORDS);
                }
                Broken::Source => {}
            }
            let check = || checked(name, &text, properties);
            let result = match broken {
                Broken::Source => sources.with_one(at, &slips, check),
                _ => check(),
            };
            match result {
                Ok(pipeline) => {
                    let order = pipeline.graph.order();
                    prop_assert_eq!(order.len(), pipeline.steps.len());
                    prop_assert!(order.iter().all(|step| pipeline.steps.contains_key(step)));
                }
                Err(error) => {
                    prop_assert_eq!(error.kind(), Kind::Config);
                    let message = error.to_string();
                    prop_assert!(message.contains(".toml") || message.contains(".sql"), "{}", message);
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

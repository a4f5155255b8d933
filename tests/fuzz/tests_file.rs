//! Unit-test files: tests, or errors that each say where.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use sillage::name::TableName;
use sillage::run::rehearsal::Rehearsal;
use sillage::unit_test::case::of_file;
use sillage::unit_test::file;
use sillage::warehouse::engine::Limits;

use super::mutate::{Slip, slipped, slips};
use super::pipeline::{SHIPPED, models, shipped};
use super::{Share, fuzz};

const WORDS: [&str; 34] = [
    "[[test]]",
    "[test]",
    "name",
    "given",
    "expect",
    "ordered",
    "tolerance",
    "as_of",
    "=",
    "[]",
    "{}",
    "\"\"\"",
    "\"",
    "'''",
    ",",
    "\n",
    "null",
    "true",
    "1.005",
    "1e400",
    "-0",
    "0x1f",
    "2026-02-30",
    "2026-01-01T00:00:00Z",
    "1979-05-27",
    "99999999999999999999",
    "core.orders",
    "\"raw.nothing\"",
    ".",
    "[",
    "]",
    "\"\"",
    "é",
    "\\u0000",
];

#[test]
fn tests_or_errors_that_say_where() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limits = Limits { threads: std::num::NonZeroUsize::MIN, memory: None };
    let mut files: Vec<(usize, TableName, String)> = Vec::new();
    let mut pipelines = Vec::new();
    for (number, name) in SHIPPED.iter().enumerate() {
        let pipeline = Arc::new(shipped(name));
        let tested: Vec<_> = models(name)
            .into_iter()
            .filter_map(|m| {
                Some((m.table, std::fs::read_to_string(Path::new(&m.path).with_extension("test.toml")).ok()?))
            })
            .collect();
        let tables = tested.iter().map(|(table, _)| table.clone()).collect();
        let types = runtime.block_on(Rehearsal::of(&pipeline, &tables, limits)).unwrap();
        files.extend(tested.into_iter().map(|(table, text)| (number, table, text)));
        pipelines.push((pipeline, types));
    }
    assert!(files.len() > 15, "found {} test files", files.len());
    let input = (0..files.len(), slips(4));
    fuzz(
        "tests_file",
        "tests/fuzz/regressions/tests_file.txt",
        Share(8),
        input,
        |(at, slips): (usize, Vec<Slip>)| {
            let (number, table, text) = &files[at];
            let (pipeline, types) = &pipelines[*number];
            let text = slipped(text, &slips, &WORDS);
            let errors = match file::read("fuzzed.test.toml", &text, table.clone(), pipeline.timezone) {
                Ok(read) => match of_file(&read, pipeline, types) {
                    Ok(cases) => {
                        prop_assert_eq!(cases.len(), read.tests.len());
                        return Ok(());
                    }
                    Err(errors) => errors,
                },
                Err(errors) => errors,
            };
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert_eq!(error.kind(), sillage::error::Kind::Config);
                prop_assert!(error.to_string().contains("fuzzed.test.toml"), "{}", error);
            }
            Ok(())
        },
    );
}

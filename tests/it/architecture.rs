//! Checks the layers and their imports (see the code map in `src/lib.rs`) by reading the sources.
//!
//! It also checks that no files import each other in a circle (`imports`), and that files and functions are
//! short (`code` reads them).

mod code;
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const BASE: [&str; 17] = [
    "clock",
    "config",
    "dag",
    "day",
    "duration",
    "error",
    "exported_file",
    "holiday",
    "name",
    "normal_form",
    "placeholder_value",
    "secret",
    "span",
    "sql_text",
    "sql_type",
    "storage",
    "suggestion",
];
/// The domain: its modules never import each other, they meet in tables.
const DOMAIN: [&str; 8] = ["audience", "check", "identity", "ingest", "metric", "mining", "model", "report"];

/// What each module may name, beside the base and itself.
fn may_name(module: &str) -> Vec<&'static str> {
    let domain = || DOMAIN.to_vec();
    match module {
        "warehouse" | "source" | "demo" => vec![],
        // The reference is made of the structures that parse the files.
        "manual" => vec!["pipeline"],
        "ops" => vec!["source", "warehouse"],
        "step" => vec!["ops", "warehouse"],
        // Whose rows a table holds is said where its source is declared.
        "erasure" => vec!["ops", "source", "warehouse"],
        "ingest" => vec!["erasure", "ops", "source", "step", "warehouse"],
        m if DOMAIN.contains(&m) => vec!["ops", "step", "warehouse"],
        "pipeline" => [domain(), vec!["source", "step", "warehouse"]].concat(),
        "run" => [domain(), vec!["erasure", "ops", "pipeline", "source", "step", "warehouse"]].concat(),
        "schedule" => vec!["pipeline", "run"],
        "unit_test" => vec!["model", "ops", "pipeline", "run", "step", "warehouse"],
        "cli" => [
            domain(),
            vec![
                "demo",
                "erasure",
                "manual",
                "ops",
                "pipeline",
                "run",
                "schedule",
                "source",
                "unit_test",
                "warehouse",
            ],
        ]
        .concat(),
        m if BASE.contains(&m) => vec![],
        other => {
            panic!("the module {other} has no place in the layers yet: add it here and in src/lib.rs")
        }
    }
}

/// Every source file with the module it belongs to and its text without comments and unit tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    assert!(files.len() > 50, "found only {} source files", files.len());
    files
        .into_iter()
        .filter_map(|path| {
            let below = path.strip_prefix(&root).unwrap().to_owned();
            let module = below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let is_test = below.iter().any(|part| part == "tests" || part == "tests.rs");
            if is_test || ["main", "lib"].contains(&module.as_str()) {
                return None;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code: String = before_unit_tests(&text)
                .lines()
                .filter(|l| !l.trim_start().starts_with("//"))
                .map(|l| format!("{l}\n"))
                .collect();
            Some((below, module, code))
        })
        .collect()
}

/// The text of a file up to the unit tests at its end. Those in a file of their own leave nothing to cut.
fn before_unit_tests(text: &str) -> &str {
    const TESTS: &str = "\n#[cfg(test)]\nmod ";
    let is_body =
        |at: &usize| text[at + TESTS.len()..].lines().next().is_some_and(|line| line.ends_with('{'));
    let end = text.match_indices(TESTS).map(|(at, _)| at).find(is_body);
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn arrows_go_down_only() {
    let modules: Vec<String> = {
        let mut all: Vec<String> = sources().into_iter().map(|(_, module, _)| module).collect();
        all.dedup();
        all
    };
    let mut wrong = BTreeMap::new();
    for (path, module, code) in sources() {
        let allowed = may_name(&module);
        for other in &modules {
            let named =
                code.contains(&format!("crate::{other}::")) || code.contains(&format!("crate::{other}:"));
            if named
                && *other != module
                && !BASE.contains(&other.as_str())
                && !allowed.contains(&other.as_str())
            {
                wrong.insert(path.clone(), format!("{module} names {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows against the layers: {wrong:#?}");
}

/// Places that know one kind of step and not only that there are steps, each with the reason. All others know a
/// kind in its own module, in `pipeline/step.rs`, and where `pipeline/check` builds it.
const KNOW_A_KIND: [(&str, &str, &str); 13] = [
    ("pipeline/definition.rs", "Audiences", "verbs of lists ask for them"),
    ("pipeline/definition.rs", "Identity", "what is no value at all is declared there"),
    ("pipeline/definition.rs", "Ingest", "rows of sources have versions, which the catalog hides"),
    ("pipeline/definition.rs", "Model", "a model is found by its table"),
    ("pipeline/graph.rs", "Model", "an error about a model names its file"),
    ("pipeline/truth_isolation.rs", "Identity", "what links records may not see the truth"),
    ("pipeline/truth_isolation.rs", "Quality", "what links records may not see the truth"),
    ("run/artifact.rs", "Model", "a manifest tells which SQL has changed"),
    ("run/planner.rs", "Ingest", "which files are read is decided before the run"),
    ("run/rehearsal.rs", "Ingest", "without files a raw table has its declared columns"),
    ("run/rehearsal.rs", "Model", "a model's columns are known by planning it"),
    ("run/running.rs", "Ingest", "a person is erased from what was read"),
    ("unit_test/", "Model", "models are what is tested"),
];

#[test]
fn a_kind_of_step_is_known_where_it_is_declared_and_nowhere_else() {
    const VARIANT: &str = "DeclaredStep::";
    let mut unknown = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for (path, _, code) in sources() {
        let path = path.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("/");
        if path == "pipeline/step.rs" || path.starts_with("pipeline/check/") {
            continue;
        }
        for (at, _) in code.match_indices(VARIANT) {
            let kind: String =
                code[at + VARIANT.len()..].chars().take_while(char::is_ascii_alphanumeric).collect();
            match KNOW_A_KIND.iter().find(|(place, of, _)| path.starts_with(place) && *of == kind) {
                Some(entry) => drop(known.insert(entry)),
                None => unknown.push(format!("{path} knows {kind}")),
            }
        }
    }
    assert!(unknown.is_empty(), "let the trait say it, or list the place here with the reason: {unknown:#?}");
    let gone: Vec<_> = KNOW_A_KIND.iter().filter(|entry| !known.contains(entry)).collect();
    assert!(gone.is_empty(), "no longer so, remove them from the list: {gone:#?}");
}

#[test]
fn each_library_is_named_by_its_layer_only() {
    let owners: [(&str, &[&str]); 10] = [
        ("deltalake", &["warehouse"]),
        ("delta_kernel", &["warehouse"]),
        ("SessionContext::", &["warehouse"]),
        ("linfa", &["mining"]),
        ("Utc::now", &["clock"]),
        ("clap", &["cli"]),
        ("console::", &["cli"]),
        ("indicatif", &["cli"]),
        ("maud", &["report"]),
        ("rust_xlsxwriter::", &["cli"]),
    ];
    let mut wrong = Vec::new();
    for (path, module, code) in sources() {
        for (library, owners) in &owners {
            if code.contains(library) && !owners.contains(&module.as_str()) {
                wrong.push(format!("{}: {library}", path.display()));
            }
        }
        if module != "cli" && (code.contains("println!(") || code.contains("eprint")) {
            wrong.push(format!("{}: prints", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_opens_with_its_purpose() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (path, _, _) in sources() {
        let text = fs::read_to_string(root.join(&path)).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with //!", path.display());
    }
}

/// Every source file but those of unit tests: its path below `src/` and its text.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources()
        .into_iter()
        .map(|(path, _, _)| path.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("/"))
        .filter(|path| !path.split('/').any(|part| ["tests", "tests.rs"].contains(&part)))
        .map(|path| (path.clone(), fs::read_to_string(root.join(path)).unwrap()))
        .collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = imports::circles(&imports::imports(&files()));
    assert!(
        circles.is_empty(),
        "circles of imports; move what both sides need to a file of its own:\n{}",
        circles.into_iter().collect::<Vec<_>>().join("\n")
    );
}

/// Lines of a file before its unit tests.
const LONGEST_FILE: usize = 450;
const LONGEST_FUNCTION: usize = 90;

/// Files that are longer, each with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Functions that are longer, each with the reason.
const LONG_FUNCTIONS: [(&str, &str); 7] = [
    (
        "audience/declaration.rs: check",
        "each key of [audiences] is checked in its turn, and all errors are reported together",
    ),
    (
        "demo/person.rs: draw",
        "what a person is, drawn in one order: a draw moved elsewhere would change every person after it",
    ),
    ("erasure/erased_person.rs: unite", "one look from keys to customers and back; not split yet"),
    (
        "identity/declaration.rs: check",
        "each key of [identity] is checked in its turn, and all errors are reported together",
    ),
    (
        "identity/linkage/links.rs: find",
        "the stages of linkage in their order, each over the table of the one before; not split yet",
    ),
    ("source/file/csv/mod.rs: read", "the loop over records, whose state stays in registers"),
    (
        "source/declaration/check.rs: check",
        "each key of [sources.<name>] is checked in its turn, and all errors are reported together",
    ),
];

#[test]
fn files_and_functions_are_short_or_say_why_not() {
    let mut long = BTreeMap::new();
    for (path, text) in files() {
        let lines = before_unit_tests(&text).lines().count();
        if lines > LONGEST_FILE {
            long.insert(path.clone(), lines);
        }
        for (name, _, lines) in code::functions(&code::without_tests(&code::words(&text))) {
            if lines > LONGEST_FUNCTION {
                long.insert(format!("{path}: {name}"), lines);
            }
        }
    }
    let known: BTreeMap<&str, &str> = LONG_FILES.into_iter().chain(LONG_FUNCTIONS).collect();
    let new: Vec<_> = long.iter().filter(|(name, _)| !known.contains_key(name.as_str())).collect();
    assert!(
        new.is_empty(),
        "above {LONGEST_FILE} lines a file, or {LONGEST_FUNCTION} a function: split them, or list them here with the \
         reason: {new:#?}"
    );
    let gone: Vec<_> = known.keys().filter(|name| !long.contains_key(**name)).collect();
    assert!(gone.is_empty(), "short by now, remove them from the list: {gone:#?}");
}

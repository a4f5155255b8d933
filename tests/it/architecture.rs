//! The layers and their arrows (see the code map in `src/lib.rs`), held by reading the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const BASE: [&str; 12] = [
    "clock",
    "config",
    "dag",
    "day",
    "error",
    "name",
    "normal_form",
    "placeholder_value",
    "secret",
    "span",
    "sql_text",
    "storage",
];
const DOMAIN: [&str; 8] =
    ["audience", "check", "erasure", "feature", "identity", "mining", "model", "report"];

/// What each module may name, beside the base and itself.
fn may_name(module: &str) -> Vec<&'static str> {
    let domain = || DOMAIN.to_vec();
    match module {
        "warehouse" | "source" | "demo" | "manual" => vec![],
        // Whose rows a table holds is said where its source is declared.
        "erasure" => vec!["source", "warehouse"],
        m if DOMAIN.contains(&m) => vec!["warehouse"],
        "pipeline" => [domain(), vec!["source", "warehouse"]].concat(),
        "run" => [domain(), vec!["pipeline", "source", "warehouse"]].concat(),
        "schedule" => vec!["pipeline", "run"],
        "unit_test" => vec!["model", "pipeline", "run", "warehouse"],
        "cli" => [
            domain(),
            vec!["demo", "manual", "pipeline", "run", "schedule", "source", "unit_test", "warehouse"],
        ]
        .concat(),
        m if BASE.contains(&m) => vec![],
        other => {
            panic!("the module {other} has no place in the layers yet: give it one here and in src/lib.rs")
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
            if ["main", "lib"].contains(&module.as_str()) {
                return None;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
            let code: String = code
                .lines()
                .filter(|l| !l.trim_start().starts_with("//"))
                .map(|l| format!("{l}\n"))
                .collect();
            Some((below, module, code))
        })
        .collect()
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

#[test]
fn each_library_is_named_by_its_layer_only() {
    let owners: [(&str, &[&str]); 8] = [
        ("deltalake", &["warehouse"]),
        ("delta_kernel", &["warehouse"]),
        ("SessionContext::", &["warehouse"]),
        ("linfa", &["mining"]),
        ("Utc::now", &["clock"]),
        ("clap", &["cli"]),
        ("indicatif", &["cli"]),
        ("maud", &["report"]),
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

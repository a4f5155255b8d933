//! Runs what README and manual say: the shell commands of each text run one after another next to a small
//! demo, and every command in a sentence or a table has a verb and flags that exist.
//!
//! The demo here is smaller than that of the README, so customers and records are others: those of the text
//! are replaced by some that exist here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::shop::{CommandResult, copy_folder, query};

/// Blocks that are not run, by what is in them, and why.
const NOT_RUN: [(&str, &str); 3] = [
    ("cargo ", "the test itself runs in what it builds"),
    ("jq -r", "jq is not everywhere"),
    ("sillage schedule", "it never ends"),
];

/// A text of README or manual, and its name.
fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> =
        fs::read_dir(root.join("src/manual")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "md"));
    files.sort();
    files.insert(0, root.join("README.md"));
    let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect()
}

/// The blocks of shell commands.
fn blocks(text: &str) -> Vec<String> {
    let after = text.split("```sh\n").skip(1);
    after.map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// Commands between backticks, outside of blocks.
fn mentioned(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    let quoted = prose.iter().flat_map(|part| part.split('`').skip(1).step_by(2));
    quoted.filter(|code| code.starts_with("sillage ")).map(str::to_owned).collect()
}

struct Demo {
    folder: tempfile::TempDir,
    /// What is in the text, and what is there.
    instead: BTreeMap<&'static str, String>,
}

impl Demo {
    fn new() -> Demo {
        let mut demo = Demo { folder: tempfile::tempdir().unwrap(), instead: BTreeMap::new() };
        demo.types("sillage demo demo --customers 600", demo.folder.path()).published();
        let warehouse = demo.folder.path().join("demo/warehouse");
        let one = |sql: &str| query(&warehouse, sql).lines().nth(1).expect("the demo has one").to_owned();
        let record = |source: &str, nth: usize| {
            one(&format!(
                "select record_id from core.customer_ids where source = '{source}' order by 1 offset {nth} limit 1"
            ))
        };
        let listed = one("select customer_id from mart.target_lists where audience = 'win_back' limit 1");
        demo.instead = BTreeMap::from([
            ("c487775c283e0f46c", listed.clone()),
            ("ccd9af43b1a08da09", listed),
            ("card:2978684618106", format!("card:{}", record("card", 0))),
            ("account:A69222961", format!("account:{}", record("account", 0))),
            ("account:A28799232", format!("account:{}", record("account", 1))),
            ("card=2974545131181", format!("card={}", record("card", 1))),
        ]);
        demo
    }

    /// Runs commands as somebody would who reads the text beside `demo/`.
    fn types(&self, commands: &str, folder: &Path) -> CommandResult {
        let mut commands = commands.to_owned();
        for (text, there) in &self.instead {
            commands = commands.replace(text, there);
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_sillage")).parent().unwrap();
        let path = std::env::join_paths(
            std::iter::once(binary.to_owned())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &commands]).current_dir(folder).stdin(Stdio::null());
        shell.env("PATH", path.unwrap()).env("SILLAGE_DATA", folder.join("demo/exports"));
        shell
            .env_remove("SILLAGE_WAREHOUSE")
            .env("SILLAGE_SUPPRESSION_KEY", "0123456789abcdef0123456789abcdef");
        CommandResult::of(shell.output().unwrap())
    }
}

#[test]
fn what_the_manual_says_to_type_runs() {
    let demo = Demo::new();
    let mut wrong = Vec::new();
    let mut run = 0;
    for (name, text) in texts() {
        let mut blocks = blocks(&text);
        blocks.retain(|block| !NOT_RUN.iter().any(|(needle, _)| block.contains(needle)));
        if blocks.is_empty() {
            continue;
        }
        // What one text does to the demo no other sees.
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&demo.folder.path().join("demo"), &folder.path().join("demo"));
        let ran = demo.types(&blocks.join("\n"), folder.path());
        run += blocks.len();
        if ran.code != Some(0) {
            wrong.push(format!("{name}: {:?}: {}{}", ran.code, ran.stdout, ran.stderr));
        }
    }
    assert!(run > 8, "only {run} blocks");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_command_that_is_mentioned_exists() {
    let help = |verb: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_sillage")).args(verb).arg("--help").output().unwrap();
        (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
    };
    let mut wrong = BTreeSet::new();
    for (name, text) in texts() {
        let blocks = blocks(&text);
        let lines = blocks.iter().flat_map(|block| block.lines()).map(str::trim);
        let lines = lines.filter(|line| line.starts_with("sillage ")).map(str::to_owned);
        for command in mentioned(&text).into_iter().chain(lines) {
            let typed = command.split(" #").next().unwrap();
            let words: Vec<&str> = typed.split_whitespace().skip(1).collect();
            let is_word = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase());
            // `VERB` and `…` stand for others.
            let verb: Vec<&str> = words.iter().take_while(is_word).take(2).copied().collect();
            let known = (0..=verb.len()).rev().map(|n| help(&verb[..n])).find(|(known, _)| *known);
            let (_, help) = known.expect("sillage has a help");
            if !verb.is_empty() && !help.contains(&format!("sillage {}", verb[0])) {
                wrong.insert(format!("{name}: {command}: no such verb"));
            }
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap();
                if !help.contains(flag) {
                    wrong.insert(format!("{name}: {command}: {flag}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

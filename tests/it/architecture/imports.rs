//! Who imports whom among source files, and the circles in it.
//!
//! A file imports another by a `use`, grouped or not, or by a path in its code, be it from `crate`,
//! `super` or
//! `self`, from a module below it, or from a module that a `use` has brought in. `mod name;` is not an import.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::code::{Word, without_tests, words};

/// A module as its path below the crate.
type Module = Vec<String>;

/// Of each file those that it imports.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// The imports among these files, each a path below `src/` and its text.
pub fn imports(files: &[(String, String)]) -> Imports {
    let modules: BTreeMap<Module, &str> =
        files.iter().map(|(path, _)| (module(path), path.as_str())).collect();
    files
        .iter()
        .map(|(path, text)| {
            let own = module(path);
            let code = without_tests(&words(text));
            let mut found = BTreeSet::new();
            for target in targets(&code, &own, &modules) {
                if target != own {
                    found.insert(modules[&target].to_owned());
                }
            }
            (path.clone(), found)
        })
        .collect()
}

/// `a/b.rs` and `a/b/mod.rs` are the module `a::b`.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The files' modules that a file's code names.
fn targets(code: &[Word], own: &Module, modules: &BTreeMap<Module, &str>) -> Vec<Module> {
    let mut targets = Vec::new();
    // Modules by the names under which a `use` has brought them in.
    let mut brought: BTreeMap<String, Module> = BTreeMap::new();
    let mut paths: Vec<(Module, Vec<String>)> = Vec::new();
    // Modules within the file, each with the depth of its braces.
    let mut within: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut at) = (0, 0);
    while at < code.len() {
        let text = |n: usize| code.get(at + n).map_or("", |word| word.text.as_str());
        let here =
            || own.iter().cloned().chain(within.iter().map(|(name, _)| name.clone())).collect::<Module>();
        match text(0) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                within.retain(|(_, opened)| *opened <= depth);
            }
            "mod" if text(2) == "{" => {
                within.push((text(1).to_owned(), depth + 1));
            }
            // `pub(in crate::a)` says who may see it.
            "in" if at > 0 && code[at - 1].text == "(" => {
                while at < code.len() && code[at].text != ")" {
                    at += 1;
                }
            }
            "use" if text(1) != "<" => {
                let end = at + code[at..].iter().position(|word| word.text == ";").unwrap_or(code.len() - at);
                let mut leaves = Vec::new();
                // `use ::name` is of another crate.
                if text(1) != "::" {
                    tree(&code[at + 1..end], &mut 0, &[], &mut leaves);
                }
                for (path, name) in leaves {
                    if let Some((target, is_whole)) = resolved(&path, &here(), &BTreeMap::new(), modules) {
                        if is_whole {
                            brought.insert(name, target.clone());
                        }
                        targets.push(target);
                    }
                }
                at = end;
            }
            word if is_name(word) && text(1) == "::" && (at == 0 || code[at - 1].text != "::") => {
                let mut path = vec![word.to_owned()];
                let mut next = 1;
                while text(next) == "::" && is_name(text(next + 1)) {
                    path.push(text(next + 1).to_owned());
                    next += 2;
                }
                paths.push((here(), path));
                at += next - 1;
            }
            _ => {}
        }
        at += 1;
    }
    for (here, path) in paths {
        targets.extend(resolved(&path, &here, &brought, modules).map(|(target, _)| target));
    }
    targets
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The leaves of a tree of `use`: each path, and the name that it brings in.
fn tree(words: &[Word], at: &mut usize, before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut name = None;
    let mut grouped = false;
    while let Some(word) = words.get(*at) {
        *at += 1;
        match word.text.as_str() {
            "::" => {}
            "{" => {
                grouped = true;
                while words.get(*at).is_some_and(|word| word.text != "}") {
                    tree(words, at, &path, leaves);
                }
                *at += 1;
            }
            "as" => {
                name = words.get(*at).map(|word| word.text.clone());
                *at += 1;
            }
            "," => break,
            "}" => {
                *at -= 1;
                break;
            }
            // `a::{self}` is `a`, and of `a::*` any part of it may be meant.
            "self" if !path.is_empty() => {}
            "*" => grouped = grouped || path.is_empty(),
            other => path.push(other.to_owned()),
        }
    }
    if !grouped && let Some(last) = path.last().cloned() {
        leaves.push((path, name.unwrap_or(last)));
    }
}

/// The file's module that holds what a path names, and whether the path is that module itself.
fn resolved(
    path: &[String],
    here: &Module,
    brought: &BTreeMap<String, Module>,
    modules: &BTreeMap<Module, &str>,
) -> Option<(Module, bool)> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let rest = |n: usize| path[n..].iter().cloned();
    let whole: Module = match path.first()?.as_str() {
        "crate" => rest(1).collect(),
        "self" => here.iter().cloned().chain(rest(1)).collect(),
        "super" => here.iter().take(here.len().checked_sub(supers)?).cloned().chain(rest(supers)).collect(),
        first => {
            let below: Module = here.iter().cloned().chain([first.to_owned()]).collect();
            let start = if modules.contains_key(&below) { &below } else { brought.get(first)? };
            start.iter().cloned().chain(rest(1)).collect()
        }
    };
    let holder = (1..=whole.len()).rev().find(|length| modules.contains_key(&whole[..*length]))?;
    Some((whole[..holder].to_vec(), holder == whole.len()))
}

/// For each file that is on a circle the shortest one through it, `a → b → a`; each circle once.
pub fn circles(imports: &Imports) -> BTreeSet<String> {
    imports.keys().filter_map(|start| circle(imports, start)).map(|circle| shown(&circle)).collect()
}

fn circle(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for next in &imports[file] {
            if next == start {
                let mut chain = vec![file.to_owned()];
                while let Some(before) = from.get(chain.last()?.as_str()) {
                    chain.push((*before).to_owned());
                }
                chain.reverse();
                return Some(chain);
            }
            if !from.contains_key(next.as_str()) {
                from.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    None
}

/// Begins with the file that is first by its name, wherever the circle was entered.
fn shown(circle: &[String]) -> String {
    let first = (0..circle.len()).min_by_key(|place| &circle[*place]).unwrap_or(0);
    let chain: Vec<&str> = (0..=circle.len()).map(|n| circle[(first + n) % circle.len()].as_str()).collect();
    chain.join(" → ")
}

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<(String, String)> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    circles(&imports(&files)).into_iter().collect()
}

#[test]
fn a_grouped_import_closes_a_circle() {
    let files = [
        ("a.rs", "use crate::{b, c::{self, d::Thing}};"),
        ("b.rs", "fn no_import() {}"),
        ("c/mod.rs", "mod d; // use crate::a"),
        ("c/d.rs", "use std::fmt;\nuse super::super::a::{Other};"),
    ];
    assert_eq!(found(&files), ["a.rs → c/d.rs → a.rs"]);
}

#[test]
fn a_path_in_code_closes_a_circle() {
    assert_eq!(
        found(&[("a.rs", "fn f() { crate::b::g(); }"), ("b.rs", "fn g() { super::a::f() }")]).len(),
        1
    );
    // By the name of a module that was brought in, and by that of a module below.
    let brought = [("a/mod.rs", "fn f() { b::g() }"), ("a/b.rs", "use crate::c as d;\nfn g() { d::e::h() }")];
    let below = [("c/mod.rs", "pub mod e;"), ("c/e.rs", "pub use crate::a::f as h;")];
    assert_eq!(found(&[brought, below].concat()), ["a/b.rs → c/e.rs → a/mod.rs → a/b.rs"]);
}

#[test]
fn what_a_folder_passes_on_and_its_files_name_through_it_is_a_circle() {
    let files = [("a/mod.rs", "mod b;\nmod c;\npub use b::B;"), ("a/b.rs", "use super::c::C;")];
    assert!(found(&[&files[..], &[("a/c.rs", "struct C;")]].concat()).is_empty());
    let through = [("a/c.rs", "fn c(b: super::B) {}")];
    assert_eq!(found(&[&files[..], &through].concat()), ["a/b.rs → a/c.rs → a/mod.rs → a/b.rs"]);
}

#[test]
fn neither_tests_nor_who_may_see_it_are_imports() {
    let files = [
        ("a/mod.rs", "use b::B;"),
        (
            "a/b.rs",
            "pub(in crate::a) struct B;\nfn f(t: &str) { g(\"super::x\") }\n#[cfg(test)]\nmod tests { use super::super::*; }",
        ),
    ];
    assert!(found(&files).is_empty());
}

//! Which files in a folder, a glob or an archive are skipped, and why.

use glob::Pattern;

/// What exporters call a file that is not whole yet.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", "~"];

/// Returns why a file is skipped; `None` if it is read. Files that the pattern itself names are read.
pub(super) fn skip_reason(name: &str, pattern: Option<&Pattern>) -> Option<&'static str> {
    let (folders, file) = apart(name);
    let (named_folders, named) = pattern.map_or(("", ""), |pattern| apart(pattern.as_str()));
    let hidden = |folders: &str| folders.split('/').any(|folder| folder.starts_with(['.', '_']));
    if hidden(folders) && !hidden(named_folders) {
        return Some("in a hidden folder");
    }
    if file.starts_with('.') && !named.starts_with('.') {
        return Some("hidden");
    }
    if file.starts_with('_') && pattern.is_none() {
        return Some("begins with _, like marker files of other tools; a glob can read it");
    }
    UNFINISHED
        .iter()
        .any(|end| file.ends_with(end) && !named.ends_with(end))
        .then_some("unfinished, by its name")
}

fn apart(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(name: &str, pattern: &str) -> Option<&'static str> {
        skip_reason(name, Pattern::new(pattern).ok().filter(|_| !pattern.is_empty()).as_ref())
    }

    #[test]
    fn what_is_hidden_or_unfinished_is_left_out_with_its_reason() {
        for pattern in ["", "*", "**/*", "*.csv*"] {
            assert_eq!(why("a.csv", pattern), None);
            assert_eq!(why("2026/a.csv", pattern), None);
            assert_eq!(why(".DS_Store", pattern), Some("hidden"));
            assert_eq!(why("a/.b/c.csv", pattern), Some("in a hidden folder"));
            assert_eq!(why("_delta_log/0.json", pattern), Some("in a hidden folder"));
            assert_eq!(why("a.csv.tmp", pattern), Some("unfinished, by its name"));
            assert_eq!(why("a.csv~", pattern), Some("unfinished, by its name"));
        }
        assert!(why("_SUCCESS", "").is_some());
    }

    #[test]
    fn what_a_pattern_names_is_read() {
        for (name, pattern) in [
            ("_nord.csv", "*.csv"),
            ("2026/_nord.csv", "*/*.csv"),
            ("_nord.csv", "_*"),
            (".a.csv", ".*.csv"),
            ("_x/a.csv", "_*/*.csv"),
            (".x/a.csv", ".x/*"),
            ("a.tmp", "*.tmp"),
        ] {
            assert_eq!(why(name, pattern), None, "{name} by {pattern}");
        }
    }
}

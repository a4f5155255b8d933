//! What the order of a source's files does to the rows of a key, where one would not expect it.

use chrono_tz::Tz;

use crate::clock::{Instant, show_instant};
use crate::day::day_start;
use crate::ops::sources::FileRegister;
use crate::source::{Source, SourceFile};
use crate::warehouse::row_versions::Versions;

/// How many files a warning names.
const NAMED: usize = 3;

/// Returns warnings about new files whose rows will not count as one might expect: those dated after the
/// run's instant wait until then, and those whose names sort before files that were read already do not
/// replace the rows of these.
pub(super) fn surprises(
    source: &Source,
    versions: Option<&Versions>,
    new: &[SourceFile],
    register: &FileRegister,
    as_of: Instant,
    zone: Tz,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(Versions { by: None, dated_files, .. }) = versions else { return warnings };
    if *dated_files {
        let waits =
            |name: &str| source.files().delivery.date_of(name).is_some_and(|d| day_start(d, zone) >= as_of);
        let waiting: Vec<&str> = new.iter().map(|file| file.name.as_str()).filter(|n| waits(n)).collect();
        if !waiting.is_empty() {
            warnings.push(format!(
                "{} dated at or after the run's instant, {}: rows of such files count from their date on",
                named(&waiting, "is", "are"),
                show_instant(as_of)
            ));
        }
    }
    let read = register.entries.values().filter(|entry| entry.rows > 0);
    let newest = read.map(|entry| source.files().version_of(&entry.file)).max();
    let earlier: Vec<&str> = new
        .iter()
        .map(|file| file.name.as_str())
        .filter(|name| newest.as_ref().is_some_and(|newest| source.files().version_of(name) < *newest))
        .collect();
    if !earlier.is_empty() {
        let remedy = if *dated_files { "" } else { "; declare `version` or `date_in_name` if that is wrong" };
        warnings.push(format!(
            "{} before files that were read already: of a key in both, the rows of those count{remedy}",
            named(&earlier, "comes by its name", "come by their names")
        ));
    }
    warnings
}

fn named(files: &[&str], one: &str, many: &str) -> String {
    let verb = if files.len() == 1 { one } else { many };
    let more = files.len().saturating_sub(NAMED);
    let shown = files[..files.len().min(NAMED)].join(", ");
    if more == 0 { format!("{shown} {verb}") } else { format!("{shown} and {more} more files {verb}") }
}

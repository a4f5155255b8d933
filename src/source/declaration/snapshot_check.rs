//! Checks what is declared about snapshots against the rest of the source.

use chrono_tz::Tz;

use crate::config::Problem;
use crate::error::Error;
use crate::source::contract::person::{OnForget, Person};
use crate::source::contract::snapshot::{Snapshot, SnapshotDeclaration, VALID_FROM, VALID_TO};
use crate::source::declaration::SourceDeclaration;

/// The share of the last list that a new one has at least, when not declared.
const MIN_SHARE: f64 = 0.8;

impl SourceDeclaration {
    /// None where the files are not snapshots.
    pub(super) fn snapshot(
        &self,
        zone: Tz,
        person: Option<&Person>,
        problems: &mut Vec<Problem>,
    ) -> Option<Snapshot> {
        let snapshot = match self.snapshot.as_ref()? {
            SnapshotDeclaration::Is(false) => return None,
            SnapshotDeclaration::Is(true) => Snapshot { min_share: MIN_SHARE, history: false, zone },
            SnapshotDeclaration::Table(table) => {
                Snapshot { min_share: table.min_share.unwrap_or(MIN_SHARE), history: table.history, zone }
            }
        };
        let mut wrong = |key: &[&str], error: Error| {
            problems.push(Problem::new(key.iter().copied(), error));
        };
        if !(0.0..=1.0).contains(&snapshot.min_share) {
            wrong(
                &["snapshot", "min_share"],
                Error::config(format!("min_share is {}, but it must be between 0 and 1", snapshot.min_share))
                    .hint("for example 0.8 for 80%"),
            );
        }
        if self.key.is_empty() {
            wrong(
                &["snapshot"],
                Error::config("a snapshot needs a key, to find the same row in two lists")
                    .hint("add the columns that identify a row: key = [\"…\"]"),
            );
        }
        for column in [VALID_FROM, VALID_TO] {
            if self.columns.0.iter().any(|(name, _)| name == column) {
                wrong(
                    &["columns", column],
                    Error::config(format!("the column `{column}` is reserved in the table of a snapshot"))
                        .hint("give the declared column another name, and its name in the file with `from`"),
                );
            }
        }
        let meaningless = [
            ("same_content", self.same_content.is_some(), "each file is the complete list of its day"),
            ("replaces", self.replaces.is_some(), "the next list replaces the last one"),
            ("version", self.version.is_some(), "lists are ordered by their day"),
            ("late", self.late.is_some(), "all rows of a list are as old as the list"),
        ];
        for (key, _, because) in meaningless.into_iter().filter(|(_, given, _)| *given) {
            wrong(
                &[key],
                Error::config(format!("`{key}` cannot be used with a snapshot: {because}"))
                    .hint("take it out"),
            );
        }
        if self.keep.as_ref().is_some_and(|keep| keep.by().is_some()) {
            wrong(
                &["keep", "by"],
                Error::config(
                    "rows of a snapshot are kept by the time at which they left the list, not \
                 by a column",
                )
                .hint("remove `by`: keep = { for = \"…\" }"),
            );
        }
        if let Some(OnForget::Anonymise(blanked)) = person.map(|person| &person.on_forget)
            && let Some(key) = blanked.columns.iter().find(|column| self.key.contains(column))
        {
            wrong(
                &["person", "anonymise"],
                Error::config(format!("`{key}` is part of the key: anonymised rows could not be told apart"))
                    .hint("remove `anonymise`, so that the rows are deleted, or use another column as key"),
            );
        }
        Some(snapshot)
    }
}

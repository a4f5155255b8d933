//! A source as a step: what is declared of it, and what a run takes up.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::intake::decision::{Intake, Unread};
use super::raw_rows::raw_schema;
use crate::source::{Source, SourceFile};
use crate::warehouse::row_versions::Versions;
use crate::warehouse::visibility::KnownSince;

/// A source as a step: declared, and once a run is planned with what it takes up.
#[derive(Clone)]
pub struct Ingest {
    pub source: Arc<Source>,
    /// When the rows of its raw table became known.
    pub known: KnownSince,
    /// Which row of a key counts; `None` where rows have no key.
    pub versions: Option<Versions>,
    pub intake: Arc<Intake>,
}

/// What its raw table follows from: the declaration and what is taken up, not how it is described.
impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity =
            |file: &SourceFile| format!("{:?}", (&file.name, file.size, file.modified, &file.version));
        let intake = &self.intake;
        let unread = intake.unread.iter().map(|Unread { file, because }| (identity(file), because));
        let replay = intake.replay.iter().map(|replay| (&replay.file.name, replay.run, &replay.lines));
        f.debug_struct("Ingest")
            .field("source", &self.source)
            .field("known", &self.known)
            .field("versions", &self.versions)
            .field("files", &intake.files.iter().map(identity).collect::<Vec<_>>())
            .field("unread", &unread.collect::<Vec<_>>())
            .field("replay", &replay.collect::<Vec<_>>())
            .field("replaced", &intake.replaced)
            .field("dismissed", &intake.dismissed)
            .finish()
    }
}

impl Ingest {
    /// Returns the columns of the raw table as the source declares them.
    pub fn schema(&self) -> SchemaRef {
        raw_schema(&self.source)
    }

    /// Returns the step with what a run takes up.
    #[must_use]
    pub fn taking_up(&self, intake: Arc<Intake>) -> Self {
        Ingest { intake, ..self.clone() }
    }
}

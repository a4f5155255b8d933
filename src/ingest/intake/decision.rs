//! What is decided of a source's files: which are read, which add nothing, which do away with others.

use crate::ingest::observe::SeenFile;
use crate::ops::quarantine::Lines;
use crate::ops::sources::FileEntry;
use crate::source::SourceFile;

/// What a run takes up of a source.
#[derive(Debug, Default)]
pub struct Intake {
    /// New files whose records are read.
    pub files: Vec<SourceFile>,
    /// New files that add nothing.
    pub unread: Vec<Unread>,
    /// Files that were read and whose rows leave.
    pub replaced: Vec<Replaced>,
    /// Refused records that need no more be waited for.
    pub dismissed: Vec<Dismissed>,
    /// Files whose refused records are read again.
    pub replay: Vec<Replay>,
    /// The run that last read the source from the beginning, if it was read before.
    pub since_run: Option<u64>,
    pub why: String,
    /// What is not as declared and borne.
    pub warnings: Vec<String>,
    /// What is worth a line and as it should be.
    pub notes: Vec<String>,
}

/// A new file that adds nothing.
#[derive(Debug)]
pub struct Unread {
    pub file: SourceFile,
    pub because: UnreadReason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreadReason {
    /// This file says the same.
    SameAs(String),
    /// This is a newer edition of it.
    ReplacedBy(String),
}

/// A file whose rows leave for a newer edition.
#[derive(Debug, PartialEq)]
pub struct Replaced {
    /// As it was known.
    pub entry: FileEntry,
    pub by: String,
}

/// Refused records of a file that no longer matter.
#[derive(Debug, PartialEq, Eq)]
pub struct Dismissed {
    pub file: String,
    /// In order.
    pub lines: Vec<Lines>,
    pub because: String,
}

/// The refused records of one file, to be read again.
#[derive(Debug)]
pub struct Replay {
    /// Under the name it was first read by.
    pub file: SourceFile,
    /// The run that first read it.
    pub run: u64,
    /// In order.
    pub lines: Vec<Lines>,
}

impl Intake {
    /// Whether there is nothing that was not taken up before.
    pub fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.unread.is_empty() && self.replaced.is_empty() && self.replay.is_empty()
    }

    /// The names of the new files.
    pub fn taken_up(&self) -> impl Iterator<Item = &str> {
        self.files.iter().chain(self.unread.iter().map(|unread| &unread.file)).map(|file| file.name.as_str())
    }
}

/// What becomes of the new files.
#[derive(Debug, Default)]
pub(super) struct Sorted<'f> {
    pub(super) read: Vec<&'f SeenFile>,
    pub(super) unread: Vec<Unread>,
    pub(super) replaced: Vec<Replaced>,
}

impl Sorted<'_> {
    pub(super) fn leave_unread(&mut self, seen: &SeenFile, because: UnreadReason) {
        self.unread.push(Unread { file: seen.file.clone(), because });
    }
}

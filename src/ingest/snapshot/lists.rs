//! What is known of new lists beside the rows that fit: from when each holds, whom its refused records name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::StreamExt;

use super::list_rows::{dated, scratch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ingest::chosen_lines::of_lines;
use crate::ingest::raw_rows::INGEST_ROWS;
use crate::ops::quarantine::Lines;
use crate::source::{self, Piece, Source, SourceFile};
use crate::warehouse::Warehouse;
use crate::warehouse::stage::{Mode, Staged, Stager};

/// What is known of the lists beside the rows that fit.
pub struct Lists {
    /// The source with the columns of its key alone, to read those of records that do not fit.
    by_key: Arc<Source>,
    keys: Stager,
    /// By list, how many refused records do not even tell their key.
    unreadable: BTreeMap<Instant, u64>,
    at: Instant,
    lines: Vec<Lines>,
}

/// The same once all lists are read.
pub struct ReadLists {
    pub(super) instants: Vec<Instant>,
    /// The keys of refused records.
    pub refused: Staged,
    pub(super) unreadable: BTreeMap<Instant, u64>,
}

impl Lists {
    pub fn new(warehouse: &Warehouse, source: &Source) -> Result<Lists> {
        let by_key = source.of_columns(&source.contract.key);
        let schema = dated(&RecordBatch::new_empty(by_key.schema()), Instant::UNIX_EPOCH)?.schema();
        let keys = warehouse.stager(&scratch(source, "refused"), Mode::Replace, &schema)?;
        Ok(Lists {
            by_key: Arc::new(by_key),
            keys,
            unreadable: BTreeMap::new(),
            at: Instant::UNIX_EPOCH,
            lines: Vec::new(),
        })
    }

    /// A file of the list of this instant begins.
    pub fn begin(&mut self, at: Instant) {
        self.at = at;
        self.unreadable.entry(at).or_default();
    }

    /// Takes note of refused records.
    pub fn refused(&mut self, batch: &RecordBatch) -> Result<()> {
        let lines = |name: &str| {
            let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
            column.ok_or_else(|| Error::failed("refused records came without their lines"))
        };
        let (first, last) = (lines("line")?, lines("last_line")?);
        self.lines.extend(first.values().iter().copied().zip(last.values().iter().copied()));
        Ok(())
    }

    /// The file ends: the keys of its refused records are looked for.
    pub async fn end(&mut self, file: &SourceFile) -> Result<()> {
        let mut lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(());
        }
        lines.sort_unstable();
        let mut readable = BTreeSet::new();
        let mut pieces = std::pin::pin!(source::read(&self.by_key, file, INGEST_ROWS));
        while let Some(piece) = pieces.next().await {
            if let Piece::Rows(batch) = piece? {
                let batch = of_lines(&batch, "_line", &lines, |place, _| {
                    readable.insert(place);
                })?;
                self.keys.write(&dated(&batch, self.at)?).await?;
            }
        }
        *self.unreadable.entry(self.at).or_default() += (lines.len() - readable.len()) as u64;
        Ok(())
    }

    pub async fn finish(self) -> Result<ReadLists> {
        Ok(ReadLists {
            instants: self.unreadable.keys().copied().collect(),
            refused: self.keys.finish().await?,
            unreadable: self.unreadable,
        })
    }
}

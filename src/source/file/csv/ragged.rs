//! Records with more or fewer fields than the file has columns: which are accepted, and why the others are
//! refused.
//!
//! Some exports omit the empty cells at the end of a row, others end every row with a delimiter. Both also
//! look like a row with a lost or extra delimiter, whose values would be in the wrong columns. So a source
//! must declare that its files are ragged. Cells of columns without a name may always be missing.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::source::row::record_span::Span;

/// What happens to records with cells too few or too many at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// They are refused.
    #[default]
    Refuse,
    /// Missing cells are empty, and empty cells too many are left out.
    Pad,
}

/// How many fields a record must have.
#[derive(Debug, Clone, Copy)]
pub struct Width {
    /// As many as the file has columns.
    pub fields: usize,
    /// Without the columns at the end that have no name.
    pub named: usize,
    pub ragged: Ragged,
}

impl Width {
    /// Brings the fields of a record, from `first` on, to as many as there are columns; false where they
    /// cannot be. The record ends at `end` of the text.
    pub fn fit(&self, text: &[u8], spans: &mut Vec<Span>, first: usize, end: usize) -> bool {
        let found = spans.len() - first;
        let least = match self.ragged {
            Ragged::Refuse => self.named,
            Ragged::Pad => 1,
        };
        if found < self.fields && found >= least {
            // Text in memory stays below 4 GiB: records end at 4 MiB.
            let missing = Span { start: end as u32, end: end as u32, doubled: false, escaped: false };
            spans.resize(first + self.fields, missing);
        } else if found > self.fields
            && self.ragged == Ragged::Pad
            && self.is_empty_behind(text, &spans[first..])
        {
            spans.truncate(first + self.fields);
        }
        spans.len() - first == self.fields
    }

    /// Why the record was refused, and the option that would take it.
    #[cold]
    pub fn reason(&self, text: &[u8], spans: &[Span]) -> String {
        let reason = format!("expected {} fields, found {}", self.fields, spans.len());
        if spans.len() < self.fields {
            return format!("{reason} (ragged = \"pad\" reads missing cells at the end as empty)");
        }
        if self.is_empty_behind(text, spans) {
            return format!("{reason} (ragged = \"pad\" ignores empty cells at the end)");
        }
        reason
    }

    /// Returns whether the fields that no column is for are blank.
    fn is_empty_behind(&self, text: &[u8], spans: &[Span]) -> bool {
        spans[self.fields..]
            .iter()
            .all(|span| text[span.start as usize..span.end as usize].trim_ascii().is_empty())
    }
}

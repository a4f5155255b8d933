//! One column's fields over a stretch of records.

use super::field_text::{Quoting, field};
use super::record_span::Span;
use crate::source::value::fault::Fault;
use crate::source::value::number::trim;

/// One column's fields in a stretch of at most 256 records.
pub struct Fields<'a> {
    pub text: &'a [u8],
    /// The places of all fields, record after record.
    pub spans: &'a [Span],
    /// How many fields a record has, and which of them this is.
    pub stride: usize,
    pub place: usize,
    pub rows: usize,
    pub quoting: Quoting,
}

/// The most records of a stretch: their places and text stay in the processor's cache.
pub(in crate::source) const STRETCH: usize = 256;

impl Fields<'_> {
    #[inline(always)]
    pub(super) fn span(&self, row: usize) -> Span {
        self.spans[row * self.stride + self.place]
    }

    #[inline(always)]
    pub(super) fn get<'s>(&'s self, row: usize, scratch: &'s mut Vec<u8>) -> &'s [u8] {
        field(self.text, self.span(row), self.quoting, scratch)
    }

    #[inline(always)]
    pub(super) fn parse<T: Default>(
        &self,
        values: &mut Vec<T>,
        scratch: &mut Vec<u8>,
        mut parse: impl FnMut(&[u8]) -> Result<T, Fault>,
    ) -> Result<Absent, Fault> {
        let mut absent = Absent::default();
        values.reserve(self.rows);
        for row in 0..self.rows {
            let text = trim(self.get(row, scratch));
            if text.is_empty() {
                absent.set(row, true);
                values.push(T::default());
            } else {
                values.push(parse(text)?);
            }
        }
        Ok(absent)
    }
}

/// Which rows of a stretch have no value.
#[derive(Default)]
pub(super) struct Absent {
    pub(super) any: bool,
    rows: [u64; STRETCH / 64],
}

impl Absent {
    #[inline(always)]
    pub(super) fn set(&mut self, row: usize, absent: bool) {
        self.any |= absent;
        self.rows[row / 64] |= u64::from(absent) << (row % 64);
    }

    #[inline(always)]
    pub(super) fn is(&self, row: usize) -> bool {
        self.rows[row / 64] >> (row % 64) & 1 == 1
    }
}

//! Rows from the elements of an array in one record: all of them, or none.

use super::rows::Piece;
use super::rows::{Refusal, Rows};
use crate::error::Result;

/// What became of a record.
pub enum Unfolded {
    /// Its rows are accepted.
    Rows,
    /// An element does not fit, and no row is accepted.
    Refused(Refusal),
    /// The receiver is gone.
    Unheard,
}

impl Rows {
    /// Adds the rows of a record, one per element. `push` gives every column its value, and says how many
    /// bytes of text they are.
    pub(in crate::source) fn unfold<E, I: Iterator<Item = E>>(
        &mut self,
        line: i64,
        elements: impl Fn() -> I,
        emit: &mut dyn FnMut(Piece) -> bool,
        mut push: impl FnMut(&mut Self, E) -> Result<usize, Refusal>,
    ) -> Result<Unfolded> {
        let mut waiting = Vec::new();
        let mut bytes = 0;
        for element in elements() {
            match push(self, element) {
                Ok(row) => waiting.push(row),
                Err(refusal) => return Ok(self.refused_element(waiting.len() + 1, refusal)),
            }
            bytes += waiting.last().copied().unwrap_or(0);
            if self.is_a_batch(waiting.len(), bytes) {
                return self.unfold_in_batches(line, elements, emit, push);
            }
        }
        if waiting.is_empty() {
            self.without_element(line);
        }
        for (place, bytes) in waiting.iter().enumerate() {
            self.accept_element(line, place + 1, *bytes);
        }
        Ok(Unfolded::Rows)
    }

    /// Returns the same for a record of more rows than wait in memory: each is tried before the first is
    /// kept.
    fn unfold_in_batches<E, I: Iterator<Item = E>>(
        &mut self,
        line: i64,
        elements: impl Fn() -> I,
        emit: &mut dyn FnMut(Piece) -> bool,
        mut push: impl FnMut(&mut Self, E) -> Result<usize, Refusal>,
    ) -> Result<Unfolded> {
        self.take_back();
        for (place, element) in elements().enumerate() {
            if let Err(refusal) = push(self, element) {
                return Ok(self.refused_element(place + 1, refusal));
            }
            self.take_back();
        }
        for (place, element) in elements().enumerate() {
            match push(self, element) {
                Ok(bytes) => self.accept_element(line, place + 1, bytes),
                Err(refusal) => return Ok(self.refused_element(place + 1, refusal)),
            }
            if self.are_full() && !self.flush(emit)? {
                return Ok(Unfolded::Unheard);
            }
        }
        Ok(Unfolded::Rows)
    }

    fn refused_element(&mut self, element: usize, refusal: Refusal) -> Unfolded {
        self.take_back();
        Unfolded::Refused(Refusal { reason: format!("element {element}: {}", refusal.reason), ..refusal })
    }
}

//! From one value of a metric to another, part by part, so that the parts add up to the change to its last digit.
//!
//! Each part ends in a value that is rounded to six decimals, and is the difference to the value before it. So nothing
//! is lost between them, whatever is rounded on the way. First what is known better by now of the earlier rows, then
//! how the later rows differ from them. With the base `b` of a value of the dimension (rows, or the denominator where
//! the metric has one), its numerator `n`, and capitals for their sums, of the earlier rows as they are known now and,
//! with a stroke, of the later ones:
//!
//! - volume: as many rows as later, split and worth what they were: `N·B'/B`. A quotient has none.
//! - mix: the split of later, each value worth what it was: `Σ b'·n/b`. A value that had no base is worth what it is
//!   later.
//! - rate: each value worth what it is later: `N'`.
//!
//! The share of one value in the mix is taken against the mean, `(b' − b·B'/B)·(n/b − N/B)`: more of what is above
//! the mean adds, and so does less of what is below it.

use std::collections::BTreeMap;

use arrow::datatypes::i256;

use crate::error::{Error, Result};
use crate::metric::amount::value;

/// What rows add up to; differences of two sums too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub rows: i128,
    pub numerator: i128,
    pub denominator: i128,
}

/// Sums by the value of the dimension.
pub(super) type Cells = BTreeMap<String, Cell>;

/// The rows that are compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Populations {
    /// Whether the metric has a denominator.
    pub is_quotient: bool,
    pub before: Cells,
    /// What each cause changes of the rows before.
    pub late: Cells,
    pub corrected: Cells,
    pub merged: Cells,
    pub after: Cells,
}

/// Why a metric changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Late,
    Corrected,
    Merged,
    Volume,
    Mix,
    Rate,
}

impl Part {
    pub(super) const ALL: [Part; 6] =
        [Part::Late, Part::Corrected, Part::Merged, Part::Volume, Part::Mix, Part::Rate];
}

/// What a part, and in it a value of the dimension, adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    pub part: Part,
    pub dimension_value: String,
    pub change: i128,
}

/// A change and its parts; values are whole numbers of their sixth decimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bridge {
    pub from: i128,
    pub to: i128,
    pub moves: Vec<Move>,
}

impl Bridge {
    /// Returns what a part adds.
    pub(super) fn part(&self, part: Part) -> i128 {
        self.moves.iter().filter(|moved| moved.part == part).map(|moved| moved.change).sum()
    }
}

/// Returns the parts of a change; none where the metric has no value on one of the sides.
///
/// # Errors
/// Sums that are too large to be divided exactly.
pub(super) fn bridge(populations: &Populations) -> Result<Option<Bridge>> {
    let is_quotient = populations.is_quotient;
    let (Some(from), Some(to)) =
        (value_of(total(&populations.before), is_quotient), value_of(total(&populations.after), is_quotient))
    else {
        return Ok(None);
    };
    let mut walk = Walk { at: from, moves: Vec::new() };
    let mut restated = populations.before.clone();
    let causes = [
        (Part::Late, &populations.late),
        (Part::Corrected, &populations.corrected),
        (Part::Merged, &populations.merged),
    ];
    let mut sum = total(&restated);
    for (part, changes) in causes {
        for (dimension_value, change) in changes {
            restated.entry(dimension_value.clone()).or_default().add(change);
            sum.add(change);
            // On the way nothing may be left to divide by: then this step says nothing yet.
            if let Some(value) = value_of(sum, is_quotient) {
                walk.to(part, dimension_value, value);
            }
        }
    }
    Compared::of(&restated, &populations.after, is_quotient, to).walk(&mut walk)?;
    Ok(Some(Bridge { from, to, moves: walk.moves }))
}

fn total(cells: &Cells) -> Cell {
    cells.values().fold(Cell::default(), |mut sum, cell| {
        sum.add(cell);
        sum
    })
}

fn value_of(cell: Cell, is_quotient: bool) -> Option<i128> {
    value(cell.numerator, is_quotient.then_some(cell.denominator))
}

impl Cell {
    fn add(&mut self, other: &Cell) {
        self.rows += other.rows;
        self.numerator += other.numerator;
        self.denominator += other.denominator;
    }
}

/// The values that have been come to.
struct Walk {
    at: i128,
    moves: Vec<Move>,
}

impl Walk {
    fn to(&mut self, part: Part, dimension_value: &str, value: i128) {
        let change = value - self.at;
        self.at = value;
        if change != 0 {
            self.moves.push(Move { part, dimension_value: dimension_value.to_owned(), change });
        }
    }
}

/// Decimals that are kept of what is divided on the way.
const FINE: u32 = 20;

/// The earlier rows as they are known now, beside the later ones.
struct Compared {
    /// By value of the dimension: base and numerator, earlier and later.
    cells: BTreeMap<String, [Weighed; 2]>,
    sums: [Weighed; 2],
    is_quotient: bool,
    to: i128,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weighed {
    base: i128,
    numerator: i128,
}

impl Compared {
    fn of(earlier: &Cells, later: &Cells, is_quotient: bool, to: i128) -> Compared {
        let weighed = |cell: &Cell| Weighed {
            base: if is_quotient { cell.denominator } else { cell.rows * 10_000 },
            numerator: cell.numerator,
        };
        let mut cells: BTreeMap<String, [Weighed; 2]> = BTreeMap::new();
        for (side, of) in [earlier, later].into_iter().enumerate() {
            for (dimension_value, cell) in of {
                cells.entry(dimension_value.clone()).or_default()[side] = weighed(cell);
            }
        }
        let sums = [earlier, later].map(|of| weighed(&total(of)));
        Compared { cells, sums, is_quotient, to }
    }

    fn walk(&self, walk: &mut Walk) -> Result<()> {
        let [earlier, later] = self.sums;
        if earlier.base == 0 || later.base == 0 {
            // Nothing can be compared with what is not there: it is all a matter of how much there is.
            walk.to(Part::Volume, crate::metric::tables::ALL, self.to);
            return Ok(());
        }
        let too_large = || {
            Error::failed("the sums of the metric are too large to be split").hint("count in a larger unit")
        };
        self.volume(walk).ok_or_else(too_large)?;
        self.mix(walk).ok_or_else(too_large)?;
        self.rate(walk).ok_or_else(too_large)
    }

    /// Returns a numerator's worth of fine decimals as a value of the metric.
    fn value(&self, fine: i256) -> Option<i128> {
        let (number, by) = if self.is_quotient {
            // The decimals of numerator and base cancel out.
            (fine, wide(self.sums[1].base).checked_mul(power(FINE - 6))?)
        } else {
            (fine, power(FINE - 2))
        };
        divided(number, by)?.to_i128()
    }

    fn volume(&self, walk: &mut Walk) -> Option<()> {
        if self.is_quotient {
            return Some(());
        }
        let [earlier, later] = self.sums;
        let mut sum = fine(earlier.numerator)?;
        for (dimension_value, [was, _]) in &self.cells {
            sum = sum.checked_add(scaled(was.numerator, later.base - earlier.base, earlier.base)?)?;
            walk.to(Part::Volume, dimension_value, self.value(sum)?);
        }
        walk.end(Part::Volume, self.value(scaled(earlier.numerator, later.base, earlier.base)?)?);
        Some(())
    }

    /// Returns what the later rows of a value of the dimension would come to at the earlier worth.
    fn expected([was, is]: &[Weighed; 2]) -> Option<i256> {
        if was.base == 0 { fine(is.numerator) } else { scaled(was.numerator, is.base, was.base) }
    }

    fn mix(&self, walk: &mut Walk) -> Option<()> {
        let [earlier, later] = self.sums;
        let mean = scaled(1, earlier.numerator, earlier.base)?;
        let mut sum = scaled(earlier.numerator, later.base, earlier.base)?;
        let mut end = i256::ZERO;
        for (dimension_value, cell) in &self.cells {
            let expected = Self::expected(cell)?;
            end = end.checked_add(expected)?;
            let [was, is] = cell;
            let more = fine(is.base)?.checked_sub(scaled(was.base, later.base, earlier.base)?)?;
            let at_mean = more.checked_mul(mean)?.checked_div(power(FINE))?;
            let own = expected.checked_sub(scaled(was.numerator, later.base, earlier.base)?)?;
            sum = sum.checked_add(own.checked_sub(at_mean)?)?;
            walk.to(Part::Mix, dimension_value, self.value(sum)?);
        }
        walk.end(Part::Mix, self.value(end)?);
        Some(())
    }

    fn rate(&self, walk: &mut Walk) -> Option<()> {
        let mut sum = i256::ZERO;
        for cell in self.cells.values() {
            sum = sum.checked_add(Self::expected(cell)?)?;
        }
        for (dimension_value, cell) in &self.cells {
            sum = sum.checked_add(fine(cell[1].numerator)?.checked_sub(Self::expected(cell)?)?)?;
            walk.to(Part::Rate, dimension_value, self.value(sum)?);
        }
        walk.end(Part::Rate, self.to);
        Some(())
    }
}

impl Walk {
    /// Comes to the end of a part: what rounding has left goes to the last value of the dimension that moved.
    fn end(&mut self, part: Part, value: i128) {
        let rest = value - self.at;
        if rest == 0 {
            return;
        }
        match self.moves.iter_mut().rev().find(|moved| moved.part == part) {
            Some(moved) => {
                moved.change += rest;
                self.at = value;
            }
            None => self.to(part, crate::metric::tables::ALL, value),
        }
    }
}

fn wide(number: i128) -> i256 {
    i256::from_i128(number)
}

fn power(decimals: u32) -> i256 {
    wide(10_i128.pow(decimals))
}

fn fine(number: i128) -> Option<i256> {
    wide(number).checked_mul(power(FINE))
}

/// Returns `number · times / by`, with fine decimals.
fn scaled(number: i128, times: i128, by: i128) -> Option<i256> {
    wide(number).checked_mul(wide(times))?.checked_mul(power(FINE))?.checked_div(wide(by))
}

/// Returns the quotient rounded half away from zero.
fn divided(number: i256, by: i256) -> Option<i256> {
    let (quotient, rest) = (number.checked_div(by)?, number.checked_rem(by)?);
    let twice = rest.checked_abs()?.checked_mul(wide(2))?;
    if twice < by.checked_abs()? {
        return Some(quotient);
    }
    let is_negative = number.is_negative() != by.is_negative();
    quotient.checked_add(wide(if is_negative { -1 } else { 1 }))
}

#[cfg(test)]
mod tests;

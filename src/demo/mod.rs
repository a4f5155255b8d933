//! The sample retailer: exports of a mid-sized French shop chain, and the truth planted in them.
//!
//! Every person is drawn from streams of their own (seed, purpose, number), lived from the first
//! step to the last and written before the next one is begun. So a demo of any size needs the memory
//! of one person and of the open files' buffers, the first persons are the same whatever the number
//! of persons, and any of them can be lived again alone.
//!
//! `exports/` is what the channels give, `truth/` what nobody in the company knows.

mod archetype;
mod basket;
mod calendar;
mod campaign;
mod catalogue;
mod chance;
mod export;
mod leaving;
mod life;
mod names;
mod output;
mod person;
pub mod project;
mod story;
mod truth;

use std::fmt;
use std::path::Path;

use crate::clock::Instant;
use crate::error::{Error, Result};

pub use output::Rows;

/// More persons than this would need longer record numbers.
const MOST_CUSTOMERS: u64 = 40_000_000;

/// A retailer with so many persons (customers and prospects), drawn from a seed.
#[derive(Debug, Clone, Copy)]
pub struct Retailer {
    pub customers: u64,
    pub seed: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub persons: u64,
    /// Rows by folder or file below `exports/`, and of the tables of the truth.
    pub rows: Rows,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrote {} persons", self.persons)?;
        for (name, rows) in self.rows.iter().filter(|(name, _)| !name.starts_with("truth/")) {
            write!(f, "\n  {name:<18} {rows:>10} rows")?;
        }
        Ok(())
    }
}

impl Default for Retailer {
    fn default() -> Self {
        Retailer { customers: 20_000, seed: 42 }
    }
}

/// The instant after the last day of the exports.
pub fn as_of() -> Instant {
    calendar::to_utc(calendar::END)
}

impl Retailer {
    /// Writes `dir/exports` and `dir/truth`; files of an earlier demo are replaced.
    ///
    /// # Errors
    /// When there are no persons or too many, or a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<Summary> {
        if !(1..=MOST_CUSTOMERS).contains(&self.customers) {
            return Err(Error::config(format!(
                "a demo of {} customers, expected 1 to {MOST_CUSTOMERS}",
                self.customers
            ))
            .hint("give --customers another number"));
        }
        let catalogue = catalogue::Catalogue::draw(self.seed);
        let mut exports = export::Exports::create(&dir.join("exports"), &catalogue)?;
        let mut truth = truth::Truth::create(&dir.join("truth"))?;
        for number in 0..self.customers {
            let person = person::Person::draw(self.seed, number);
            let life = life::Life::live(self.seed, &person);
            let mut story = story::Story::tell(self.seed, &person, &life, &catalogue);
            exports.write(&mut story, &catalogue)?;
            exports.write_walk_ins(self.seed, number, &catalogue)?;
            truth.write(&story)?;
        }
        let mut rows = exports.finish()?;
        truth.finish(&mut rows)?;
        Ok(Summary { persons: self.customers, rows })
    }
}

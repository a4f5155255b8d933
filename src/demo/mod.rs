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
mod behaviour;
mod calendar;
mod campaign;
mod catalogue;
mod channel_records;
mod churn;
mod economy;
#[cfg(test)]
pub mod experiment;
mod export;
mod ground_truth;
mod home;
mod name_forms;
mod names;
mod organisation;
mod output;
mod person;
pub mod project;
mod random_streams;
mod response;

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
            write!(f, "\n  {name:<26} {rows:>10} rows")?;
        }
        Ok(())
    }
}

impl Default for Retailer {
    fn default() -> Self {
        Retailer { customers: 20_000, seed: 42 }
    }
}

/// Returns the instant after the last day of the exports.
pub fn as_of() -> Instant {
    calendar::to_utc(calendar::END)
}

impl Retailer {
    /// Writes `dir/exports` and `dir/truth`; files of an earlier demo are replaced.
    ///
    /// # Errors
    /// When there are not persons or too many, or a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<Summary> {
        if !(1..=MOST_CUSTOMERS).contains(&self.customers) {
            return Err(Error::config(format!(
                "--customers is {}, but it must be between 1 and {MOST_CUSTOMERS}",
                self.customers
            ))
            .hint("give another number of customers"));
        }
        let catalogue = catalogue::Catalogue::draw(self.seed);
        let mut exports = export::Exports::create(&dir.join("exports"), self.seed, &catalogue)?;
        let mut truth = ground_truth::Truth::create(&dir.join("truth"))?;
        let mut worths = economy::truth::WorthTruth::create(&dir.join("truth"), self.seed)?;
        let mut journeys = economy::journey::JourneyTruth::create(&dir.join("truth"))?;
        for number in 0..self.customers {
            let person = person::Person::draw(self.seed, number);
            let life = behaviour::Life::live(self.seed, &person);
            let mut story = channel_records::Story::tell(self.seed, &person, &life, &catalogue);
            let mut dealings = economy::dealings::Dealings::draw(self.seed, &story);
            economy::waiting::queue(&mut story, &mut dealings);
            journeys.write(&story, &dealings)?;
            let calls: Vec<calendar::Moment> = story.calls.iter().map(|call| call.at).collect();
            exports.write(&mut story, &catalogue)?;
            exports.write_dealings(&mut story, &dealings, &catalogue)?;
            exports.write_walk_ins(self.seed, number, &catalogue)?;
            if let Some(organisation) = organisation::Organisation::among(self.seed, number) {
                exports.write_organisation(&organisation, &catalogue)?;
                truth.write_organisation(&organisation)?;
            }
            exports.write_contacts(self.seed, &mut story)?;
            truth.write(&story)?;
            let worth = economy::profit::Worth::of(self.seed, &story, &dealings, &calls, &catalogue);
            worths.write(&story, &dealings, &worth)?;
        }
        let mut rows = exports.finish()?;
        truth.finish(&mut rows)?;
        worths.finish(&mut rows)?;
        journeys.finish(&mut rows)?;
        Ok(Summary { persons: self.customers, rows })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;

    use super::behaviour::Life;
    use super::calendar::HOLDOUT_STEP;
    use super::person::Person;
    use super::*;

    /// Returns every file below a folder with its bytes.
    fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.extend(files(&path));
            } else {
                all.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
        all
    }

    fn written(customers: u64, seed: u64) -> (tempfile::TempDir, BTreeMap<PathBuf, Vec<u8>>) {
        let dir = tempfile::tempdir().unwrap();
        Retailer { customers, seed }.write(dir.path()).unwrap();
        let bytes = files(dir.path())
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(dir.path()).unwrap().to_owned(), bytes))
            .collect();
        (dir, bytes)
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes() {
        let (first, second, other) = (written(40, 7), written(40, 7), written(40, 8));
        assert!(first.1 == second.1);
        assert!(first.1 != other.1);
    }

    #[test]
    fn more_persons_leave_the_first_ones_as_they_are() {
        let (few, more) = (written(30, 7), written(60, 7));
        // What was paid to win all customers is known at the end.
        let totals = ["exports/acquisition/costs.csv", "exports/acquisition/campaigns.csv"];
        let is_text = |path: &Path| path.extension().is_some_and(|e| e == "csv" || e == "jsonl");
        for (path, bytes) in
            few.1.iter().filter(|(path, _)| is_text(path) && totals.iter().all(|t| *path != Path::new(t)))
        {
            let longer = &more.1[path];
            // The tills' total is below the rows.
            let rows = bytes.windows(6).rposition(|w| w == b"Total;").unwrap_or(bytes.len());
            assert!(longer.starts_with(&bytes[..rows]), "{}", path.display());
        }
    }

    #[test]
    fn the_exports_know_nothing_of_the_truth() {
        let (_dir, files) = written(40, 7);
        let words = ["probability", "archetype", "segment", "person_id", "churn", "hazard", "separat"];
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("exports")) {
            let text = String::from_utf8_lossy(bytes);
            assert!(words.iter().all(|word| !text.contains(word)), "{}", path.display());
        }
    }

    #[test]
    fn no_persons_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Retailer { customers: 0, seed: 1 }.write(dir.path()).unwrap_err();
        assert_eq!(error.message(), "--customers is 0, but it must be between 1 and 40000000");
    }

    /// Returns the share of (churned, stayed) pairs that the probability puts in the right order.
    fn auc(mut forecasts: Vec<(f64, bool)>) -> f64 {
        forecasts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut stayed, mut right, mut churned) = (0.0, 0.0, 0.0);
        for (_, left) in forecasts {
            if left {
                churned += 1.0;
                right += stayed;
            } else {
                stayed += 1.0;
            }
        }
        right / (stayed * churned)
    }

    #[test]
    fn planted_probabilities_are_honest_and_neither_blind_nor_certain() {
        let forecasts: Vec<(f64, bool)> = (0..4000)
            .map(|number| ground_truth::forecast(&Life::live(1, &Person::draw(1, number)), HOLDOUT_STEP))
            .filter(|forecast| forecast.eligible)
            .filter_map(|forecast| Some((forecast.probability?, forecast.churned)))
            .collect();
        let persons = forecasts.len() as f64;
        let mean = forecasts.iter().map(|f| f.0).sum::<f64>() / persons;
        let churned = forecasts.iter().filter(|f| f.1).count() as f64 / persons;
        assert!((0.15..0.35).contains(&churned), "base rate {churned}");
        // Three standard errors of the observed share.
        assert!((mean - churned).abs() < 3.0 * (churned / persons).sqrt(), "{mean} against {churned}");
        // The same among those for whom it says between a half and three quarters.
        let likely: Vec<_> = forecasts.iter().filter(|f| (0.5..0.75).contains(&f.0)).collect();
        let (n, shown) = (likely.len() as f64, likely.iter().map(|f| f.0).sum::<f64>());
        let came = likely.iter().filter(|f| f.1).count() as f64;
        assert!((shown - came).abs() < 3.0 * (n / 4.0).sqrt(), "{shown} against {came} of {n}");
        let auc = auc(forecasts);
        assert!((0.75..0.87).contains(&auc), "AUC {auc}");
    }
}

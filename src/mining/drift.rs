//! How far tonight's customers are from those learnt from, and from those of the last run, column by column.
//!
//! The population stability index (Siddiqi 2006): with the share of the customers in each bin then and now, the sum of
//! (now − then) · ln(now / then). Numbers fall into tenths of the customers learnt from, texts into their levels;
//! unknown values are a bin of their own. By custom .1 is a change to look at and .25 one to act on. Bins stay as they
//! are while a model has the same columns, so that runs can be compared over refits.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::{Expr, ident};
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::fitted::{FittedModel, Part};
use super::matrix::Matrix;
use crate::error::{Context, Error, Result};

/// From here on the run says so.
const MUCH: f64 = 0.25;
const TENTHS: usize = 10;
/// With fewer customers the index is chance.
const FEWEST: u64 = 200;
/// A text that fewer have is no level: it might tell who they are.
const FEWEST_OF_LEVEL: f64 = 10.0;
/// How many columns that have drifted a run names.
const MOST_NAMED: usize = 5;

/// The bins of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    column: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// The upper ends of all bins but the last, ascending.
    Numbers(Vec<f64>),
    /// The levels, of which each is a bin; all others are one together.
    Texts(Vec<String>),
}

/// How many customers are in each bin; the last one is of those whose value is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted(Vec<u64>);

impl Bins {
    /// Returns the bins of each column of a matrix: tenths of numbers, texts that a share of `floor` has.
    pub fn of(matrix: &Matrix, floor: f64) -> Vec<Bins> {
        let of_column = |(index, name): (usize, &String)| {
            let values = matrix.values.column(index);
            let kind = match &matrix.texts[index] {
                Some(texts) => {
                    let count = |text: usize| values.iter().filter(|v| **v == text as f64).count() as f64;
                    let enough = (floor * values.len() as f64).max(FEWEST_OF_LEVEL);
                    let levels = texts.iter().enumerate().filter(|(text, _)| count(*text) >= enough);
                    Kind::Texts(levels.map(|(_, text)| text.clone()).collect())
                }
                None => Kind::Numbers(tenths(values.iter().copied().filter(|v| !v.is_nan()).collect())),
            };
            Bins { column: name.clone(), kind }
        };
        matrix.columns.iter().enumerate().map(of_column).collect()
    }

    /// Returns bins for numbers that are no column of a matrix, such as scores.
    pub fn of_numbers(column: &str, values: &[f64]) -> Bins {
        Bins { column: column.to_owned(), kind: Kind::Numbers(tenths(values.to_vec())) }
    }

    fn empty(&self) -> Counted {
        let bins = match &self.kind {
            Kind::Numbers(edges) => edges.len() + 1,
            Kind::Texts(levels) => levels.len() + 1,
        };
        Counted(vec![0; bins + 1])
    }

    /// Counts the rows of a matrix; none where it lacks the column.
    pub fn count(&self, matrix: &Matrix) -> Counted {
        let mut counted = self.empty();
        let Some(index) = matrix.columns.iter().position(|name| *name == self.column) else { return counted };
        for value in matrix.values.column(index) {
            let bin = match (&self.kind, &matrix.texts[index]) {
                (Kind::Numbers(edges), _) => number_bin(edges, *value),
                (Kind::Texts(_), _) if value.is_nan() => None,
                (Kind::Texts(levels), Some(texts)) => Some(text_bin(levels, &texts[*value as usize])),
                (Kind::Texts(levels), None) => Some(levels.len()),
            };
            counted.add(bin);
        }
        counted
    }

    /// Counts numbers.
    pub fn count_numbers(&self, values: &[f64]) -> Counted {
        let mut counted = self.empty();
        if let Kind::Numbers(edges) = &self.kind {
            values.iter().for_each(|value| counted.add(number_bin(edges, *value)));
        }
        counted
    }

    /// Counts all customers of a frame that has the columns of these bins. Rows stream by.
    ///
    /// # Errors
    /// A frame that lacks a column or cannot be read.
    pub async fn count_all(bins: &[Bins], frame: DataFrame) -> Result<Vec<Counted>> {
        let doing = "count how tonight's customers lie among those learnt from";
        let columns: Vec<Expr> = bins.iter().map(|bins| ident(&bins.column)).collect();
        let mut counted: Vec<Counted> = bins.iter().map(Bins::empty).collect();
        let mut batches = frame.select(columns).doing(doing)?.execute_stream().await.doing(doing)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.doing(doing)?;
            for (index, (bins, counted)) in bins.iter().zip(&mut counted).enumerate() {
                bins.count_batch(&batch, index, counted).doing(doing)?;
            }
        }
        Ok(counted)
    }

    fn count_batch(
        &self,
        batch: &RecordBatch,
        index: usize,
        counted: &mut Counted,
    ) -> arrow::error::Result<()> {
        match &self.kind {
            Kind::Numbers(edges) => {
                let values = cast(batch.column(index), &DataType::Float64)?;
                for value in values.as_primitive::<Float64Type>() {
                    counted.add(value.and_then(|value| number_bin(edges, value)));
                }
            }
            Kind::Texts(levels) => {
                let values = cast(batch.column(index), &DataType::Utf8)?;
                let values = values.as_string::<i32>();
                for row in 0..values.len() {
                    let known = values.is_valid(row).then(|| text_bin(levels, values.value(row)));
                    counted.add(known);
                }
            }
        }
        Ok(())
    }

    fn to_note(&self) -> String {
        match &self.kind {
            // As texts, which come back to the last bit: edges are values that customers have.
            Kind::Numbers(edges) => {
                let edges: Vec<String> = edges.iter().map(f64::to_string).collect();
                serde_json::json!({ "column": self.column, "below": edges })
            }
            Kind::Texts(levels) => serde_json::json!({ "column": self.column, "levels": levels }),
        }
        .to_string()
    }

    fn from_note(note: &str) -> Option<Bins> {
        let read: serde_json::Value = serde_json::from_str(note).ok()?;
        let column = read.get("column")?.as_str()?.to_owned();
        let texts = |name: &str| -> Option<Vec<&str>> {
            read.get(name)?.as_array()?.iter().map(serde_json::Value::as_str).collect()
        };
        let kind = match texts("below") {
            Some(edges) => Kind::Numbers(edges.iter().map(|edge| edge.parse().ok()).collect::<Option<_>>()?),
            None => Kind::Texts(texts("levels")?.into_iter().map(str::to_owned).collect()),
        };
        Some(Bins { column, kind })
    }
}

impl Counted {
    fn add(&mut self, bin: Option<usize>) {
        let last = self.0.len() - 1;
        self.0[bin.unwrap_or(last)] += 1;
    }

    fn customers(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the index between two counts over the same bins; `None` where there are too few customers. A bin that
    /// nobody is in counts as half a customer.
    pub fn psi(&self, then: &Counted) -> Option<f64> {
        if self.0.len() != then.0.len() || self.customers().min(then.customers()) < FEWEST {
            return None;
        }
        let share =
            |counted: &Counted, bin: usize| (counted.0[bin] as f64).max(0.5) / counted.customers() as f64;
        let terms = (0..self.0.len()).filter(|bin| self.0[*bin] + then.0[*bin] > 0).map(|bin| {
            let (now, then) = (share(self, bin), share(then, bin));
            (now - then) * (now / then).ln()
        });
        Some(terms.sum())
    }

    fn to_note(&self) -> String {
        self.0.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
    }

    fn from_note(note: &str) -> Option<Counted> {
        note.split(' ').map(|count| count.parse().ok()).collect::<Option<Vec<u64>>>().map(Counted)
    }
}

fn number_bin(edges: &[f64], value: f64) -> Option<usize> {
    (!value.is_nan()).then(|| edges.partition_point(|edge| *edge < value))
}

fn text_bin(levels: &[String], value: &str) -> usize {
    levels.iter().position(|level| level == value).unwrap_or(levels.len())
}

/// The values that part tenths, each once.
fn tenths(mut known: Vec<f64>) -> Vec<f64> {
    known.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..TENTHS)
        .filter_map(|tenth| known.get((known.len() * tenth / TENTHS).max(1) - 1).copied())
        .collect();
    edges.dedup();
    edges.retain(|edge| edge.is_finite());
    edges
}

/// The bins of a model and how many customers that it was learnt from are in each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    pub bins: Vec<Bins>,
    pub learnt: Vec<Counted>,
}

impl Reference {
    pub(super) fn store(&self, fitted: &mut FittedModel) {
        for ((bins, counted), position) in self.bins.iter().zip(&self.learnt).zip(1_i64..) {
            fitted.note(Part::Parameter, "drift_bins", position, bins.to_note());
            fitted.note(Part::Parameter, "drift_learnt", position, counted.to_note());
        }
    }

    pub(super) fn load(fitted: &FittedModel) -> Result<Reference> {
        let unreadable = |position: i64| {
            Error::failed(format!(
                "the bins [{position}] of the fitted model `{}` cannot be read",
                fitted.model()
            ))
            .hint("fit it anew with --full-refresh")
        };
        let mut reference = Reference::default();
        for (position, entry) in fitted.series(Part::Parameter, "drift_bins") {
            let bins = entry.note.as_deref().and_then(Bins::from_note).ok_or_else(|| unreadable(position))?;
            let learnt = fitted.text(Part::Parameter, "drift_learnt", position).and_then(Counted::from_note);
            reference.bins.push(bins);
            reference.learnt.push(learnt.ok_or_else(|| unreadable(position))?);
        }
        Ok(reference)
    }

    /// Returns the bins of the last model, as long as it has the same columns of the same kind.
    pub fn bins_kept(previous: Option<&FittedModel>, fresh: Vec<Bins>) -> Vec<Bins> {
        let Some(Ok(last)) = previous.map(Reference::load) else { return fresh };
        let is_same = |a: &Bins, b: &Bins| {
            a.column == b.column && std::mem::discriminant(&a.kind) == std::mem::discriminant(&b.kind)
        };
        let fits = last.bins.len() == fresh.len()
            && last.bins.iter().zip(&fresh).all(|(last, fresh)| is_same(last, fresh));
        if fits { last.bins } else { fresh }
    }
}

/// Writes down how tonight's customers lie in the bins: `psi` against those learnt from, `psi_since_last_run` against
/// those of the last run, both by column. Returns what a run should say of it.
pub(super) fn report(
    fitted: &mut FittedModel,
    reference: &Reference,
    tonight: &[Counted],
    last_run: Option<&FittedModel>,
) -> Option<String> {
    let last: BTreeMap<String, Counted> = last_run
        .and_then(|last| Some((Reference::load(last).ok()?, last)))
        .map(|(reference, last)| {
            let of = |(position, bins): (i64, Bins)| {
                let counted =
                    last.text(Part::Metric, "drift_tonight", position).and_then(Counted::from_note)?;
                Some((bins.to_note(), counted))
            };
            (1_i64..).zip(reference.bins).filter_map(of).collect()
        })
        .unwrap_or_default();
    let mut drifted = Vec::new();
    for (((bins, learnt), counted), position) in
        reference.bins.iter().zip(&reference.learnt).zip(tonight).zip(1_i64..)
    {
        fitted.note(Part::Metric, "drift_tonight", position, counted.to_note());
        // Over the same bins only.
        let before = last.get(&bins.to_note());
        for (name, then) in [("psi", Some(learnt)), ("psi_since_last_run", before)] {
            fitted.forget(Part::Metric, name, position);
            let Some(psi) = then.and_then(|then| counted.psi(then)) else { continue };
            fitted.set(Part::Metric, name, position, psi);
            fitted.note(Part::Metric, name, position, bins.column.as_str());
            if name == "psi" && psi > MUCH {
                drifted.push((psi, bins.column.as_str()));
            }
        }
    }
    warning(drifted)
}

fn warning(mut drifted: Vec<(f64, &str)>) -> Option<String> {
    drifted.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let named: Vec<String> =
        drifted.iter().take(MOST_NAMED).map(|(psi, column)| format!("`{column}` ({psi:.2})")).collect();
    let more = match drifted.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| {
        format!(
            "tonight's customers are not like those learnt from: population stability index above {MUCH} of {}{more}",
            named.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::fitted::ModelKind;
    use crate::mining::test_data::uniform;

    #[test]
    fn the_index_is_that_of_the_formula() {
        // (.2 − .1) ln 2 + (.3 − .4) ln(.3/.4) + (.5 − .5) ln 1
        let (then, now) = (Counted(vec![100, 400, 500]), Counted(vec![200, 300, 500]));
        let expected = 0.1 * 2f64.ln() - 0.1 * 0.75f64.ln();
        assert!((now.psi(&then).unwrap() - expected).abs() < 1e-12);
        assert_eq!(now.psi(&now), Some(0.0));
        assert_eq!(Counted(vec![3, 4]).psi(&Counted(vec![3, 4])), None);
        // Nobody was in the first bin: half a customer.
        let found = Counted(vec![500, 500]).psi(&Counted(vec![0, 1000])).unwrap();
        assert!((found - (0.4995 * 1000f64.ln() - 0.5 * 0.5f64.ln())).abs() < 1e-12);
    }

    #[test]
    fn bins_are_tenths_and_unknown_values_have_one_of_their_own() {
        let bins = Bins::of_numbers("x", &(0..1000).map(f64::from).collect::<Vec<_>>());
        let counted =
            bins.count_numbers(&(0..1000).map(f64::from).chain([f64::NAN, -5.0, 2000.0]).collect::<Vec<_>>());
        assert_eq!(counted, Counted(vec![101, 100, 100, 100, 100, 100, 100, 100, 100, 101, 1]));
        // A flag that few have: the edges coincide.
        let flag: Vec<f64> = (0..1000).map(|n| f64::from(u8::from(n % 50 == 0))).collect();
        let bins = Bins::of_numbers("flag", &flag);
        assert_eq!(bins.count_numbers(&flag), Counted(vec![980, 20, 0]));
    }

    #[test]
    fn what_moved_is_named_and_compared_with_the_last_run() {
        let then = uniform(2000, 1);
        let bins = Bins::of_numbers("x", &then);
        let reference = Reference { learnt: vec![bins.count_numbers(&then)], bins: vec![bins.clone()] };
        let mut first = FittedModel::fitted("churn", ModelKind::Propensity);
        reference.store(&mut first);
        assert_eq!(Reference::load(&first).unwrap(), reference);
        let same = bins.count_numbers(&uniform(2000, 2));
        assert_eq!(report(&mut first, &reference, &[same], None), None);
        assert!(first.value(Part::Metric, "psi", 1).unwrap() < 0.02);
        assert_eq!(first.value(Part::Metric, "psi_since_last_run", 1), None);
        let moved: Vec<f64> = uniform(2000, 3).iter().map(|x| x * x).collect();
        let mut second = first.clone();
        let warning = report(&mut second, &reference, &[bins.count_numbers(&moved)], Some(&first)).unwrap();
        assert!(warning.contains("above 0.25 of `x` (0."), "{warning}");
        let since = second.value(Part::Metric, "psi_since_last_run", 1).unwrap();
        assert!((since - second.value(Part::Metric, "psi", 1).unwrap()).abs() < 0.1);
        // The same columns go on with the bins that they had.
        assert_eq!(Reference::bins_kept(Some(&second), vec![Bins::of_numbers("x", &moved)]), [bins]);
        assert_ne!(Reference::bins_kept(Some(&second), vec![Bins::of_numbers("y", &moved)])[0].column, "x");
    }
}

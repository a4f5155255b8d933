//! Winsorise, take logarithms, standardise: features made comparable, as numbers and as SQL.
//!
//! Per column: values are drawn in to the p-th and (1−p)-th percentile (linear interpolation
//! between order statistics, as NumPy's default), then optionally `sign(x)·ln(1+|x|)`, then
//! `(x − mean) / sd` with the population's sd. An unknown value (null, NaN, infinite) becomes 0:
//! the mean, after winsorising, of those that are known. A constant column is dropped.

use arrow::datatypes::DataType;
use datafusion::functions::expr_fn::{abs, coalesce, ln, signum};
use datafusion::logical_expr::{Expr, cast, ident, lit, when};
use datafusion::prelude::DataFrame;
use ndarray::Array2;

use super::feature_column::FeatureColumn;
use super::fitted::{FittedModel, Part};
use super::matrix::Matrix;
use crate::error::{Context, Result};

/// How one column is scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnScale {
    pub column: String,
    pub log: bool,
    pub low: f64,
    pub high: f64,
    pub mean: f64,
    pub sd: f64,
}

/// What to do with a column whose percentiles coincide though it is not constant, such as a flag
/// that one customer in a thousand bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rare {
    /// It would weigh as much as any other column, for a handful of customers: leave it out.
    Drop,
    /// The few may be what matters: keep it, without winsorising.
    Keep,
}

/// The columns that vary, in the order declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    pub columns: Vec<ColumnScale>,
}

impl Scaling {
    /// Learns the scaling of a matrix whose columns are those declared, in that order.
    /// Also returns the columns that were dropped.
    pub fn fit(
        declared: &[FeatureColumn],
        matrix: &Matrix,
        winsorise: f64,
        rare: Rare,
    ) -> (Scaling, Vec<String>) {
        let mut columns = Vec::new();
        let mut dropped = Vec::new();
        for (index, FeatureColumn { column, log }) in declared.iter().enumerate() {
            let known = matrix.values.column(index).iter().copied().filter(|v| !v.is_nan()).collect();
            match ColumnScale::fit(column, *log, known, winsorise, rare) {
                Some(scale) => columns.push(scale),
                None => dropped.push(column.clone()),
            }
        }
        (Scaling { columns }, dropped)
    }

    /// The scaled matrix: rows as given, columns as kept, all finite.
    pub fn apply(&self, matrix: &Matrix) -> Array2<f64> {
        let mut scaled = Array2::zeros((matrix.rows(), self.columns.len()));
        for (to, scale) in self.columns.iter().enumerate() {
            // Kept columns are a subset of the matrix's, in its order.
            if let Some(from) = matrix.columns.iter().position(|name| *name == scale.column) {
                for row in 0..matrix.rows() {
                    scaled[[row, to]] = scale.apply(matrix.values[[row, from]]);
                }
            }
        }
        scaled
    }

    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|scale| scale.column.clone()).collect()
    }

    pub(super) fn store(&self, fitted: &mut FittedModel) {
        for (index, scale) in self.columns.iter().enumerate() {
            let position = index as i64 + 1;
            fitted.note(Part::Parameter, "column", position, scale.column.as_str());
            for (name, value) in [
                ("log", f64::from(u8::from(scale.log))),
                ("low", scale.low),
                ("high", scale.high),
                ("mean", scale.mean),
                ("sd", scale.sd),
            ] {
                fitted.set(Part::Parameter, name, position, value);
            }
        }
    }

    pub(super) fn load(fitted: &FittedModel) -> Result<Scaling> {
        let columns = fitted
            .series(Part::Parameter, "column")
            .map(|(position, entry)| {
                Ok(ColumnScale {
                    column: entry.note.clone().unwrap_or_default(),
                    log: fitted.parameter("log", position)? != 0.0,
                    low: fitted.parameter("low", position)?,
                    high: fitted.parameter("high", position)?,
                    mean: fitted.parameter("mean", position)?,
                    sd: fitted.parameter("sd", position)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Scaling { columns })
    }

    /// Adds the scaled columns, named by [`scaled`], to the expressions `beside` that are kept.
    ///
    /// Each stage is a projection of its own: the optimizer merges two only where nothing would be
    /// computed twice, so that the plan grows with the columns and not with their uses.
    pub(super) fn project(&self, frame: DataFrame, beside: Vec<(String, Expr)>) -> Result<DataFrame> {
        let kept: Vec<Expr> = beside.iter().map(|(name, _)| ident(name)).collect();
        let first = beside.into_iter().map(|(name, expr)| expr.alias(name));
        let stage = |frame: DataFrame, kept: Vec<Expr>, of: &dyn Fn(&ColumnScale, Expr) -> Result<Expr>| {
            let mut exprs = kept;
            for (index, scale) in self.columns.iter().enumerate() {
                exprs.push(of(scale, ident(scaled(index)))?.alias(scaled(index)));
            }
            frame.select(exprs).doing("scale the features")
        };
        let frame =
            stage(frame, first.collect(), &|scale, _| Ok(cast(ident(&scale.column), DataType::Float64)))?;
        let frame = stage(frame, kept.clone(), &ColumnScale::winsorised)?;
        stage(frame, kept, &|scale, known| Ok(scale.standardised(known)))
    }
}

/// The name of the scaled column in [`Scaling::project`].
pub(super) fn scaled(index: usize) -> String {
    format!("__z{index}")
}

impl ColumnScale {
    fn fit(column: &str, log: bool, mut known: Vec<f64>, winsorise: f64, rare: Rare) -> Option<ColumnScale> {
        known.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*known.first()?, *known.last()?);
        let (mut low, mut high) = (percentile(&known, winsorise), percentile(&known, 1.0 - winsorise));
        // Of two values neither is an outlier of the other.
        let are_two = known.iter().all(|value| *value == least || *value == most);
        if (low >= high && rare == Rare::Keep) || (low < high && are_two) {
            (low, high) = (least, most);
        }
        let mut scale = ColumnScale { column: column.to_owned(), log, low, high, mean: 0.0, sd: 1.0 };
        let count = known.len() as f64;
        let mean = known.iter().map(|v| scale.transformed(*v)).sum::<f64>() / count;
        let variance = known.iter().map(|v| (scale.transformed(*v) - mean).powi(2)).sum::<f64>() / count;
        let sd = variance.sqrt();
        // Beyond floating-point noise around a constant.
        if low >= high || !sd.is_finite() || sd <= mean.abs() * 1e-12 {
            return None;
        }
        (scale.mean, scale.sd) = (mean, sd);
        Some(scale)
    }

    fn transformed(&self, value: f64) -> f64 {
        let drawn_in = if value < self.low {
            self.low
        } else if value > self.high {
            self.high
        } else {
            value
        };
        if !self.log {
            drawn_in
        } else if self.low >= 0.0 {
            (1.0 + drawn_in).ln()
        } else {
            drawn_in.signum() * (1.0 + drawn_in.abs()).ln()
        }
    }

    /// The scaled value of one, unknown being NaN.
    pub fn apply(&self, value: f64) -> f64 {
        if value.is_nan() { 0.0 } else { (self.transformed(value) - self.mean) / self.sd }
    }

    /// A scaled value, put back to where logarithms have been taken but nothing is standardised.
    pub fn unstandardise(&self, scaled: f64) -> f64 {
        scaled * self.sd + self.mean
    }

    /// Returns the value whose scaled value is 0: the mean, put back from logarithms.
    pub fn typical(&self) -> f64 {
        match self.log {
            true => self.mean.signum() * self.mean.abs().exp_m1(),
            false => self.mean,
        }
    }

    fn winsorised(&self, value: Expr) -> Result<Expr> {
        let finite_below = value.clone().gt_eq(lit(-f64::MAX)).and(value.clone().lt(lit(self.low)));
        let finite_above = value.clone().lt_eq(lit(f64::MAX)).and(value.clone().gt(lit(self.high)));
        let between = value.clone().gt_eq(lit(self.low)).and(value.clone().lt_eq(lit(self.high)));
        // NaN is above everything and so falls through to null, as nulls do.
        when(finite_below, lit(self.low))
            .when(finite_above, lit(self.high))
            .when(between, value)
            .end()
            .doing("write the scaling as SQL")
    }

    fn standardised(&self, known: Expr) -> Expr {
        let transformed = match (self.log, self.low >= 0.0) {
            (false, _) => known,
            (true, true) => ln(lit(1.0) + known),
            (true, false) => signum(known.clone()) * ln(lit(1.0) + abs(known)),
        };
        coalesce(vec![(transformed - lit(self.mean)) / lit(self.sd), lit(0.0)])
    }
}

/// The value below which a share of the sorted values lies, interpolated linearly.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::matrix::Key;

    fn matrix(columns: &[(&str, &[f64])]) -> Matrix {
        let rows = columns[0].1.len();
        Matrix {
            columns: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            keys: (0..rows as i64).map(Key::Number).collect(),
            values: Array2::from_shape_fn((rows, columns.len()), |(r, c)| columns[c].1[r]),
            texts: vec![None; columns.len()],
            seen: rows,
        }
    }

    fn plain(name: &str) -> FeatureColumn {
        FeatureColumn { column: name.to_owned(), log: false }
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([1, 2, 4, 8, 16], [1, 99])
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert!((percentile(&sorted, 0.01) - 1.04).abs() < 1e-12);
        assert!((percentile(&sorted, 0.99) - 15.68).abs() < 1e-12);
    }

    #[test]
    fn a_scaled_column_has_mean_0_and_population_sd_1_and_unknown_is_0() {
        let m = matrix(&[("x", &[1.0, 2.0, f64::NAN, 4.0, 9.0])]);
        let (scaling, dropped) = Scaling::fit(&[plain("x")], &m, 0.0, Rare::Drop);
        let z = scaling.apply(&m).column(0).to_vec();
        assert!(dropped.is_empty());
        assert_eq!(z[2], 0.0);
        assert!(z.iter().sum::<f64>().abs() < 1e-12);
        assert!((z.iter().map(|v| v * v).sum::<f64>() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_logarithm_keeps_the_sign() {
        let scale = ColumnScale { column: "x".into(), log: true, low: -10.0, high: 10.0, mean: 0.0, sd: 1.0 };
        assert_eq!(scale.apply(-3.0), -scale.apply(3.0));
        assert_eq!(scale.apply(3.0), 4f64.ln());
        assert_eq!(scale.apply(1e9), 11f64.ln());
    }

    #[test]
    fn a_constant_column_is_dropped_and_a_rare_flag_where_asked() {
        let mut flag = vec![0.0; 1000];
        flag[7] = 1.0;
        let m = matrix(&[("same", &[0.1; 1000]), ("rare", &flag), ("none", &[f64::NAN; 1000])]);
        let declared = [plain("same"), plain("rare"), plain("none")];
        let (scaling, dropped) = Scaling::fit(&declared, &m, 0.01, Rare::Drop);
        assert!(scaling.columns.is_empty());
        assert_eq!(dropped, ["same", "rare", "none"]);
        let (scaling, dropped) = Scaling::fit(&declared, &m, 0.01, Rare::Keep);
        assert_eq!((scaling.names(), dropped), (vec!["rare".to_owned()], vec!["same".into(), "none".into()]));
    }
}

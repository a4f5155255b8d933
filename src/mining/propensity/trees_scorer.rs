//! Fitted trees over any number of customers: a function of SQL over the columns that they read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, cast, create_udf, ident};
use datafusion::prelude::DataFrame;
use ndarray::ArrayView1;

use super::trees::LearntTrees;
use crate::error::{Context, Error, Result};
use crate::mining::boosting::{BoostedTrees, Tree};
use crate::mining::calibration::Calibrator;
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::scaled;

/// What scoring needs of fitted trees.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TreesScorer {
    /// As the regression beside it reads texts.
    pub one_hot: OneHot,
    pub columns: Vec<String>,
    pub trees: BoostedTrees,
    pub calibrator: Calibrator,
}

impl TreesScorer {
    /// Writes down the trees. The levels of texts are those that the regression of the same customers has.
    pub fn store(learnt: &LearntTrees, fitted: &mut FittedModel) {
        fitted.set(Part::Parameter, "trees_base", 0, learnt.trees.base);
        for (column, position) in learnt.columns.iter().zip(1_i64..) {
            fitted.note(Part::Parameter, "trees_column", position, column.as_str());
        }
        for (tree, position) in learnt.trees.trees.iter().zip(1_i64..) {
            fitted.note(Part::Parameter, "tree", position, tree.to_note());
        }
    }

    pub fn load(fitted: &FittedModel) -> Result<TreesScorer> {
        let unreadable = |what: String| {
            Error::failed(format!("{what} of the fitted model `{}` cannot be read", fitted.model()))
                .hint("fit it anew with --full-refresh")
        };
        let columns: Vec<String> = fitted
            .series(Part::Parameter, "trees_column")
            .filter_map(|(_, entry)| entry.note.clone())
            .collect();
        let mut trees = Vec::new();
        for (position, entry) in fitted.series(Part::Parameter, "tree") {
            let tree = entry.note.as_deref().and_then(Tree::from_note);
            let tree = tree.filter(|tree| tree.columns().all(|column| column < columns.len()));
            trees.push(tree.ok_or_else(|| unreadable(format!("the tree [{position}]")))?);
        }
        let base = fitted.parameter("trees_base", 0)?;
        Ok(TreesScorer {
            one_hot: OneHot::load(fitted),
            columns,
            trees: BoostedTrees { base, trees },
            calibrator: Calibrator::load(fitted)?,
        })
    }

    /// Adds the columns that the trees read, as numbers, to the expressions that are kept.
    pub fn project(&self, features: DataFrame, kept: Vec<(String, Expr)>) -> Result<DataFrame> {
        let kept = kept.into_iter().map(|(name, expr)| expr.alias(name));
        let numbers = self.columns.iter().enumerate();
        let numbers = numbers.map(|(index, name)| cast(ident(name), DataType::Float64).alias(scaled(index)));
        features.select(kept.chain(numbers)).doing("read the features for the trees")
    }

    /// Returns the log-odds over the columns of [`TreesScorer::project`].
    pub fn sql(&self) -> Expr {
        let trees = self.trees.clone();
        let log_odds = move |arguments: &[ColumnarValue]| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            let mut values = vec![f64::NAN; arrays.len()];
            let rows = arrays.first().map_or(0, |array| array.len());
            let found = (0..rows).map(|row| {
                take_row(&arrays, row, &mut values);
                trees.log_odds(ArrayView1::from(&values))
            });
            Ok(ColumnarValue::Array(Arc::new(found.collect::<Float64Array>())))
        };
        let takes = vec![DataType::Float64; self.columns.len()];
        let function = create_udf(
            "boosted_log_odds",
            takes,
            DataType::Float64,
            Volatility::Immutable,
            Arc::new(log_odds),
        );
        function.call((0..self.columns.len()).map(|index| ident(scaled(index))).collect())
    }
}

/// Takes a row of columns of numbers; unknown and infinite ones are NaN, as they are in a matrix.
pub(super) fn take_row(columns: &[ArrayRef], row: usize, values: &mut [f64]) {
    for (value, column) in values.iter_mut().zip(columns) {
        let column = column.as_primitive::<Float64Type>();
        let known = column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite());
        *value = known.unwrap_or(f64::NAN);
    }
}

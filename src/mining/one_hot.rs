//! Columns of text as columns of 0 and 1: one for each level but the base, as numbers and as SQL.
//!
//! The levels of a column are those that enough customers have, in alphabetical order, then null, then all others
//! together. The base is the commonest text: what is learnt of a level is its difference from the base. A value
//! that no customer had who was learnt from counts as one of the others, or, where there were none, as average.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, cast, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;
use ndarray::Array2;

use super::feature_column::FeatureColumn;
use super::fitted::{FittedModel, Part};
use super::matrix::Matrix;
use crate::error::{Context, Result};

/// A level that fewer have is no level: nothing could be learnt of it, and it might tell who they are.
const FEWEST: usize = 10;
const BASE: f64 = 0.0;
const SHOWN: f64 = 1.0;

/// How the columns of text are read; others are as they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OneHot {
    pub columns: Vec<TextColumn>,
}

/// The levels of a column of text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextColumn {
    pub column: String,
    /// In their order, the base among them; at least one.
    pub levels: Vec<Level>,
    pub base: Level,
}

/// A level of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Text(String),
    Null,
    Other,
}

impl OneHot {
    /// Finds the levels of the columns of text: those that a share of `floor` of the customers has.
    pub fn fit(matrix: &Matrix, floor: f64) -> OneHot {
        let columns = matrix.texts.iter().enumerate().filter_map(|(index, texts)| {
            let values: Vec<f64> = matrix.values.column(index).to_vec();
            Some(TextColumn::fit(&matrix.columns[index], texts.as_ref()?, &values, floor))
        });
        OneHot { columns: columns.collect() }
    }

    fn of(&self, column: &str) -> Option<&TextColumn> {
        self.columns.iter().find(|text| text.column == column)
    }

    /// Returns the declared columns, those of text replaced by the columns of their levels.
    pub fn expanded(&self, declared: &[FeatureColumn]) -> Vec<FeatureColumn> {
        let expand = |feature: &FeatureColumn| match self.of(&feature.column) {
            None => vec![feature.clone()],
            Some(text) => text
                .shown()
                .map(|level| FeatureColumn { column: level.of_column(&text.column), log: false })
                .collect(),
        };
        declared.iter().flat_map(expand).collect()
    }

    /// Returns the matrix with 0 and 1 in place of texts; NaN of who has a level that is none.
    #[must_use]
    pub fn apply(&self, matrix: &Matrix) -> Matrix {
        let (mut columns, mut data) = (Vec::new(), Vec::new());
        for (index, name) in matrix.columns.iter().enumerate() {
            let values = matrix.values.column(index);
            let (Some(text), Some(texts)) = (self.of(name), &matrix.texts[index]) else {
                columns.push(name.clone());
                data.push(values.to_vec());
                continue;
            };
            let of_text: Vec<Option<Level>> = texts.iter().map(|value| text.level(Some(value))).collect();
            let of_null = text.level(None);
            for level in text.shown() {
                let is_it = |found: &Option<Level>| match found {
                    None => f64::NAN,
                    Some(found) => f64::from(u8::from(found == level)),
                };
                columns.push(level.of_column(name));
                data.push(
                    values
                        .iter()
                        .map(|value| is_it(if value.is_nan() { &of_null } else { &of_text[*value as usize] }))
                        .collect(),
                );
            }
        }
        let values = Array2::from_shape_fn((matrix.rows(), columns.len()), |(row, column)| data[column][row]);
        let texts = vec![None; columns.len()];
        Matrix { columns, keys: matrix.keys.clone(), values, texts, seen: matrix.seen }
    }

    /// Adds the columns of the levels to a frame.
    ///
    /// # Errors
    /// None, unless the frame lacks a column.
    pub fn project(&self, frame: DataFrame) -> Result<DataFrame> {
        if self.columns.is_empty() {
            return Ok(frame);
        }
        let mut exprs: Vec<Expr> = frame.schema().fields().iter().map(|field| ident(field.name())).collect();
        for text in &self.columns {
            for level in text.shown() {
                exprs.push(text.indicator(level)?.alias(level.of_column(&text.column)));
            }
        }
        frame.select(exprs).doing("write the levels of the features as SQL")
    }

    /// Returns, for each column of the levels, the level that it is compared with.
    pub fn bases(&self) -> BTreeMap<String, String> {
        let of_text = |text: &TextColumn| {
            let base = text.base.of_column(&text.column);
            text.shown().map(|level| (level.of_column(&text.column), base.clone())).collect::<Vec<_>>()
        };
        self.columns.iter().flat_map(of_text).collect()
    }

    /// Returns, for each column of the levels, the column of text that it comes from.
    pub fn sources(&self) -> BTreeMap<String, String> {
        let of_text = |text: &TextColumn| {
            text.shown().map(|level| (level.of_column(&text.column), text.column.clone())).collect::<Vec<_>>()
        };
        self.columns.iter().flat_map(of_text).collect()
    }

    pub(super) fn store(&self, fitted: &mut FittedModel) {
        for (text, index) in self.columns.iter().zip(1_i64..) {
            fitted.note(Part::Parameter, "text_column", index, text.column.as_str());
            for (level, position) in text.levels.iter().zip(1_i64..) {
                let kind = if *level == text.base { BASE } else { SHOWN };
                let (name, note) = match level {
                    Level::Text(value) => (format!("level.{index}"), Some(value)),
                    Level::Null => (format!("level_null.{index}"), None),
                    Level::Other => (format!("level_other.{index}"), None),
                };
                fitted.set(Part::Parameter, &name, position, kind);
                if let Some(note) = note {
                    fitted.note(Part::Parameter, &name, position, note.as_str());
                }
            }
        }
    }

    pub(super) fn load(fitted: &FittedModel) -> OneHot {
        let columns = fitted.series(Part::Parameter, "text_column").map(|(index, entry)| {
            let mut levels = Vec::new();
            for (kind, level) in
                [("level", None), ("level_null", Some(Level::Null)), ("level_other", Some(Level::Other))]
            {
                for (_, entry) in fitted.series(Part::Parameter, &format!("{kind}.{index}")) {
                    let text = || Level::Text(entry.note.clone().unwrap_or_default());
                    levels.push((level.clone().unwrap_or_else(text), entry.value == Some(BASE)));
                }
            }
            let base =
                levels.iter().find(|(_, is_base)| *is_base).map_or(Level::Other, |(level, _)| level.clone());
            let levels = levels.into_iter().map(|(level, _)| level).collect();
            TextColumn { column: entry.note.clone().unwrap_or_default(), levels, base }
        });
        OneHot { columns: columns.collect() }
    }
}

impl TextColumn {
    fn fit(column: &str, texts: &[String], values: &[f64], floor: f64) -> TextColumn {
        let mut counts = vec![0usize; texts.len()];
        let mut nulls = 0;
        for value in values {
            if value.is_nan() {
                nulls += 1;
            } else {
                counts[*value as usize] += 1;
            }
        }
        let enough = (floor * values.len() as f64).max(FEWEST as f64);
        let is_level = |count: usize| count as f64 >= enough;
        let mut levels = Vec::new();
        let mut base: Option<(usize, Level)> = None;
        for (text, count) in texts.iter().zip(&counts).filter(|(_, count)| is_level(**count)) {
            let level = Level::Text(text.clone());
            // Of several equally common ones the first of the alphabet.
            if base.as_ref().is_none_or(|(most, _)| count > most) {
                base = Some((*count, level.clone()));
            }
            levels.push(level);
        }
        if is_level(nulls) {
            levels.push(Level::Null);
        }
        let are_others = counts.iter().any(|count| *count > 0 && !is_level(*count));
        if are_others || (nulls > 0 && !is_level(nulls)) || levels.is_empty() {
            levels.push(Level::Other);
        }
        let base = base.map_or_else(|| levels[0].clone(), |(_, level)| level);
        TextColumn { column: column.to_owned(), levels, base }
    }

    /// The levels that have a column: all but the base.
    fn shown(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().filter(|level| **level != self.base)
    }

    /// The level of a value; `None` where it is none of them.
    fn level(&self, value: Option<&String>) -> Option<Level> {
        let own = value.map_or(Level::Null, |text| Level::Text(text.clone()));
        [own, Level::Other].into_iter().find(|level| self.levels.contains(level))
    }

    /// [`TextColumn::level`] compared with one level, as 1, 0 or null.
    fn indicator(&self, level: &Level) -> Result<Expr> {
        let text = || cast(ident(&self.column), DataType::Utf8);
        let listed = || {
            let texts = self.levels.iter().filter_map(|level| match level {
                Level::Text(text) => Some(lit(text.as_str())),
                _ => None,
            });
            text().in_list(texts.collect(), false)
        };
        let is_text_beyond = || text().is_not_null().and(listed().is_not_true());
        let is_beyond = match self.levels.contains(&Level::Null) {
            true => is_text_beyond(),
            false => text().is_null().or(is_text_beyond()),
        };
        let is_it = match level {
            Level::Text(value) => text().eq(lit(value.as_str())).is_true(),
            Level::Null => text().is_null(),
            Level::Other => is_beyond.clone(),
        };
        let one = when(is_it, lit(1.0)).otherwise(lit(0.0)).doing("write the levels of a feature as SQL")?;
        if self.levels.contains(&Level::Other) {
            return Ok(one);
        }
        when(is_beyond, lit(ScalarValue::Float64(None)))
            .otherwise(one)
            .doing("write the levels of a feature as SQL")
    }
}

impl Level {
    /// The name of its column.
    fn of_column(&self, column: &str) -> String {
        match self {
            Level::Text(text) => format!("{column} = '{text}'"),
            Level::Null => format!("{column} is null"),
            Level::Other => format!("{column} is another"),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Float64Type;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::mining::KEY;
    use crate::mining::fitted::ModelKind;
    use crate::mining::matrix::{Kinds, read_kinds};

    /// 60 monthly, 30 yearly, 6 of them null, and 4 of two rare kinds.
    const CONTRACTS: &str = "SELECT value AS customer_id, value * 1.0 AS x, CASE WHEN value <= 60 THEN 'monthly'
        WHEN value <= 90 THEN 'yearly' WHEN value <= 96 THEN NULL WHEN value <= 98 THEN 'a' ELSE 'b' END AS contract
        FROM generate_series(1, 100)";

    async fn frame(sql: &str) -> DataFrame {
        SessionContext::new().sql(sql).await.unwrap()
    }

    async fn matrix(sql: &str) -> Matrix {
        read_kinds(frame(sql).await, &["x".into(), "contract".into()], 500, Kinds::NumbersAndTexts)
            .await
            .unwrap()
    }

    fn declared() -> Vec<FeatureColumn> {
        ["x", "contract"].map(|column| FeatureColumn { column: column.into(), log: false }).into()
    }

    #[tokio::test]
    async fn levels_stand_in_their_order_beside_the_commonest() {
        let found = OneHot::fit(&matrix(CONTRACTS).await, 0.05);
        // Six nulls are less than ten customers: no level.
        let level = |text: &str| Level::Text(text.to_owned());
        assert_eq!(found.columns[0].levels, [level("monthly"), level("yearly"), Level::Other]);
        assert_eq!(found.columns[0].base, level("monthly"));
        let names: Vec<String> = found.expanded(&declared()).into_iter().map(|c| c.column).collect();
        assert_eq!(names, ["x", "contract = 'yearly'", "contract is another"]);
        let twice = CONTRACTS
            .replace("generate_series(1, 100)", "generate_series(1, 110)")
            .replace("<= 96", "<= 106");
        let found = OneHot::fit(&matrix(&twice).await, 0.05);
        assert_eq!(found.columns[0].levels[2], Level::Null);
    }

    #[tokio::test]
    async fn sql_reads_texts_as_the_matrix_does_also_those_that_are_new() {
        for (learnt, floor) in [(CONTRACTS, 0.05), ("SELECT * FROM (SELECT value AS customer_id, 1.0 AS x,
            CASE value % 2 WHEN 0 THEN 'monthly' ELSE 'yearly' END AS contract FROM generate_series(1, 100)) t", 0.0)]
        {
            let found = OneHot::fit(&matrix(learnt).await, floor);
            let tonight = CONTRACTS.replace("'b'", "'never seen'");
            let expected = found.apply(&matrix(&tonight).await);
            let frame = found.project(frame(&tonight).await).unwrap();
            let sorted = frame.sort(vec![ident(KEY).sort(true, true)]).unwrap().collect().await.unwrap();
            for (index, name) in expected.columns.iter().enumerate() {
                let shown = sorted.iter().flat_map(|batch| {
                    let column = batch.column_by_name(name).unwrap();
                    let column = arrow::compute::cast(column, &DataType::Float64).unwrap();
                    column.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Vec<_>>()
                });
                for (a, b) in shown.zip(expected.values.column(index)) {
                    assert!(a == *b || (a.is_nan() && b.is_nan()), "{name}: {a} is not {b}");
                }
            }
        }
    }

    #[tokio::test]
    async fn levels_come_back_from_a_model() {
        let found = OneHot::fit(&matrix(CONTRACTS).await, 0.05);
        let mut fitted = FittedModel::fitted("churn", ModelKind::Propensity);
        found.store(&mut fitted);
        assert_eq!(OneHot::load(&fitted), found);
    }
}

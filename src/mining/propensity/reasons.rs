//! Why a customer has the score that she has: the columns that move it furthest from that of an average customer.
//!
//! A logistic score is a sum: each column adds its coefficient times how far the customer is from the average of those
//! learnt from, in standard deviations. In trees each split adds what it changes. The columns that add or take most are the reasons, said with the customer's
//! value beside what is typical. A column of text adds through all its levels together, and so do columns that are
//! given the same name: several measures of one thing explain a score as one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, cast, create_udf, ident};
use ndarray::ArrayView1;

use super::declaration::PropensityParams;
use super::scorer::Scorer;
use super::trees_scorer::{TreesScorer, take_row};
use crate::mining::boosting::BoostedTrees;
use crate::mining::feature_words::Words;
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::{ColumnScale, Scaling, scaled};

/// What moves the log-odds less is no reason: at most one in a hundred customers.
const LEAST: f64 = 0.05;

/// The columns of a model and how they are spoken of.
#[derive(Debug, Clone)]
pub(super) struct Reasons {
    terms: Vec<Term>,
    effects: Effects,
    /// How many columns the model reads.
    inputs: usize,
    count: usize,
}

/// What each column that a model reads adds to the log-odds.
#[derive(Debug, Clone)]
enum Effects {
    /// A weight times the scaled value.
    Weights(Vec<f64>),
    Trees(BoostedTrees),
}

/// A declared column, or several that have the same name.
#[derive(Debug, Clone)]
struct Term {
    /// The first of them, whose value is said.
    column: String,
    kind: Kind,
    words: Option<Words>,
    /// Which of the columns that the model reads it is.
    parts: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// With the value that is typical, where it varies.
    Number(Option<f64>),
    YesNo,
    Text,
}

/// The name of a column as it is, in a projection that also has the scaled ones.
fn as_it_is(index: usize) -> String {
    format!("__value{index}")
}

impl Reasons {
    /// Returns what is needed to say why a regression scores as it does; `None` where no reasons were asked for.
    pub fn of_regression(scorer: &Scorer, params: &PropensityParams, features: &DFSchema) -> Option<Reasons> {
        let effects = Effects::Weights(scorer.weights.clone());
        Reasons::of((&scorer.scaling.names(), &scorer.one_hot), effects, &scorer.scaling, params, features)
    }

    /// Returns what is needed to say why trees score as they do; `None` where no reasons were asked for. The typical
    /// values are the means that the scaling of the regression beside them has.
    pub fn of_trees(
        scorer: &TreesScorer,
        scaling: &Scaling,
        params: &PropensityParams,
        features: &DFSchema,
    ) -> Option<Reasons> {
        let effects = Effects::Trees(scorer.trees.clone());
        Reasons::of((&scorer.columns, &scorer.one_hot), effects, scaling, params, features)
    }

    fn of(
        (inputs, one_hot): (&[String], &OneHot),
        effects: Effects,
        scaling: &Scaling,
        params: &PropensityParams,
        features: &DFSchema,
    ) -> Option<Reasons> {
        if params.reasons == 0 {
            return None;
        }
        let sources = one_hot.sources();
        let mut terms: Vec<Term> = Vec::new();
        for feature in &params.columns {
            let column = &feature.column;
            let of_it = |name: &String| name == column || sources.get(name) == Some(column);
            let parts: Vec<usize> = (0..inputs.len()).filter(|index| of_it(&inputs[*index])).collect();
            // A column that does not vary explains nobody's score.
            let Some(first) = parts.first().map(|index| &inputs[*index]) else { continue };
            let words = params.names.get(column).cloned();
            let together = terms.iter_mut().find(|term| words.is_some() && term.words == words);
            if let Some(term) = together {
                term.parts.extend(parts);
                continue;
            }
            let typical =
                scaling.columns.iter().find(|scale| scale.column == *column).map(ColumnScale::typical);
            let data_type = features.field_with_unqualified_name(column).map(|field| field.data_type());
            let kind = match data_type {
                _ if first != column => Kind::Text,
                Ok(DataType::Boolean) => Kind::YesNo,
                _ => Kind::Number(typical),
            };
            terms.push(Term { column: column.clone(), kind, words, parts });
        }
        Some(Reasons { terms, effects, inputs: inputs.len(), count: params.reasons })
    }

    /// Returns the columns as they are, to be kept beside the scaled ones.
    pub fn kept(&self) -> Vec<(String, Expr)> {
        let of_term = |(index, term): (usize, &Term)| {
            let kind = if term.kind == Kind::Text { DataType::Utf8 } else { DataType::Float64 };
            (as_it_is(index), cast(ident(&term.column), kind))
        };
        self.terms.iter().enumerate().map(of_term).collect()
    }

    /// Returns the reasons of each customer as SQL over the scaled columns and those kept: a list of texts, as many as
    /// there are reasons.
    pub fn sql(&self) -> Expr {
        let mut takes = vec![DataType::Float64; self.inputs];
        takes.extend(self.terms.iter().map(|term| match term.kind {
            Kind::Text => DataType::Utf8,
            _ => DataType::Float64,
        }));
        let arguments = (0..self.inputs).map(|index| ident(scaled(index)));
        let arguments = arguments.chain((0..self.terms.len()).map(|index| ident(as_it_is(index)))).collect();
        let reasons = self.clone();
        // Not a struct: DataFusion 55.2 fails on a field taken out of one behind expressions that it shares.
        let gives = DataType::List(text_of_list());
        let reasons_of = move |arguments: &[ColumnarValue]| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            Ok(ColumnarValue::Array(Arc::new(reasons.of_batch(&arrays)?)))
        };
        create_udf("reasons_of_score", takes, gives, Volatility::Immutable, Arc::new(reasons_of))
            .call(arguments)
    }

    fn of_batch(&self, arrays: &[ArrayRef]) -> datafusion::error::Result<ListArray> {
        let rows = arrays.first().map_or(0, |array| array.len());
        let (inputs, as_they_are) = arrays.split_at(self.inputs);
        let (mut values, mut added) = (vec![f64::NAN; self.inputs], vec![0.0; self.inputs]);
        let mut texts = ListBuilder::new(StringBuilder::new()).with_field(text_of_list());
        let mut moved: Vec<(f64, usize)> = Vec::with_capacity(self.terms.len());
        for row in 0..rows {
            moved.clear();
            take_row(inputs, row, &mut values);
            match &self.effects {
                Effects::Weights(weights) => {
                    added.iter_mut().zip(weights.iter().zip(&values)).for_each(|(to, (w, z))| *to = w * z);
                }
                Effects::Trees(trees) => trees.contributions(ArrayView1::from(&values), &mut added),
            }
            for (index, term) in self.terms.iter().enumerate() {
                let sum = term.parts.iter().fold(0.0, |sum, part| sum + added[*part]);
                if sum.abs() >= LEAST {
                    moved.push((sum, index));
                }
            }
            // Of those that move it as far, the first declared.
            moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(&b.1)));
            for (sum, index) in moved.iter().take(self.count) {
                let effect = if *sum > 0.0 { "raises" } else { "lowers" };
                let reason = self.terms[*index].in_words(&as_they_are[*index], row);
                texts.values().append_value(format!("{reason} ({effect} it)"));
            }
            texts.append(true);
        }
        Ok(texts.finish())
    }
}

fn text_of_list() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8, true))
}

impl Term {
    /// A customer's value in words.
    fn in_words(&self, values: &ArrayRef, row: usize) -> String {
        let noun = match &self.words {
            Some(Words::Noun(noun)) if !noun.is_empty() => noun.clone(),
            _ => self.column.replace('_', " "),
        };
        if values.is_null(row) {
            return format!("{noun}: not known");
        }
        let typical = match self.kind {
            Kind::Text => return format!("{noun}: {}", values.as_string::<i32>().value(row)),
            Kind::YesNo => {
                let is_so = values.as_primitive::<Float64Type>().value(row) != 0.0;
                return format!("{noun}: {}", if is_so { "yes" } else { "no" });
            }
            Kind::Number(typical) => typical,
        };
        let value = values.as_primitive::<Float64Type>().value(row);
        let Some(typical) = typical else { return format!("{noun}: {}", shown(value)) };
        let beside = format!("{}, typically {}", shown(value), shown(typical));
        match &self.words {
            Some(Words::LowHigh([low, high])) => {
                let word = if value < typical { low } else { high };
                if word.is_empty() { format!("{noun}: {beside}") } else { format!("{word}: {beside}") }
            }
            _ => format!("{noun}: {beside}"),
        }
    }
}

/// A number as it is read: whole numbers in full, others to three digits.
fn shown(value: f64) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    if value.fract() == 0.0 || value.abs() >= 1000.0 {
        return format!("{value:.0}");
    }
    let digits = (2.0 - value.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_to_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (140.0, "140"),
            (45.234, "45.2"),
            (0.12345, "0.123"),
            (999.6, "1000"),
            (12_345.6, "12346"),
            (0.5, "0.5"),
            (-3.25678, "-3.26"),
            (1e-9, "0"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }
}

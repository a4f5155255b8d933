//! From a score to a chance: calibrators learnt on customers whom the model has not seen.
//!
//! A regression's probabilities are right on average over those it was learnt from. Later customers may differ: more
//! or fewer of them have the outcome, or the score is too sure of itself. Platt's calibrator (Platt 1999) corrects
//! both by a line over the log-odds, with his targets that keep a small sample from being certain. The isotonic one
//! (Zadrozny and Elkan 2002) takes any rising curve, by pooling adjacent violators. It goes straight from the mean of
//! one pool to that of the next (Oron and Flournoy 2017): a curve of steps would give customers of different scores the
//! same chance, and a list could not tell whom to take first.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::functions::expr_fn::exp;
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, create_udf, lit};
use schemars::JsonSchema;
use serde::Deserialize;

use super::cholesky::solve;
use super::fitted::{FittedModel, Part};
use super::score::probability;
use crate::error::{Error, Result};

/// How scores are made chances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// By whichever does best on the last customers learnt from; not at all where none is clearly better.
    #[default]
    Chosen,
    /// As the regression gives them.
    None,
    /// By a line over the log-odds.
    Platt,
    /// By a rising curve.
    Isotonic,
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Calibration::Chosen => "chosen",
            Calibration::None => "none",
            Calibration::Platt => "platt",
            Calibration::Isotonic => "isotonic",
        })
    }
}

/// What makes a chance of a score.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Calibrator {
    #[default]
    Identity,
    Platt {
        slope: f64,
        intercept: f64,
    },
    /// The chances at some log-odds, both rising.
    Isotonic {
        log_odds: Vec<f64>,
        chances: Vec<f64>,
    },
}

/// Scores of customers of whom the model had not learnt, with what came of them.
#[derive(Debug, Clone, Default)]
pub struct Scored {
    pub log_odds: Vec<f64>,
    pub outcomes: Vec<bool>,
    /// In which half of the customers each is, the same one every night.
    pub in_first_half: Vec<bool>,
}

/// What was chosen, and how each method did: the mean log loss of one half by what the other half taught.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub method: Calibration,
    pub log_losses: [(Calibration, f64); 3],
}

/// With fewer customers of either outcome nothing is calibrated.
const FEWEST: usize = 20;
const MOST_NEWTON_STEPS: usize = 100;

impl Scored {
    fn half(&self, first: bool) -> Scored {
        let rows: Vec<usize> =
            (0..self.outcomes.len()).filter(|&row| self.in_first_half[row] == first).collect();
        Scored {
            log_odds: rows.iter().map(|&row| self.log_odds[row]).collect(),
            outcomes: rows.iter().map(|&row| self.outcomes[row]).collect(),
            in_first_half: vec![first; rows.len()],
        }
    }

    fn are_enough(&self) -> bool {
        let with = self.outcomes.iter().filter(|outcome| **outcome).count();
        with.min(self.outcomes.len() - with) >= FEWEST
    }

    /// Chooses a method: that of the least log loss, each half being judged by what the other half taught. A method
    /// with more freedom is taken only where it is better by more than one standard error of the difference.
    /// `None` with fewer than twenty customers of either outcome in a half.
    pub fn choose(&self) -> Option<Choice> {
        let halves = [self.half(true), self.half(false)];
        if !halves.iter().all(Scored::are_enough) {
            return None;
        }
        let methods = [Calibration::None, Calibration::Platt, Calibration::Isotonic];
        let losses = methods.map(|method| {
            let mut losses = Vec::with_capacity(self.outcomes.len());
            for (taught, judged) in [(&halves[0], &halves[1]), (&halves[1], &halves[0])] {
                let calibrator = Calibrator::fit(method, taught);
                losses.extend(judged.log_odds.iter().zip(&judged.outcomes).map(|(score, outcome)| {
                    let chance = calibrator.apply(*score);
                    -(if *outcome { chance } else { 1.0 - chance }).max(f64::MIN_POSITIVE).ln()
                }));
            }
            losses
        });
        let mut best = 0;
        for method in 1..methods.len() {
            if is_clearly_less(&losses[method], &losses[best]) {
                best = method;
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        Some(Choice {
            method: methods[best],
            log_losses: [0, 1, 2].map(|method| (methods[method], mean(&losses[method]))),
        })
    }
}

/// Whether pairs differ in the mean by more than one standard error.
fn is_clearly_less(values: &[f64], than: &[f64]) -> bool {
    let count = values.len() as f64;
    let differences = values.iter().zip(than).map(|(value, than)| than - value);
    let mean = differences.clone().sum::<f64>() / count;
    let variance = differences.map(|difference| (difference - mean).powi(2)).sum::<f64>() / (count - 1.0);
    mean > (variance / count).sqrt()
}

impl Calibrator {
    /// Learns from scores and what came of them. Where nothing is to be learnt scores stay as they are.
    pub fn fit(method: Calibration, scored: &Scored) -> Calibrator {
        if !scored.are_enough() {
            return Calibrator::Identity;
        }
        match method {
            Calibration::None | Calibration::Chosen => Calibrator::Identity,
            Calibration::Platt => platt(scored),
            Calibration::Isotonic => isotonic(scored),
        }
    }

    /// Returns the chance, 0 to 1.
    pub fn apply(&self, score: f64) -> f64 {
        match self {
            Calibrator::Identity => probability(score),
            Calibrator::Platt { slope, intercept } => probability(intercept + slope * score),
            Calibrator::Isotonic { log_odds, chances } => on_curve(log_odds, chances, score),
        }
    }

    /// Returns the chance of each.
    pub fn apply_to(&self, scores: Vec<f64>) -> Vec<f64> {
        scores.into_iter().map(|score| self.apply(score)).collect()
    }

    /// Returns [`Calibrator::apply`] as SQL.
    pub fn sql(&self, score: Expr) -> Expr {
        let logistic = |log_odds: Expr| lit(1.0) / (lit(1.0) + exp(-log_odds));
        match self {
            Calibrator::Identity => logistic(score),
            Calibrator::Platt { slope, intercept } => logistic(lit(*intercept) + lit(*slope) * score),
            Calibrator::Isotonic { .. } => {
                let calibrator = self.clone();
                let chance = move |arguments: &[ColumnarValue]| {
                    let arrays = ColumnarValue::values_to_arrays(arguments)?;
                    let scores = arrays[0].as_primitive::<Float64Type>();
                    let chances: Float64Array =
                        scores.iter().map(|score| score.map(|score| calibrator.apply(score))).collect();
                    Ok(ColumnarValue::Array(Arc::new(chances)))
                };
                let takes = vec![DataType::Float64];
                create_udf(
                    "isotonic_chance",
                    takes,
                    DataType::Float64,
                    Volatility::Immutable,
                    Arc::new(chance),
                )
                .call(vec![score])
            }
        }
    }

    pub fn method(&self) -> Calibration {
        match self {
            Calibrator::Identity => Calibration::None,
            Calibrator::Platt { .. } => Calibration::Platt,
            Calibrator::Isotonic { .. } => Calibration::Isotonic,
        }
    }

    pub(super) fn store(&self, fitted: &mut FittedModel) {
        fitted.note(Part::Parameter, "calibration", 0, self.method().to_string());
        match self {
            Calibrator::Identity => {}
            Calibrator::Platt { slope, intercept } => {
                fitted.set(Part::Parameter, "calibration_slope", 0, *slope);
                fitted.set(Part::Parameter, "calibration_intercept", 0, *intercept);
            }
            Calibrator::Isotonic { log_odds, chances } => {
                for ((score, chance), position) in log_odds.iter().zip(chances).zip(1_i64..) {
                    fitted.set(Part::Parameter, "calibration_log_odds", position, *score);
                    fitted.set(Part::Parameter, "calibration_chance", position, *chance);
                }
            }
        }
    }

    pub(super) fn load(fitted: &FittedModel) -> Result<Calibrator> {
        let series = |name: &str| -> Vec<f64> {
            fitted.series(Part::Parameter, name).filter_map(|(_, entry)| entry.value).collect()
        };
        Ok(match fitted.text(Part::Parameter, "calibration", 0) {
            None | Some("none") => Calibrator::Identity,
            Some("platt") => Calibrator::Platt {
                slope: fitted.parameter("calibration_slope", 0)?,
                intercept: fitted.parameter("calibration_intercept", 0)?,
            },
            Some("isotonic") => {
                let (log_odds, chances) = (series("calibration_log_odds"), series("calibration_chance"));
                if log_odds.is_empty() || log_odds.len() != chances.len() {
                    return Err(Error::failed(format!(
                        "the fitted model `{}` has {} scores and {} chances to calibrate by",
                        fitted.model(),
                        log_odds.len(),
                        chances.len()
                    ))
                    .hint("fit it anew with --full-refresh"));
                }
                Calibrator::Isotonic { log_odds, chances }
            }
            Some(other) => {
                return Err(Error::failed(format!(
                    "the fitted model `{}` is calibrated by `{other}`, which is unknown",
                    fitted.model()
                ))
                .hint("fit it anew with --full-refresh"));
            }
        })
    }
}

/// A line over the log-odds, by maximum likelihood over Platt's targets: (N₊+1)/(N₊+2) and 1/(N₋+2).
fn platt(scored: &Scored) -> Calibrator {
    let with = scored.outcomes.iter().filter(|outcome| **outcome).count() as f64;
    let without = scored.outcomes.len() as f64 - with;
    let (high, low) = ((with + 1.0) / (with + 2.0), 1.0 / (without + 2.0));
    let target = |outcome: bool| if outcome { high } else { low };
    let pairs = || scored.log_odds.iter().zip(&scored.outcomes).map(|(z, y)| (*z, target(*y)));
    let loss = |slope: f64, intercept: f64| -> f64 {
        pairs()
            .map(|(z, t)| {
                let z = slope * z + intercept;
                (-z.abs()).exp().ln_1p() + z.max(0.0) - t * z
            })
            .sum()
    };
    let (mut slope, mut intercept) = (1.0, 0.0);
    let mut best = loss(slope, intercept);
    for _ in 0..MOST_NEWTON_STEPS {
        let (mut gradient, mut hessian) = ([0.0; 2], [0.0; 4]);
        for (z, t) in pairs() {
            let p = probability(slope * z + intercept);
            let weight = p * (1.0 - p);
            gradient[0] += (p - t) * z;
            gradient[1] += p - t;
            hessian[0] += weight * z * z;
            hessian[2] += weight * z;
            hessian[3] += weight;
        }
        let step = solve(&hessian, &gradient);
        let next = (0..30).map(|n| 0.5f64.powi(n)).find_map(|length| {
            let (slope, intercept) = (slope - length * step[0], intercept - length * step[1]);
            let loss = loss(slope, intercept);
            (loss < best).then_some((slope, intercept, loss))
        });
        let Some(next) = next else { break };
        (slope, intercept, best) = next;
    }
    Calibrator::Platt { slope, intercept }
}

/// Scores that go together: their number, how many had the outcome, and the sum of the scores.
struct Block {
    customers: f64,
    with: f64,
    scores: f64,
}

/// A rising curve by pooling adjacent violators, through the means of the pools. Nobody is certain: of n customers
/// chances are at least 1/(n+2), and at most one minus it.
fn isotonic(scored: &Scored) -> Calibrator {
    let mut order: Vec<usize> = (0..scored.log_odds.len()).collect();
    order.sort_by(|&a, &b| scored.log_odds[a].total_cmp(&scored.log_odds[b]));
    let mut blocks: Vec<(f64, Block)> = Vec::new();
    for row in order {
        let (score, with) = (scored.log_odds[row], f64::from(u8::from(scored.outcomes[row])));
        match blocks.last_mut() {
            // The same score has the same chance.
            Some((last, block)) if *last == score => {
                block.customers += 1.0;
                block.with += with;
                block.scores += score;
            }
            _ => blocks.push((score, Block { customers: 1.0, with, scores: score })),
        }
    }
    let mut pooled: Vec<Block> = Vec::new();
    for (_, mut block) in blocks {
        while let Some(last) =
            pooled.pop_if(|last| last.with * block.customers >= block.with * last.customers)
        {
            block = Block {
                customers: last.customers + block.customers,
                with: last.with + block.with,
                scores: last.scores + block.scores,
            };
        }
        pooled.push(block);
    }
    let least = 1.0 / (scored.outcomes.len() as f64 + 2.0);
    let chance = |block: &Block| (block.with / block.customers).clamp(least, 1.0 - least);
    Calibrator::Isotonic {
        log_odds: pooled.iter().map(|block| block.scores / block.customers).collect(),
        chances: pooled.iter().map(chance).collect(),
    }
}

/// The chance on a curve of at least one point. Beyond its ends the log-odds go on as the score does, so that customers
/// keep their order.
fn on_curve(at: &[f64], chances: &[f64], score: f64) -> f64 {
    let beyond = |end: usize| {
        let chance = chances[end];
        probability((chance / (1.0 - chance)).ln() + score - at[end])
    };
    let above = at.partition_point(|point| *point <= score);
    if above == 0 {
        return beyond(0);
    }
    let Some(to) = at.get(above) else { return beyond(at.len() - 1) };
    let (from, low, high) = (at[above - 1], chances[above - 1], chances[above]);
    low + (high - low) * ((score - from) / (to - from))
}

#[cfg(test)]
mod tests {
    //! References: scikit-learn 1.x, `_SigmoidCalibration` and `IsotonicRegression`, on the same numbers.
    use datafusion::prelude::{SessionContext, col};

    use super::*;
    use crate::mining::fitted::ModelKind;
    use crate::mining::test_data::uniform;

    /// 2,000 customers whose scores are twice as sure as they may be.
    fn too_sure() -> Scored {
        let u = uniform(4000, 5);
        let log_odds: Vec<f64> = (0..2000).map(|n| 6.0 * u[2 * n] - 3.0).collect();
        let outcomes =
            log_odds.iter().enumerate().map(|(n, z)| u[2 * n + 1] < probability(0.5 * z - 0.4)).collect();
        Scored { log_odds, outcomes, in_first_half: (0..2000).map(|n| n % 2 == 0).collect() }
    }

    fn well_calibrated() -> Scored {
        let u = uniform(4000, 8);
        let log_odds: Vec<f64> = (0..2000).map(|n| 6.0 * u[2 * n] - 3.0).collect();
        let outcomes = log_odds.iter().enumerate().map(|(n, z)| u[2 * n + 1] < probability(*z)).collect();
        Scored { log_odds, outcomes, in_first_half: (0..2000).map(|n| n % 2 == 0).collect() }
    }

    #[test]
    fn the_line_is_that_of_scikit_learn() {
        let Calibrator::Platt { slope, intercept } = Calibrator::fit(Calibration::Platt, &too_sure()) else {
            panic!("no line")
        };
        assert!((slope - 0.5096543290449339).abs() < 1e-5, "{slope}");
        assert!((intercept + 0.373087389425832).abs() < 1e-5, "{intercept}");
    }

    #[test]
    fn the_curve_goes_through_the_pools_of_scikit_learn_and_keeps_the_order() {
        let Calibrator::Isotonic { log_odds, chances } = Calibrator::fit(Calibration::Isotonic, &too_sure())
        else {
            panic!("no curve")
        };
        // Its levels, which scikit-learn also has, at the means of the scores of each.
        for (level, at) in
            [(0.16842105263157894, -2.5), (0.27741935483870966, -1.0), (0.3983050847457627, 0.0), (0.76, 2.9)]
        {
            let place = chances.iter().position(|chance| (chance - level).abs() < 1e-12).unwrap();
            assert!((log_odds[place] - at).abs() < 0.6, "{} is far from {at}", log_odds[place]);
        }
        assert_eq!((chances[0], chances[chances.len() - 1]), (1.0 / 2002.0, 1.0 - 1.0 / 2002.0));
        let curve = Calibrator::Isotonic { log_odds, chances };
        let along: Vec<f64> = (-60..60).map(|n| curve.apply(f64::from(n) / 10.0)).collect();
        assert!(along.windows(2).all(|pair| pair[0] < pair[1]), "{along:?}");
        assert!(along.iter().all(|chance| *chance > 0.0 && *chance < 1.0));
    }

    #[test]
    fn a_calibrator_is_taken_where_it_is_clearly_better() {
        let choice = too_sure().choose().unwrap();
        assert_eq!(choice.method, Calibration::Platt);
        assert!(choice.log_losses[1].1 < choice.log_losses[0].1);
        assert_eq!(well_calibrated().choose().unwrap().method, Calibration::None);
        // A step is no line.
        let mut step = too_sure();
        let u = uniform(2000, 9);
        step.outcomes =
            step.log_odds.iter().zip(u).map(|(z, u)| u < if *z > 1.0 { 0.6 } else { 0.1 }).collect();
        assert_eq!(step.choose().unwrap().method, Calibration::Isotonic);
    }

    #[test]
    fn too_few_are_left_as_they_are() {
        let few = Scored {
            log_odds: vec![0.0; 30],
            outcomes: (0..30).map(|n| n < 10).collect(),
            in_first_half: vec![true; 30],
        };
        assert_eq!(few.choose(), None);
        assert_eq!(Calibrator::fit(Calibration::Isotonic, &few), Calibrator::Identity);
    }

    #[tokio::test]
    async fn sql_gives_the_same_bits_and_a_calibrator_comes_back_from_its_rows() {
        let scored = too_sure();
        let scores = [-4.0, -1.0, 0.3, 2.9, 7.0];
        for method in [Calibration::None, Calibration::Platt, Calibration::Isotonic] {
            let calibrator = Calibrator::fit(method, &scored);
            let mut fitted = FittedModel::fitted("churn", ModelKind::Propensity);
            calibrator.store(&mut fitted);
            assert_eq!(Calibrator::load(&fitted).unwrap(), calibrator);
            let values = scores.map(|score| format!("({score:?})")).join(", ");
            let frame =
                SessionContext::new().sql(&format!("SELECT * FROM (VALUES {values}) v (z)")).await.unwrap();
            let found =
                frame.select(vec![calibrator.sql(col("z")).alias("p")]).unwrap().collect().await.unwrap();
            let found: Vec<f64> = found
                .iter()
                .flat_map(|b| b.column(0).as_primitive::<Float64Type>().values().to_vec())
                .collect();
            assert_eq!(found, scores.map(|score| calibrator.apply(score)));
        }
    }
}

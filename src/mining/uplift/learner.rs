//! What a contact changes in the probability of the outcome: two ways to learn it, both by logistic regression.
//!
//! **Two models**: one regression of those who were contacted, one of those who were kept back; the uplift is the
//! difference of their probabilities (Hansotia and Rukstales 2002).
//!
//! **Transformed outcome**: one regression of `z`, which is true for whom the contact went with the outcome: contacted
//! and it came, or kept back and it did not. Where half of the customers are contacted the uplift is `2·P(z) - 1`
//! (Jaskowski and Jaroszewicz 2012). With another share `e` of contacts a row weighs `1/2e` where it was contacted and
//! `1/2(1 - e)` where it was not, which makes halves of both.
//!
//! Two models learn two probabilities well and may miss their difference; the transformed outcome learns the difference
//! alone, from noisier rows. Which one is better is seen on a campaign.

use ndarray::{Array2, Axis};

use crate::mining::fit_error::FitResult;
use crate::mining::logistic::{self, Logistic};
use crate::mining::matrix::Matrix;
use crate::mining::regression::{Preprocessor, RegressionParams};

/// A way to learn uplift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learner {
    TwoModels,
    TransformedOutcome,
}

impl Learner {
    pub const ALL: [Learner; 2] = [Learner::TwoModels, Learner::TransformedOutcome];

    /// Returns what `ops.models` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Learner::TwoModels => "two models",
            Learner::TransformedOutcome => "transformed outcome",
        }
    }
}

/// Customers of campaigns, who was contacted, and for whom the outcome came.
#[derive(Debug, Clone)]
pub struct Trials {
    pub features: Matrix,
    pub treated: Vec<bool>,
    pub outcomes: Vec<bool>,
    /// The share of contacts in the campaign of each row.
    pub treated_share: Vec<f64>,
}

/// The regressions of a learner. That of those who were kept back gives their probability in any case.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressions {
    pub learner: Learner,
    /// Of those who were contacted, or of the transformed outcome.
    pub contact: Logistic,
    pub control: Logistic,
}

/// What was learnt, and what its rows went through.
pub struct Learnt {
    pub regressions: Regressions,
    pub preprocessor: Preprocessor,
}

impl Learnt {
    /// Returns what a contact changes for each customer.
    pub fn uplift(&self, rows: &Matrix) -> Vec<f64> {
        self.regressions.uplift(&self.preprocessor.apply(rows))
    }
}

impl Regressions {
    /// Learns from scaled rows.
    pub fn learn(
        learner: Learner,
        rows: &Array2<f64>,
        trials: &Trials,
        alpha: f64,
    ) -> FitResult<Regressions> {
        let of = |treated: bool| -> FitResult<Logistic> {
            let group: Vec<usize> =
                (0..trials.treated.len()).filter(|&row| trials.treated[row] == treated).collect();
            let outcomes: Vec<bool> = group.iter().map(|&row| trials.outcomes[row]).collect();
            logistic::fit(&rows.select(Axis(0), &group), &outcomes, alpha)
        };
        let contact = match learner {
            Learner::TwoModels => of(true)?,
            Learner::TransformedOutcome => {
                let rows_of_both = trials.treated.iter().zip(&trials.outcomes);
                let transformed: Vec<bool> = rows_of_both.map(|(treated, came)| treated == came).collect();
                let shares = trials.treated.iter().zip(&trials.treated_share);
                let weights: Vec<f64> =
                    shares.map(|(treated, e)| 0.5 / if *treated { *e } else { 1.0 - e }).collect();
                logistic::fit_weighted(rows, &transformed, &weights, alpha)?
            }
        };
        Ok(Regressions { learner, contact, control: of(false)? })
    }

    /// Returns what a contact changes in the probability of each scaled row.
    pub fn uplift(&self, rows: &Array2<f64>) -> Vec<f64> {
        let contact = self.contact.predict(rows);
        match self.learner {
            Learner::TransformedOutcome => contact.into_iter().map(|p| 2.0 * p - 1.0).collect(),
            Learner::TwoModels => contact
                .into_iter()
                .zip(self.control.predict(rows))
                .map(|(with, without)| with - without)
                .collect(),
        }
    }
}

/// Learns from customers of campaigns. Texts and scales are read alike for both groups.
pub fn learn(params: RegressionParams, learner: Learner, trials: &Trials) -> FitResult<Learnt> {
    let (preprocessor, scaled) = Preprocessor::fit(params, &trials.features);
    Ok(Learnt { regressions: Regressions::learn(learner, &scaled, trials, params.alpha)?, preprocessor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::matrix::Key;
    use crate::mining::score::probability;
    use crate::mining::test_data::uniform;
    use crate::mining::uplift::qini::Ranked;

    /// 900 rows of three standardised columns, 70% contacted; the effect of a contact grows with the second column.
    fn experiment() -> (Array2<f64>, Trials) {
        let u = uniform(5 * 900, 21);
        let mut x = Array2::from_shape_fn((900, 3), |(row, column)| u[5 * row + column]);
        let treated: Vec<bool> = (0..900).map(|row| u[5 * row + 3] < 0.7).collect();
        let outcomes = (0..900)
            .map(|row| {
                let effect = if treated[row] { 1.6 * (x[[row, 1]] - 0.4) } else { 0.0 };
                u[5 * row + 4] < probability(-1.0 + 2.0 * x[[row, 0]] - x[[row, 2]] + effect)
            })
            .collect();
        for mut column in x.columns_mut() {
            let (mean, sd) = (column.mean().unwrap(), column.std(0.0));
            column.mapv_inplace(|v| (v - mean) / sd);
        }
        let share = treated.iter().filter(|t| **t).count() as f64 / 900.0;
        let features = Matrix {
            columns: vec!["a".into(), "b".into(), "c".into()],
            keys: (0..900).map(Key::Number).collect(),
            values: x.clone(),
            texts: vec![None; 3],
            seen: 900,
        };
        (x, Trials { features, treated, outcomes, treated_share: vec![share; 900] })
    }

    /// `LogisticRegression(C=1)` on the same vectors, with sample weights for the transformed outcome: see
    /// `tests/references.py`.
    #[test]
    fn both_learners_find_what_scikit_learn_finds() {
        let (x, trials) = experiment();
        for (learner, expected, mean, qini) in [
            (
                Learner::TwoModels,
                [
                    0.152_202_818_454,
                    -0.180_070_275_488,
                    0.200_027_712_497,
                    0.037_110_526_309,
                    0.036_352_356_173,
                ],
                0.041_309_928_966,
                0.044_775_529_530,
            ),
            (
                Learner::TransformedOutcome,
                [
                    0.146_595_326_906,
                    -0.197_281_324_346,
                    0.209_910_351_135,
                    0.024_538_508_811,
                    0.060_902_654_610,
                ],
                0.040_121_911_854,
                0.045_689_942_495,
            ),
        ] {
            let found = Regressions::learn(learner, &x, &trials, 1.0).unwrap().uplift(&x);
            for (row, expected) in [0, 1, 2, 450, 899].into_iter().zip(expected) {
                assert!((found[row] - expected).abs() < 1e-6, "{learner:?} {row}: {}", found[row]);
            }
            assert!((found.iter().sum::<f64>() / 900.0 - mean).abs() < 1e-6);
            let of_ranked = Ranked::of(&found, &trials.treated, &trials.outcomes).qini().unwrap();
            assert!((of_ranked - qini).abs() < 1e-6, "{of_ranked}");
        }
    }

    #[test]
    fn a_group_without_the_outcome_teaches_nothing() {
        let (x, trials) = experiment();
        let outcomes = trials.treated.clone();
        let none_of_controls = Trials { outcomes, ..trials };
        assert!(Regressions::learn(Learner::TwoModels, &x, &none_of_controls, 1.0).is_err());
    }
}

//! What a customer will buy, given that the customer is still one: how often is expected, and how probable each
//! number of purchases is.
//!
//! Both models say the same of the rate of purchases: it is gamma distributed with shape `r + x` and rate
//! `α + T`. They differ in how a customer leaves.

use schemars::JsonSchema;
use serde::Deserialize;

use super::bg_nbd::BgNbd;
use super::history::History;
use super::hypergeometric::ln_2f1_of_negative;
use super::pareto_nbd::ParetoNbd;
use super::quadrature::{integral, integrals};

/// A model of purchases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PurchaseModel {
    BgNbd(BgNbd),
    ParetoNbd(ParetoNbd),
}

/// Which model of purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseModelKind {
    /// Who leaves does so after a purchase.
    #[default]
    BgNbd,
    /// Who leaves does so at any time.
    ParetoNbd,
}

/// A customer who has not left: the rate of purchases per week is gamma distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Future {
    shape: f64,
    rate: f64,
    leaving: Leaving,
}

/// How a customer leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Leaving {
    /// After a purchase, with a chance that is beta distributed.
    AfterPurchase { a: f64, b: f64 },
    /// At any time, at a rate that is gamma distributed.
    AtAnyTime { shape: f64, rate: f64 },
}

/// Numbers of purchases beyond which a probability is no longer told apart.
const MOST_PURCHASES: usize = 20_000;
/// The probability that may remain beyond the numbers that are looked at.
const REST: f64 = 1e-7;

impl PurchaseModelKind {
    /// Returns its name in the pipeline file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            PurchaseModelKind::BgNbd => "bg_nbd",
            PurchaseModelKind::ParetoNbd => "pareto_nbd",
        }
    }

    /// Returns what its parameters are called, in their order.
    pub(super) fn parameter_names(self) -> [&'static str; 4] {
        match self {
            PurchaseModelKind::BgNbd => BgNbd::NAMES,
            PurchaseModelKind::ParetoNbd => ParetoNbd::NAMES,
        }
    }

    /// Returns the model with these parameters.
    pub(super) fn with(self, parameters: [f64; 4]) -> PurchaseModel {
        match self {
            PurchaseModelKind::BgNbd => PurchaseModel::BgNbd(BgNbd::of(parameters)),
            PurchaseModelKind::ParetoNbd => PurchaseModel::ParetoNbd(ParetoNbd::of(parameters)),
        }
    }
}

impl PurchaseModel {
    /// Returns the probability that the customer has not left.
    pub fn probability_alive(&self, history: History) -> f64 {
        match self {
            PurchaseModel::BgNbd(model) => model.probability_alive(history),
            PurchaseModel::ParetoNbd(model) => model.probability_alive(history),
        }
    }

    /// Returns its parameters, in their order.
    pub fn parameters(&self) -> [f64; 4] {
        match *self {
            PurchaseModel::BgNbd(BgNbd { r, alpha, a, b }) => [r, alpha, a, b],
            PurchaseModel::ParetoNbd(ParetoNbd { r, alpha, s, beta }) => [r, alpha, s, beta],
        }
    }

    /// Returns what is to come of a customer who has not left. It depends on the number of purchases and the age
    /// alone.
    pub fn future(&self, history: History) -> Future {
        let x = f64::from(history.repeats);
        match self {
            PurchaseModel::BgNbd(BgNbd { r, alpha, a, b }) => Future {
                shape: r + x,
                rate: alpha + history.age(),
                leaving: Leaving::AfterPurchase { a: *a, b: b + x },
            },
            PurchaseModel::ParetoNbd(ParetoNbd { r, alpha, s, beta }) => Future {
                shape: r + x,
                rate: alpha + history.age(),
                leaving: Leaving::AtAnyTime { shape: *s, rate: beta + history.age() },
            },
        }
    }
}

impl Future {
    /// Returns how many purchases are expected within so many weeks; and how many if each is counted by
    /// `exp(−interest · weeks)`.
    pub fn expected(&self, weeks: f64, interest: f64) -> (f64, f64) {
        // In the logarithm of the time the rate of purchases falls evenly, however long the horizon.
        let scale = match self.leaving {
            Leaving::AfterPurchase { .. } => self.rate,
            Leaving::AtAnyTime { rate, .. } => rate,
        };
        let [expected, discounted] = integrals(0.0, (weeks / scale).ln_1p(), |log| {
            let after = scale * log.exp_m1();
            let passed = scale * log.exp() * self.purchases_per_week(after);
            [passed, passed * (-interest * after).exp()]
        });
        (expected, discounted)
    }

    /// Returns the purchases per week now.
    pub fn rate(&self) -> f64 {
        self.shape / self.rate
    }

    /// The expected purchases per week so many weeks from now.
    fn purchases_per_week(&self, after: f64) -> f64 {
        match self.leaving {
            Leaving::AfterPurchase { a, b } => {
                (self.shape / self.rate)
                    * ln_2f1_of_negative(self.shape + 1.0, a, a + b, after / self.rate).exp()
            }
            Leaving::AtAnyTime { shape, rate } => {
                (self.shape / self.rate) * (-shape * (after / rate).ln_1p()).exp()
            }
        }
    }

    /// Returns the probability of each number of purchases within so many weeks, from 0 on, as far as all but a
    /// ten-millionth of it reaches.
    pub fn purchases(&self, weeks: f64) -> Vec<f64> {
        match self.leaving {
            Leaving::AfterPurchase { a, b } => self.until_one_leaves(weeks, a, b),
            Leaving::AtAnyTime { shape, rate } => self.while_one_stays(weeks, shape, rate),
        }
    }

    /// `P(n) = P(n purchases, stayed after each) + P(left after the n-th, before the end)`.
    fn until_one_leaves(&self, weeks: f64, a: f64, b: f64) -> Vec<f64> {
        let mut numbers = NegativeBinomial::of(self.shape, self.rate, weeks);
        let mut probabilities = Vec::new();
        // The chance that the customer stays after each of n purchases, and that the n-th was the last.
        let (mut stays, mut leaves) = (1.0, 0.0);
        let (mut below, mut told) = (0.0, 0.0);
        for n in 0..MOST_PURCHASES {
            let exactly = numbers.next_probability();
            let probability = stays * exactly + if n == 0 { 0.0 } else { leaves * (1.0 - below) };
            below = (below + exactly).min(1.0);
            told += probability;
            probabilities.push(probability.max(0.0));
            if told > 1.0 - REST {
                break;
            }
            let n = n as f64;
            leaves = stays * a / (a + b + n);
            stays *= (b + n) / (a + b + n);
        }
        probabilities
    }

    /// The time at which one leaves is integrated out.
    fn while_one_stays(&self, weeks: f64, shape: f64, rate: f64) -> Vec<f64> {
        let end = (weeks / rate).ln_1p();
        let stays = (-shape * end).exp();
        let mut to_the_end = NegativeBinomial::of(self.shape, self.rate, weeks);
        let mut probabilities = Vec::new();
        // One point of the integral after the other, each with the numbers up to there.
        let mut points: Vec<(f64, NegativeBinomial)> = Vec::new();
        integral(0.0, end, |log| {
            points.push((log, NegativeBinomial::of(self.shape, self.rate, rate * log.exp_m1())));
            0.0
        });
        let mut told = 0.0;
        for _ in 0..MOST_PURCHASES {
            let mut at = points.iter_mut();
            let leaving = integral(0.0, end, |log| {
                let exactly = at.next().map_or(0.0, |(_, numbers)| numbers.next_probability());
                shape * (-shape * log).exp() * exactly
            });
            let probability = stays * to_the_end.next_probability() + leaving;
            told += probability;
            probabilities.push(probability);
            if told > 1.0 - REST {
                break;
            }
        }
        probabilities
    }
}

/// The number of purchases of who does not leave: gamma distributed rates mix Poisson numbers.
#[derive(Debug, Clone)]
struct NegativeBinomial {
    shape: f64,
    success: f64,
    /// Of the next number; its logarithm as long as it is hardly a number.
    probability: f64,
    log_probability: Option<f64>,
    next: f64,
}

/// Below this a probability is carried on as its logarithm.
const LEAST_LOG: f64 = -600.0;

impl NegativeBinomial {
    fn of(shape: f64, rate: f64, weeks: f64) -> Self {
        let log = -shape * (weeks / rate).ln_1p();
        NegativeBinomial {
            shape,
            success: weeks / (rate + weeks),
            probability: log.exp(),
            log_probability: (log < LEAST_LOG).then_some(log),
            next: 0.0,
        }
    }

    /// Returns the probability of the next number, from 0 on.
    fn next_probability(&mut self) -> f64 {
        let probability = self.probability;
        let more = (self.shape + self.next) / (self.next + 1.0) * self.success;
        self.next += 1.0;
        match self.log_probability {
            None => self.probability *= more,
            Some(log) => {
                let log = log + more.ln();
                self.probability = log.exp();
                self.log_probability = (log < LEAST_LOG).then_some(log);
            }
        }
        probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: [PurchaseModel; 2] = [
        PurchaseModel::BgNbd(BgNbd { r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 }),
        PurchaseModel::ParetoNbd(ParetoNbd { r: 0.553, alpha: 10.578, s: 0.606, beta: 11.669 }),
    ];

    fn histories() -> Vec<History> {
        let all = [(0, 0, 0), (0, 0, 272), (2, 213, 272), (26, 216, 217), (400, 990, 1000), (1, 3, 100_000)];
        all.map(|(repeats, last_day, age_days)| History { repeats, last_day, age_days }).to_vec()
    }

    #[test]
    fn the_mean_of_the_numbers_is_what_is_expected() {
        for (model, history) in
            MODELS.iter().flat_map(|model| histories().into_iter().map(move |h| (model, h)))
        {
            let future = model.future(history);
            let (expected, _) = future.expected(52.0, 0.0);
            let numbers = future.purchases(52.0);
            let all: f64 = numbers.iter().sum();
            let mean: f64 = numbers.iter().enumerate().map(|(n, p)| n as f64 * p).sum();
            assert!((all - 1.0).abs() < 1e-5, "{history:?}: {all}");
            assert!((mean / expected - 1.0).abs() < 1e-4, "{history:?}: {mean} {expected}");
        }
    }

    /// With s = 1 or a = 1 the closed forms of the papers divide by nothing; as the horizon goes to 0, so do purchases.
    #[test]
    fn nothing_divides_by_nothing() {
        let models = [
            PurchaseModel::BgNbd(BgNbd { r: 0.5, alpha: 4.0, a: 1.0, b: 1.0 }),
            PurchaseModel::ParetoNbd(ParetoNbd { r: 0.5, alpha: 4.0, s: 1.0, beta: 4.0 }),
        ];
        for model in models {
            for history in histories() {
                let future = model.future(history);
                let purchases = [0.0, 1e-9, 52.0, 1e6].map(|weeks| future.expected(weeks, 0.001).0);
                assert!(purchases.iter().all(|p| p.is_finite()), "{history:?}: {purchases:?}");
                assert!(purchases.windows(2).all(|p| p[0] <= p[1]), "{history:?}: {purchases:?}");
                assert!((0.0..=1.0).contains(&model.probability_alive(history)));
            }
        }
    }

    /// Alike customers: the rate is known, nobody leaves, and the number is Poisson.
    #[test]
    fn of_alike_customers_who_stay_the_number_is_poisson() {
        let alike = PurchaseModel::BgNbd(BgNbd { r: 2e4, alpha: 1e5, a: 1e-4, b: 2e4 });
        let history = History { repeats: 0, last_day: 0, age_days: 0 };
        let numbers = alike.future(history).purchases(10.0);
        // A rate of 0.2 a week for 10 weeks.
        let poisson = [0.135_335, 0.270_671, 0.270_671, 0.180_447];
        for (found, expected) in numbers.iter().zip(poisson) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
        assert!((alike.future(history).expected(10.0, 0.0).0 - 2.0).abs() < 1e-4);
    }
}

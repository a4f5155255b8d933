//! The maximum of a likelihood: found from several starts, and verified.
//!
//! Parameters are positive and are sought by their logarithms. Likelihoods of customers who are all alike have
//! their maximum at infinity; beyond [`EDGE`] a slight penalty keeps the parameters finite, and the optimum says
//! which of them stand there.

use std::cell::RefCell;

use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use crate::error::Error;
use crate::mining::fit_error::{FitError, FitResult};

/// The mean log-likelihood of a customer, and its slope along the logarithms of the parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slope {
    pub log_likelihood: f64,
    pub gradient: Vec<f64>,
}

/// A likelihood with positive parameters.
pub(super) trait Likelihood {
    /// Returns the mean over the customers; `logs` are the logarithms of the parameters.
    fn slope(&self, logs: &[f64]) -> Slope;
}

/// Items whose parts of a sum are taken by one thread, and added up one after the other: whatever the threads, the sum is
/// the same.
const TOGETHER: usize = 8_192;

/// Returns sums over items, of which there may be millions: `sums` gives those of some of them. Pieces of a fixed size are
/// added up in their order.
pub(super) fn summed<T: Sync, const N: usize>(
    items: &[T],
    sums: impl Fn(&[T]) -> [f64; N] + Sync,
) -> [f64; N] {
    let pieces: Vec<&[T]> = items.chunks(TOGETHER).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(pieces.len());
    let add = |mut all: [f64; N], of_piece: [f64; N]| {
        all.iter_mut().zip(of_piece).for_each(|(sum, part)| *sum += part);
        all
    };
    if threads <= 1 {
        return pieces.into_iter().map(&sums).fold([0.0; N], add);
    }
    let mut of_pieces = vec![[0.0; N]; pieces.len()];
    let each = pieces.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for (pieces, of_pieces) in pieces.chunks(each).zip(of_pieces.chunks_mut(each)) {
            let sums = &sums;
            scope.spawn(move || {
                for (piece, of_piece) in pieces.iter().zip(of_pieces) {
                    *of_piece = sums(piece);
                }
            });
        }
    });
    of_pieces.into_iter().fold([0.0; N], add)
}

/// Where a likelihood is greatest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Optimum {
    pub parameters: Vec<f64>,
    /// The mean over the customers, without any penalty.
    pub log_likelihood: f64,
    /// The largest component of the gradient, relative to the mean log-likelihood where that is above 1.
    pub gradient: f64,
    /// How far the optima from the other starts lie below this one, at most.
    pub spread: f64,
    /// Which parameters ran to the edge.
    pub at_edge: Vec<usize>,
}

/// What is believed of the logarithms of the parameters before the data: they scatter around a centre.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Belief {
    pub centre: Vec<f64>,
    /// The inverse of the variance, in customers' worth of log-likelihood, divided by the number of customers.
    pub precision: f64,
}

/// Beyond these bounds a parameter says no more than that customers are alike.
const EDGE: f64 = 10.0;
const EDGE_STIFFNESS: f64 = 1e-3;
const MOST_STEPS: u64 = 500;
/// The gradient at what is called an optimum.
const FLAT: f64 = 1e-4;
const MEMORY: usize = 8;

/// Returns the greatest likelihood that is reached from the starts, which are parameters and not logarithms.
///
/// # Errors
/// `NotFitted` where the slope is not flat at the best point, with the slope that was found.
pub(super) fn maximise(
    likelihood: &impl Likelihood,
    starts: &[Vec<f64>],
    belief: Option<&Belief>,
) -> FitResult<Optimum> {
    let penalised = Penalised { likelihood, belief, last: RefCell::default() };
    let mut reached: Vec<(Vec<f64>, Slope)> = Vec::new();
    for start in starts {
        let logs: Vec<f64> = start.iter().map(|value| value.ln()).collect();
        let logs = descend(&penalised, logs)?;
        let slope = penalised.slope(&logs);
        if slope.log_likelihood.is_finite() && slope.gradient.iter().all(|g| g.is_finite()) {
            reached.push((logs, slope));
        }
    }
    let Some((logs, slope)) =
        reached.iter().max_by(|a, b| a.1.log_likelihood.total_cmp(&b.1.log_likelihood)).cloned()
    else {
        return Err(FitError::NotFitted("the likelihood is not finite at any start".to_owned()));
    };
    let gradient = relative(&slope);
    if gradient > FLAT {
        return Err(FitError::NotFitted(format!(
            "the likelihood did not converge: its relative gradient is {gradient:.1e}, at most {FLAT:.0e} was expected"
        )));
    }
    let flat = reached.iter().filter(|(_, other)| relative(other) <= FLAT);
    let spread = flat.map(|(_, other)| slope.log_likelihood - other.log_likelihood).fold(0.0, f64::max);
    Ok(Optimum {
        parameters: logs.iter().map(|log| log.exp()).collect(),
        log_likelihood: likelihood.slope(&logs).log_likelihood,
        gradient,
        spread,
        at_edge: (0..logs.len()).filter(|&i| logs[i].abs() > EDGE).collect(),
    })
}

/// Returns the greatest likelihood: sought from the starts on a part of the customers, then from the best of these on
/// all. Where the customers are few the part is all of them.
///
/// # Errors
/// As of [`maximise`].
pub(super) fn maximise_from_part(
    all: &impl Likelihood,
    part: &impl Likelihood,
    starts: &[Vec<f64>],
) -> FitResult<Optimum> {
    let of_part = maximise(part, starts, None)?;
    let of_all = maximise(all, &[of_part.parameters], None)?;
    Ok(Optimum { spread: of_part.spread, ..of_all })
}

fn relative(slope: &Slope) -> f64 {
    let steepest = slope.gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    steepest / slope.log_likelihood.abs().max(1.0)
}

/// Walks to a flat place; a line search that gives up ends the walk where it stands.
fn descend(penalised: &Penalised<'_, impl Likelihood>, start: Vec<f64>) -> FitResult<Vec<f64>> {
    let mut logs = start;
    // The memory of earlier steps can mislead the search near the optimum: a new walk begins without it.
    for _ in 0..3 {
        let before = penalised.slope(&logs);
        if relative(&before) < FLAT * 1e-4 {
            break;
        }
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(1e-10)
            .and_then(|solver| solver.with_tolerance_cost(1e-15))
            .map_err(|e| FitError::Failed(Error::failed(format!("the search for the optimum: {e}"))))?;
        let walked = Executor::new(penalised, solver)
            .configure(|state| state.param(logs.clone()).max_iters(MOST_STEPS))
            .run();
        let Ok(walked) = walked else { break };
        let Some(best) = walked.state().get_best_param().cloned() else { break };
        if penalised.slope(&best).log_likelihood < before.log_likelihood {
            break;
        }
        logs = best;
    }
    Ok(logs)
}

/// A likelihood less what speaks against its parameters before the data.
struct Penalised<'a, L> {
    likelihood: &'a L,
    belief: Option<&'a Belief>,
    /// What was asked last: the search asks for the height of a point, and then for its slope.
    last: RefCell<Option<(Vec<f64>, Slope)>>,
}

impl<L: Likelihood> Penalised<'_, L> {
    fn slope(&self, logs: &[f64]) -> Slope {
        if let Some((asked, slope)) = &*self.last.borrow()
            && asked == logs
        {
            return slope.clone();
        }
        let slope = self.slope_anew(logs);
        *self.last.borrow_mut() = Some((logs.to_vec(), slope.clone()));
        slope
    }

    fn slope_anew(&self, logs: &[f64]) -> Slope {
        let mut slope = self.likelihood.slope(logs);
        for (i, log) in logs.iter().enumerate() {
            let excess = log - log.clamp(-EDGE, EDGE);
            slope.log_likelihood -= 0.5 * EDGE_STIFFNESS * excess * excess;
            slope.gradient[i] -= EDGE_STIFFNESS * excess;
            if let Some(belief) = self.belief {
                let off = log - belief.centre[i];
                slope.log_likelihood -= 0.5 * belief.precision * off * off;
                slope.gradient[i] -= belief.precision * off;
            }
        }
        slope
    }
}

impl<L: Likelihood> CostFunction for &Penalised<'_, L> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, logs: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        let slope = self.slope(logs);
        // Far outside a likelihood overflows; to the line search that is merely bad.
        Ok(if slope.log_likelihood.is_finite() { -slope.log_likelihood } else { f64::MAX.sqrt() })
    }
}

impl<L: Likelihood> Gradient for &Penalised<'_, L> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, logs: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.slope(logs).gradient.iter().map(|g| if g.is_finite() { -g } else { 0.0 }).collect())
    }
}

/// Holds the gradient of a likelihood against differences of it.
#[cfg(test)]
pub(super) fn assert_gradient<const N: usize>(likelihood: &impl Likelihood, at: [f64; N]) {
    let slope = likelihood.slope(&at);
    for i in 0..N {
        let (mut above, mut below) = (at, at);
        above[i] += 1e-5;
        below[i] -= 1e-5;
        let rise = likelihood.slope(&above).log_likelihood - likelihood.slope(&below).log_likelihood;
        assert!((rise / 2e-5 - slope.gradient[i]).abs() < 1e-6, "{i}: {rise} {:?}", slope.gradient);
    }
}

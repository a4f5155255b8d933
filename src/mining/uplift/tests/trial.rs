//! The learner against what the demo plants, over many retailers: what its list earns, how sure it is, and what it says
//! where a contact changes nothing. `SILLAGE_UPLIFTS=200` is the long run.

use std::sync::Mutex;
use std::thread;

use super::*;
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::test_data::uniform;
use crate::mining::uplift::fit::fit;
use crate::mining::uplift::learner::{Learner, learn};
use crate::mining::uplift::score::Scorer;

const PERSONS: u64 = 8000;
/// Of the latest letter, the share that the budget is enough for.
const BUDGET: f64 = 0.3;

fn trials() -> u64 {
    std::env::var("SILLAGE_UPLIFTS").ok().and_then(|count| count.parse().ok()).unwrap_or(2)
}

/// Plays every seed, on two threads.
fn play<T: Send>(trial: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let (next, results) = (Mutex::new(0..trials()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().unwrap().next() else { break };
                    let result = trial(1000 + seed);
                    results.lock().unwrap().push((seed, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(seed, _)| *seed);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What was planted of each person: the effect of a letter.
fn effects(rows: &[Row]) -> Vec<f64> {
    rows.iter().map(|row| row.buys_if_sent - row.buys_if_kept).collect()
}

/// The coefficient of a ranking, of the planted effects themselves.
fn true_qini(scores: &[f64], effects: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let n = scores.len() as f64;
    let (mut gain, mut area) = (0.0, 0.0);
    for row in order {
        area += (gain + effects[row] / n / 2.0) / n;
        gain += effects[row] / n;
    }
    area - gain / 2.0
}

/// What the first of a ranking bring, by the planted effects.
fn earned(params: &UpliftParams, scores: &[f64], effects: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let count = (BUDGET * scores.len() as f64) as usize;
    order[..count].iter().map(|&row| params.margin * effects[row] - params.cost).sum()
}

/// What the lists of the fifth letter earn, learnt from the four before it: by uplift, and by the risk that nothing is
/// bought.
fn lists(seed: u64) -> (f64, f64) {
    let rows = letters(seed, PERSONS);
    let mut all = campaigns(&rows, |row| row.bought);
    let latest = all.pop().unwrap();
    let params = params();
    let fitted = fit("letter", &params, all, seed).unwrap().fitted;
    let Scorer { one_hot, scaling, regressions, .. } = Scorer::load(&fitted).unwrap();
    let scaled = scaling.apply(&one_hot.apply(&latest.trials.features));
    let risk: Vec<f64> = regressions.control.predict(&scaled).iter().map(|p| 1.0 - p).collect();
    let effects = effects(&rows[4]);
    (earned(&params, &regressions.uplift(&scaled), &effects), earned(&params, &risk, &effects))
}

#[test]
fn the_list_by_uplift_earns_more_than_the_list_by_risk() {
    let earned = play(lists);
    let mean = |of: fn(&(f64, f64)) -> f64| earned.iter().map(of).sum::<f64>() / earned.len() as f64;
    let (uplift, risk) = (mean(|e| e.0), mean(|e| e.1));
    let wins = earned.iter().filter(|(uplift, risk)| *uplift > 0.0 && *uplift >= 1.3 * risk).count();
    println!(
        "over {} retailers the list by uplift earns {uplift:.0} €, the list by risk {risk:.0} €; it wins {wins} times",
        earned.len()
    );
    assert!(uplift > 0.0 && uplift >= 1.3 * risk, "{uplift} and {risk}");
    assert!(wins as f64 >= 0.95 * earned.len() as f64, "{wins} of {}", earned.len());
}

/// The interval of the latest letter, and the planted coefficient of the same ranking.
fn judged(seed: u64) -> ((f64, f64), f64) {
    let rows = letters(seed, PERSONS);
    let all = campaigns(&rows, |row| row.bought);
    let params = params();
    let fitted = fit("letter", &params, all.clone(), seed).unwrap().fitted;
    let chosen = fitted.text(Part::Metric, "chosen", 0).unwrap();
    let learner = Learner::ALL.into_iter().find(|learner| learner.name() == chosen).unwrap();
    // The judged model once more: from all letters but the latest.
    let before: Vec<&Trials> = all[..4].iter().map(|campaign| &campaign.trials).collect();
    let judged = learn(params.regression(), learner, &Trials::stack(&before).unwrap());
    let scores = judged.unwrap_or_else(|_| panic!("not learnt")).uplift(&all[4].trials.features);
    (interval(&fitted), true_qini(&scores, &effects(&rows[4])))
}

fn interval(fitted: &FittedModel) -> (f64, f64) {
    (fitted.metric("qini_low").unwrap(), fitted.metric("qini_high").unwrap())
}

#[test]
fn the_interval_holds_the_planted_coefficient_19_times_in_20() {
    let judged = play(judged);
    let all = judged.len() as f64;
    let held = judged.iter().filter(|((low, high), truth)| (low..=high).contains(&truth)).count() as f64;
    let truth = judged.iter().map(|(_, truth)| truth).sum::<f64>() / all;
    println!("the interval holds the planted coefficient, {truth:.4} in the mean, {held} times in {all}");
    if all >= 100.0 {
        assert!((0.88..=0.98).contains(&(held / all)), "{held} of {all}");
    } else {
        assert!(held >= 0.7 * all, "{held} of {all}");
    }
}

#[test]
fn where_a_contact_changes_nothing_nothing_is_claimed() {
    let nothing = |seed: u64| {
        let rows = letters(seed, PERSONS);
        let draws = uniform(5 * PERSONS as usize, seed);
        // Whether the letter is sent or kept back, as many buy as would without it.
        let mut outcomes: Vec<Vec<Row>> = rows.clone();
        for (row, draw) in outcomes.iter_mut().flatten().zip(&draws) {
            row.bought = *draw < row.buys_if_kept;
        }
        let fitted = fit("letter", &params(), campaigns(&outcomes, |row| row.bought), seed).unwrap().fitted;
        !fitted.is_fitted() || (interval(&fitted).0 <= 0.0 && interval(&fitted).1 >= 0.0)
    };
    let silent = play(nothing);
    let held = silent.iter().filter(|is_silent| **is_silent).count() as f64;
    println!(
        "of {} retailers whose letters change nothing {held} have an interval that holds 0",
        silent.len()
    );
    assert!(held >= if silent.len() >= 100 { 0.88 } else { 0.7 } * silent.len() as f64, "{held}");
}

//! How much better than at random the customers are picked whom a contact wins: the curve and the coefficient of Qini
//! (Radcliffe 2007), with an interval.
//!
//! The customers of a campaign stand in descending order of their score. Of the best `k` of them `n_t` were contacted,
//! of whom `r_t` had the outcome, and `n_c` were kept back, of whom `r_c` had it. The contacts brought
//! `r_t - r_c·n_t/n_c` outcomes among them; divided by all who were contacted, that is the gain at the share `k/n`.
//! Customers of the same score come in together. Where nobody of one group has come yet, the gain is 0. The coefficient
//! is the area between the curve and the straight line to its end, which is what picking at random would gain: 0 for a
//! score that says nothing, below it for one that picks those whom a contact drives away. It is not divided by the area of
//! a perfect order, which nobody knows. The area is summed by trapezia.

use std::ops::Add;

use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::mining::bootstrap::{Interval, interval};

/// Resamples of an interval, as of a propensity's figures.
const RESAMPLES: usize = 500;

/// A customer of a campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub score: f64,
    pub treated: bool,
    pub outcome: bool,
}

/// The gain when this share of the customers is contacted, the best first: outcomes per customer of the campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub share: f64,
    pub gain: f64,
}

/// The customers of a campaign in descending order of their score.
#[derive(Debug, Clone)]
pub struct Ranked {
    rows: Vec<Row>,
}

/// How many there are, and how many of them had the outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub customers: u64,
    pub outcomes: u64,
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts { customers: self.customers + other.customers, outcomes: self.outcomes + other.outcomes }
    }
}

impl Counts {
    fn count(&mut self, row: &Row, times: u64) {
        self.customers += times;
        self.outcomes += if row.outcome { times } else { 0 };
    }

    pub fn rate(self) -> f64 {
        self.outcomes as f64 / self.customers as f64
    }
}

impl Ranked {
    /// Ranks customers; those of the same score stay in their order.
    pub fn of(scores: &[f64], treated: &[bool], outcomes: &[bool]) -> Ranked {
        let rows = scores.iter().zip(treated).zip(outcomes);
        let mut rows: Vec<Row> = rows
            .map(|((score, treated), outcome)| Row { score: *score, treated: *treated, outcome: *outcome })
            .collect();
        rows.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ranked { rows }
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns those who were contacted and those who were kept back.
    pub fn groups(&self) -> (Counts, Counts) {
        groups(&self.rows)
    }

    /// Returns the curve: its beginning, and a point after each different score. `None` where a group is empty.
    pub fn curve(&self) -> Option<Vec<Point>> {
        let mut points = vec![Point { share: 0.0, gain: 0.0 }];
        self.walk(|_| 1, |point| points.push(point))?;
        Some(points)
    }

    /// Returns the coefficient; `None` where a group is empty.
    pub fn qini(&self) -> Option<f64> {
        self.area(|_| 1)
    }

    /// Returns the interval in which the coefficient lies in 95 of 100 resamples of the customers; `None` where hardly any
    /// resample has both groups.
    pub fn interval(&self, seed: u64) -> Option<Interval> {
        let count = self.rows.len();
        if count == 0 {
            return None;
        }
        let mut random = Xoshiro256Plus::seed_from_u64(seed);
        let mut times = vec![0u64; count];
        let mut values = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            times.fill(0);
            for _ in 0..count {
                times[random.gen_range(0..count)] += 1;
            }
            values.extend(self.area(|row| times[row]));
        }
        interval(values, RESAMPLES)
    }

    fn area(&self, times: impl Fn(usize) -> u64) -> Option<f64> {
        let (mut area, mut last) = (0.0, Point { share: 0.0, gain: 0.0 });
        self.walk(times, |point| {
            area += (point.share - last.share) * (point.gain + last.gain) / 2.0;
            last = point;
        })?;
        Some(area - last.gain / 2.0)
    }

    /// Goes down the ranking, each customer so many times, and stops after each different score.
    fn walk(&self, times: impl Fn(usize) -> u64, mut stop: impl FnMut(Point)) -> Option<()> {
        let all: u64 = (0..self.rows.len()).map(&times).sum();
        let contacted: u64 =
            self.rows.iter().enumerate().filter(|(_, r)| r.treated).map(|(at, _)| times(at)).sum();
        if contacted == 0 || contacted == all {
            return None;
        }
        let (mut treated, mut control) = (Counts::default(), Counts::default());
        let mut at = 0;
        while at < self.rows.len() {
            let score = self.rows[at].score;
            while let Some(row) = self.rows.get(at).filter(|row| row.score.total_cmp(&score).is_eq()) {
                let group = if row.treated { &mut treated } else { &mut control };
                group.count(row, times(at));
                at += 1;
            }
            let brought = match (treated.customers, control.customers) {
                (0, _) | (_, 0) => 0.0,
                (n_t, n_c) => treated.outcomes as f64 - control.outcomes as f64 * (n_t as f64 / n_c as f64),
            };
            let share = (treated.customers + control.customers) as f64 / all as f64;
            stop(Point { share, gain: brought / contacted as f64 });
        }
        Some(())
    }
}

/// Counts those who were contacted and those who were kept back.
pub fn groups(rows: &[Row]) -> (Counts, Counts) {
    let (mut treated, mut control) = (Counts::default(), Counts::default());
    for row in rows {
        if row.treated { &mut treated } else { &mut control }.count(row, 1);
    }
    (treated, control)
}

/// Returns the gain at a share, straight between the points of a curve.
pub fn gain_at(curve: &[Point], share: f64) -> f64 {
    let after = curve.partition_point(|point| point.share < share);
    match (after.checked_sub(1).and_then(|before| curve.get(before)), curve.get(after)) {
        (Some(low), Some(high)) => {
            low.gain + (high.gain - low.gain) * (share - low.share) / (high.share - low.share)
        }
        (None, Some(point)) | (Some(point), None) => point.gain,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::test_data::uniform;

    /// 400 customers, three quarters contacted, whose outcomes follow the score; scores have ties.
    fn campaign(seed: u64) -> (Vec<f64>, Vec<bool>, Vec<bool>) {
        let u = uniform(3 * 400, seed);
        let scores: Vec<f64> = (0..400).map(|n| (u[3 * n] * 50.0).floor() / 50.0 - 0.4).collect();
        let treated: Vec<bool> = (0..400).map(|n| u[3 * n + 1] < 0.75).collect();
        let outcomes =
            (0..400).map(|n| u[3 * n + 2] < 0.4 + if treated[n] { 0.5 * scores[n] } else { 0.0 }).collect();
        (scores, treated, outcomes)
    }

    /// By numpy on the same vectors, see `tests/references.py`.
    #[test]
    fn curve_and_coefficient_are_those_of_an_independent_computation() {
        for (seed, qini, end) in QINIS {
            let (scores, treated, outcomes) = campaign(seed);
            let ranked = Ranked::of(&scores, &treated, &outcomes);
            let found = ranked.qini().unwrap();
            assert!((found - qini).abs() < 1e-12, "{found} is not {qini}");
            let curve = ranked.curve().unwrap();
            assert_eq!(curve.len(), 51);
            let last = curve.last().unwrap();
            assert!(last.share == 1.0 && (last.gain - end).abs() < 1e-12, "{last:?} is not {end}");
        }
    }

    const QINIS: [(u64, f64, f64); 2] = [
        (5, 0.031_933_329_904_878_53, 0.021_498_516_793_722_652),
        (6, 0.001_978_191_682_209_296, -0.016_410_055_245_006_685),
    ];

    #[test]
    fn four_customers_by_hand() {
        // A buys because of the contact, B buys anyway; C does not, D would have bought.
        let ranked =
            Ranked::of(&[4.0, 3.0, 2.0, 1.0], &[true, false, true, false], &[true, false, false, true]);
        let gains: Vec<f64> = ranked.curve().unwrap().iter().map(|point| point.gain).collect();
        assert_eq!(gains, [0.0, 0.0, 0.5, 0.5, 0.0]);
        assert_eq!(ranked.qini(), Some(0.25));
        assert_eq!(gain_at(&ranked.curve().unwrap(), 0.375), 0.25);
        assert_eq!(ranked.groups().1, Counts { customers: 2, outcomes: 1 });
    }

    #[test]
    fn a_score_that_is_the_same_for_all_is_no_better_than_random() {
        let (_, treated, outcomes) = campaign(5);
        let found = Ranked::of(&[0.3; 400], &treated, &outcomes).qini().unwrap();
        assert!(found.abs() < 1e-12, "{found}");
        assert_eq!(Ranked::of(&[0.1, 0.2], &[true, true], &[true, false]).qini(), None);
        assert_eq!(Ranked::of(&[], &[], &[]).interval(1), None);
    }

    #[test]
    fn the_interval_holds_the_coefficient_and_is_the_same_again() {
        let (scores, treated, outcomes) = campaign(5);
        let ranked = Ranked::of(&scores, &treated, &outcomes);
        let (low, high) = ranked.interval(7).unwrap();
        let qini = ranked.qini().unwrap();
        assert!(low < qini && qini < high && high - low < 0.1, "{low} {qini} {high}");
        assert_eq!(ranked.interval(7), Some((low, high)));
    }
}

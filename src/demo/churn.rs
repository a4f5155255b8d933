//! Why and when a customer leaves, and the probability of no purchase in the next 90 days.
//!
//! A customer has a purchase rate drawn from a gamma distribution, buys by a Poisson process (the NBD of
//! Ehrenberg 1959), and before each step of ten days may leave permanently. The hazard is a logistic function
//! of what the channels show: silence, decline, a recent bad service incident, e-mails opened. The hazard is
//! known from the history and, given no purchase, its future is known too, so the rate can be integrated out:
//! what Schmittlein, Morrison and Colombo (1987) do for a constant hazard works step by step for this one.
//! The probability is therefore exact, not an estimate.
//!
//! E-mails have an effect only a quarter later, so that future e-mails cannot have an effect inside the
//! window.

use super::calendar::{LIVED_STEPS, OUTCOME_STEPS};

/// Log-odds of leaving in a step, and what adds to them.
const BASE: f64 = -5.5;
const SILENCE: f64 = 0.9;
const DECLINE: f64 = 0.8;
pub(super) const INCIDENT: f64 = 2.6;
const EMAIL: f64 = -0.7;
/// Steps that an incident is remembered, from the one after it was felt.
pub(super) const INCIDENT_MEMORY: usize = 9;
/// An order goes badly wrong, and it is felt in the step after it.
pub(super) const INCIDENT_RATE: f64 = 0.035;
/// Newsletters opened and web visits paid after having left, against before.
pub(super) const OPENS_AFTER: f64 = 0.8;
pub(super) const VISITS_AFTER: f64 = 0.75;

/// What the channels have shown of one customer, by step.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The step in which the customer was first known; what is before it is not used.
    pub from: usize,
    /// Orders that the rate did not make: the one by which a customer became known.
    pub given: u32,
    pub orders: [u16; LIVED_STEPS],
    /// Bad incidents by the step in which they were felt.
    pub incidents: [u16; LIVED_STEPS],
    pub newsletters: [u8; LIVED_STEPS],
    pub opened: [u8; LIVED_STEPS],
    pub visits: [u16; LIVED_STEPS],
    /// Season times what campaigns add: how much is bought per unit of rate.
    pub exposure: [f64; LIVED_STEPS],
}

impl Seen {
    pub fn nothing(from: usize) -> Self {
        Seen {
            from,
            given: 0,
            orders: [0; LIVED_STEPS],
            incidents: [0; LIVED_STEPS],
            newsletters: [0; LIVED_STEPS],
            opened: [0; LIVED_STEPS],
            visits: [0; LIVED_STEPS],
            exposure: [0.0; LIVED_STEPS],
        }
    }

    /// Returns the last step with an order before `step`.
    fn last_order(&self, step: usize) -> Option<usize> {
        (self.from..step).rev().find(|s| self.orders[*s] > 0)
    }

    /// Orders in the steps `[from, to)`; none in an empty range.
    pub fn bought(&self, from: usize, to: usize) -> u32 {
        (from..to).map(|step| u32::from(self.orders[step])).sum()
    }

    /// Returns whether a bad incident was felt in the steps `[from, to)`.
    pub(super) fn wronged(&self, from: usize, to: usize) -> bool {
        (from..to).any(|step| self.incidents[step] > 0)
    }

    /// Returns how many steps have passed at the start of `step` since the last order, or since the customer was first
    /// known. Orders from `unseen` on count as none.
    pub(super) fn silence(&self, step: usize, unseen: usize) -> usize {
        match self.last_order(step.min(unseen)) {
            Some(last) => step - 1 - last,
            None => step - self.from,
        }
    }

    /// Returns the probability of leaving at the start of `step`, for somebody who was there before it.
    /// Orders from `unseen` on count as none; `shock` is a step with an incident not in the record.
    fn hazard(&self, step: usize, unseen: usize, shock: Option<usize>) -> f64 {
        let before = |steps: usize| step.saturating_sub(steps);
        let silence = self.silence(step, unseen);
        let recent = f64::from(self.bought(before(9), step.min(unseen)));
        let earlier = f64::from(self.bought(before(18), before(9).min(unseen)));
        let decline = ((earlier - recent) / (earlier + 1.0)).max(0.0);
        let remembered = before(INCIDENT_MEMORY)..step;
        let incident = self.wronged(remembered.start, step.min(unseen))
            || shock.is_some_and(|s| remembered.contains(&s));
        let opened: u32 = self.opened[before(18)..before(9)].iter().map(|n| u32::from(*n)).sum();
        let log_odds = BASE
            + SILENCE * silence.min(18) as f64 / 9.0
            + DECLINE * decline
            + if incident { INCIDENT } else { 0.0 }
            + EMAIL * f64::from(opened.min(4)) / 4.0;
        1.0 / (1.0 + (-log_odds).exp())
    }

    /// Returns the hazard in a step whose past is complete.
    pub(super) fn hazard_now(&self, step: usize) -> f64 {
        self.hazard(step, step, None)
    }
}

/// A customer's habits as the history shows them.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Gamma of the purchase rate per step.
    pub shape: f64,
    pub mean_rate: f64,
    /// Share of newsletters opened, and web visits per step, before leaving.
    pub opens: f64,
    pub visits: f64,
}

/// Returns the probability that a customer buys nothing in the 9 steps from `cutoff`, given all that was
/// seen before it. None for somebody who has not bought before it.
pub fn churn_probability(seen: &Seen, known: Habits, cutoff: usize) -> Option<f64> {
    let last = seen.last_order(cutoff)?;
    let quiet = |shock| quiet_window(seen, known, cutoff, last, shock);
    let calm = quiet(None);
    // Orders of the last step may still go wrong: it is felt in the first step of the window.
    let pending = i32::from(seen.orders[cutoff - 1]);
    if pending == 0 {
        return Some(calm);
    }
    let wrong = 1.0 - (1.0 - INCIDENT_RATE).powi(pending);
    Some((1.0 - wrong) * calm + wrong * quiet(Some(cutoff)))
}

fn quiet_window(seen: &Seen, known: Habits, cutoff: usize, last: usize, shock: Option<usize>) -> f64 {
    let end = cutoff + OUTCOME_STEPS;
    let shape = known.shape + f64::from(seen.bought(seen.from, cutoff) - seen.given);
    let rate0 = known.shape / known.mean_rate;
    let exposed = |to: usize| seen.exposure[seen.from..to].iter().sum::<f64>();
    // Likelihood of no order between the last one and `to`, against none until the cut-off.
    let until_cutoff = rate0 + exposed(cutoff);
    let silent = |to: usize| ((until_cutoff / (rate0 + exposed(to))).ln() * shape).exp();

    let mut here = 1.0;
    let mut left = Vec::with_capacity(end - last);
    for step in last + 1..end {
        let hazard = seen.hazard(step, cutoff, shock);
        left.push((step, here * hazard * silent(step)));
        here *= 1.0 - hazard;
    }
    // What was seen since the last order speaks for having left, or against it.
    let mut sightings = 1.0;
    let mut gone = 0.0;
    for (step, weight) in left.iter().rev() {
        if *step < cutoff {
            sightings *= sighting_ratio(seen, known, *step);
            gone += weight * sightings;
        }
    }
    let leaves: f64 = left.iter().filter(|(step, _)| *step >= cutoff).map(|(_, weight)| weight).sum();
    let stays_until: f64 = (last + 1..cutoff).map(|step| 1.0 - seen.hazard(step, cutoff, shock)).product();
    (gone + leaves + here * silent(end)) / (gone + stays_until)
}

/// Returns how much likelier what was seen in a step is after having left than before.
fn sighting_ratio(seen: &Seen, known: Habits, step: usize) -> f64 {
    let opened = i32::from(seen.opened[step]);
    let unopened = i32::from(seen.newsletters[step]) - opened;
    let ignored = (1.0 - known.opens * OPENS_AFTER) / (1.0 - known.opens);
    let visits = i32::from(seen.visits[step]);
    OPENS_AFTER.powi(opened)
        * ignored.powi(unopened)
        * VISITS_AFTER.powi(visits)
        * ((1.0 - VISITS_AFTER) * known.visits).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Habits = Habits { shape: 2.0, mean_rate: 0.4, opens: 0.3, visits: 0.2 };

    fn steady() -> Seen {
        let mut seen = Seen::nothing(0);
        seen.exposure = [1.0; LIVED_STEPS];
        for step in (0..64).step_by(3) {
            seen.orders[step] = 1;
        }
        seen
    }

    #[test]
    fn a_prospect_has_no_churn_probability() {
        assert_eq!(churn_probability(&Seen::nothing(0), KNOWN, 64), None);
    }

    #[test]
    fn it_agrees_with_summing_over_rates_one_by_one() {
        let mut seen = steady();
        seen.orders[61..64].fill(0);
        seen.orders[60] = 2;
        seen.newsletters[62] = 1;
        seen.visits[63] = 1;
        let cutoff = 64;
        let end = cutoff + OUTCOME_STEPS;
        // The integral over the gamma by brute force, no closed form, forwards step by step.
        let (mut quiet, mut all) = (0.0, 0.0);
        let cells = 40_000;
        for cell in 0..cells {
            let rate = (f64::from(cell) + 0.5) * 4.0 / f64::from(cells);
            let prior = rate.powf(KNOWN.shape - 1.0) * (-rate * KNOWN.shape / KNOWN.mean_rate).exp();
            let (mut here, mut gone) = (prior, 0.0);
            for step in 0..end {
                if step == cutoff {
                    all += here + gone;
                }
                let hazard = seen.hazard(step, cutoff, None);
                gone += here * hazard;
                here *= 1.0 - hazard;
                let orders = if step < cutoff { seen.orders[step] } else { 0 };
                here *= (-rate).exp() * rate.powi(i32::from(orders));
                if orders > 0 {
                    gone = 0.0;
                }
                if step < cutoff {
                    gone *= sighting_ratio(&seen, KNOWN, step);
                }
            }
            quiet += here + gone;
        }
        let exact = churn_probability(&seen, KNOWN, cutoff).unwrap();
        assert!((exact - quiet / all).abs() < 1e-6, "{exact} against {}", quiet / all);
    }

    #[test]
    fn silence_and_incidents_make_leaving_likelier_and_opened_mails_less() {
        let at = |seen: &Seen| churn_probability(seen, KNOWN, 64).unwrap();
        let calm = at(&steady());
        let mut wronged = steady();
        wronged.incidents[62] = 1;
        let mut silent = steady();
        silent.orders[55..].fill(0);
        let mut reader = steady();
        reader.opened[46..64].fill(1);
        reader.newsletters[46..64].fill(1);
        assert!(at(&wronged) > calm + 0.1);
        assert!(at(&silent) > calm + 0.1);
        assert!(at(&reader) < calm);
    }

    #[test]
    fn what_comes_after_the_cutoff_changes_nothing() {
        let mut later = steady();
        later.orders[64..].fill(3);
        later.incidents[64..].fill(1);
        later.opened[64..].fill(1);
        assert_eq!(churn_probability(&steady(), KNOWN, 64), churn_probability(&later, KNOWN, 64));
    }
}

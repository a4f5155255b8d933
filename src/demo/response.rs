//! What a letter does to whom: it makes some buy more, and drives others away.
//!
//! A letter multiplies the purchase rate for thirty days. The logarithm of the ratio is a sum over what the channels
//! show on the day the letter begins to work: who buys at a discount and who opens newsletters is won by it, who was
//! badly served and who has long been silent is reminded of it and buys less. What that comes to is another matter: who
//! buys every week buys anyway, and nothing brings back who has left. So there are persuadable customers, sure things,
//! lost causes and customers whom a letter drives away (Radcliffe and Surry 1999), and the likeliest to leave are not the
//! best to write to (Ascarza 2018).

use super::archetype::Archetype;
use super::churn::{INCIDENT_MEMORY, Seen};

/// The logarithm of the ratio, and what adds to it.
pub(super) const BASE: f64 = 0.1;
/// Buys at a discount (`Archetype::Bargain`).
pub(super) const BARGAIN: f64 = 0.65;
/// For each newsletter opened in 90 days, up to four.
pub(super) const OPENED: f64 = 0.16;
/// A bad incident in 90 days.
pub(super) const WRONGED: f64 = -1.25;
/// For each 90 days without an order after the first 30, up to 150 days.
pub(super) const SILENT: f64 = -0.55;
const LEAST: f64 = 0.25;
const MOST: f64 = 3.5;
/// Effects on the probability of a purchase at which a customer is called persuadable, or driven away.
pub(super) const PERSUADED: f64 = 0.05;
pub(super) const DRIVEN_AWAY: f64 = -0.02;
const SURE: f64 = 0.5;

/// What the effect of a letter depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    pub bargain: bool,
    /// Newsletters opened in 90 days.
    pub opened: u32,
    /// Whether there was a bad incident in 90 days.
    pub wronged: bool,
    /// Steps since the last order.
    pub silence: usize,
}

impl Traits {
    /// Returns what the channels have shown at the start of a step.
    pub fn of(archetype: Option<Archetype>, seen: &Seen, step: usize) -> Self {
        let from = step.saturating_sub(INCIDENT_MEMORY);
        Traits {
            bargain: archetype == Some(Archetype::Bargain),
            opened: seen.opened[from..step].iter().map(|n| u32::from(*n)).sum(),
            // One that an order of the step before has caused is felt now.
            wronged: seen.wronged(from, step + 1),
            silence: seen.silence(step, step),
        }
    }
}

/// Returns what a letter multiplies the purchase rate by.
pub(super) fn rate_ratio(traits: Traits) -> f64 {
    let silent = traits.silence.saturating_sub(3).min(15) as f64 / 9.0;
    let log_ratio = BASE
        + if traits.bargain { BARGAIN } else { 0.0 }
        + OPENED * f64::from(traits.opened.min(4))
        + if traits.wronged { WRONGED } else { 0.0 }
        + SILENT * silent;
    log_ratio.exp().clamp(LEAST, MOST)
}

/// How a customer answers to a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    Persuadable,
    SureThing,
    LostCause,
    DrivenAway,
}

impl Response {
    pub const ALL: [Response; 4] =
        [Response::Persuadable, Response::SureThing, Response::LostCause, Response::DrivenAway];

    /// Returns the response by the probabilities of a purchase when the letter is sent and when it is kept back.
    pub fn of(if_sent: f64, if_kept: f64) -> Self {
        match if_sent - if_kept {
            effect if effect >= PERSUADED => Response::Persuadable,
            effect if effect <= DRIVEN_AWAY => Response::DrivenAway,
            _ if if_kept >= SURE => Response::SureThing,
            _ => Response::LostCause,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Response::Persuadable => "persuadable",
            Response::SureThing => "sure thing",
            Response::LostCause => "lost cause",
            Response::DrivenAway => "driven away",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::behaviour::Life;
    use crate::demo::campaign::{Group, LETTERS, working};
    use crate::demo::person::Person;

    #[test]
    fn all_four_responses_are_planted_and_the_silent_gain_least() {
        let mut counts = [0.0; 4];
        let (mut silent, mut others) = ((0.0, 0.0), (0.0, 0.0));
        for number in 0..3000 {
            let life = Life::live(1, &Person::draw(1, number));
            for (letter, chosen) in LETTERS.iter().zip(&life.letters) {
                let Some(chosen) = chosen else { continue };
                counts[Response::of(chosen.buys_if_sent, chosen.buys_if_kept) as usize] += 1.0;
                let of =
                    if life.seen.silence(letter.step, letter.step) >= 9 { &mut silent } else { &mut others };
                of.0 += chosen.buys_if_sent - chosen.buys_if_kept;
                of.1 += 1.0;
            }
        }
        let all: f64 = counts.iter().sum();
        assert!(counts.iter().all(|count| count / all > 0.08), "{counts:?} of {all}");
        assert!(silent.0 / silent.1 < 0.0 && others.0 / others.1 > 0.03, "{silent:?} {others:?}");
    }

    /// Among those to whom a letter was sent, and those from whom it was kept, as many buy as was planted.
    #[test]
    fn as_many_buy_as_was_planted() {
        for group in [Group::Treated, Group::Control] {
            let (mut bought, mut planted, mut variance) = (0.0, 0.0, 0.0);
            for number in 0..3000 {
                let life = Life::live(2, &Person::draw(2, number));
                for (letter, chosen) in LETTERS.iter().zip(&life.letters) {
                    let Some(chosen) = chosen.filter(|chosen| chosen.group == group) else { continue };
                    let probability = match group {
                        Group::Treated => chosen.buys_if_sent,
                        Group::Control => chosen.buys_if_kept,
                    };
                    let steps = working(letter);
                    bought += f64::from(u8::from(life.seen.bought(steps.start, steps.end) > 0));
                    planted += probability;
                    variance += probability * (1.0 - probability);
                }
            }
            assert!((bought - planted).abs() < 3.5 * f64::sqrt(variance), "{group:?}: {bought} of {planted}");
        }
    }
}

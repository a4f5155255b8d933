//! The retailer's campaigns: newsletters, and letters, each an experiment: a part of those chosen is kept off at random.
//! What a letter does to whom is in `response`.

use std::ops::Range;

use super::calendar::{DAY, Moment, STEPS, month, month_label, step_start};
use super::person::Person;
use super::random_streams::{Purpose, happens, stream};

/// A letter campaign. Money in cents.
pub struct Letter {
    pub id: &'static str,
    pub name: &'static str,
    pub offer: &'static str,
    /// The step in whose first days it arrives.
    pub step: usize,
    pub unit_cost: i64,
    pub fixed_cost: i64,
    /// Share of those addressable that are chosen.
    pub share: f64,
    /// Of those chosen, kept off it at random.
    pub control: f64,
}

pub const LETTERS: [Letter; 5] = [
    Letter {
        id: "CP2024-10",
        name: "Catalogue d'automne",
        offer: "catalogue",
        step: 10,
        unit_cost: 118,
        fixed_cost: 450_000,
        share: 0.7,
        control: 0.3,
    },
    Letter {
        id: "CP2025-03",
        name: "Fête des mères",
        offer: "échantillon offert",
        step: 29,
        unit_cost: 95,
        fixed_cost: 220_000,
        share: 0.7,
        control: 0.3,
    },
    Letter {
        id: "CP2025-06",
        name: "Soldes d'été",
        offer: "-20 %",
        step: 35,
        unit_cost: 88,
        fixed_cost: 180_000,
        share: 0.7,
        control: 0.2,
    },
    Letter {
        id: "CP2025-11",
        name: "Bon de fin d'année",
        offer: "bon de 10 €",
        step: 50,
        unit_cost: 97,
        fixed_cost: 240_000,
        share: 0.9,
        control: 0.25,
    },
    Letter {
        id: "CP2026-02",
        name: "Nouveautés printemps",
        offer: "catalogue",
        step: 60,
        unit_cost: 121,
        fixed_cost: 460_000,
        share: 0.8,
        control: 0.3,
    },
];

/// For how many steps a letter works. All have stopped working when the first cut-off of the truth comes.
pub(super) const WORKING_STEPS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Treated,
    Control,
}

/// Returns the group of a person in each letter; None where not chosen.
pub fn groups(seed: u64, person: &Person) -> [Option<Group>; LETTERS.len()] {
    let mut rng = stream(seed, Purpose::Letters, person.number);
    LETTERS.each_ref().map(|letter| {
        // Drawn for everybody, so that one letter changes nothing of another.
        let (chosen, control) = (happens(&mut rng, letter.share), happens(&mut rng, letter.control));
        let group = if control { Group::Control } else { Group::Treated };
        (chosen && is_addressable(person, letter.step)).then_some(group)
    })
}

/// Returns whether a letter may be sent: a card, a consent, and known by then.
pub(super) fn is_addressable(person: &Person, step: usize) -> bool {
    person.card.is_some() && person.consents[2] && person.known_since < step_start(step) - 20 * DAY
}

/// Returns the letter that begins to work in a step.
pub(super) fn letter_of(step: usize) -> Option<usize> {
    LETTERS.iter().position(|letter| letter.step == step)
}

/// Returns the steps in which a letter works.
pub(super) fn working(letter: &Letter) -> Range<usize> {
    letter.step..letter.step + WORKING_STEPS
}

/// Returns the day a letter was posted: two days before the step in which it works.
pub(super) fn posted(letter: &Letter) -> Moment {
    step_start(letter.step) - 2 * DAY + 6 * 3600
}

/// Newsletters go out every second step.
pub(super) fn is_newsletter_step(step: usize) -> bool {
    step.is_multiple_of(2)
}

pub(super) fn newsletter_id(step: usize) -> String {
    let step = step.min(STEPS - 1);
    let at = step_start(step) + 3 * DAY;
    format!("NL{}-{:02}", month_label(month(at)), step)
}

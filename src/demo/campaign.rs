//! The retailer's campaigns: newsletters, and letters of which one has a control group and an effect.

use super::calendar::{DAY, Moment, STEPS, month, month_label, step_start};
use super::person::Person;
use super::random_streams::{Stream, happens};

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
}

pub const LETTERS: [Letter; 5] = [
    Letter {
        id: "CP2024-10",
        name: "Catalogue d'automne",
        offer: "catalogue",
        step: 10,
        unit_cost: 118,
        fixed_cost: 450_000,
        share: 0.35,
    },
    Letter {
        id: "CP2025-03",
        name: "Fête des mères",
        offer: "échantillon offert",
        step: 29,
        unit_cost: 95,
        fixed_cost: 220_000,
        share: 0.3,
    },
    Letter {
        id: "CP2025-06",
        name: "Soldes d'été",
        offer: "-20 %",
        step: 35,
        unit_cost: 88,
        fixed_cost: 180_000,
        share: 0.3,
    },
    MEASURED,
    Letter {
        id: "CP2026-02",
        name: "Nouveautés printemps",
        offer: "catalogue",
        step: 60,
        unit_cost: 121,
        fixed_cost: 460_000,
        share: 0.3,
    },
];

/// The campaign with a control group.
pub(super) const MEASURED: Letter = Letter {
    id: "CP2025-11",
    name: "Bon de fin d'année",
    offer: "bon de 10 €",
    step: 50,
    unit_cost: 97,
    fixed_cost: 240_000,
    share: 0.9,
};
/// Of those chosen for the measured campaign, kept off it at random.
pub(super) const CONTROL_SHARE: f64 = 0.25;
/// What the measured letter multiplies the purchase rate by, and for how many steps.
pub(super) const LIFT: f64 = 1.45;
pub(super) const LIFT_STEPS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Treated,
    Control,
}

/// Returns who of the measured campaign a person is; None when not chosen.
pub fn group(rng: &mut Stream, person: &Person) -> Option<Group> {
    let chosen = happens(rng, MEASURED.share);
    let control = happens(rng, CONTROL_SHARE);
    (chosen && is_addressable(person, MEASURED.step)).then_some(if control {
        Group::Control
    } else {
        Group::Treated
    })
}

/// Returns whether a letter may be sent: a card, a consent, and known by then.
pub(super) fn is_addressable(person: &Person, step: usize) -> bool {
    person.card.is_some() && person.consents[2] && person.known_since < step_start(step) - 20 * DAY
}

pub fn lift(group: Option<Group>, step: usize) -> f64 {
    let working = (MEASURED.step..MEASURED.step + LIFT_STEPS).contains(&step);
    if working && group == Some(Group::Treated) { LIFT } else { 1.0 }
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

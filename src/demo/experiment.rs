//! The letters of a retailer as an experiment, for trials in memory: what a warehouse can see of each person on the day of
//! each letter, and what was planted.

use rand::SeedableRng;

use super::behaviour::Life;
use super::campaign::{Group, LETTERS, working};
use super::person::Person;
use super::random_streams::{Stream, happens};
use super::response::Traits;

/// What is seen: see `seen`.
pub const COLUMNS: [&str; 8] = [
    "recency_days",
    "orders_365d",
    "orders_90d",
    "orders_90_180d",
    "discount_share",
    "incidents_90d",
    "emails_opened_90d",
    "tenure_days",
];

/// A person who was chosen for a letter.
#[derive(Debug, Clone)]
pub struct Row {
    pub person: u64,
    pub seen: [f64; COLUMNS.len()],
    pub treated: bool,
    pub bought: bool,
    pub buys_if_sent: f64,
    pub buys_if_kept: f64,
}

/// Returns who was chosen for each letter, in the order of the letters, among persons who had bought before.
pub fn letters(seed: u64, persons: u64) -> Vec<Vec<Row>> {
    let mut letters = vec![Vec::new(); LETTERS.len()];
    for number in 0..persons {
        let person = Person::draw(seed, number);
        let life = Life::live(seed, &person);
        let mut rng = Stream::seed_from_u64(seed ^ (number << 20));
        for (rows, (letter, chosen)) in letters.iter_mut().zip(LETTERS.iter().zip(&life.letters)) {
            let Some(chosen) = chosen else { continue };
            let Some(seen) = seen(&mut rng, &person, &life, letter.step) else { continue };
            let steps = working(letter);
            rows.push(Row {
                person: number,
                seen,
                treated: chosen.group == Group::Treated,
                bought: life.seen.bought(steps.start, steps.end) > 0,
                buys_if_sent: chosen.buys_if_sent,
                buys_if_kept: chosen.buys_if_kept,
            });
        }
    }
    letters
}

/// What is seen of a person at the start of a step; `None` of who has never bought.
fn seen(rng: &mut Stream, person: &Person, life: &Life, step: usize) -> Option<[f64; COLUMNS.len()]> {
    let before = |steps: usize| step.saturating_sub(steps);
    let traits = Traits::of(person.archetype, &life.seen, step);
    let orders = life.seen.bought(life.seen.from, step);
    let habits = person.archetype.filter(|_| orders > 0)?.habits();
    // Lines bought with a discount: the type of a customer is not seen, what comes of it is.
    let lines = (f64::from(orders) * habits.lines).ceil() as u32;
    let discounted = (0..lines).filter(|_| happens(rng, habits.discount)).count();
    Some([
        10.0 * traits.silence as f64,
        f64::from(life.seen.bought(before(36), step)),
        f64::from(life.seen.bought(before(9), step)),
        f64::from(life.seen.bought(before(18), before(9))),
        discounted as f64 / f64::from(lines),
        f64::from(u8::from(traits.wronged)),
        f64::from(traits.opened),
        10.0 * (step - life.seen.from) as f64,
    ])
}

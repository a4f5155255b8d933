//! What a person does in the two years: orders, incidents, e-mails, visits, leaving.
//!
//! One step after the other, each drawn from what was seen before it, so that the planted
//! probabilities hold (`churn`). The steps after the last export are lived too: the truth tells
//! what came of the last forecasts.

use rand::Rng;

use super::archetype::RATE_SHAPE;
use super::calendar::{DAY, LIVED_STEPS, Moment, STEP_DAYS, STEPS, season, step_start};
use super::campaign::{self, Group, LETTERS, WORKING_STEPS};
use super::churn::{Habits, INCIDENT_RATE, OPENS_AFTER, Seen, VISITS_AFTER};
use super::person::{Person, is_exported};
use super::random_streams::{Purpose, Stream, count, gamma, happens, stream};
use super::response::{Traits, rate_ratio};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Shop,
    Web,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A complaint by telephone that ended badly.
    Complaint,
    /// A parcel that came much too late.
    LateDelivery,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub at: Moment,
    pub channel: Channel,
    /// What went wrong and when it was felt.
    pub trouble: Option<(Trouble, Moment)>,
}

#[derive(Debug, Clone)]
pub struct Newsletter {
    pub campaign: usize,
    pub sent: Moment,
    pub opened: Option<Moment>,
    pub clicked: bool,
    pub unsubscribed: bool,
}

/// A person who was chosen for a letter, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    pub group: Group,
    /// What the letter multiplies the purchase rate by, if it is sent.
    pub rate_ratio: f64,
    /// The probability of a purchase while the letter works, when it is sent and when it is kept back, given all that
    /// came before and the purchase rate, which nobody knows.
    pub buys_if_sent: f64,
    pub buys_if_kept: f64,
}

#[derive(Debug, Clone)]
pub struct Life {
    /// Orders of the exported steps, in order of time.
    pub orders: Vec<Order>,
    pub newsletters: Vec<Newsletter>,
    /// Spontaneous visits to the web shop.
    pub visits: Vec<Moment>,
    /// Step at whose start the person left.
    pub left: Option<usize>,
    pub rate: f64,
    /// By letter; None where not chosen.
    pub letters: [Option<Chosen>; LETTERS.len()],
    pub seen: Seen,
    pub known: Habits,
}

impl Life {
    pub fn live(seed: u64, person: &Person) -> Self {
        let mut rng = stream(seed, Purpose::Life, person.number);
        let habits = person.archetype.map(super::archetype::Archetype::habits);
        let rate = habits.map_or(0.0, |h| gamma(&mut rng, RATE_SHAPE, h.rate));
        let known = Habits {
            shape: RATE_SHAPE,
            mean_rate: habits.map_or(0.0, |h| h.rate),
            opens: person.opens,
            visits: person.visits,
        };
        let groups = campaign::groups(seed, person);
        let mut life = Life {
            orders: Vec::new(),
            newsletters: Vec::new(),
            visits: Vec::new(),
            left: None,
            rate,
            letters: [None; LETTERS.len()],
            seen: Seen::nothing(person.first_step),
            known,
        };
        let mut subscribed = person.consents[0] && person.newsletter_address().is_some();
        for step in person.first_step..LIVED_STEPS {
            if let Some(which) = campaign::letter_of(step) {
                life.letters[which] = groups[which].map(|group| life.choose(person, group, step));
            }
            life.seen.exposure[step] = season(step) * life.lift(step);
            if life.left.is_none()
                && step > person.first_step
                && happens(&mut rng, life.seen.hazard_now(step))
            {
                life.left = Some(step);
            }
            if life.left.is_none() {
                life.shop(&mut rng, person, step);
            }
            if subscribed && campaign::is_newsletter_step(step) {
                subscribed = life.read_newsletter(&mut rng, person, step);
            }
            life.browse(&mut rng, step);
        }
        life.orders.sort_by_key(|order| order.at);
        life
    }

    /// What a letter that begins to work in a step does, by what was seen before it.
    fn choose(&self, person: &Person, group: Group, step: usize) -> Chosen {
        let rate_ratio = rate_ratio(Traits::of(person.archetype, &self.seen, step));
        Chosen {
            group,
            rate_ratio,
            buys_if_sent: self.buys(person, step, rate_ratio),
            buys_if_kept: self.buys(person, step, 1.0),
        }
    }

    /// Returns the probability of a purchase in the steps in which a letter works, at so many times the usual rate.
    fn buys(&self, person: &Person, from: usize, ratio: f64) -> f64 {
        if self.left.is_some() {
            return 0.0;
        }
        let (mut here, mut gone) = (1.0, 0.0);
        for step in from..from + WORKING_STEPS {
            let hazard = if step > person.first_step { self.seen.hazard_now(step) } else { 0.0 };
            gone += here * hazard;
            here *= (1.0 - hazard) * (-self.rate * season(step) * ratio).exp();
        }
        1.0 - gone - here
    }

    /// What letters multiply the purchase rate by in a step.
    fn lift(&self, step: usize) -> f64 {
        let sent =
            LETTERS.iter().zip(&self.letters).filter_map(|(letter, chosen)| Some((letter, (*chosen)?)));
        let works = sent.filter(|(letter, chosen)| {
            chosen.group == Group::Treated && campaign::working(letter).contains(&step)
        });
        works.map(|(_, chosen)| chosen.rate_ratio).product()
    }

    /// What happened in a step, whether it is still exported or not.
    fn shop(&mut self, rng: &mut Stream, person: &Person, step: usize) {
        let mut orders = count(rng, self.rate * self.seen.exposure[step]);
        // Who becomes a customer does so by buying; the rate is judged by what follows.
        let first = person.known_since >= 0 && step == person.first_step && person.archetype.is_some();
        if first {
            orders += 1;
            self.seen.given = 1;
        }
        for _ in 0..orders {
            let at = working_hour(rng, step_start(step));
            let channel = if happens(rng, person.web_share) { Channel::Web } else { Channel::Shop };
            let trouble = happens(rng, INCIDENT_RATE).then(|| {
                let kind = if channel == Channel::Web && happens(rng, 0.6) {
                    Trouble::LateDelivery
                } else {
                    Trouble::Complaint
                };
                let delay = if kind == Trouble::LateDelivery { 6 } else { 1 };
                // Felt in the step after the order, never in the same (see `leaving`).
                let earliest = (at / DAY + delay).max((step as i64 + 1) * STEP_DAYS);
                (kind, (earliest + rng.gen_range(0..3)) * DAY + rng.gen_range(8 * 3600..17 * 3600))
            });
            if trouble.is_some() && step + 1 < LIVED_STEPS {
                self.seen.incidents[step + 1] += 1;
            }
            if step < STEPS {
                self.orders.push(Order { at, channel, trouble });
            }
        }
        self.seen.orders[step] += orders as u16;
    }

    /// Returns whether the person still wants newsletters afterwards.
    fn read_newsletter(&mut self, rng: &mut Stream, person: &Person, step: usize) -> bool {
        let sent = step_start(step) + 3 * DAY + 7 * 3600 + rng.gen_range(0..1800);
        let interest = person.opens * if self.left.is_some() { OPENS_AFTER } else { 1.0 };
        let opens = happens(rng, interest);
        let delay = rng.gen_range(120..5 * DAY);
        let clicks = happens(rng, 0.25);
        let leaves = happens(rng, 0.006);
        if person.bounces {
            self.push_newsletter(step, sent, None, false, false);
            return true;
        }
        self.seen.newsletters[step] += 1;
        self.seen.opened[step] += u8::from(opens);
        self.push_newsletter(step, sent, opens.then_some(sent + delay), opens && clicks, leaves);
        !leaves
    }

    fn push_newsletter(
        &mut self,
        step: usize,
        sent: Moment,
        opened: Option<Moment>,
        clicked: bool,
        unsubscribed: bool,
    ) {
        if step < STEPS {
            self.newsletters.push(Newsletter { campaign: step, sent, opened, clicked, unsubscribed });
        }
    }

    fn browse(&mut self, rng: &mut Stream, step: usize) {
        let visits = count(rng, self.known.visits * if self.left.is_some() { VISITS_AFTER } else { 1.0 });
        self.seen.visits[step] = visits as u16;
        for _ in 0..visits {
            let at =
                step_start(step) + rng.gen_range(0..STEP_DAYS) * DAY + rng.gen_range(6 * 3600..21 * 3600);
            if is_exported(at) {
                self.visits.push(at);
            }
        }
        self.visits.sort_unstable();
    }

    /// Returns whether a bad incident was felt in the exported time, and the first.
    pub(super) fn first_incident(&self) -> Option<Moment> {
        self.orders.iter().filter_map(|o| o.trouble).map(|(_, at)| at).filter(|at| is_exported(*at)).min()
    }
}

/// Returns a moment in opening hours of a day of the step.
fn working_hour(rng: &mut Stream, start: Moment) -> Moment {
    start + rng.gen_range(0..STEP_DAYS) * DAY + rng.gen_range(8 * 3600..18 * 3600)
}

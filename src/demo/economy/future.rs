//! What a customer will bring in the year after the exports, from the rates that made the past.

use super::costs;
use super::serving::Effort;
use crate::demo::basket::{Line, Shopper};
use crate::demo::calendar::{DAY, STEP_DAYS, STEPS, season, step_start};
use crate::demo::campaign::is_newsletter_step;
use crate::demo::catalogue::Catalogue;
use crate::demo::channel_records::Story;
use crate::demo::churn::{INCIDENT_RATE, Seen};
use crate::demo::random_streams::{Purpose, Stream, count, happens};

/// Steps of the year ahead, the last of five days.
const YEAR: usize = 37;
const LAST_STEP: f64 = 0.5;
/// Steps of the past that the hazard of leaving looks at, and more.
const REMEMBERED: usize = 27;
/// Years lived in trial; leaving is not drawn in them but weighted, so that few are enough.
const TRIALS: u32 = 12;
const BASKETS: u32 = 8;
const RETURN_SHARE: f64 = 0.05;
const CALL_SHARE: f64 = 0.045;

/// The year after the exports. Money in cents: sales without taxes, less goods, parcels, returns and calls.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Future {
    pub expected_orders: f64,
    pub expected_margin: f64,
    /// What came, in one year that was drawn.
    pub drawn_orders: u32,
    pub drawn_margin: f64,
}

impl Future {
    pub(super) fn of(seed: u64, story: &Story, catalogue: &Catalogue) -> Self {
        let gone = story.life.left.is_some_and(|left| left < STEPS);
        let (Some(archetype), false) = (story.person.archetype, gone) else { return Future::default() };
        let mut rng = story.stream(Purpose::Future);
        let mut shopper = Shopper::new(seed, story.person, archetype, catalogue);
        let effort = Effort::of(story);
        let mut margins = |orders: u32| -> f64 {
            let left = |n: u32| {
                let at = step_start(STEPS) + i64::from(n) * 3 * STEP_DAYS * DAY;
                left_of_order(&shopper.fill(at), effort, story.person.web_share, catalogue)
            };
            (0..orders).map(left).sum()
        };
        let per_order = margins(BASKETS) / f64::from(BASKETS);
        let trials: f64 = (0..TRIALS).map(|_| live(&mut rng, story, false).0).sum();
        let expected_orders = trials / f64::from(TRIALS);
        let (_, drawn_orders) = live(&mut rng, story, true);
        Future {
            expected_orders,
            expected_margin: expected_orders * per_order,
            drawn_orders,
            drawn_margin: margins(drawn_orders),
        }
    }
}

/// Lives the year once: the orders to be expected on the way, and those that came if leaving is drawn.
fn live(rng: &mut Stream, story: &Story, may_leave: bool) -> (f64, u32) {
    let (person, life) = (story.person, story.life);
    let begin = STEPS - REMEMBERED;
    let mut seen = Seen::nothing(person.first_step.saturating_sub(begin));
    for past in 0..REMEMBERED {
        seen.orders[past] = life.seen.orders[begin + past];
        seen.incidents[past] = life.seen.incidents[begin + past];
        seen.opened[past] = life.seen.opened[begin + past];
    }
    let subscribed = person.consents[0]
        && person.newsletter_address().is_some()
        && !life.newsletters.iter().any(|newsletter| newsletter.unsubscribed);
    let (mut there, mut expected, mut came) = (1.0, 0.0, 0);
    for ahead in 0..YEAR {
        let (now, step) = (REMEMBERED + ahead, STEPS + ahead);
        let hazard = seen.hazard_now(now);
        there *= 1.0 - hazard;
        if may_leave && happens(rng, hazard) {
            break;
        }
        let part = if ahead + 1 == YEAR { LAST_STEP } else { 1.0 };
        let rate = life.rate * season(step) * part;
        expected += there * rate;
        let orders = count(rng, rate);
        came += orders;
        seen.orders[now] = orders as u16;
        let incidents = (0..orders).filter(|_| happens(rng, INCIDENT_RATE)).count();
        seen.incidents[now + 1] = incidents as u16;
        seen.opened[now] = u8::from(subscribed && is_newsletter_step(step) && happens(rng, person.opens));
    }
    (expected, came)
}

/// Returns what an order leaves, with the work that is to be expected with it.
fn left_of_order(basket: &[Line], effort: Effort, web: f64, catalogue: &Catalogue) -> f64 {
    let lines = basket.len() as f64;
    let goods: f64 = basket.iter().map(|line| margin(line, catalogue)).sum();
    let handling = web * costs::RETURN_BY_PARCEL as f64 + (1.0 - web) * costs::RETURN_IN_SHOP as f64;
    let usual = goods * (1.0 - RETURN_SHARE / lines)
        - web * costs::parcel(step_start(STEPS)) as f64
        - RETURN_SHARE * handling
        - CALL_SHARE * costs::CALL as f64;
    match effort {
        Effort::Usual => usual,
        // Nine of ten parcels, with nearly everything in them.
        Effort::SendsBack => usual - web * 0.9 * (0.87 * goods + costs::RETURN_BY_PARCEL as f64),
        Effort::CallsALot => usual - 0.5 * costs::CALL as f64,
    }
}

fn margin(line: &Line, catalogue: &Catalogue) -> f64 {
    let net = line.net();
    (net - costs::tax(net) - line.quantity * catalogue.products[line.product].unit_cost) as f64
}

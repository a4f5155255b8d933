//! Who waits on the telephone, and whose question is answered. Planted: those who buy most wait longest, and who calls
//! again about the same was not answered.

use std::collections::BTreeMap;

use rand::Rng;

use super::dealings::Dealings;
use crate::demo::calendar::{DAY, Moment};
use crate::demo::channel_records::{Call, Story};
use crate::demo::random_streams::{Purpose, happens};

/// Calls about the same, each at most so long after the one before, are one issue.
pub(super) const ISSUE: Moment = 14 * DAY;
/// Mean seconds in the queue of who buys next to nothing, and what the best customers wait beyond it: their orders fill
/// the hours in which everybody calls.
pub(in crate::demo) const SHORTEST_MEAN: f64 = 60.0;
pub(in crate::demo) const LONGER_MEAN: f64 = 180.0;
/// Nobody waits longer.
const HUNG_UP: f64 = 1_800.0;
/// What an order is worth in each third of the prices, relative to the cheapest.
const PRICE: [f64; 3] = [1.0, 2.0, 4.0];
const ANSWERED: f64 = 0.92;
const COMPLAINT_ANSWERED: f64 = 0.6;
/// By how much the best customers are answered less often.
const LESS_OFTEN: f64 = 0.2;

/// Draws how long each call of a person waited, and whether it answered the question.
pub(in crate::demo) fn queue(story: &mut Story, dealings: &mut Dealings) {
    let mut rng = story.stream(Purpose::Waiting);
    let standing = standing(story);
    let mut calls: Vec<&mut Call> = story.calls.iter_mut().chain(&mut dealings.calls).collect();
    calls.sort_by(|a, b| (a.at, &a.number).cmp(&(b.at, &b.number)));
    // From the last to the first: who called again about the same had no answer.
    let mut next: BTreeMap<&str, Moment> = BTreeMap::new();
    for call in calls.into_iter().rev() {
        let mean = SHORTEST_MEAN + LONGER_MEAN * standing;
        let waited = -(1.0 - rng.r#gen::<f64>()).ln() * mean;
        // Below half an hour: the cast is exact.
        call.waited = waited.min(HUNG_UP) as i64;
        let usual = if call.reason == "réclamation" { COMPLAINT_ANSWERED } else { ANSWERED };
        let is_answered = happens(&mut rng, usual - LESS_OFTEN * standing);
        let calls_again = next.get(call.reason).is_some_and(|at| at - call.at <= ISSUE);
        call.resolved = is_answered && !calls_again;
        next.insert(call.reason, call.at);
    }
}

/// Returns how good a customer somebody is, from 0 towards 1: by orders, lines and prices, while they are there.
fn standing(story: &Story) -> f64 {
    let habits = story.person.archetype.map(crate::demo::archetype::Archetype::habits);
    let worth = habits.map_or(0.0, |h| story.life.rate * h.lines * PRICE[h.price_band.min(2)]);
    worth / (worth + 1.0)
}

/// Returns how many issues some calls make.
pub(super) fn issues<'a>(calls: impl Iterator<Item = &'a Call>) -> i64 {
    let mut by_reason: BTreeMap<&str, Vec<Moment>> = BTreeMap::new();
    for call in calls {
        by_reason.entry(call.reason).or_default().push(call.at);
    }
    let begun = by_reason.values_mut().map(|at| {
        at.sort_unstable();
        1 + at.windows(2).filter(|pair| pair[1] - pair[0] > ISSUE).count() as i64
    });
    begun.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::behaviour::Life;
    use crate::demo::catalogue::Catalogue;
    use crate::demo::person::Person;

    fn call(day: i64, reason: &'static str) -> Call {
        Call {
            number: day.to_string(),
            at: day * DAY,
            reason,
            waited: 0,
            seconds: 60,
            resolved: true,
            satisfaction: None,
            card: None,
            email: None,
            phone: None,
        }
    }

    #[test]
    fn calls_about_the_same_within_fourteen_days_are_one_issue() {
        let calls =
            [call(0, "retour"), call(14, "retour"), call(29, "retour"), call(14, "carte de fidélité")];
        assert_eq!(issues(calls.iter()), 3);
    }

    #[test]
    fn the_best_customers_wait_longest_and_who_calls_again_was_not_answered() {
        let catalogue = Catalogue::draw(1);
        let (mut waits, mut again) = ([(0, 0); 2], 0);
        for number in 0..3000 {
            let person = Person::draw(1, number);
            let life = Life::live(1, &person);
            let mut story = Story::tell(1, &person, &life, &catalogue);
            let mut dealings = Dealings::draw(1, &story);
            queue(&mut story, &mut dealings);
            let is_good = usize::from(standing(&story) > 0.5);
            let mut calls: Vec<&Call> = story.calls.iter().chain(&dealings.calls).collect();
            calls.sort_by_key(|call| (call.reason, call.at));
            for call in &calls {
                waits[is_good] = (waits[is_good].0 + call.waited, waits[is_good].1 + 1);
            }
            for pair in calls.windows(2) {
                if pair[0].reason == pair[1].reason && pair[1].at - pair[0].at <= ISSUE {
                    again += 1;
                    assert!(!pair[0].resolved);
                }
            }
        }
        let mean = |which: usize| waits[which].0 as f64 / f64::from(waits[which].1);
        assert!(waits.iter().all(|(_, calls)| *calls > 100) && again > 30, "{waits:?}, {again}");
        assert!(mean(1) > 1.3 * mean(0), "{} against {}", mean(1), mean(0));
    }
}

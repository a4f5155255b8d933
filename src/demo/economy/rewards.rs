//! Cheques and presents of the loyalty scheme. Money in cents.

use super::acquisition::{Origin, Way};
use crate::demo::calendar::{DAY, Moment};
use crate::demo::channel_records::Story;
use crate::demo::person::is_exported;
use crate::demo::random_streams::{Purpose, happens};

/// What must be spent for a cheque of fidelity, and what it is worth.
const SPENT_FOR_A_CHEQUE: i64 = 30_000;
const CHEQUE: i64 = 900;
/// Sent to who is silent for so many days: the scheme asks nobody whether they ever brought anything.
const SILENCE: Moment = 120 * DAY;
const COME_BACK: i64 = 2_000;
const WELCOME: i64 = 500;
const RECOMMENDED: i64 = 1_000;

#[derive(Debug, Clone)]
pub(in crate::demo) struct Reward {
    pub programme: &'static str,
    pub at: Moment,
    pub amount: i64,
}

/// Returns what a customer was given, in order of programme and time.
pub(super) fn rewards(story: &Story, origin: &Origin) -> Vec<Reward> {
    let mut rng = story.stream(Purpose::Rewards);
    let mut all = Vec::new();
    let mut give = |programme, at, amount| {
        if is_exported(at) {
            all.push(Reward { programme, at, amount });
        }
    };
    if origin.at >= 0 && origin.way == Way::Comparison {
        give("bienvenue", origin.at + 2 * DAY, WELCOME);
    }
    if origin.friend.is_some() {
        give("parrainage", origin.at + 3 * DAY, RECOMMENDED);
    }
    let mut bought: Vec<(Moment, i64)> = story
        .tickets
        .iter()
        .filter(|ticket| !ticket.is_return)
        .map(|ticket| (ticket.at, ticket.lines.iter().map(crate::demo::basket::Line::net).sum()))
        .collect();
    bought.sort_unstable();
    if story.person.card.is_some() {
        let mut points = 0;
        for (at, net) in &bought {
            points += net;
            while points >= SPENT_FOR_A_CHEQUE {
                points -= SPENT_FOR_A_CHEQUE;
                give("chèque fidélité", at + 15 * DAY, CHEQUE);
            }
        }
    }
    let ends = bought.iter().skip(1).map(|(at, _)| *at).chain([Moment::MAX]);
    for ((at, _), next) in bought.iter().zip(ends) {
        let is_sent = happens(&mut rng, 0.5);
        if is_sent && next > at + SILENCE {
            give("chèque retour", at + SILENCE, COME_BACK);
        }
    }
    all
}

//! What serving some customers takes: those who send most of it back, and those who call about everything.

use rand::Rng;

use crate::demo::behaviour::Channel;
use crate::demo::calendar::{DAY, Moment};
use crate::demo::channel_records::{Call, Story, Ticket};
use crate::demo::person::is_exported;
use crate::demo::random_streams::{Purpose, Stream, happens};

const SENDS_BACK: f64 = 0.07;
const CALLS_A_LOT: f64 = 0.04;
const MOST_CALLS: usize = 12;
const QUESTIONS: [&str; 4] = ["information produit", "suivi de commande", "carte de fidélité", "retour"];

/// How much work a customer makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    Usual,
    SendsBack,
    CallsALot,
}

impl Effort {
    pub(super) fn of(story: &Story) -> Self {
        Self::draw(&mut story.stream(Purpose::Serving))
    }

    fn draw(rng: &mut Stream) -> Self {
        match rng.r#gen::<f64>() {
            which if which < SENDS_BACK => Effort::SendsBack,
            which if which < SENDS_BACK + CALLS_A_LOT => Effort::CallsALot,
            _ => Effort::Usual,
        }
    }
}

/// Returns the returns and the calls of who takes more work than others, beside those that the story tells.
pub(super) fn efforts(story: &Story) -> (Vec<Ticket>, Vec<Call>) {
    let mut rng = story.stream(Purpose::Serving);
    let effort = Effort::draw(&mut rng);
    let mut numbers = 0;
    match effort {
        Effort::SendsBack if story.person.archetype.is_some() => {
            (returns(story, &mut rng, &mut numbers), Vec::new())
        }
        Effort::CallsALot if story.person.archetype.is_some() => {
            (Vec::new(), calls(story, &mut rng, &mut numbers))
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// Most parcels come back, with most of what was in them; an order of which something came back is left alone.
fn returns(story: &Story, rng: &mut Stream, numbers: &mut u64) -> Vec<Ticket> {
    let mut all = Vec::new();
    for (i, ticket) in story.tickets.iter().enumerate() {
        let Some((_, delivered)) = ticket.delivery else { continue };
        // What is brought back stands before its order.
        let came_back = i > 0 && story.tickets[i - 1].is_return;
        let back = (delivered / DAY + rng.gen_range(2..9)) * DAY + rng.gen_range(8 * 3600..18 * 3600);
        let sends = happens(rng, 0.9);
        let keeps = rng.gen_range(0..ticket.lines.len() * 4);
        if came_back || !sends || !is_exported(back) {
            continue;
        }
        let mut lines: Vec<_> = ticket.lines.clone();
        // One line of some orders is kept.
        if lines.len() > 1 && keeps < lines.len() {
            lines.remove(keeps);
        }
        for line in &mut lines {
            line.quantity = -line.quantity;
            line.discount = -line.discount;
        }
        all.push(Ticket {
            number: format!("W{:011}", story.late_record(numbers)),
            at: back,
            channel: Channel::Web,
            shop: ticket.shop,
            card: None,
            is_return: true,
            lines,
            delivery: None,
        });
    }
    all
}

/// One to four questions about an order, all answered well, until they have asked enough: a card that dozens of calls
/// without a name show would look like one that a till uses for everybody.
fn calls(story: &Story, rng: &mut Stream, numbers: &mut u64) -> Vec<Call> {
    let person = story.person;
    let mut all = Vec::new();
    for ticket in story.tickets.iter().filter(|ticket| !ticket.is_return) {
        for _ in 0..rng.gen_range(1..5) {
            let at: Moment =
                (ticket.at / DAY + rng.gen_range(1..12)) * DAY + rng.gen_range(8 * 3600..17 * 3600);
            let (reason, seconds) = (QUESTIONS[rng.gen_range(0..4)], rng.gen_range(60..900));
            let card = person.card_at(at).map(str::to_owned);
            let email = if card.is_some() { None } else { person.web_email.clone() };
            let satisfaction = happens(rng, 0.4).then(|| rng.gen_range(3..6));
            if is_exported(at) && all.len() < MOST_CALLS {
                let number = format!("CA{:011}", story.late_record(numbers));
                let (waited, resolved) = (0, true);
                all.push(Call {
                    number,
                    at,
                    reason,
                    waited,
                    seconds,
                    resolved,
                    satisfaction,
                    card,
                    email,
                    phone: None,
                });
            }
        }
    }
    all
}

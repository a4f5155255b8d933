//! One person's two years with every record that some channel keeps of them.

use std::collections::BTreeSet;

use rand::Rng;

use super::basket::{Line, Shopper};
use super::behaviour::{Channel, Life, Order, Trouble};
use super::calendar::{DAY, Moment};
use super::catalogue::Catalogue;
use super::names::without_accents;
use super::person::{Person, Separation, is_exported, mistype, mistype_digit, write_phone};
use super::random_streams::{Purpose, Stream, happens, scrambled, stream};

/// The largest prime below 10^11: room for 2048 records for each of 48 million persons.
const RECORDS: u64 = 99_999_999_977;
const RECORDS_A_PERSON: u64 = 2048;

/// A sale or, with negative quantities, a return.
pub struct Ticket {
    pub number: String,
    pub at: Moment,
    pub channel: Channel,
    pub shop: usize,
    /// The card as the till has it.
    pub card: Option<String>,
    pub is_return: bool,
    pub lines: Vec<Line>,
    /// Promised and delivered, for parcels.
    pub delivery: Option<(Moment, Moment)>,
}

pub struct Call {
    pub number: String,
    pub at: Moment,
    pub reason: &'static str,
    /// Seconds in the queue; drawn when all calls of a person are known (`economy::waiting`).
    pub waited: i64,
    pub seconds: i64,
    pub resolved: bool,
    pub satisfaction: Option<u8>,
    pub card: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// What a truth table says of a key: channel, kind, value as exported.
pub type Key = (&'static str, &'static str, String);

pub struct Story<'a> {
    pub person: &'a Person,
    pub life: &'a Life,
    pub tickets: Vec<Ticket>,
    pub calls: Vec<Call>,
    /// The person's name and telephone as the web account has them.
    pub web_name: (String, String),
    pub web_phone: Option<String>,
    /// Letters that were posted, as indices of the campaigns; written down while they are exported.
    pub letters: Vec<usize>,
    /// Requests on the web, likewise.
    pub requests: Vec<Moment>,
    pub keys: BTreeSet<Key>,
    pub rng: Stream,
    seed: u64,
    records: u64,
}

impl<'a> Story<'a> {
    pub fn tell(seed: u64, person: &'a Person, life: &'a Life, catalogue: &Catalogue) -> Self {
        let mut rng = stream(seed, Purpose::Writing, person.number);
        let plain = happens(&mut rng, 0.25);
        let written = |name: &str| if plain { without_accents(name) } else { name.to_owned() };
        let mut web_name = (written(&person.names.web), written(person.last));
        if person.separation.is_some() && happens(&mut rng, 0.3) {
            web_name.1 = mistype(&mut rng, &web_name.1);
        }
        // Where no key unites, the telephone is the thread that is left.
        let gives_phone = person.separation.is_some() || happens(&mut rng, 0.65);
        let web_phone = gives_phone.then(|| write_phone(&mut rng, person.phone));
        let mut story = Story {
            person,
            life,
            tickets: Vec::new(),
            calls: Vec::new(),
            web_name,
            web_phone,
            letters: Vec::new(),
            requests: Vec::new(),
            keys: BTreeSet::new(),
            rng,
            seed,
            records: 0,
        };
        if let Some(archetype) = person.archetype {
            let mut shopper = Shopper::new(seed, person, archetype, catalogue);
            for order in &life.orders {
                let lines = shopper.fill(order.at);
                story.sell(order, lines);
            }
        }
        story
    }

    /// Returns the surname that the web account has at a moment.
    pub(super) fn web_last(&self, moment: Moment) -> String {
        match &self.person.names.renamed {
            Some((since, surname)) if self.person.names.renamed_on_web && moment >= *since => surname.clone(),
            _ => self.web_name.1.clone(),
        }
    }

    /// Returns a stream of its own for one purpose, so that what is drawn from it changes nothing else.
    pub fn stream(&self, purpose: Purpose) -> Stream {
        stream(self.seed, purpose, self.person.number)
    }

    /// Returns a record number that no other record has.
    pub(super) fn next_record(&mut self) -> u64 {
        let record = self.person.number * RECORDS_A_PERSON + self.records % RECORDS_A_PERSON;
        self.records += 1;
        scrambled(self.seed, 20, record, RECORDS)
    }

    /// Returns the number of a record that is added after the person's own, counted from the last of these.
    pub(super) fn late_record(&self, late: &mut u64) -> u64 {
        let record =
            self.person.number * RECORDS_A_PERSON + (RECORDS_A_PERSON - 1 - *late % RECORDS_A_PERSON);
        *late += 1;
        scrambled(self.seed, 20, record, RECORDS)
    }

    pub fn key(&mut self, channel: &'static str, kind: &'static str, value: &str) {
        self.keys.insert((channel, kind, value.to_owned()));
    }

    fn sell(&mut self, order: &Order, lines: Vec<Line>) {
        let web = order.channel == Channel::Web;
        let letter = if web { 'W' } else { 'T' };
        let number = format!("{letter}{:011}", self.next_record());
        let shop = if happens(&mut self.rng, 0.85) { self.person.shop } else { self.rng.gen_range(0..12) };
        let card = if web { None } else { self.card_shown(order.at) };
        if !web && card.as_deref() != self.person.card_at(order.at) {
            self.key("pos", "ticket", &number);
        }
        let delivery = web.then(|| self.deliver(order));
        if happens(&mut self.rng, 0.05) {
            let back = order.at + self.rng.gen_range(3..12) * DAY;
            let mut line = lines[self.rng.gen_range(0..lines.len())].clone();
            line.quantity = -line.quantity;
            line.discount = -line.discount;
            let number = format!("{letter}{:011}", self.next_record());
            if is_exported(back) {
                // Whoever brings something back shows the ticket, and with it the same card.
                if !web && card.as_deref() != self.person.card_at(order.at) {
                    self.key("pos", "ticket", &number);
                }
                self.tickets.push(Ticket {
                    number,
                    at: back,
                    channel: order.channel,
                    shop,
                    card: card.clone(),
                    is_return: true,
                    lines: vec![line],
                    delivery: None,
                });
            }
        }
        self.tickets.push(Ticket {
            number,
            at: order.at,
            channel: order.channel,
            shop,
            card,
            is_return: false,
            lines,
            delivery,
        });
        self.call_about(order);
    }

    fn card_shown(&mut self, at: Moment) -> Option<String> {
        let card = self.person.card_at(at)?.to_owned();
        if self.person.separation == Some(Separation::MistypedCard) {
            match self.rng.gen_range(0..100) {
                0..8 => return None,
                8..20 => return Some(mistype_digit(&mut self.rng, &card)),
                _ => {}
            }
        }
        Some(card)
    }

    fn deliver(&mut self, order: &Order) -> (Moment, Moment) {
        let promised = (order.at / DAY + 4) * DAY;
        let usual = if happens(&mut self.rng, 0.1) { 5 } else { self.rng.gen_range(2..5) };
        let usual = (order.at / DAY + usual) * DAY + self.rng.gen_range(8 * 3600..17 * 3600);
        match order.trouble {
            Some((Trouble::LateDelivery, at)) => (promised, at),
            _ => (promised, usual),
        }
    }

    /// The bad call after trouble, or an ordinary question.
    fn call_about(&mut self, order: &Order) {
        let (at, reason, satisfaction) = match order.trouble {
            Some((Trouble::Complaint, at)) => (at, "réclamation", Some(self.rng.gen_range(1..3))),
            _ if happens(&mut self.rng, 0.03) => {
                const REASONS: [&str; 5] = [
                    "information produit",
                    "suivi de commande",
                    "carte de fidélité",
                    "retour",
                    "réclamation",
                ];
                let at = (order.at / DAY + self.rng.gen_range(1..3)) * DAY
                    + self.rng.gen_range(8 * 3600..17 * 3600);
                let satisfaction = happens(&mut self.rng, 0.6).then(|| self.rng.gen_range(3..6));
                (at, REASONS[self.rng.gen_range(0..5)], satisfaction)
            }
            _ => return,
        };
        let number = format!("CA{:011}", self.next_record());
        let seconds = self.rng.gen_range(45..1500);
        let person = self.person;
        let phone_only = person.separation.is_some() && happens(&mut self.rng, 0.4);
        let card = person.card_at(at).filter(|_| !phone_only).map(str::to_owned);
        let email = if card.is_some() || phone_only {
            None
        } else {
            person.web_email.clone().or_else(|| person.card_email.clone())
        };
        let shows_phone = phone_only || !person.phone.is_multiple_of(3);
        let phone = shows_phone.then(|| write_phone(&mut self.rng, person.phone));
        if is_exported(at) {
            self.key("calls", "call", &number);
            self.calls.push(Call {
                number,
                at,
                reason,
                waited: 0,
                seconds,
                resolved: true,
                satisfaction,
                card,
                email,
                phone,
            });
        }
    }
}

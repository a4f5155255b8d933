//! Invoices: who may pay later, who does, and who never does. Money in cents.

use rand::Rng;

use super::costs;
use crate::demo::behaviour::Channel;
use crate::demo::calendar::{DAY, END, Moment};
use crate::demo::channel_records::Story;
use crate::demo::random_streams::{Purpose, Stream, happens, weighted};

/// Persons who may pay web orders by invoice.
const BY_INVOICE: f64 = 0.2;
const DAYS_TO_PAY: i64 = 30;
/// Days after the due day when an unpaid invoice is written off.
const WRITTEN_OFF_DAYS: i64 = 90;

/// An invoice; days are counted from the first of the history.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Invoice {
    pub issued: i64,
    pub due: i64,
    pub paid: Option<i64>,
    /// With taxes.
    pub amount: i64,
    /// The web order, or what a key account ordered.
    pub order: Ordered,
}

#[derive(Debug, Clone)]
pub(in crate::demo) enum Ordered {
    Web(String),
    /// Product and pieces.
    Goods(usize, i64),
}

/// How somebody pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payer {
    InTime,
    Late,
    Never,
}

impl Payer {
    pub(super) fn draw(rng: &mut Stream) -> Self {
        [Payer::InTime, Payer::Late, Payer::Never][weighted(rng, &[0.66, 0.22, 0.12])]
    }
}

impl Invoice {
    pub(super) fn draw(rng: &mut Stream, payer: Payer, at: Moment, amount: i64, order: Ordered) -> Self {
        let issued = at / DAY;
        let due = issued + DAYS_TO_PAY;
        let (early, late) = (rng.gen_range(0..20), rng.gen_range(3..75));
        let forgets = happens(rng, 0.75);
        let paid = match payer {
            Payer::InTime => Some(due - early),
            Payer::Late => Some(if forgets { due + late } else { due - early }),
            Payer::Never if forgets => None,
            Payer::Never => Some(due + late),
        };
        Invoice { issued, due, paid: paid.filter(|day| *day < END / DAY), amount, order }
    }

    /// Returns the day and the cost of waiting for the money, where it came late or not at all.
    pub(super) fn waited(&self) -> Option<(i64, i64)> {
        let until = self.paid.or(self.written_off())?;
        (until > self.due).then(|| (until, costs::waiting(self.amount, until - self.due)))
    }

    /// Returns the day on which it is given up.
    pub(super) fn written_off(&self) -> Option<i64> {
        let day = self.due + WRITTEN_OFF_DAYS;
        (self.paid.is_none() && day < END / DAY).then_some(day)
    }

    /// Returns what is lost when it is given up: its taxes are given back.
    pub(super) fn without_tax(&self) -> i64 {
        self.amount - costs::tax(self.amount)
    }
}

/// Returns a person's invoices: one for each web order, if they pay so.
pub(super) fn invoices(story: &Story) -> Vec<Invoice> {
    let mut rng = story.stream(Purpose::Billing);
    let by_invoice = happens(&mut rng, BY_INVOICE);
    let payer = Payer::draw(&mut rng);
    if !by_invoice || story.person.account.is_none() {
        return Vec::new();
    }
    let orders = story.tickets.iter().filter(|t| t.channel == Channel::Web && !t.is_return);
    let invoice = |ticket: &crate::demo::channel_records::Ticket| {
        let amount = ticket.lines.iter().map(crate::demo::basket::Line::net).sum();
        Invoice::draw(&mut rng, payer, ticket.at, amount, Ordered::Web(ticket.number.clone()))
    };
    orders.map(invoice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpaid(issued: i64, paid: Option<i64>) -> Invoice {
        Invoice { issued, due: issued + 30, paid, amount: 12_000, order: Ordered::Goods(0, 1) }
    }

    #[test]
    fn an_invoice_is_given_up_ninety_days_after_it_was_due() {
        assert_eq!(unpaid(0, None).written_off(), Some(120));
        assert_eq!(unpaid(0, None).waited(), Some((120, costs::waiting(12_000, 90))));
        assert_eq!(unpaid(0, None).without_tax(), 10_000);
        // The exports end after 730 days: on the last of them it is still known.
        assert_eq!(unpaid(609, None).written_off(), Some(729));
        assert_eq!(unpaid(610, None).written_off(), None);
        assert_eq!(unpaid(610, None).waited(), None);
    }

    #[test]
    fn who_pays_in_time_costs_nothing() {
        assert_eq!(unpaid(0, Some(30)).waited(), None);
        assert_eq!(unpaid(0, Some(31)).waited(), Some((31, costs::waiting(12_000, 1))));
    }
}
